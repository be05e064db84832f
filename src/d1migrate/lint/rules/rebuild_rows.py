"""D, continued: what a rebuild of a table loses beside rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.columns import ColumnId
from d1migrate.lint.indexes import serves
from d1migrate.lint.rebuilds import columns_of, is_narrower, rebuilds, types_of
from d1migrate.lint.replay.model import definition
from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.virtual import content_of
from d1migrate.sql.create import parse
from d1migrate.sql.definitions import TriggerDefinition
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.lint.replay.model import Replay
    from d1migrate.schema.model import Trigger


@rule("D108", "narrower-type", "warning")
def narrower_type(replay: Replay) -> Iterator[Finding]:
    """A rebuild gives a column a type that changes its values.

    Why: the new column's affinity is applied to what is copied into it: '007' in TEXT becomes 7 in INTEGER.

    Given:
        CREATE TABLE parcels (id INTEGER PRIMARY KEY, zip TEXT);
    Bad:
        CREATE TABLE parcels_new (id INTEGER PRIMARY KEY, zip INTEGER);
        INSERT INTO parcels_new SELECT id, zip FROM parcels;
        DROP TABLE parcels;
        ALTER TABLE parcels_new RENAME TO parcels;
    Good:
        CREATE TABLE parcels_new (id INTEGER PRIMARY KEY, zip TEXT NOT NULL DEFAULT '');
        INSERT INTO parcels_new SELECT id, coalesce(zip, '') FROM parcels;
        DROP TABLE parcels;
        ALTER TABLE parcels_new RENAME TO parcels;
    """
    for rebuild in rebuilds(replay):
        new = columns_of(rebuild.new)
        for column, old_type in columns_of(rebuild.old).items():
            if column in new and is_narrower(old_type, new[column]) and rebuild.is_copied(column):
                yield Finding(
                    f"{rebuild.name}.{column} changes from {old_type or 'no type'} to {new[column]}, which may"
                    " change its values",
                    rebuild.fills[-1],
                )
            elif (
                column in new
                and rebuild.is_copied(column)
                and (via := _narrowed_on_the_way(replay, rebuild, column))
            ):
                yield Finding(
                    f"{rebuild.name}.{column} is copied through {via}, which may change its values",
                    rebuild.fills[-1],
                )


def _narrowed_on_the_way(replay: Replay, rebuild: Rebuild, column: str) -> str:
    """Return `table.column type` that a column is copied into meanwhile, if it does not hold every value."""
    each = ColumnId(rebuild.number, column)
    if replay.copies.is_kept(each, rebuild.dropped_at, of_all_rows=False):
        return ""
    for copy in replay.copies.of(each):
        name = copy.statement.after.name_of(copy.into.table)
        type_ = types_of(copy.statement.after.tables[name]).get(copy.into.name) if name else None
        if type_ is not None and is_narrower(types_of(rebuild.old)[column], type_):
            return f"{replay.copies.name_of(copy.into)} {type_}"
    return ""


@rule("D109", "rebuild-loses-indexes", "warning")
def rebuild_loses_indexes(replay: Replay) -> Iterator[Finding]:
    """A rebuild does not make the table's indexes again.

    Why: DROP TABLE drops them too; queries still work, and read the whole table, which D1 bills by the row.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE INDEX idx_users_email ON users(email);
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
        CREATE INDEX idx_users_email ON users(email);
    """
    for rebuild in rebuilds(replay):
        named = _named_for_drop(replay, "drop index")
        there = {fold(index.name) for index in rebuild.new.indexes}
        kept = columns_of(rebuild.new).keys()
        lost = [
            index
            for index in rebuild.old.indexes
            if index.sql
            and fold(index.name) not in there | named
            and not serves(rebuild.new, index)
            and all(column is None or fold(column) in kept for column in index.columns)
        ]
        yield from _lost(rebuild, "index", [(index.name, index.sql or "") for index in lost])


@rule("D110", "rebuild-loses-triggers", "warning")
def rebuild_loses_triggers(replay: Replay) -> Iterator[Finding]:
    """A rebuild does not make the table's triggers again.

    Why: DROP TABLE drops them too, and nothing complains: audit rows and search indexes just stop.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
        CREATE TABLE audit (id INTEGER PRIMARY KEY, what TEXT);
        CREATE TRIGGER users_audit AFTER INSERT ON users BEGIN INSERT INTO audit (what) VALUES (new.email); END;
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
        INSERT INTO users_new (id, email) SELECT id, email FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
        CREATE TRIGGER users_audit AFTER INSERT ON users BEGIN INSERT INTO audit (what) VALUES (new.email); END;
    """
    for rebuild in rebuilds(replay):
        named = _named_for_drop(replay, "drop trigger")
        before = {fold(trigger.name) for trigger in rebuild.old.triggers}
        there = {fold(trigger.name): trigger for trigger in rebuild.new.triggers}
        fired = {_firing(trigger) for name, trigger in there.items() if name not in before}
        lost = [
            trigger
            for trigger in rebuild.old.triggers
            if fold(trigger.name) not in there.keys() | named and _firing(trigger) not in fired
        ]
        yield from _lost(rebuild, "trigger", [(trigger.name, trigger.sql) for trigger in lost])


def _firing(trigger: Trigger) -> tuple[str, str]:
    """Return when a trigger fires: one under a new name that fires then is taken for its successor."""
    defined = parse(trigger.sql)
    return (defined.timing, defined.event) if isinstance(defined, TriggerDefinition) else ("", trigger.name)


def _named_for_drop(replay: Replay, verb: str) -> set[str]:
    return {statement.shape.name for statement in replay.of(verb)}


def _lost(rebuild: Rebuild, kind: str, items: list[tuple[str, str]]) -> Iterator[Finding]:
    if items:
        names = ", ".join(name for name, _ in items)
        fix = "\n".join(f"{sql};" for _, sql in items)
        plural = {"index": "indexes"}.get(kind, f"{kind}s") if len(items) > 1 else kind
        yield Finding(f"the rebuild of {rebuild.name} loses its {plural} {names}", rebuild.statement, fix=fix)


@rule("D111", "rebuild-loses-sequence", "warning")
def rebuild_loses_sequence(replay: Replay) -> Iterator[Finding]:
    """A rebuild forgets the AUTOINCREMENT counter.

    Why: the counter lives in sqlite_sequence under the table's name; after the copy it restarts at the
        highest id that remains, so the ids of deleted rows are used again.

    Given:
        CREATE TABLE invoices (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER);
    Bad:
        CREATE TABLE invoices_new (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER, note TEXT);
        INSERT INTO invoices_new (id, total) SELECT id, total FROM invoices;
        DROP TABLE invoices;
        ALTER TABLE invoices_new RENAME TO invoices;
    Good:
        CREATE TABLE invoices_new (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER, note TEXT);
        INSERT INTO invoices_new (id, total) SELECT id, total FROM invoices;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'invoices') WHERE name = 'invoices_new';
        DROP TABLE invoices;
        ALTER TABLE invoices_new RENAME TO invoices;
    """
    for rebuild in rebuilds(replay):
        old, new = definition(rebuild.old), definition(rebuild.new)
        if old is None or not old.autoincrement:
            continue
        if new is None or not new.autoincrement:
            yield Finding(f"{rebuild.name} is no longer AUTOINCREMENT: ids are used again", rebuild.statement)
        elif not any(
            touch.kind in ("insert", "update") and touch.table == "sqlite_sequence"
            for statement in replay.of("insert", "update", "replace")
            for touch in statement.touches
            if statement.target == "sqlite_sequence"
        ):
            yield Finding(
                f"the rebuild of {rebuild.name} restarts its AUTOINCREMENT counter", rebuild.statement
            )


@rule("D112", "rebuild-renumbers-rowids", "warning")
def rebuild_renumbers_rowids(replay: Replay) -> Iterator[Finding]:
    """A rebuild renumbers the rowids that a full-text index refers to.

    Why: an FTS5 table with `content=` finds its text by rowid; a table without INTEGER PRIMARY KEY gets new
        rowids when it is copied, and searches then show the wrong rows.

    Given:
        CREATE TABLE notes (slug TEXT PRIMARY KEY, body TEXT);
        CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes');
    Bad:
        CREATE TABLE notes_new (slug TEXT PRIMARY KEY, body TEXT, tag TEXT);
        INSERT INTO notes_new (slug, body) SELECT slug, body FROM notes;
        DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;
    Good:
        CREATE TABLE notes_new (slug TEXT PRIMARY KEY, body TEXT, tag TEXT);
        INSERT INTO notes_new (rowid, slug, body) SELECT rowid, slug, body FROM notes;
        DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;
    """
    for rebuild in rebuilds(replay):
        if any(c.primary_key == 1 and c.type.upper() == "INTEGER" for c in rebuild.new.columns):
            continue
        tables = replay.after.tables.values()
        searches = [t.name for t in tables if fold(content_of(t) or "") == fold(rebuild.name)]
        copies_rowid = any(token.text.lower() == "rowid" for fill in rebuild.fills for token in fill.tokens)
        rebuilt = any("'rebuild'" in statement.sql.lower() for statement in replay.of("insert"))
        if searches and not copies_rowid and not rebuilt:
            yield Finding(
                f"the rebuild of {rebuild.name} renumbers the rowids that {', '.join(searches)} refers to",
                rebuild.fills[-1] if rebuild.fills else rebuild.statement,
                fix=f"INSERT INTO {quote_identifier(searches[0])}({quote_identifier(searches[0])})"
                " VALUES ('rebuild');",
            )


@rule("D115", "copies-by-position", "warning")
def copies_by_position(replay: Replay) -> Iterator[Finding]:
    """A rebuild copies `SELECT *` into columns that stand in another order.

    Why: INSERT … SELECT goes by position, not by name: values end in the wrong columns, without an error.

    Given:
        CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
    Bad:
        CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
        INSERT INTO people_new SELECT * FROM people;
        DROP TABLE people;
        ALTER TABLE people_new RENAME TO people;
    Good:
        CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
        INSERT INTO people_new (id, last, first) SELECT id, last, first FROM people;
        DROP TABLE people;
        ALTER TABLE people_new RENAME TO people;
    """
    for rebuild in rebuilds(replay):
        stars = [value for value in rebuild.values.values() if value[-1].text == "*"]
        old, new = list(columns_of(rebuild.old)), list(columns_of(rebuild.new))
        shared = set(old) & set(new)
        if stars and [c for c in old if c in shared] != [c for c in new if c in shared]:
            yield Finding(
                f"`*` copies into {rebuild.name} by position, and its columns are in another order",
                rebuild.fills[-1],
            )


@rule("D116", "copy-leaves-rows-out", "warning")
def copy_leaves_rows_out(replay: Replay) -> Iterator[Finding]:
    """A rebuild copies only some of the rows.

    Why: rows that a WHERE, JOIN, DISTINCT or OR IGNORE leaves out are dropped with the old table.

    Given:
        CREATE TABLE jobs (id INTEGER PRIMARY KEY, done INTEGER);
    Bad:
        CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, done INTEGER, at INTEGER);
        INSERT INTO jobs_new (id, done) SELECT id, done FROM jobs WHERE done = 0;
        DROP TABLE jobs;
        ALTER TABLE jobs_new RENAME TO jobs;
    Good:
        CREATE TABLE jobs_new (id INTEGER PRIMARY KEY, done INTEGER, at INTEGER);
        INSERT INTO jobs_new (id, done) SELECT id, done FROM jobs;
        DROP TABLE jobs;
        ALTER TABLE jobs_new RENAME TO jobs;
    """
    for rebuild in rebuilds(replay):
        if not rebuild.fills or not rebuild.is_dropped:
            continue
        copies, at = replay.copies, rebuild.dropped_at
        partial = copies.leaves_out(rebuild.number, at)
        if partial and not copies.rows_are_kept(rebuild.number, at):
            yield Finding(
                f"the copy into {rebuild.name} leaves rows out: {partial.leaves_out}", partial.statement
            )
