"""F: it passes on an empty table, and fails where there are rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import is_on, pragma_of
from d1migrate.sql.names import fold, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import ForeignKey


def _said(replay: Replay, text: str) -> Iterator[ReplayedStatement]:
    """Yield the ADD COLUMNs of which D1 says a text where there are rows."""
    for ran in replay.of("alter table"):
        if ran.on_rows and text in ran.on_rows and not replay.is_empty(ran.shape.name, ran):
            yield ran


def _added(ran: ReplayedStatement) -> str:
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


def _looks_at_others(ran: ReplayedStatement) -> bool:
    """Whether the CHECK of an added column speaks of the columns that were there."""
    words = ran.words
    if "ADD" not in words or "CHECK" not in words:
        return False
    before = {fold(column.name) for column in ran.before.tables[ran.shape.name].columns}
    check = ran.tokens[words.index("CHECK") :]
    said = {fold(unquote(token.text)) for token in check if token.kind in ("word", "quoted")}
    return bool(said & before)


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


def _holds_links(replay: Replay, ran: ReplayedStatement, child: str, key: ForeignKey) -> bool:
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


def _settles(replay: Replay, ran: ReplayedStatement) -> bool:
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


def _table(ran: ReplayedStatement) -> str:
    return ran.before.tables[ran.shape.name].name
