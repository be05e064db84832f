"""Foreign keys that SQLite accepts and that fail later: no parent table, no unique key, rows that still refer."""

from __future__ import annotations

from d1migrate.hints import did_you_mean
from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.keys import is_parent_key
from d1migrate.sql.names import fold
from d1migrate.sql.statement import pragma_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import ForeignKey, Table


@rule("S104", "foreign-key-to-nowhere", "warning")
def foreign_key_to_nowhere(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A foreign key references a table that does not exist.

    Why: creating it succeeds, but every INSERT, UPDATE and DELETE on the child then fails with `no such table`.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES authors(id));
        CREATE INDEX idx_posts_author ON posts(author_id);
    Good:
        CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES users(id));
        CREATE INDEX idx_posts_author ON posts(author_id);
    """
    for child, key in replay.added_foreign_keys():
        if fold(key.table) not in replay.after.tables and not replay.incomplete:
            gone = (r for r in replay.of("drop table", "alter table") if r.shape.name == fold(key.table))
            statement = replay.definer_of(child) or next(gone, None)
            meant = did_you_mean(key.table, (table.name for table in replay.after.tables.values()))
            missing = f"{child.name}.{', '.join(key.columns)} references {key.table}, which does not exist"
            yield Finding(f"{missing}: {meant}" if meant else missing, statement)
    for statement in replay.of("drop table"):
        name = statement.shape.name
        if name in statement.before.tables and name not in replay.after.tables:
            changed = {fold(table.name) for table in replay.changed_tables}
            for referring, key in replay.after.references(name):
                if referring not in changed:
                    what = f"{replay.after.tables[referring].name}.{', '.join(key.columns)}"
                    yield Finding(f"{what} still references {key.table}, which is dropped here", statement)


@rule("S105", "foreign-key-mismatch", "warning")
def foreign_key_mismatch(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A foreign key references columns that are not unique.

    Why: creating it succeeds, but every write to either table then fails with `foreign key mismatch`.

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
    added = ((replay.definer_of(child), child, key) for child, key in replay.added_foreign_keys())
    for statement, child, key in (*added, *_mismatched_by_change(replay)):
        parent = replay.after.tables.get(fold(key.table))
        if parent is not None and not is_parent_key(parent, key):
            to = ", ".join(name for name in key.to if name) or "its primary key"
            columns = ", ".join(key.columns)
            yield Finding(
                f"{child.name}.{columns} references {parent.name}({to}), which is not unique", statement
            )


def _mismatched_by_change(
    replay: AnalyzedReplay,
) -> Iterator[tuple[ReplayedStatement | None, Table, ForeignKey]]:
    """Yield the existing foreign keys to tables that a file changes, if they matched a unique key before."""
    for parent in replay.changed_tables:
        before = replay.before.tables.get(fold(parent.name))
        for name, key in replay.after.references(fold(parent.name)) if before else ():
            child = replay.after.tables[name]
            child_before = replay.before.tables.get(name)
            if before and child_before and key in child_before.foreign_keys and is_parent_key(before, key):
                yield replay.definer_of(parent), child, key


@rule("F108", "drop-of-referenced", "warning", on=("drop table",))
def drop_of_referenced(replay: AnalyzedReplay) -> Iterator[Finding]:
    """DROP TABLE fails if rows of another table reference it.

    Why: with ON DELETE NO ACTION (the default) or RESTRICT, dropping a parent that rows reference fails with
        `FOREIGN KEY constraint failed`, at the DROP or, if deferred, at the commit.

    Given:
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        CREATE TABLE members (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams(id));
        CREATE INDEX idx_members_team ON members(team_id);
    Bad:
        CREATE TABLE teams_new (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO teams_new (id) SELECT id FROM teams;
        DROP TABLE teams;
        ALTER TABLE teams_new RENAME TO teams;
    Good:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE teams_hold AS SELECT id FROM teams;
        DROP TABLE teams;
        CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO teams (id) SELECT id FROM teams_hold;
        DROP TABLE teams_hold;
    """
    for statement in replay.drops_of_rows():
        name = statement.shape.name
        if _settles(replay, statement):
            continue
        children = [
            statement.before.tables[child].name
            for child, key in statement.before.references(name)
            if child != name
            and key.on_delete in ("NO ACTION", "RESTRICT")
            and _holds_links(replay, statement, child, key)
        ]
        if children:
            names = ", ".join(dict.fromkeys(children))
            yield Finding(
                f"DROP TABLE {statement.before.tables[name].name} fails if rows of {names} reference it",
                statement,
            )


def _holds_links(replay: AnalyzedReplay, statement: ReplayedStatement, child: str, key: ForeignKey) -> bool:
    """Whether a table may hold links that count when a DROP TABLE runs."""
    if replay.is_empty(child, statement):
        return False
    number = statement.before.ids[child]
    columns = {fold(column) for column in key.columns}
    return not any(
        update.index < statement.index
        and update.before.ids.get(update.target) == number
        and not update.has_where
        and columns & update.sets().keys()
        for update in replay.of("update")
    )


def _settles(replay: AnalyzedReplay, statement: ReplayedStatement) -> bool:
    """Whether checks are deferred, and then pass or are switched off: the table is filled again under its name."""
    on, off = set[int](), set[int]()
    for source in replay.of("pragma"):
        pragma = pragma_of(source.tokens)
        if pragma.name == "defer_foreign_keys" and pragma.value is not None:
            (on if pragma.is_on else off).add(source.index)
    if not any(i < statement.index for i in on):
        return False
    refilled = any(
        fill.index > statement.index and fill.target == statement.shape.name
        for fill in replay.of("insert", "replace")
    )
    return refilled or any(i > statement.index for i in off)
