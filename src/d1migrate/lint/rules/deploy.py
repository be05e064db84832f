"""What the running Worker notices: renamed tables and columns, and statements that hold D1 up."""

from __future__ import annotations

from d1migrate.lint.declared_types import columns_of
from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("W101", "rename-in-use", "warning", on=("alter table",))
def rename_in_use(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A table or column is renamed while running code uses it.

    Why: until the deploy is complete, either the old or the new Worker uses a name that does not exist. Add the
        new name, write to both, move the readers, then drop the old one: expand and contract.

    In a Durable Object:
        an object runs one version of the code at a time, and the new one renames. But after a rollback of the
        deployment, the old code meets the new name. Add the new name, write to both, move the readers, then drop the
        old one: expand and contract.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        ALTER TABLE users RENAME COLUMN name TO full_name;
    Good:
        ALTER TABLE users ADD COLUMN full_name TEXT;
        UPDATE users SET full_name = name;
    """
    for statement in replay.of("alter table"):
        name = statement.shape.name
        old = statement.before.tables.get(name)
        if old is None or replay.is_new(name, statement):
            continue
        number = statement.before.ids[name]
        now, at_first = statement.after.name_of(number), replay.before.name_of(number)
        if now != name:
            if (
                now != at_first
                and replay.after.name_of(number) == now
                and at_first not in replay.after.tables
            ):
                yield Finding(
                    f"this renames {old.name} to {now}: code that still uses {old.name} fails", statement
                )
            continue
        gone = columns_of(old).keys() - columns_of(statement.after.tables[name]).keys()
        new = columns_of(statement.after.tables[name]).keys() - columns_of(old).keys()
        first = columns_of(replay.before.tables[at_first]) if at_first else {}
        if gone and new and gone & first.keys():
            names = {fold(c.name): c.name for c in (*old.columns, *statement.after.tables[name].columns)}
            column, to = f"{old.name}.{names[next(iter(gone))]}", names[next(iter(new))]
            yield Finding(f"this renames {column} to {to}: code that still uses {column} fails", statement)


@rule("W102", "index-build", "info", on=("create index",))
def index_build(replay: AnalyzedReplay) -> Iterator[Finding]:
    """An index is built on a table that may be large.

    Why: every row is read, and an index entry written for each. Both are billed, and the database serves no other
        query meanwhile.

    Given:
        CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER);
    Bad:
        CREATE INDEX idx_events_at ON events(at);
    Good:
        CREATE TABLE visits (id INTEGER PRIMARY KEY, at INTEGER);
        CREATE INDEX idx_visits_at ON visits(at);
    """
    for statement in replay.of("create index"):
        owner = statement.after.owners.get(statement.shape.name, "")
        if (
            owner not in statement.before.tables
            or statement.before is statement.after
            or replay.is_empty(owner, statement)
        ):
            continue
        if not replay.is_new(owner, statement):
            table = statement.before.tables[owner].name
            yield Finding(
                f"building this index reads every row of {table} and writes an entry for each", statement
            )


@rule("W103", "rebuild", "info", on=REBUILD)
def rebuild(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A table that may be large is rebuilt.

    Why: every row and every index entry is written again, which is billed. It has to finish within
        30 seconds, and the database serves no other query meanwhile.

    Given:
        CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER);
    Bad:
        CREATE TABLE events_new (id INTEGER PRIMARY KEY, at TEXT);
        INSERT INTO events_new SELECT id, at FROM events;
        DROP TABLE events;
        ALTER TABLE events_new RENAME TO events;
    Good:
        ALTER TABLE events ADD COLUMN day TEXT;
    """
    for found in replay.rebuilds:
        if not found.fills:
            continue
        yield Finding(f"this rebuild writes every row of {found.name} again", found.statement)
