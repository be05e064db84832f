"""D: rows, and what belongs to them, are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.cascade_loss import cascade_losses, guards, sentence
from d1migrate.lint.expressions import carried, is_mapping
from d1migrate.lint.rebuilds import rebuilds
from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import is_negated, is_on, pragma_of, replaces
from d1migrate.sql.names import fold, quote_identifier, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.cascade_loss import CascadeLoss
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.sql.tokens import Token

_CHECK = (
    "SELECT json_extract('{}', 'orphan in ' || \"table\" || ' rowid ' || coalesce(rowid, '?'))"
    " FROM pragma_foreign_key_check;"
)


@rule("D101", "drop-takes-children", "error")
def drop_takes_children(replay: Replay) -> Iterator[Finding]:
    """DROP TABLE takes the rows of tables that refer to it.

    Why: D1 keeps foreign keys on whatever a PRAGMA says, and DROP TABLE first deletes every row: ON DELETE
        CASCADE empties the children, SET NULL cuts their links, and the migration reports success.

    Given:
        CREATE TABLE workflows (id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE executions (id TEXT PRIMARY KEY, workflow_id TEXT REFERENCES workflows(id) ON DELETE CASCADE);
        CREATE INDEX idx_executions_workflow ON executions(workflow_id);
    Bad:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE workflows_new (id TEXT PRIMARY KEY, name TEXT, owner TEXT);
        INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
        DROP TABLE workflows;
        ALTER TABLE workflows_new RENAME TO workflows;
    Good:
        PRAGMA defer_foreign_keys = ON;
        CREATE TABLE workflows_new (id TEXT PRIMARY KEY, name TEXT, owner TEXT);
        INSERT INTO workflows_new (id, name) SELECT id, name FROM workflows;
        CREATE TRIGGER _guard BEFORE DELETE ON executions BEGIN SELECT RAISE(IGNORE); END;
        DROP TABLE workflows;
        ALTER TABLE workflows_new RENAME TO workflows;
        DROP TRIGGER _guard;
        PRAGMA defer_foreign_keys = OFF;
        SELECT json_extract('{}', 'orphan in ' || "table") FROM pragma_foreign_key_check;
    """
    rebuilt = {rebuild.statement.index for rebuild in rebuilds(replay)}
    for statement in replay.of("drop table"):
        stakes = [s for s in _stakes_of_drop(replay, statement) if not _is_successor(replay, statement, s)]
        if stakes:
            yield Finding(
                f"DROP TABLE {_name(statement)} {sentence(stakes)}{_followed(replay, statement)}",
                statement,
                fix=_guarded(statement, stakes) if statement.index in rebuilt else None,
            )


def _stakes_of_drop(replay: Replay, statement: ReplayedStatement) -> list[CascadeLoss]:
    parent = statement.shape.name
    if parent not in statement.before.tables or replay.is_empty(parent, statement):
        return []
    return cascade_losses(replay, statement, parent)


def _is_successor(replay: Replay, statement: ReplayedStatement, stake: CascadeLoss) -> bool:
    """Whether what loses rows is the table that takes the dropped one's place."""
    first = replay.before.name_of(statement.before.ids[statement.shape.name])
    child = statement.before.ids[fold(stake.child)]
    return stake.direct and first is not None and replay.after.ids.get(first) == child


def _followed(replay: Replay, statement: ReplayedStatement) -> str:
    """Say why children refer to a table that was renamed aside: what to do instead is another order."""
    old = replay.before.name_of(statement.before.ids[statement.shape.name])
    if old is None or old == statement.shape.name or old not in replay.after.tables:
        return ""
    return f": foreign keys follow a table that is renamed; make the new one beside {old} instead"


def _guarded(statement: ReplayedStatement, stakes: list[CascadeLoss]) -> str:
    """Return the DROP TABLE with guard triggers around it (measured to lose nothing, d1-facts §2.3)."""
    on, off = guards(stakes)
    return "\n".join(
        [
            *("PRAGMA defer_foreign_keys = ON;", *on, f"{statement.sql};"),
            "-- … the new table takes the name here …",
            *(*off, "PRAGMA defer_foreign_keys = OFF;", _CHECK),
        ]
    )


@rule("D102", "rebuild-takes-itself", "error")
def rebuild_takes_itself(replay: Replay) -> Iterator[Finding]:
    """The new table refers to the old one by name, so dropping the old one takes the copied rows.

    Why: while both exist, a self-reference written with the final name is a foreign key from the new table
        to the old: DROP TABLE cascades into the rows that were just copied.

    Given:
        CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    Bad:
        CREATE TABLE tree_new (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE);
        INSERT INTO tree_new SELECT id, parent_id FROM tree;
        DROP TABLE tree;
        ALTER TABLE tree_new RENAME TO tree;
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    Good:
        CREATE TABLE tree_new (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree_new(id) ON DELETE CASCADE);
        INSERT INTO tree_new SELECT id, parent_id FROM tree;
        DROP TABLE tree;
        ALTER TABLE tree_new RENAME TO tree;
        CREATE INDEX idx_tree_parent ON tree(parent_id);
    """
    for statement in replay.of("drop table"):
        for stake in _stakes_of_drop(replay, statement):
            if _is_successor(replay, statement, stake):
                yield Finding(
                    f"DROP TABLE {_name(statement)} {stake}, which this file just filled",
                    statement,
                    fix=f"-- in CREATE TABLE {stake.child}: REFERENCES {quote_identifier(stake.child)}(…),"
                    " which RENAME then rewrites",
                )


@rule("D103", "replace-takes-children", "error")
def replace_takes_children(replay: Replay) -> Iterator[Finding]:
    """REPLACE deletes the row it conflicts with, and with it the rows that refer to it.

    Why: INSERT OR REPLACE is a DELETE and an INSERT: foreign keys act on the DELETE. An upsert changes the
        row in place.

    Given:
        CREATE TABLE plans (id TEXT PRIMARY KEY, price INTEGER);
        CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, plan_id TEXT REFERENCES plans(id) ON DELETE CASCADE);
        CREATE INDEX idx_subscriptions_plan ON subscriptions(plan_id);
    Bad:
        INSERT OR REPLACE INTO plans (id, price) VALUES ('pro', 20);
    Good:
        INSERT INTO plans (id, price) VALUES ('pro', 20) ON CONFLICT(id) DO UPDATE SET price = excluded.price;
    """
    for statement in replay.of("insert", "replace", "update"):
        is_made_here = (
            replay.is_new(statement.target, statement) and statement.target not in replay.before.tables
        )
        if not replaces(statement) or is_made_here or replay.is_empty(statement.target, statement):
            continue
        if stakes := cascade_losses(replay, statement, statement.target, itself=True):
            table = statement.before.tables[statement.target].name
            message = f"REPLACE on {table} {sentence(stakes)} where a row is already there"
            yield Finding(message, statement, fix=_upsert(statement))


def _upsert(statement: ReplayedStatement) -> str | None:
    """Return an INSERT OR REPLACE … VALUES as an upsert, or None for any other statement."""
    table = statement.before.tables[statement.target]
    key = [
        quote_identifier(c.name) for c in sorted(table.columns, key=lambda c: c.primary_key) if c.primary_key
    ]
    if (
        statement.verb == "update"
        or "VALUES" not in statement.words
        or "INTO" not in statement.words
        or not key
    ):
        return None
    head, values = statement.words.index("INTO"), statement.words.index("VALUES")
    named = {fold(unquote(token.text)) for token in statement.tokens[head + 2 : values]}
    columns = [
        quote_identifier(c.name)
        for c in table.columns
        if not c.primary_key and not c.generated and (fold(c.name) in named or not named)
    ]
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns)
    action = f"UPDATE SET {sets}" if sets else "NOTHING"
    return (
        f"INSERT {statement.sql[statement.tokens[head].start :]} ON CONFLICT({', '.join(key)}) DO {action};"
    )


@rule("D107", "update-everything", "warning")
def update_everything(replay: Replay) -> Iterator[Finding]:
    """UPDATE without WHERE overwrites a column in every row.

    Why: what was there before is gone, whatever the rollback says. Filling a column that the same file adds
        is no loss and is not reported.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
    Bad:
        UPDATE users SET role = 'viewer';
    Good:
        UPDATE users SET role = 'viewer' WHERE role IS NULL;
    """
    for statement in replay.of("update"):
        if statement.has_where:
            continue
        if statement.target in statement.before.views and (set_ := _overwritten_by_view(statement)):
            yield Finding(f"UPDATE without WHERE overwrites {set_} in every row", statement)
        if statement.target not in statement.before.tables:
            continue
        table, number = statement.before.tables[statement.target], statement.before.ids[statement.target]
        names = {fold(column.name): column.name for column in table.columns}
        columns = replay.columns.at(number, statement.index)
        overwritten = [
            f"{table.name}.{names[each]}"
            for each, value in statement.sets().items()
            if each in columns and not _is_kept_in(value, each)
            if columns[each].since < 0 or replay.copies.lost_sources(columns[each], statement.index)
        ]
        if overwritten:
            yield Finding(f"UPDATE without WHERE overwrites {', '.join(overwritten)} in every row", statement)


def _overwritten_by_view(statement: ReplayedStatement) -> str:
    """Return the columns of a view that an UPDATE sets, if its INSTEAD OF triggers update a table."""
    if not any(t.kind == "update" and t.table in statement.before.tables for t in statement.touches):
        return ""
    return ", ".join(
        f"{statement.target}.{each}"
        for each, value in statement.sets().items()
        if not _is_kept_in(value, each)
    )


def _is_kept_in(value: Sequence[Token], column: str) -> bool:
    """Whether a new value is what the column held, but for NULL and the values that a CASE names."""
    found = carried(value)
    is_itself = found is not None and not found.casts and found.column.name == column
    return is_itself or is_negated(value, column) or is_mapping(value, column, ())


@rule("D113", "hides-orphans", "warning")
def hides_orphans(replay: Replay) -> Iterator[Finding]:
    """PRAGMA defer_foreign_keys = OFF lets broken links commit.

    Why: switching it off sets D1's count of broken links to zero, so rows whose parent is gone commit without
        a word. Leave it out and the commit checks them; or check them yourself behind it.

    Given:
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        CREATE TABLE members (id INTEGER PRIMARY KEY, team_id INTEGER REFERENCES teams(id));
        CREATE INDEX idx_members_team ON members(team_id);
    Bad:
        PRAGMA defer_foreign_keys = ON;
        DELETE FROM teams WHERE id > 100;
        PRAGMA defer_foreign_keys = OFF;
    Good:
        PRAGMA defer_foreign_keys = ON;
        DELETE FROM teams WHERE id > 100;
    """
    for statement in replay.of("pragma"):
        name, value = pragma_of(statement)
        if name != "defer_foreign_keys" or value is None or is_on(value):
            continue
        writes = any(
            r.index < statement.index
            for r in replay.of("drop table", "insert", "update", "delete", "replace")
        )
        checked = any(
            r.index > statement.index and "pragma_foreign_key_check" in r.sql.lower() and "(" in r.sql
            for r in replay.of("select", "insert")
        )
        if writes and not checked:
            yield Finding(
                "PRAGMA defer_foreign_keys = OFF lets rows without their parent commit", statement, fix=_CHECK
            )


def _name(statement: ReplayedStatement) -> str:
    """Return the name of the table a DROP or ALTER is about, as the schema has it."""
    table = statement.before.tables.get(statement.shape.name)
    return table.name if table else statement.shape.name
