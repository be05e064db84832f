"""Questions that no statement of a file asks: would it fail on rows, what does it break?"""

from __future__ import annotations

import apsw

from d1migrate.lint.replay.model import BrokenObject, RowAccess
from d1migrate.schema.cascade import ACTIONS
from d1migrate.schema.compare import Difference, compare
from d1migrate.schema.keys import is_parent_key
from d1migrate.schema.model import Schema, Table
from d1migrate.schema.normalize import canonical
from d1migrate.schema.queries import content_of
from d1migrate.schema.scope import Scope, strings_now
from d1migrate.sql.create import parse_trigger, parse_virtual_table
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.statement import alteration_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
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


def adds_column(tokens: Sequence[Token], shape: Shape) -> bool:
    """Whether it is ALTER TABLE … ADD [COLUMN]."""
    return shape.verb == "alter table" and alteration_of(tokens).action == "add column"


def refusal_with_rows(shadow: ShadowSchema, sql: str, tokens: Sequence[Token], shape: Shape) -> str | None:
    """Return D1's error for an ADD COLUMN to a table with one row; on an empty table nearly all pass."""
    table = shadow.catalog.tables.get(shape.name)
    if table is None:
        return None
    columns = ", ".join(quote_identifier(column.name) for column in table.columns)
    if not shadow.scratch.build(f"CREATE TABLE {_PROBE} ({columns})"):
        return None
    shadow.scratch.control(f"INSERT INTO {_PROBE} DEFAULT VALUES")
    refusal = shadow.scratch.run(_with_name(sql, tokens[shape.at], _PROBE)).refusal
    shadow.scratch.control(f"DROP TABLE {_PROBE}")
    return refusal


def existing_differences(
    shadow: ShadowSchema, sql: str, tokens: Sequence[Token], shape: Shape
) -> list[Difference]:
    """Return how an existing object differs from what a CREATE … IF NOT EXISTS of its name would create."""
    if not shape.conditional or not shape.verb.startswith("create"):
        return []
    table = shadow.catalog.tables.get(shape.name)
    if shape.verb == "create table" and table is not None:
        return _differences_of_table(shadow, sql, tokens, shape, table)
    existing = _sql_of(shadow.catalog, shape)
    if existing is None:
        return []
    scope = Scope.within(shadow.catalog)
    if canonical(existing, scope) == canonical(sql, scope):
        return []
    return [Difference(shape.verb.split()[-1], shape.name, "different", sql, existing)]


def _differences_of_table(
    shadow: ShadowSchema, sql: str, tokens: Sequence[Token], shape: Shape, table: Table
) -> list[Difference]:
    if not shadow.scratch.build(_with_name(sql, tokens[shape.at], _PROBE)):
        return []
    ((text,),) = shadow.scratch.rows("SELECT sql FROM sqlite_schema WHERE name = ?1", (_PROBE,))
    probe = shadow.read_table(_PROBE, text, {}, ())
    shadow.scratch.control(f"DROP TABLE {_PROBE}")
    named = _with_name(text, significant(text)[2], quote_identifier(table.name))
    wanted, existing = probe._replace(name=table.name, sql=named), table._replace(indexes=(), triggers=())
    scope = Scope.within(shadow.catalog)
    return list(compare(Schema((wanted,)), Schema((existing,)), scopes=(scope, scope)))


def _sql_of(catalog: Catalog, shape: Shape) -> str | None:
    """Return the CREATE of an existing index, view or trigger of that name."""
    if existing := catalog.views.get(shape.name) or catalog.tables.get(shape.name):
        return existing.sql
    if on_view := catalog.view_triggers.get(shape.name):
        return on_view.sql
    owner = catalog.tables.get(catalog.owners.get(shape.name, ""))
    named = {fold(index.name): index.sql for index in owner.indexes} if owner else {}
    named |= {fold(trigger.name): trigger.sql for trigger in owner.triggers} if owner else {}
    return named.get(shape.name)


def _with_name(sql: str, name: Token, new: str) -> str:
    return sql[: name.start] + new + sql[name.start + len(name.text) :]


def broken(
    shadow: ShadowSchema, *, mention: Collection[str], named: Collection[str] = ()
) -> list[BrokenObject]:
    """Return the views, triggers and virtual tables that fail when they are used.

    SQLite does not check them before.

    Args:
        shadow: the schema.
        mention: check those whose SQL may mention one of these folded names,
        named: and those with one of these folded names.
    """
    found = list[BrokenObject]()
    if not mention and not named:
        return found
    for view in shadow.catalog.views.values():
        if fold(view.name) in named or shadow.mentions(view.sql, mention):
            shadow.need(fold(view.name))
            query = f"SELECT * FROM {quote_identifier(view.name)}"
            if error := shadow.run(query, prepare_only=True).refusal:
                found.append(BrokenObject("view", view.name, error))
    triggers = [
        trigger
        for trigger in shadow.catalog.triggers()
        if fold(trigger.name) in named or shadow.mentions(trigger.sql, mention)
    ]
    for trigger in triggers:
        shadow.need(fold(trigger.name))
    errors: dict[tuple[str, str], str | None] = {}  # triggers of one table and event are compiled together
    for trigger in triggers:
        definition = parse_trigger(trigger.sql)
        key = (fold(trigger.table), definition.event if definition else "")
        if key not in errors:
            errors[key] = shadow.run(_firing(shadow, trigger), prepare_only=True).refusal
        if error := errors[key]:
            found.append(BrokenObject("trigger", trigger.name, error))
    for table in (table for table in shadow.catalog.active.values() if table.is_virtual):
        is_wanted = fold(table.name) in named or shadow.mentions(table.sql, mention)
        if is_wanted and (error := _error_of_virtual(shadow, table)):
            found.append(BrokenObject("virtual table", table.name, error))
    return found


def _error_of_virtual(shadow: ShadowSchema, table: Table) -> str | None:
    """Return why a full-text table cannot be read, whatever rows it has; None if it can.

    One whose content table does not exist can still be searched.
    """
    tables, seen, at = shadow.catalog.tables, set[str](), fold(table.name)
    while at in tables and at not in seen:
        seen.add(at)
        at = fold(content_of(tables[at]) or "")
    if at == fold(table.name):
        return "recursively defined fts5 content table"
    definition = parse_virtual_table(table.sql)
    if definition is None or definition.module != "fts5vocab":
        return None
    shadow.need_named(significant(table.sql))
    query = f"SELECT * FROM {quote_identifier(table.name)}"
    return None if table.name in shadow.not_built else shadow.run(query, prepare_only=False).refusal


def columns_read_as_strings(
    shadow: ShadowSchema, before: Scope, *, mention: Collection[str]
) -> list[BrokenObject]:
    """Return the views and triggers where `"…"` was a column before and is a string now.

    SQLite reads an unknown name in double quotes as a string, and reports no error.

    Args:
        shadow: the schema.
        before: the names that existed before.
        mention: as for `broken`.
    """
    after, found = Scope.within(shadow.catalog), []
    objects: list[tuple[str, str, str, Trigger | None]]
    objects = [("view", view.name, view.sql, None) for view in shadow.catalog.views.values()]
    objects += [("trigger", trigger.name, trigger.sql, trigger) for trigger in shadow.catalog.triggers()]
    for kind, name, sql, trigger in objects:
        if not shadow.mentions(sql, mention) or not (lost := strings_now(sql, before, after)):
            continue
        shadow.need(fold(name))
        query = _firing(shadow, trigger) if trigger else f"SELECT * FROM {quote_identifier(name)}"
        if shadow.quoting_error(query):
            found.append(BrokenObject(kind, name, f"no such column: {lost[0]}{AS_STRING}"))
    return found


def quoting_error_inside(shadow: ShadowSchema, shape: Shape, sql: str) -> str | None:
    """Return the engine's error about a string in double quotes in a view or trigger just created."""
    if shape.verb == "create view" and (view := shadow.catalog.views.get(shape.name)):
        return shadow.quoting_error(f"SELECT * FROM {quote_identifier(view.name)}")
    if shape.verb == "create trigger" and '"' in sql:
        trigger = next((t for t in shadow.catalog.triggers() if fold(t.name) == shape.name), None)
        return shadow.quoting_error(_firing(shadow, trigger)) if trigger else None
    return None


def _firing(shadow: ShadowSchema, trigger: Trigger) -> str:
    """Return a statement that fires a trigger."""
    table, definition = quote_identifier(trigger.table), parse_trigger(trigger.sql)
    if definition is None or definition.event == "DELETE":
        return f"DELETE FROM {table}"
    if definition.event == "INSERT":
        return f"INSERT INTO {table} DEFAULT VALUES"
    if columns := [quote_identifier(name) for name in _columns(shadow, trigger.table)]:
        return f"UPDATE {table} SET " + ", ".join(f"{name} = {name}" for name in columns)
    return f"SELECT * FROM {table}"  # a view whose columns cannot be read: its own error is what to report


def _columns(shadow: ShadowSchema, name: str) -> list[str]:
    """Return the columns of a table or view that an UPDATE can set; none for a broken view."""
    owner = shadow.catalog.tables.get(fold(name))
    if owner is not None:
        return [column.name for column in owner.columns if not column.generated]
    # The view is checked first: pragma_table_info of a broken view would fail, too.
    if shadow.run(f"SELECT * FROM {quote_identifier(name)}", prepare_only=True).refusal:
        return []
    return [column for (column,) in shadow.scratch.rows("SELECT name FROM pragma_table_info(?1)", (name,))]


def accesses(outcome: Outcome) -> list[RowAccess]:
    """Return what a statement does to rows."""
    return [RowAccess(a.kind, fold(a.table), fold(a.column), fold(a.by)) for a in outcome.actions]


def cascades(shadow: ShadowSchema, sql: str, outcome: Outcome) -> tuple[Outcome, list[RowAccess]]:
    """Return what a statement does itself, and what foreign keys then do, with the triggers they fire.

    The authorizer reports both together. So the statement is prepared twice, with foreign keys on and off.
    """
    whole = outcome
    while children := _acted_on(shadow.catalog, whole):
        if not [child for child in children if shadow.need(child)]:
            break
        whole = shadow.run(sql, prepare_only=True)
    if not children or whole.refusal:
        return outcome, []
    shadow.scratch.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 0)
    try:
        own = shadow.run(sql, prepare_only=True)
    finally:
        shadow.scratch.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    itself = set(accesses(own))
    return own, [access for access in accesses(whole) if access not in itself]


def _acted_on(catalog: Catalog, outcome: Outcome) -> list[str]:
    """Return the tables with a foreign key whose action a statement triggers."""
    changed = {(action.kind, fold(action.table)) for action in outcome.actions if action.kind != "read"}
    return [
        child
        for kind, table in sorted(changed)
        for child, key in catalog.references(table)
        if (kind == "delete" and key.on_delete in ACTIONS) or (kind == "update" and key.on_update in ACTIONS)
    ]


def need_mismatched_children(shadow: ShadowSchema, outcome: Outcome) -> bool:
    """Build the children with a foreign key that does not match a changed parent; whether any was built.

    SQLite refuses a write to a parent if it knows such a child.
    """
    catalog = shadow.catalog
    changed = {fold(action.table) for action in outcome.actions if action.kind != "read"}
    mismatched = [
        child
        for parent in changed
        if parent in catalog.tables
        for child, key in catalog.references(parent)
        if not is_parent_key(catalog.tables[parent], key)
    ]
    return bool([child for child in mismatched if shadow.need(child)])


def differences(shadow: ShadowSchema, before: Catalog) -> tuple[Difference, ...]:
    """Return how the changed tables and views differ from an earlier catalog."""
    parts = []
    for catalog in (before, shadow.catalog):
        tables = (catalog.tables.get(name) for name in sorted(shadow.changed))
        views = (catalog.views.get(name) for name in sorted(shadow.changed))
        triggers = (t for t in catalog.view_triggers.values() if fold(t.table) in shadow.changed)
        parts.append(Schema(tuple(filter(None, tables)), tuple(filter(None, views)), tuple(triggers)))
    return compare(*parts, scopes=(Scope.within(before), Scope.within(shadow.catalog)))
