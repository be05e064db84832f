"""H: good order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.rules.deploy import index_on, is_indexed
from d1migrate.schema.virtual import is_virtual
from d1migrate.sql.names import HELPER, fold
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from d1migrate.lint.replay.model import Replay
    from d1migrate.schema.model import Index, Table

_HEADER = re.compile(r"^--[ \t]*Migration:[ \t]*([0-9]+(?:[_-]\S*[A-Za-z]\S*)?)[ \t]*$", re.MULTILINE)
_SEQUENCE = 10**8  # versions above are timestamps


@rule("H101", "no-if-exists", "info", summed=True)
def no_if_exists(replay: Replay) -> Iterator[Finding]:
    """CREATE without IF NOT EXISTS, or DROP without IF EXISTS.

    Why: with it, a file that was cut in half by other means can be run again. Not asked of a guarded rebuild:
        what is run again from the middle of that must stop.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Good:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY);
    """
    if any(statement.shape.name.startswith(HELPER) for statement in replay.statements):
        return
    for statement in replay.statements:
        if (
            statement.verb.startswith(("create ", "drop "))
            and not statement.shape.conditional
            and not statement.refusal
        ):
            word = "IF NOT EXISTS" if statement.verb.startswith("create") else "IF EXISTS"
            yield Finding(f"{statement.verb.upper()} {statement.shape.name} without {word}", statement)


@rule("H102", "no-rollback", "info")
def no_rollback(replay: Replay) -> Iterator[Finding]:
    """No way back is written.

    Why: `d1migrate down` needs a `-- Rollback:` block. Where there is no way back, say so:
        `-- Rollback: none, <reason>`.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """
    if almost := replay.migration.almost_rollback:
        yield Finding(
            f"`{almost.text}` does not begin a rollback block: write `-- Rollback:`", line=almost.line
        )
    elif replay.migration.rollback is None:
        yield Finding("no `-- Rollback:` block, and it is not declared irreversible", line=1)


@rule("H103", "wrong-rollback", "warning")
def wrong_rollback(replay: Replay) -> Iterator[Finding]:
    """A rollback that does not take back what the file does. It was run, and the schemas compared.

    Why: it will be needed on a bad day.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE teams;
        --   DROP TABLE users;
    """
    back, rollback = replay.way_back, replay.migration.rollback
    if back is None or rollback is None:
        return
    if back.refusal:
        text, line = back.refusal
        prose = "; write prose as `-- Rollback: none, …` or `-- -- …`" if "syntax error" in text else ""
        yield Finding(f"the rollback fails: {text.removesuffix(': SQLITE_ERROR')}{prose}", line=line)
    elif back.differences:
        says = {"missing": "does not come back", "extra": "stays", "different": "is not as it was"}
        what = "; ".join(f"{d.kind} {d.name} {says[d.problem]}" for d in back.differences[:4])
        yield Finding(f"the rollback does not undo the file: {what}", line=rollback.first_line)


@rule("H104", "unindexed-foreign-key", "info")
def unindexed_foreign_key(replay: Replay) -> Iterator[Finding]:
    """A foreign key without an index on its columns.

    Why: every delete or update of a parent reads all of the child, and D1 bills rows read.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
    Good:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
        CREATE INDEX idx_posts_user_id ON posts(user_id);
    """
    for table in replay.changed_tables:
        before = replay.before.tables.get(fold(table.name))
        there = set(before.foreign_keys) if before else set()
        for key in table.foreign_keys:
            if key not in there and not is_indexed(table, key):
                message = f"no index on the foreign key {table.name}({', '.join(key.columns)})"
                yield Finding(message, replay.maker_of(table), fix=index_on(table, key))


@rule("H105", "redundant-index", "info")
def redundant_index(replay: Replay) -> Iterator[Finding]:
    """An index that another one, a UNIQUE or the primary key already is.

    Why: every write pays for it, and no query is quicker.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
        CREATE INDEX idx_users_email ON users(email);
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    """
    indexes: dict[str, _Indexes] = {}
    for statement in replay.of("create index"):
        owner = statement.after.owners.get(statement.shape.name, "")
        table = replay.after.tables.get(owner)
        if table is None or statement.before is statement.after:
            continue
        there = indexes[owner] = indexes.get(owner) or _Indexes(table)
        mine = there.by_name.get(statement.shape.name)
        if mine and (other := there.covering(mine, statement.before.owners)):
            yield Finding(f"index {mine.name} repeats {other}", statement, fix=f"DROP INDEX {mine.name};")


class _Indexes:
    """The plain indexes of a table: of all rows, on columns, in their own collation and ascending.

    Attributes:
        by_name: them by folded name.
    """

    def __init__(self, table: Table) -> None:
        self.by_name = {fold(index.name): index for index in table.indexes if _is_plain(index)}
        self._table = table
        self._by_first: dict[str, list[Index]] = {}
        for index in self.by_name.values():
            self._by_first.setdefault(_folded(index.columns)[0], []).append(index)

    def covering(self, mine: Index, earlier: Container[str]) -> str | None:
        """Return what makes an index unneeded, or None."""
        wanted = _folded(mine.columns)
        keys = sorted((c.primary_key, c.name) for c in self._table.columns if c.primary_key)
        primary = _folded([name for _, name in keys])
        if primary[: len(wanted)] == wanted and not (mine.unique and len(primary) > len(wanted)):
            return f"the primary key of {self._table.name}"
        for other in self._by_first[wanted[0]]:
            if other is mine or _folded(other.columns[: len(wanted)]) != wanted:
                continue
            same = len(other.columns) == len(wanted)
            # Of two that are the same, the one that came first stays; a constraint has an index without SQL.
            is_first = not other.sql or fold(other.name) in earlier
            if (same and other.unique and is_first) or (
                not mine.unique and (is_first or other.unique or not same)
            ):
                return (
                    f"index {other.name}" if other.sql else f"UNIQUE ({', '.join(map(str, other.columns))})"
                )
        return None


def _is_plain(index: Index) -> bool:
    words = {token.keyword for token in significant(index.sql or "")}
    return bool(index.columns) and None not in index.columns and not words & {"WHERE", "COLLATE", "DESC"}


def _folded(columns: Sequence[str | None]) -> list[str]:
    return [fold(column or "") for column in columns]


@rule("H106", "no-primary-key", "info")
def no_primary_key(replay: Replay) -> Iterator[Finding]:
    """A table without a primary key.

    Why: nothing names a row: upserts, foreign keys to it and repairs by hand all need one.

    Bad:
        CREATE TABLE logs (line TEXT);
    Good:
        CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT);
    """
    for table in replay.changed_tables:
        is_new = fold(table.name) not in replay.before.tables
        if is_new and not any(c.primary_key for c in table.columns) and not is_virtual(table):
            yield Finding(f"{table.name} has no primary key", replay.maker_of(table))


@rule("H107", "version-gap", "info")
def version_gap(replay: Replay) -> Iterator[Finding]:
    """A number is left out.

    Why: a file may be missing; the next one to use the number comes out of order.
    """
    version, previous = replay.migration.version, replay.previous
    if previous is not None and version > previous + 1 and version < _SEQUENCE:
        yield Finding(f"version {previous + 1} is left out: {previous} comes before {version}", line=1)


@rule("H108", "header-disagrees", "info")
def header_disagrees(replay: Replay) -> Iterator[Finding]:
    """The header names another migration.

    Why: a file that was copied or renumbered says so wherever it is read.
    """
    match = _HEADER.search(replay.header)
    said, name = match[1].removesuffix(".sql") if match else "", replay.migration.name
    if match and said.lstrip("0") != name.lstrip("0"):
        yield Finding(f"the header says {match[1]}, the file is {replay.migration.name}", line=1)


@rule("H109", "does-not-record", "info")
def does_not_record(replay: Replay) -> Iterator[Finding]:
    """A file that does not record itself, among files that do.

    Why: run with `wrangler d1 execute --file` it is applied and stays pending.
    """
    if replay.siblings_record and not replay.records_itself:
        m = replay.migration
        yield Finding(
            "it does not record itself, the files before it do",
            line=1,
            fix="INSERT INTO schema_migrations (version, name, applied_at)\n"
            f"VALUES ({m.version}, '{m.name}', strftime('%s', 'now'))\nON CONFLICT(version) DO NOTHING;",
        )


@rule("H110", "unused-allow", "warning")
def unused_allow(_: Replay) -> Iterator[Finding]:
    """An `allow` that allows nothing.

    Why: what it was for is gone, or the code is misspelt; the next finding would pass unseen.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- d1migrate: allow=D104 reason="no longer used"
        ALTER TABLE users ADD COLUMN name TEXT;
    Good:
        ALTER TABLE users ADD COLUMN name TEXT;
    """
    return iter(())  # known when all other rules are done


@rule("H111", "bad-directive", "warning")
def bad_directive(replay: Replay) -> Iterator[Finding]:
    """A directive that cannot be understood, or an `allow` without a reason.

    Why: without a reason it does not count: `-- d1migrate: allow=D104 reason="why this is right"`.

    Given:
        CREATE TABLE logs (id INTEGER PRIMARY KEY);
    Bad:
        -- d1migrate: allow=D104
        DROP TABLE logs;
    Good:
        -- d1migrate: allow=D104 reason="exported, unused since release 41"
        DROP TABLE logs;
    """
    for directive in replay.directives:
        if not directive.codes:
            yield Finding(f"not understood: {directive.text!r}", line=directive.line)
        elif not directive.reason:
            codes = ",".join(directive.codes)
            yield Finding(f"allow={codes} without a reason does not count", line=directive.line)


@rule("H112", "repeated-migration", "warning")
def repeated_migration(replay: Replay) -> Iterator[Finding]:
    """A pending file has the same statements as another pending file.

    Why: both will run, and rows will be written twice. One may be left over from a rename, a merge or a copy.
    """
    if replay.repeats:
        yield Finding(f"it has the same statements as {replay.repeats}, and both will run", line=1)
