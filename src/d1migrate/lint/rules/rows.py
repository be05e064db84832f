"""F: it passes on an empty table, and fails where there are rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.model import definition
from d1migrate.lint.rebuilds import Rebuild, columns_of, rebuilds
from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import is_on, is_partial, pragma_of
from d1migrate.sql.canonical import canonical_expression
from d1migrate.sql.checks import allowed_values
from d1migrate.sql.names import fold, quote_identifier, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.model import Ran, Replay
    from d1migrate.schema.model import ForeignKey, Index, Table


def _said(replay: Replay, text: str) -> Iterator[Ran]:
    """Yield the ADD COLUMNs of which D1 says a text where there are rows."""
    for ran in replay.of("alter table"):
        if ran.on_rows and text in ran.on_rows and not replay.is_empty(ran.shape.name, ran):
            yield ran


def _added(ran: Ran) -> str:
    """Return `table.column` of an ADD COLUMN."""
    before, after = ran.before.tables[ran.shape.name], ran.after.tables[ran.shape.name]
    names = {fold(c.name) for c in before.columns}
    return next((f"{after.name}.{c.name}" for c in after.columns if fold(c.name) not in names), after.name)


@rule("F101", "not-null-without-default", "warning")
def not_null_without_default(replay: Replay) -> Iterator[Finding]:
    """ADD COLUMN … NOT NULL without a default fails where the table has rows.

    Why: D1 refuses it with `Cannot add a NOT NULL column with default value NULL`, on an empty table it
        passes: it works in development and fails in production.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN role TEXT NOT NULL;
    Good:
        ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer';
    """
    for ran in _said(replay, "NOT NULL column"):
        yield Finding(
            f"{_added(ran)} is NOT NULL without a default: refused where {_table(ran)} has rows", ran
        )


@rule("F102", "non-constant-default", "warning")
def non_constant_default(replay: Replay) -> Iterator[Finding]:
    """ADD COLUMN with a default that is computed fails where the table has rows.

    Why: D1 refuses it with `Cannot add a column with non-constant default`; on an empty table it passes.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN created_at INTEGER DEFAULT (unixepoch());
    Good:
        ALTER TABLE users ADD COLUMN created_at INTEGER;
        UPDATE users SET created_at = unixepoch();
    """
    for ran in _said(replay, "non-constant default"):
        yield Finding(f"the default of {_added(ran)} is computed: refused where {_table(ran)} has rows", ran)


@rule("F103", "stored-column", "warning")
def stored_column(replay: Replay) -> Iterator[Finding]:
    """ADD COLUMN … STORED fails where the table has rows.

    Why: D1 refuses it with `cannot add a STORED column`; on an empty table it passes. VIRTUAL columns can be
        added, and indexed.

    Given:
        CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT);
    Bad:
        ALTER TABLE events ADD COLUMN kind TEXT AS (json_extract(body, '$.kind')) STORED;
    Good:
        ALTER TABLE events ADD COLUMN kind TEXT AS (json_extract(body, '$.kind')) VIRTUAL;
    """
    for ran in _said(replay, "STORED column"):
        yield Finding(f"{_added(ran)} is STORED: refused where {_table(ran)} has rows", ran)


@rule("F104", "references-with-default", "warning")
def references_with_default(replay: Replay) -> Iterator[Finding]:
    """ADD COLUMN … REFERENCES with a default fails where the table has rows.

    Why: D1 refuses it with `Cannot add a REFERENCES column with non-NULL default value`; on an empty table it
        passes.

    Given:
        CREATE TABLE plans (id TEXT PRIMARY KEY);
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN plan_id TEXT DEFAULT 'free' REFERENCES plans(id);
        CREATE INDEX idx_users_plan ON users(plan_id);
    Good:
        ALTER TABLE users ADD COLUMN plan_id TEXT REFERENCES plans(id);
        CREATE INDEX idx_users_plan ON users(plan_id);
        UPDATE users SET plan_id = 'free';
    """
    for ran in _said(replay, "REFERENCES column"):
        yield Finding(f"{_added(ran)} has a default and refers: refused where {_table(ran)} has rows", ran)


@rule("F105", "added-check", "warning")
def added_check(replay: Replay) -> Iterator[Finding]:
    """ADD COLUMN with a CHECK that the rows there are may fail.

    Why: D1 tests an added CHECK on every row; on an empty table there is none to test.

    Given:
        CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER);
    Bad:
        ALTER TABLE orders ADD COLUMN paid INTEGER DEFAULT 0 CHECK (paid >= total);
    Good:
        ALTER TABLE orders ADD COLUMN paid INTEGER DEFAULT 0 CHECK (paid >= 0);
    """
    for ran in replay.of("alter table"):
        if ran.on_rows is None and ran.after is ran.before:
            continue
        name = ran.shape.name
        if replay.is_empty(name, ran) or name not in ran.after.tables or name not in ran.before.tables:
            continue
        fails = ran.on_rows is not None and ran.on_rows.startswith("CHECK")
        if fails or _looks_at_others(ran):
            verb = "fails on" if fails else "is tested on"
            yield Finding(f"the CHECK of {_added(ran)} {verb} every row of {_table(ran)}", ran)


def _looks_at_others(ran: Ran) -> bool:
    """Whether the CHECK of an added column speaks of the columns that were there."""
    words = ran.words
    if "ADD" not in words or "CHECK" not in words:
        return False
    before = {fold(column.name) for column in ran.before.tables[ran.shape.name].columns}
    check = ran.tokens[words.index("CHECK") :]
    said = {fold(unquote(token.text)) for token in check if token.kind in ("word", "quoted")}
    return bool(said & before)


@rule("F106", "unique-index", "warning")
def unique_index(replay: Replay) -> Iterator[Finding]:
    """CREATE UNIQUE INDEX fails where rows repeat a value.

    Why: it passes on an empty table. Look for duplicates in production first.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
    Bad:
        CREATE UNIQUE INDEX users_email ON users(email);
    Good:
        CREATE INDEX users_email ON users(email);
    """
    for ran in replay.of("create index"):
        owner = ran.after.owners.get(ran.shape.name, "")
        if "UNIQUE" not in ran.words[:2] or owner not in ran.before.tables or ran.before is ran.after:
            continue
        table = ran.after.tables[owner]
        index = next(i for i in table.indexes if fold(i.name) == ran.shape.name)
        before = replay.before.tables.get(replay.before.name_of(ran.before.ids[owner]) or "")
        named = {fold(column) for column in index.columns if column}
        again = before and "COLLATE" not in ran.words and any(u <= named for u in _unique_sets(before))
        earlier = (w for w in replay.writers.get(ran.before.ids[owner], ()) if w.index < ran.index)
        if any(w.verb == "delete" or (w.verb == "update" and named & w.sets().keys()) for w in earlier):
            continue
        if (
            again
            or replay.is_new(owner, ran)
            or replay.is_empty(owner, ran)
            or _is_null(replay, ran, owner, index)
        ):
            continue
        if None in index.columns:
            fix = None
        else:
            columns = ", ".join(quote_identifier(c) for c in index.columns if c)
            fix = (
                f"-- find them:\nSELECT {columns}, count(*) FROM {quote_identifier(table.name)}"
                f" GROUP BY {columns} HAVING count(*) > 1;"
            )
        yield Finding(
            f"UNIQUE INDEX {index.name} fails where rows of {table.name} repeat a value", ran, fix=fix
        )


def _is_null(replay: Replay, ran: Ran, owner: str, index: Index) -> bool:
    """Whether a column of an index was added by this file and is NULL in every row."""
    first = replay.before.name_of(ran.before.ids[owner])
    there = columns_of(replay.before.tables[first]).keys() if first else set()
    defaults = {fold(c.name): c.default for c in ran.before.tables[owner].columns}
    filled = {c for r in replay.of("update") if r.index < ran.index and r.target == owner for c in r.sets()}
    names = {fold(column) for column in index.columns if column}
    return any(name not in filled and defaults.get(name) is None for name in names - there)


@rule("F107", "rebuild-tightens", "warning")
def rebuild_tightens(replay: Replay) -> Iterator[Finding]:
    """A rebuild adds a constraint that the copied rows may not meet.

    Why: the copy passes on an empty table. One row in production that does not meet a new NOT NULL, CHECK,
        UNIQUE, foreign key or STRICT type stops the migration.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO users_new SELECT id, name FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    Good:
        CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        INSERT INTO users_new SELECT id, coalesce(name, '') FROM users;
        DROP TABLE users;
        ALTER TABLE users_new RENAME TO users;
    """
    for rebuild in rebuilds(replay):
        if _is_met(replay, rebuild):
            continue
        added = [*_not_nulls(rebuild), *_checks(rebuild), *_uniques(rebuild), *_keys(rebuild)]
        old, new = definition(rebuild.old), definition(rebuild.new)
        if new and new.strict and not (old and old.strict):
            added.append("STRICT")
        if added and rebuild.fills:
            yield Finding(
                f"the rebuild of {rebuild.name} adds {', '.join(added)}: it fails on rows that do not meet it",
                rebuild.fills[-1],
            )


def _is_met(replay: Replay, rebuild: Rebuild) -> bool:
    """Whether the file has changed or deleted rows of the old table first, or copies with conditions."""
    number = replay.before.ids[fold(rebuild.name)]
    first = rebuild.fills[0].index if rebuild.fills else 0
    met = any(w.index < first for w in replay.writers.get(number, ()) if w.verb in ("update", "delete"))
    return met or any({"WHERE", "IGNORE", "DISTINCT", "GROUP"} & set(fill.words) for fill in rebuild.fills)


def _not_nulls(rebuild: Rebuild) -> Iterator[str]:
    old = {fold(column.name): column for column in rebuild.old.columns}
    computed = [_expressions(table) for table in (rebuild.old, rebuild.new)]
    for column in rebuild.new.columns:
        before = old.get(fold(column.name))
        was_required = before is not None and bool(before.not_null or before.primary_key)
        if not column.not_null or column.primary_key:
            continue
        if column.generated:  # never part of a copy
            if not was_required or computed[0].get(fold(column.name)) != computed[1][fold(column.name)]:
                yield f"NOT NULL to {column.name}"
        elif rebuild.values and fold(column.name) not in rebuild.values and column.default is None:
            yield f"NOT NULL to {column.name} (the copy does not fill it)"
        elif before and not was_required and rebuild.is_copied(column.name):
            yield f"NOT NULL to {column.name}"


def _expressions(table: Table) -> dict[str, str]:
    """Return {folded name: normal form} of the columns that are computed."""
    known = definition(table)
    names = {fold(column.name) for column in table.columns}
    columns = known.columns if known else ()
    return {fold(c.name): canonical_expression(c.generated, names) for c in columns if c.generated}


def _checks(rebuild: Rebuild) -> Iterator[str]:
    old, new = definition(rebuild.old), definition(rebuild.new)
    if new is None:
        return
    names = columns_of(rebuild.old).keys()
    there = {canonical_expression(check.expression, names) for check in old.all_checks} if old else set()
    lists = dict(filter(None, (allowed_values(check) for check in old.all_checks))) if old else {}
    for check in new.all_checks:
        listed = allowed_values(check)
        if canonical_expression(check.expression, names) in there or (
            listed and set(listed[1]) >= set(lists.get(listed[0], "?"))
        ):
            continue
        if listed and (listed[0] not in names or not rebuild.is_copied(listed[0])):
            continue
        yield f"CHECK ({check.expression})"


def _unique_sets(table: Table) -> set[frozenset[str]]:
    found = {
        frozenset(fold(c) for c in index.columns if c)
        for index in table.indexes
        if index.unique and None not in index.columns and not is_partial(index.sql)
    }
    key = frozenset(fold(c.name) for c in table.columns if c.primary_key)
    return found | ({key} if key else set())


def _uniques(rebuild: Rebuild) -> Iterator[str]:
    old, names = _unique_sets(rebuild.old), columns_of(rebuild.old).keys()
    for columns in _unique_sets(rebuild.new):
        if columns <= names and not any(unique <= columns for unique in old):
            yield f"UNIQUE ({', '.join(sorted(columns))})"


def _key(key: ForeignKey) -> tuple[str, ...]:
    return (fold(key.table), *(fold(c) for c in key.columns))


def _keys(rebuild: Rebuild) -> Iterator[str]:
    there = {_key(key) for key in rebuild.old.foreign_keys}
    for key in rebuild.new.foreign_keys:
        if _key(key) not in there and all(rebuild.is_copied(column) for column in key.columns):
            yield f"a foreign key to {key.table}"


@rule("F108", "drop-of-referenced", "warning")
def drop_of_referenced(replay: Replay) -> Iterator[Finding]:
    """DROP TABLE fails where rows of another table refer to it.

    Why: with ON DELETE NO ACTION (the default) or RESTRICT, dropping a parent that rows refer to ends in
        `FOREIGN KEY constraint failed`, at the DROP or, deferred, at the commit.

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
    for ran in replay.of("drop table"):
        name = ran.shape.name
        if name not in ran.before.tables or replay.is_empty(name, ran) or _settles(replay, ran):
            continue
        children = [
            ran.before.tables[child].name
            for child, key in ran.before.references(name)
            if child != name
            and key.on_delete in ("NO ACTION", "RESTRICT")
            and _holds_links(replay, ran, child, key)
        ]
        if children:
            names = ", ".join(dict.fromkeys(children))
            yield Finding(
                f"DROP TABLE {ran.before.tables[name].name} fails where rows of {names} refer to it", ran
            )


def _holds_links(replay: Replay, ran: Ran, child: str, key: ForeignKey) -> bool:
    """Whether a table may hold links that count when a DROP TABLE runs."""
    if replay.is_empty(child, ran):
        return False
    number = ran.before.ids[child]
    columns = {fold(column) for column in key.columns}
    return not any(
        update.index < ran.index
        and update.before.ids.get(update.target) == number
        and not update.has_where
        and columns & update.sets().keys()
        for update in replay.of("update")
    )


def _settles(replay: Replay, ran: Ran) -> bool:
    """Whether checks are deferred, and then met: the table filled again under its name, or not made at all."""
    on, off = set[int](), set[int]()
    for pragma in replay.of("pragma"):
        name, value = pragma_of(pragma)
        if name == "defer_foreign_keys" and value is not None:
            (on if is_on(value) else off).add(pragma.index)
    if not any(i < ran.index for i in on):
        return False
    refilled = any(
        fill.index > ran.index and fill.target == ran.shape.name for fill in replay.of("insert", "replace")
    )
    return refilled or any(i > ran.index for i in off)


def _table(ran: Ran) -> str:
    return ran.before.tables[ran.shape.name].name
