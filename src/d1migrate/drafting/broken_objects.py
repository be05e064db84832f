"""Objects of a desired schema that would not work: they name a column or table that it does not have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import PlanError
from d1migrate.lint.replay.probes import AS_STRING
from d1migrate.lint.replay.replayer import dangling
from d1migrate.schema.normalize import mentions
from d1migrate.schema.scope import Scope, strings_now
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import TriggerDefinition
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drafting.schema_file import Desired
    from d1migrate.schema.model import Schema, Table

_MISSING = re.compile(r"no such (?P<kind>column|table): (?:main\.)?(?P<name>.+)", re.IGNORECASE)
_NOISE = re.compile(rf"{AS_STRING}|( at offset \d+)?: SQLITE_ERROR$")


class _Broken(NamedTuple):
    """An object that would not work, its SQL, and the reason."""

    kind: str
    name: str
    sql: str
    error: str


def refuse_broken_objects(current: Schema, desired: Desired) -> None:
    """Raise PlanError for an index, view, trigger or CHECK that would not work, and did before or is new.

    Args:
        current: what there is.
        desired: what there should be.
    """
    for one in _found(current, desired.schema):
        place = desired.places.get((one.kind, fold(one.name)), "")
        reason = _reason(one, current, desired.schema)
        raise PlanError(
            f"{place}{': ' if place else ''}{one.kind} {one.name} {reason}",
            hint=f"change {one.kind} {one.name} in the desired schema, or remove it"
            if place
            else f"change or drop {one.kind} {one.name} first, in a migration of its own",
        )


def _found(current: Schema, desired: Schema) -> Iterator[_Broken]:
    found = dangling(desired, current)
    was = {(one.kind, fold(one.name)) for one in dangling(current)} if found else set()
    sqls = {("view", fold(view.name)): view.sql for view in desired.views}
    sqls |= {("table", fold(table.name)): table.sql for table in desired.tables}
    triggers = [*desired.triggers, *(t for table in desired.tables for t in table.triggers)]
    sqls |= {("trigger", fold(trigger.name)): trigger.sql for trigger in triggers}
    for kind, name, error in found:
        if (kind, fold(name)) not in was:
            yield _Broken(kind, name, sqls[kind, fold(name)], error)
    yield from _never_fired(current, desired)
    yield from _read_as_strings(current, desired)


def _never_fired(current: Schema, desired: Schema) -> Iterator[_Broken]:
    """Yield the triggers that name a column in UPDATE OF which their table does not have: SQLite takes it."""
    was = {fold(t.name): table for table in current.tables for t in table.triggers}
    for table in desired.tables:
        for trigger in table.triggers:
            definition, before = parse(trigger.sql), was.get(fold(trigger.name))
            named = definition.columns if isinstance(definition, TriggerDefinition) else ()
            for name in named:
                if not _has(table, name) and (before is None or _has(before, name)):
                    yield _Broken("trigger", trigger.name, trigger.sql, f"no such column: {name}")


def _read_as_strings(current: Schema, desired: Schema) -> Iterator[_Broken]:
    """Yield the indexes, CHECKs and generated columns that name a column which is not there any more.

    SQLite reads such a name as a string if it is in double quotes; else it refuses the CREATE statement.
    """
    before, after = Scope.of(current), Scope.of(desired)
    was = {fold(table.name): {fold(column.name) for column in table.columns} for table in current.tables}
    for table in desired.tables:
        for index in table.indexes:
            if index.sql and (lost := strings_now(index.sql, before, after)):
                yield _Broken("index", index.name, index.sql, f"no such column: {lost[0]}")
        definition = parse_table(table.sql)
        if definition is None:
            continue
        gone = was.get(fold(table.name), set()) - {fold(column.name) for column in table.columns}
        read = [check.expression for check in definition.all_checks]
        read += [column.generated for column in definition.columns if column.generated is not None]
        for name in sorted(gone):
            if any(mentions(expression, name) and f'"{name}"' in fold(expression) for expression in read):
                yield _Broken("table", table.name, table.sql, f"no such column: {name}")


def _reason(one: _Broken, current: Schema, desired: Schema) -> str:
    """Return an error of SQLite in plain words, with the table whose column is missing."""
    text = _NOISE.sub("", one.error)
    if (match := _MISSING.fullmatch(text)) is None:
        return f"would fail when used: {text}"
    name = match["name"].strip('"')
    if match["kind"] == "table":
        return f"uses table {name}, which the desired schema does not have"
    if fold(name[:4]) in ("new.", "old."):
        name = name[4:]
    table = _table_of(name, one.sql, current, desired)
    return f"uses {f'{table}.{name}' if table else f'column {name}'}, which the desired schema does not have"


def _table_of(column: str, sql: str, current: Schema, desired: Schema) -> str | None:
    """Return the table that a missing column is of: the one that had it, or the only one mentioned."""
    mentioned = [table for table in desired.tables if mentions(sql, fold(table.name))]
    had = {fold(table.name) for table in current.tables if _has(table, column)}
    lost = [table.name for table in mentioned if fold(table.name) in had and not _has(table, column)]
    only = [table.name for table in mentioned] if len(mentioned) == 1 else []
    return next(iter(lost or only), None)


def _has(table: Table, column: str) -> bool:
    return fold(column) in {fold(one.name) for one in table.columns}
