"""S: it passes, and is not what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d1migrate.lint.idempotence import is_said_to_repeat
from d1migrate.lint.replay.model import definition
from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import is_on, is_partial, pragma_of
from d1migrate.sql.affinity import affinity
from d1migrate.sql.names import fold
from d1migrate.sql.unusual_characters import unusual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import Column, ForeignKey, Table

_QUOTED = re.compile(r'no such column: "(.*)" - should this be a string literal', re.DOTALL)
_WITH_DEFAULTS = ("create table", "alter table")
_OFFSET = re.compile(r" at offset (\d+)")
_INTEGER = re.compile(r"U?(?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?[0-9]*")


@rule("S101", "hidden-by-if-not-exists", "warning")
def hidden_by_if_not_exists(replay: Replay) -> Iterator[Finding]:
    """CREATE … IF NOT EXISTS over something else of that name.

    Why: it does nothing and reports success: the columns, constraints or trigger body it describes are not
        there.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
    Good:
        ALTER TABLE users ADD COLUMN email TEXT;
    """
    for statement in replay.statements:
        if statement.hidden and statement.refusal is None:
            what = "; ".join(_difference(d.kind, d.name, d.problem) for d in statement.hidden[:4])
            name = statement.verb.removeprefix("create ")
            yield Finding(
                f"{name} {statement.shape.name} exists with another shape, so this does nothing: {what}",
                statement,
            )


def _difference(kind: str, name: str, problem: str) -> str:
    says = {"missing": "is not there", "extra": "is there already", "different": "is different"}
    return f"{kind} {name} {says[problem]}"


@rule("S102", "not-repeatable", "warning", summed=True)
def not_repeatable(replay: Replay) -> Iterator[Finding]:
    """A statement that cannot run twice, in a file that says it can.

    Why: SQLite has no ADD COLUMN IF NOT EXISTS: the second run stops with `duplicate column name`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- idempotent: safe to run again
        ALTER TABLE users ADD COLUMN name TEXT;
    Good:
        -- idempotent: safe to run again
        CREATE INDEX IF NOT EXISTS idx_users_id ON users(id);
    """
    if not is_said_to_repeat(replay.header):
        return
    for statement in replay.statements:
        verb = statement.verb.partition(" ")[0]
        once = verb == "alter" or (
            verb in ("create", "drop") and " " in statement.verb and not statement.shape.conditional
        )
        if once and statement.refusal is None:
            yield Finding(
                f"{statement.verb.upper()} {statement.shape.name} cannot run twice, although the file says it can",
                statement,
            )


@rule("S103", "double-quoted-string", "warning")
def double_quoted_string(replay: Replay) -> Iterator[Finding]:
    """A string in double quotes.

    Why: double quotes are for names. SQLite takes one that names nothing for a string; add a column of that
        name, or run it elsewhere, and it means something else. Strings have single quotes.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
    Bad:
        UPDATE users SET role = "admin" WHERE id = 1;
    Good:
        UPDATE users SET role = 'admin' WHERE id = 1;
    """
    for statement in replay.statements:
        if statement.quoted and statement.refusal is None:
            found = _QUOTED.search(statement.quoted)
            name = found[1] if found else ""
            place = max(statement.sql.find(f'"{name}"'), 0)
            if "SELECT" in statement.words and statement.verb in ("insert", "replace"):
                what = f"what is read has no column {name}, so every row gets the text '{name}'"
            else:
                what = f"\"{name}\" names no column and is taken for a string: write '{name}'"
            yield Finding(what, statement, place)
        for word, value in (
            zip(statement.tokens, statement.tokens[1:], strict=False)
            if statement.verb in _WITH_DEFAULTS
            else ()
        ):
            if word.keyword == "DEFAULT" and value.text.startswith('"'):
                yield Finding(
                    f"the default {value.text} is a string in double quotes", statement, value.start
                )


@rule("S104", "foreign-key-to-nowhere", "warning")
def foreign_key_to_nowhere(replay: Replay) -> Iterator[Finding]:
    """A foreign key to a table that does not exist.

    Why: creating it succeeds; every INSERT, UPDATE and DELETE on the child then fails with `no such table`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors(id));
        CREATE INDEX idx_posts_author ON posts(author_id);
    Good:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES users(id));
        CREATE INDEX idx_posts_author ON posts(author_id);
    """
    for maker, child, key in _new_links(replay):
        if fold(key.table) not in replay.after.tables and not replay.incomplete:
            gone = (r for r in replay.of("drop table", "alter table") if r.shape.name == fold(key.table))
            statement = maker or next(gone, None)
            yield Finding(
                f"{child.name}.{', '.join(key.columns)} refers to {key.table}, which does not exist",
                statement,
            )
    for statement in replay.of("drop table"):
        name = statement.shape.name
        if name in statement.before.tables and name not in replay.after.tables:
            changed = {fold(table.name) for table in replay.changed_tables}
            for referring, key in replay.after.references(name):
                if referring not in changed:
                    what = f"{replay.after.tables[referring].name}.{', '.join(key.columns)}"
                    yield Finding(f"{what} still refers to {key.table}, dropped here", statement)


def _new_links(replay: Replay) -> Iterator[tuple[ReplayedStatement | None, Table, ForeignKey]]:
    """Yield the foreign keys that a file adds, with the statement that made the table what it is."""
    for table in replay.changed_tables:
        before = replay.before.tables.get(fold(table.name))
        there = set(before.foreign_keys) if before else set()
        for key in table.foreign_keys:
            if key not in there:
                yield replay.maker_of(table), table, key


@rule("S105", "foreign-key-mismatch", "warning")
def foreign_key_mismatch(replay: Replay) -> Iterator[Finding]:
    """A foreign key to columns that are not unique.

    Why: creating it succeeds; every change of either table then fails with `foreign key mismatch`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    Bad:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT REFERENCES users(email));
        CREATE INDEX idx_posts_author ON posts(author);
    Good:
        CREATE UNIQUE INDEX users_email ON users(email); -- d1migrate: allow=F106 reason="checked: no duplicates"
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT REFERENCES users(email));
        CREATE INDEX idx_posts_author ON posts(author);
    """
    for statement, child, key in (*_new_links(replay), *_kept_links(replay)):
        parent = replay.after.tables.get(fold(key.table))
        if parent is not None and not _is_unique(parent, key):
            to = ", ".join(name for name in key.to if name) or "its primary key"
            columns = ", ".join(key.columns)
            yield Finding(
                f"{child.name}.{columns} refers to {parent.name}({to}), which is not unique", statement
            )


def _kept_links(replay: Replay) -> Iterator[tuple[ReplayedStatement | None, Table, ForeignKey]]:
    """Yield the foreign keys that were there, to tables that a file changes, and were right."""
    for parent in replay.changed_tables:
        before = replay.before.tables.get(fold(parent.name))
        for name, key in replay.after.references(fold(parent.name)) if before else ():
            child = replay.after.tables[name]
            was = replay.before.tables.get(name)
            if before and was and key in was.foreign_keys and _is_unique(before, key):
                yield replay.maker_of(parent), child, key


def _collates(sql: str | None) -> bool:
    """Whether an index compares otherwise than its columns do; a foreign key cannot use it then."""
    return "COLLATE" in (sql or "").upper()


def _is_unique(parent: Table, key: ForeignKey) -> bool:
    primary = {fold(c.name) for c in parent.columns if c.primary_key}
    to = {fold(name) for name in key.to if name} or primary
    if len(to) != len(key.columns):
        return False
    sets = [
        {fold(c) for c in index.columns if c}
        for index in parent.indexes
        if index.unique
        and None not in index.columns
        and not is_partial(index.sql)
        and not _collates(index.sql)
    ]
    return to in [primary, *sets] and bool(to)


@rule("S106", "affinity", "warning")
def surprising_affinity(replay: Replay) -> Iterator[Finding]:
    """A column whose type does not do what its name says.

    Why: SQLite looks for INT, CHAR, TEXT, BLOB, REAL … in the name of a type: STRING is a number ('007'
        becomes 7), POINT an integer; and strftime('%s') is text, which compares with no number where the column
        is not numeric.

    Bad:
        CREATE TABLE files (id INTEGER PRIMARY KEY, code STRING);
    Good:
        CREATE TABLE files (id INTEGER PRIMARY KEY, code TEXT);
    """
    for table in replay.changed_tables:
        before = replay.before.tables.get(fold(table.name))
        there = {(fold(c.name), c.type) for c in before.columns} if before else set()
        described = definition(table)
        for column in table.columns:
            if (fold(column.name), column.type) in there:
                continue
            if message := _surprise(column, strict=bool(described and described.strict)):
                yield Finding(f"{table.name}.{column.name}: {message}", replay.maker_of(table))


def _surprise(column: Column, *, strict: bool) -> str | None:
    upper, default = column.type.upper(), column.default or ""
    kind = affinity(column.type)
    if "STRING" in upper and kind == "NUMERIC":
        return "the type STRING is numeric to SQLite, '007' becomes 7; write TEXT"
    words = re.findall(r"[A-Z0-9_]+", upper)
    if kind == "INTEGER" and not any(_INTEGER.fullmatch(word) for word in words):
        return f"the type {column.type} has INT in it and is an integer to SQLite"
    if "strftime" in default.lower() and "%s" in default and (kind in ("TEXT", "BLOB") or upper == "ANY"):
        return "strftime('%s') is text here and compares with no number; write unixepoch()"
    text = default.strip("()")
    if strict and kind in ("INTEGER", "REAL") and text[:1] == "'" and not _is_number(text.strip("'")):
        return f"the default {text} is no {column.type}: STRICT refuses every row that takes it"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@rule("S107", "dangling", "warning")
def dangling(replay: Replay) -> Iterator[Finding]:
    """A view, trigger or full-text table that does not work.

    Why: dropping a table or column does not look at them; the view fails when it is read, the trigger makes
        every write on its table fail. A column in double quotes fails even later: SQLite reads the name as a
        string, and the view returns it.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE logs (line TEXT);
        CREATE VIEW recent AS SELECT line FROM logs;
    Bad:
        -- d1migrate: allow=D104 reason="kept elsewhere"
        DROP TABLE logs;
    Good:
        -- d1migrate: allow=D104 reason="kept elsewhere"
        DROP VIEW recent;
        DROP TABLE logs;
    """
    for broken in replay.dangling:
        culprit = next(
            (
                statement
                for statement in replay.of("drop table", "drop view", "alter table")
                if statement.shape.name in fold(broken.error)
            ),
            None,
        )
        reason = _OFFSET.sub("", broken.error).removesuffix(": SQLITE_ERROR")
        last = replay.last.line if replay.last else 1
        yield Finding(f"{broken.kind} {broken.name} does not work: {reason}", culprit, line=last)


@rule("S108", "ineffective-pragma", "warning")
def ineffective_pragma(replay: Replay) -> Iterator[Finding]:
    """PRAGMA foreign_keys = OFF.

    Why: within a transaction it does nothing, and on D1 everything is in one: foreign keys stay on, their
        actions too, and no error says so.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        PRAGMA foreign_keys = OFF;
    Good:
        PRAGMA defer_foreign_keys = ON;
    """
    for statement in replay.of("pragma"):
        name, value = pragma_of(statement)
        if name == "foreign_keys" and value is not None and not is_on(value):
            yield Finding(
                "PRAGMA foreign_keys = OFF does nothing on D1: foreign keys and their actions stay on",
                statement,
            )


@rule("S109", "unusual-character", "warning", summed=True)
def unusual_character(replay: Replay) -> Iterator[Finding]:
    """A name contains an invisible character, or one that looks like a space, a quote or an operator.

    Why: to SQLite every character beyond ASCII is a letter: a no-break space before a column becomes the
        column's name and the word after it the type; `\u201cusers\u201d` and `users` are two tables.

    Bad:
        CREATE TABLE notes (id INTEGER PRIMARY KEY, \u201cbody\u201d TEXT);
    Good:
        CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
    """
    for statement in replay.statements:
        if statement.refusal is None:
            for odd in unusual(statement.sql):
                yield Finding(f"the name {odd.token} has a {odd} in it", statement, odd.offset)
