"""ADD COLUMN that passes on an empty table and fails on one with rows."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.names import fold, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement


@rule("F101", "not-null-without-default", "warning", on=("alter table",))
def not_null_without_default(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ADD COLUMN … NOT NULL without a default fails if the table has rows.

    Why: SQLite refuses it with `Cannot add a NOT NULL column with default value NULL`, but only if the table has
        rows: it passes in development and fails in production.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN role TEXT NOT NULL;
    Good:
        ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer';
    """
    for statement in _said(replay, "NOT NULL column"):
        yield Finding(
            f"{_added(statement)} is NOT NULL without a default: give it one, or {replay.platform.label} refuses this"
            f" if {_table(statement)} has rows",
            statement,
        )


@rule("F102", "non-constant-default", "warning", on=("alter table",))
def non_constant_default(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ADD COLUMN with a computed default fails if the table has rows.

    Why: SQLite refuses it with `Cannot add a column with non-constant default`, but only if the table has rows.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        ALTER TABLE users ADD COLUMN created_at INTEGER DEFAULT (unixepoch());
    Good:
        ALTER TABLE users ADD COLUMN created_at INTEGER;
        UPDATE users SET created_at = unixepoch();
    """
    for statement in _said(replay, "non-constant default"):
        yield Finding(
            f"the default of {_added(statement)} is computed: {replay.platform.label} refuses this"
            f" if {_table(statement)} has rows",
            statement,
        )


@rule("F103", "stored-column", "warning", on=("alter table",))
def stored_column(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ADD COLUMN … STORED fails if the table has rows.

    Why: SQLite refuses it with `cannot add a STORED column`, but only if the table has rows. A VIRTUAL column can
        be added, and indexed.

    Given:
        CREATE TABLE events (id INTEGER PRIMARY KEY, body TEXT);
    Bad:
        ALTER TABLE events ADD COLUMN kind TEXT AS (json_extract(body, '$.kind')) STORED;
    Good:
        ALTER TABLE events ADD COLUMN kind TEXT AS (json_extract(body, '$.kind')) VIRTUAL;
    """
    for statement in _said(replay, "STORED column"):
        yield Finding(
            f"{_added(statement)} is STORED: {replay.platform.label} refuses this if {_table(statement)} has rows",
            statement,
        )


@rule("F104", "references-with-default", "warning", on=("alter table",))
def references_with_default(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ADD COLUMN … REFERENCES with a default fails if the table has rows.

    Why: SQLite refuses it with `Cannot add a REFERENCES column with non-NULL default value`, but only if the table
        has rows.

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
    for statement in _said(replay, "REFERENCES column"):
        yield Finding(
            f"{_added(statement)} has both REFERENCES and a default: {replay.platform.label} refuses this"
            f" if {_table(statement)} has rows",
            statement,
        )


@rule("F105", "added-check", "warning", on=("alter table",))
def added_check(replay: AnalyzedReplay) -> Iterator[Finding]:
    """ADD COLUMN with a CHECK that existing rows may fail.

    Why: SQLite tests an added CHECK on every row. On an empty table there is nothing to test.

    Given:
        CREATE TABLE orders (id INTEGER PRIMARY KEY, total INTEGER);
    Bad:
        ALTER TABLE orders ADD COLUMN paid INTEGER DEFAULT 0 CHECK (paid >= total);
    Good:
        ALTER TABLE orders ADD COLUMN paid INTEGER DEFAULT 0 CHECK (paid >= 0);
    """
    for statement in replay.of("alter table"):
        if statement.refusal_with_rows is None and statement.after is statement.before:
            continue
        name = statement.shape.name
        if (
            replay.is_empty(name, statement)
            or name not in statement.after.tables
            or name not in statement.before.tables
        ):
            continue
        fails = statement.refusal_with_rows is not None and statement.refusal_with_rows.startswith("CHECK")
        if fails or _looks_at_others(statement):
            verb = "fails on" if fails else "is tested on"
            yield Finding(
                f"the CHECK of {_added(statement)} {verb} every row of {_table(statement)}", statement
            )


def _looks_at_others(statement: ReplayedStatement) -> bool:
    """Whether the CHECK of an added column refers to existing columns."""
    words = statement.words
    if "ADD" not in words or "CHECK" not in words:
        return False
    before = {fold(column.name) for column in statement.before.tables[statement.shape.name].columns}
    check = statement.tokens[words.index("CHECK") :]
    names = {fold(unquote(token.text)) for token in check if token.kind in ("word", "quoted")}
    return bool(names & before)


def _said(replay: AnalyzedReplay, text: str) -> Iterator[ReplayedStatement]:
    """Yield the ADD COLUMN statements that D1 refuses with a text if the table has rows."""
    for statement in replay.of("alter table"):
        if (
            statement.refusal_with_rows
            and text in statement.refusal_with_rows
            and not replay.is_empty(statement.shape.name, statement)
        ):
            yield statement


def _added(statement: ReplayedStatement) -> str:
    """Return `table.column` for an ADD COLUMN."""
    before, after = (
        statement.before.tables[statement.shape.name],
        statement.after.tables[statement.shape.name],
    )
    names = {fold(c.name) for c in before.columns}
    return next((f"{after.name}.{c.name}" for c in after.columns if fold(c.name) not in names), after.name)


def _table(statement: ReplayedStatement) -> str:
    return statement.before.tables[statement.shape.name].name
