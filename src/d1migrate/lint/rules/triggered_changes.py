"""What triggers and ON UPDATE actions do to rows that the statement does not name."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.keys import parent_columns
from d1migrate.schema.queries import changed_columns
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.statement import conflict_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import ForeignKey


@rule("D114", "update-unlinks-children", "error", on=("insert", "replace", "update", "delete"))
def update_unlinks_children(replay: AnalyzedReplay) -> Iterator[Finding]:
    """UPDATE of a key clears the links of the rows that reference it.

    Why: with ON UPDATE SET NULL or SET DEFAULT, changing the key makes children lose their parent.

    Given:
        CREATE TABLE plans (id TEXT PRIMARY KEY);
        CREATE TABLE users (id INTEGER PRIMARY KEY, plan_id TEXT REFERENCES plans(id) ON UPDATE SET NULL);
        CREATE INDEX idx_users_plan ON users(plan_id);
    Bad:
        UPDATE plans SET id = 'plus' WHERE id = 'pro';
    Good:
        INSERT INTO plans (id) VALUES ('plus');
        UPDATE users SET plan_id = 'plus' WHERE plan_id = 'pro';
        DELETE FROM plans WHERE id = 'pro';
    """
    for statement in replay.of("update", "insert", "replace", "delete"):
        for parent, child, key in _unlinked(statement) if statement.cascades else ():
            if not replay.is_empty(child, statement):
                table, name = statement.before.tables[parent].name, statement.before.tables[child].name
                columns = ", ".join(f"{name}.{column}" for column in key.columns)
                value = "NULL" if key.on_update == "SET NULL" else "the default"
                yield Finding(f"UPDATE of the key of {table} sets {columns} to {value}", statement)


def _unlinked(statement: ReplayedStatement) -> Iterator[tuple[str, str, ForeignKey]]:
    """Yield (parent, child, foreign key) for each key that clears links, directly or at the end of a cascade."""
    changed = _changed(statement)
    updated = {
        (access.table, access.column)
        for access in statement.cascades
        if access.kind == "update" and not access.by
    }
    for parent, columns in changed.items():
        for child, key in statement.before.references(parent):
            is_changed = columns & set(map(fold, parent_columns(statement.before.tables[parent], key)))
            is_updated = updated & {(child, fold(column)) for column in key.columns}
            if key.on_update in ("SET NULL", "SET DEFAULT") and is_changed and is_updated:
                yield parent, child, key


def _changed(statement: ReplayedStatement) -> dict[str, set[str]]:
    """Return {table: columns} that the statement, its triggers and foreign keys may change."""
    found: dict[str, set[str]] = {statement.target: _reassigned(statement)}
    for access in statement.accesses:
        if access.kind == "update" and access.by:
            found.setdefault(access.table, set()).add(access.column)
    found = {
        name: changed_columns(there, columns)
        for name, columns in found.items()
        if (table := statement.before.tables.get(name)) and (there := parse_table(table.sql))
    }
    if any(
        found[name] & set(map(fold, parent_columns(statement.before.tables[name], key)))
        for name in found
        for _, key in statement.before.references(name)
    ):
        for access in statement.cascades:
            if access.kind == "update":
                found.setdefault(access.table, set()).add(access.column)
    return found


def _reassigned(statement: ReplayedStatement) -> set[str]:
    """Return the columns that an UPDATE or upsert sets, except those set to their own value."""
    targets = conflict_target(statement.tokens)
    found = set()
    for column, value in statement.sets().items():
        names = [fold(unquote(token.text)) for token in value]
        is_kept = names == [column] or (names == ["excluded", ".", column] and column in targets)
        found |= set() if is_kept else {column}
    return found


@rule("D117", "trigger-deletes", "warning", on=("insert", "replace", "update", "delete"))
def trigger_deletes(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A statement fires a trigger that deletes other rows.

    Why: no statement in the file deletes these rows, and the trigger was written for the application's writes. To
        keep the rows, drop the trigger first and create it again afterwards.

    Given:
        CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT);
        CREATE TABLE drafts (id INTEGER PRIMARY KEY, body TEXT);
        CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN DELETE FROM drafts; END;
    Bad:
        UPDATE settings SET value = 'dark' WHERE name = 'theme';
    Good:
        DROP TRIGGER settings_changed;
        UPDATE settings SET value = 'dark' WHERE name = 'theme';
        CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN DELETE FROM drafts; END;
    """
    for statement in replay.of("insert", "replace", "update", "delete"):
        writes = {(t.table, t.by) for t in (*statement.accesses, *statement.cascades) if t.kind == "insert"}
        found = {
            access.table: access.by
            for access in statement.deletes_by_triggers
            if (access.table, access.by) not in writes  # deleted to be written again
            and _holds_rows_of_its_own(replay, statement, access.table)
        }
        for name, trigger in found.items():
            table = statement.before.tables[name].name
            yield Finding(f"this fires trigger {trigger}, which deletes rows of {table}", statement)


def _holds_rows_of_its_own(replay: AnalyzedReplay, statement: ReplayedStatement, name: str) -> bool:
    """Whether a table may hold rows that should stay, and is not an index of another table."""
    table = statement.before.tables.get(name)
    if table is None or parse_table(table.sql) is None or statement.target in statement.before.views:
        return False
    return not replay.is_empty(name, statement) and statement.before.ids[name] in replay.after.names
