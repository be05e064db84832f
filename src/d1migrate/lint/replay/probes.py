"""Questions put to a stage beside the file itself: what if the table held a row, what does a name hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from d1migrate.lint.replay.model import BrokenObject, RowAccess
from d1migrate.schema.compare import Difference, compare
from d1migrate.schema.model import Schema, Table
from d1migrate.schema.normalize import canonical
from d1migrate.schema.queries import content_of
from d1migrate.schema.scope import Scope, strings_now
from d1migrate.sql.create import parse_trigger, parse_virtual_table
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.statement import alteration_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.drivers.scratch import Outcome
    from d1migrate.lint.replay.shadow_schema import ShadowSchema
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Trigger
    from d1migrate.sql.statement import Shape
    from d1migrate.sql.tokens import Token

_PROBE = "d1migrate_probe"
AS_STRING = ", and SQLite reads the name in double quotes as a string"


def adds_column(tokens: Sequence[Token], kind: Shape) -> bool:
    """Whether it is ALTER TABLE … ADD [COLUMN]."""
    return kind.verb == "alter table" and alteration_of(tokens).action == "add column"


def said_of_rows(stage: ShadowSchema, sql: str, tokens: Sequence[Token], kind: Shape) -> str | None:
    """Ask what an ADD COLUMN says of a table with one row; on an empty table nearly all pass."""
    table = stage.catalog.tables.get(kind.name)
    if table is None:
        return None
    columns = ", ".join(quote_identifier(column.name) for column in table.columns)
    if not stage.scratch.build(f"CREATE TABLE {_PROBE} ({columns})"):
        return None
    stage.scratch.control(f"INSERT INTO {_PROBE} DEFAULT VALUES")
    refusal = stage.scratch.run(_with_name(sql, tokens[kind.at], _PROBE)).refusal
    stage.scratch.control(f"DROP TABLE {_PROBE}")
    return refusal


def hidden(stage: ShadowSchema, sql: str, tokens: Sequence[Token], kind: Shape) -> list[Difference]:
    """Return how the object that hides a CREATE … IF NOT EXISTS differs from what it would create."""
    if not kind.conditional or not kind.verb.startswith("create"):
        return []
    table = stage.catalog.tables.get(kind.name)
    if kind.verb == "create table" and table is not None:
        return _hidden_table(stage, sql, tokens, kind, table)
    there = _sql_of(stage.catalog, kind)
    if there is None:
        return []
    scope = Scope.of(stage.catalog.schema)  # reads all of the schema
    if canonical(there, scope) == canonical(sql, scope):
        return []
    return [Difference(kind.verb.split()[-1], kind.name, "different", sql, there)]


def _hidden_table(
    stage: ShadowSchema, sql: str, tokens: Sequence[Token], kind: Shape, table: Table
) -> list[Difference]:
    if not stage.scratch.build(_with_name(sql, tokens[kind.at], _PROBE)):
        return []
    ((text,),) = stage.scratch.rows("SELECT sql FROM sqlite_schema WHERE name = ?1", (_PROBE,))
    probe = stage.read_table(_PROBE, text, {}, ())
    stage.scratch.control(f"DROP TABLE {_PROBE}")
    named = _with_name(text, significant(text)[2], quote_identifier(table.name))
    wanted, there = probe._replace(name=table.name, sql=named), table._replace(indexes=(), triggers=())
    scope = Scope.of(stage.catalog.schema)
    return list(compare(Schema((wanted,)), Schema((there,)), scopes=(scope, scope)))


def _sql_of(catalog: Catalog, kind: Shape) -> str | None:
    """Return the CREATE of an existing index, view or trigger of that name."""
    if there := catalog.views.get(kind.name) or catalog.tables.get(kind.name):
        return there.sql
    if on_view := catalog.view_triggers.get(kind.name):
        return on_view.sql
    owner = catalog.tables.get(catalog.owners.get(kind.name, ""))
    named = {fold(index.name): index.sql for index in owner.indexes} if owner else {}
    named |= {fold(trigger.name): trigger.sql for trigger in owner.triggers} if owner else {}
    return named.get(kind.name)


def _with_name(sql: str, name: Token, new: str) -> str:
    return sql[: name.start] + new + sql[name.start + len(name.text) :]


def broken(
    stage: ShadowSchema, *, mention: Collection[str], named: Collection[str] = ()
) -> list[BrokenObject]:
    """Return the views, triggers and virtual tables that fail when they are used.

    SQLite looks into them only then.

    Args:
        stage: the schema.
        mention: only those whose SQL may speak of one of these names, folded,
        named: and those of these names.
    """
    found = []
    for view in stage.catalog.views.values():
        if fold(view.name) in named or stage.mentions(view.sql, mention):
            stage.need(fold(view.name))
            query = f"SELECT * FROM {quote_identifier(view.name)}"
            if error := stage.run(query, prepare_only=True).refusal:
                found.append(BrokenObject("view", view.name, error))
    triggers = [
        trigger
        for trigger in (stage.catalog.triggers() if mention or named else ())
        if fold(trigger.name) in named or stage.mentions(trigger.sql, mention)
    ]
    for trigger in triggers:
        stage.need(fold(trigger.name))
    errors: dict[tuple[str, str], str | None] = {}  # triggers of one table and event are compiled together
    for trigger in triggers:
        definition = parse_trigger(trigger.sql)
        key = (fold(trigger.table), definition.event if definition else "")
        if key not in errors:
            errors[key] = stage.run(_firing(stage, trigger), prepare_only=True).refusal
        if error := errors[key]:
            found.append(BrokenObject("trigger", trigger.name, error))
    for table in (table for table in stage.catalog.tables.values() if table.is_virtual):
        is_asked = fold(table.name) in named or stage.mentions(table.sql, mention)
        if is_asked and (error := _error_of_virtual(stage, table)):
            found.append(BrokenObject("virtual table", table.name, error))
    return found


def _error_of_virtual(stage: ShadowSchema, table: Table) -> str | None:
    """Return why a full-text table cannot be read, whatever it holds; None if it can.

    One that indexes a table which is not there can still be searched.
    """
    tables, seen, at = stage.catalog.tables, set[str](), fold(table.name)
    while at in tables and at not in seen:
        seen.add(at)
        at = fold(content_of(tables[at]) or "")
    if at == fold(table.name):
        return "recursively defined fts5 content table"
    definition = parse_virtual_table(table.sql)
    if definition is None or definition.module != "fts5vocab":
        return None
    stage.need_named(significant(table.sql))
    query = f"SELECT * FROM {quote_identifier(table.name)}"
    return None if table.name in stage.not_built else stage.run(query, prepare_only=False).refusal


def turned_to_strings(stage: ShadowSchema, before: Scope, *, mention: Collection[str]) -> list[BrokenObject]:
    """Return the views and triggers where `"…"` named a column before, and is a string now.

    SQLite reads a name in double quotes that names nothing as a string, and reports no error.

    Args:
        stage: the schema.
        before: what names there were.
        mention: as for `broken`.
    """
    after, found = Scope.of(stage.catalog.schema), []
    objects: list[tuple[str, str, str, Trigger | None]]
    objects = [("view", view.name, view.sql, None) for view in stage.catalog.views.values()]
    objects += [("trigger", trigger.name, trigger.sql, trigger) for trigger in stage.catalog.triggers()]
    for kind, name, sql, trigger in objects:
        if not stage.mentions(sql, mention) or not (lost := strings_now(sql, before, after)):
            continue
        stage.need(fold(name))
        query = _firing(stage, trigger) if trigger else f"SELECT * FROM {quote_identifier(name)}"
        if stage.quoted(query):
            found.append(BrokenObject(kind, name, f"no such column: {lost[0]}{AS_STRING}"))
    return found


def quoted_inside(stage: ShadowSchema, kind: Shape, sql: str) -> str | None:
    """Return the complaint about a string in double quotes inside a view or trigger that was just created."""
    if kind.verb == "create view" and (view := stage.catalog.views.get(kind.name)):
        return stage.quoted(f"SELECT * FROM {quote_identifier(view.name)}")
    if kind.verb == "create trigger" and '"' in sql:
        trigger = next((t for t in stage.catalog.triggers() if fold(t.name) == kind.name), None)
        return stage.quoted(_firing(stage, trigger)) if trigger else None
    return None


def _firing(stage: ShadowSchema, trigger: Trigger) -> str:
    """Return a statement that fires a trigger."""
    table, definition = quote_identifier(trigger.table), parse_trigger(trigger.sql)
    if definition is None or definition.event == "DELETE":
        return f"DELETE FROM {table}"
    if definition.event == "INSERT":
        return f"INSERT INTO {table} DEFAULT VALUES"
    if columns := [quote_identifier(name) for name in _columns(stage, trigger.table)]:
        return f"UPDATE {table} SET " + ", ".join(f"{name} = {name}" for name in columns)
    return f"SELECT * FROM {table}"  # a view whose columns cannot be read: its own error is the reason


def _columns(stage: ShadowSchema, name: str) -> list[str]:
    """Return the columns of a table or view that an UPDATE can set; none for a view that does not work."""
    owner = stage.catalog.tables.get(fold(name))
    if owner is not None:
        return [column.name for column in owner.columns if not column.generated]
    # The table-valued form of the PRAGMA would be compiled, and fail, with the view itself.
    if stage.run(f"SELECT * FROM {quote_identifier(name)}", prepare_only=True).refusal:
        return []
    return [column for (column,) in stage.scratch.rows("SELECT name FROM pragma_table_info(?1)", (name,))]


def touches(outcome: Outcome) -> list[RowAccess]:
    """Return what a statement does to rows."""
    return [RowAccess(a.kind, fold(a.table), fold(a.column), fold(a.by)) for a in outcome.actions]


_ACTS = ("CASCADE", "SET NULL", "SET DEFAULT")


def acts(stage: ShadowSchema, sql: str, outcome: Outcome) -> tuple[Outcome, list[RowAccess]]:
    """Return what a statement does itself, and what foreign keys do then, with the triggers they fire."""
    whole = outcome
    while children := _acted_on(stage.catalog, whole):
        if not [child for child in children if stage.need(child)]:
            break
        whole = stage.run(sql, prepare_only=True)
    if not children or whole.refusal:
        return outcome, []
    stage.scratch.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    own = stage.run(sql, prepare_only=True)
    stage.scratch.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    itself = set(touches(own))
    return own, [touch for touch in touches(whole) if touch not in itself]


def _acted_on(catalog: Catalog, outcome: Outcome) -> list[str]:
    """Return the tables with a foreign key that does something if rows are changed as by a statement."""
    changed = {(action.kind, fold(action.table)) for action in outcome.actions if action.kind != "read"}
    return [
        child
        for kind, table in sorted(changed)
        for child, key in catalog.references(table)
        if (kind == "delete" and key.on_delete in _ACTS) or (kind == "update" and key.on_update in _ACTS)
    ]


def differences(stage: ShadowSchema, before: Catalog) -> tuple[Difference, ...]:
    """Return how what was touched differs from what it was in an earlier catalog."""
    parts = []
    for catalog in (before, stage.catalog):
        tables = (catalog.tables.get(name) for name in sorted(stage.touched))
        views = (catalog.views.get(name) for name in sorted(stage.touched))
        triggers = (t for t in catalog.view_triggers.values() if fold(t.table) in stage.touched)
        parts.append(Schema(tuple(filter(None, tables)), tuple(filter(None, views)), tuple(triggers)))
    return compare(*parts, scopes=(Scope.of(before.schema), Scope.of(stage.catalog.schema)))
