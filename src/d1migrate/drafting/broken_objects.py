"""Refuse objects of a desired schema that would not work: they use a column or table that it lacks."""

from __future__ import annotations

import re

from d1migrate.errors import PlanError
from d1migrate.lint.replay.probes import AS_STRING
from d1migrate.lint.replay.replayer import broken_objects
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.normalize import mentioned_names, mentions
from d1migrate.schema.queries import fts5_options
from d1migrate.schema.scope import Scope, strings_now
from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import TriggerDefinition
from d1migrate.sql.names import ROWIDS, fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drafting.desired import Desired
    from d1migrate.schema.model import Schema, Table

_MISSING = re.compile(r"no such (?P<kind>column|table): (?:main\.)?(?P<name>.+)", re.IGNORECASE)
_NOISE = re.compile(rf"{AS_STRING}|( at offset \d+)?: SQLITE_ERROR$")


class _Broken(NamedTuple):
    """An object that would not work, its SQL and the error."""

    kind: str
    name: str
    sql: str
    error: str


def refuse_broken_objects(current: Schema, desired: Desired) -> None:
    """Raise PlanError for an index, view, trigger or CHECK that would not work, unless it is broken already.

    Args:
        current: the present schema.
        desired: the desired schema.
    """
    for broken in _found(current, desired.schema):
        location = desired.locations.get((broken.kind, fold(broken.name)), "")
        reason = _reason(broken, current, desired.schema)
        raise PlanError(
            f"{location}{': ' if location else ''}{broken.kind} {broken.name} {reason}",
            hint=_hint(broken, location, is_whole=desired.models is None),
        )


def _hint(broken: _Broken, location: str, *, is_whole: bool) -> str:
    what = f"{broken.kind} {broken.name}"
    if location:
        return f"change {what} in the desired schema, or remove it"
    if is_whole or broken.kind in ("table", "index"):
        return f"change or drop {what} first, in a migration of its own"
    return f"{what} is outside the models: change or drop it first, in a migration of its own"


def _found(current: Schema, desired: Schema) -> Iterator[_Broken]:
    found = broken_objects(desired, before=current)
    known = {(each.kind, fold(each.name)) for each in broken_objects(current)} if found else set()
    sqls = {("view", fold(view.name)): view.sql for view in desired.views}
    for table in desired.tables:
        sqls["virtual table" if table.is_virtual else "table", fold(table.name)] = table.sql
    triggers = [*desired.triggers, *(t for table in desired.tables for t in table.triggers)]
    sqls |= {("trigger", fold(trigger.name)): trigger.sql for trigger in triggers}
    for kind, name, error in found:
        if (kind, fold(name)) not in known:
            yield _Broken(kind, name, sqls[kind, fold(name)], error)
    yield from _without_content(current, desired)
    yield from _never_fired(current, desired)
    yield from _read_as_strings(current, desired)


def _without_content(current: Schema, desired: Schema) -> Iterator[_Broken]:
    """Yield the full-text tables that index a table or column which is gone.

    SQLite notices only when it reads or changes a row of it.
    """
    before, after = ({fold(table.name): table for table in schema.tables} for schema in (current, desired))
    views = {fold(view.name) for view in desired.views}
    for table in desired.tables:
        options = fts5_options(table)
        content = fold(options.get("content", ""))
        old, new = before.get(content), after.get(content)
        if new is None and old is not None and content not in views:
            yield _Broken("virtual table", table.name, table.sql, f"no such table: {old.name}")
        if new is None or new.is_virtual:
            continue
        read = [*(column.name for column in table.columns), options.get("content_rowid", "rowid")]
        for name in read:
            was_there = old is None or _has(old, name)
            if was_there and not _has(new, name) and fold(name) not in ROWIDS:
                yield _Broken("virtual table", table.name, table.sql, f"no such column: {name}")


def _never_fired(current: Schema, desired: Schema) -> Iterator[_Broken]:
    """Yield the triggers with an UPDATE OF column that their table lacks, which SQLite accepts."""
    tables_before = {fold(t.name): table for table in current.tables for t in table.triggers}
    for table in desired.tables:
        for trigger in table.triggers:
            definition, before = parse(trigger.sql), tables_before.get(fold(trigger.name))
            named = definition.columns if isinstance(definition, TriggerDefinition) else ()
            for name in named:
                if not _has(table, name) and (before is None or _has(before, name)):
                    yield _Broken("trigger", trigger.name, trigger.sql, f"no such column: {name}")


def _read_as_strings(current: Schema, desired: Schema) -> Iterator[_Broken]:
    """Yield the indexes, CHECKs and generated columns that use a column which no longer exists.

    SQLite reads such a name as a string if it is in double quotes; otherwise it refuses the CREATE statement.
    """
    before, after = Scope.of(current), Scope.of(desired)
    columns_before = {fold(table.name): _columns(table) for table in current.tables}
    for table in desired.tables:
        for index in table.indexes:
            if index.sql and (lost := strings_now(index.sql, before, after)):
                yield _Broken("index", index.name, index.sql, f"no such column: {lost[0]}")
        dropped = columns_before.get(fold(table.name), set()) - _columns(table)
        definition = parse_table(table.sql) if dropped else None
        if definition is None:
            continue
        read = [check.expression for check in definition.all_checks]
        read += [column.generated for column in definition.columns if column.generated is not None]
        for name in sorted(dropped):
            if any(mentions(expression, name) and f'"{name}"' in fold(expression) for expression in read):
                yield _Broken("table", table.name, table.sql, f"no such column: {name}")


def _reason(broken: _Broken, current: Schema, desired: Schema) -> str:
    """Return an error of SQLite in plain words, with the table that lacks the column."""
    text = _NOISE.sub("", broken.error)
    if (match := _MISSING.fullmatch(text)) is None:
        return f"would fail when used: {text}"
    name = match["name"].strip('"')
    if match["kind"] == "table":
        return f"uses table {name}, which the desired schema does not have"
    if fold(name[:4]) in ("new.", "old."):
        name = name[4:]
    table = _table_of(name, broken.sql, current, desired)
    return f"uses {f'{table}.{name}' if table else f'column {name}'}, which the desired schema does not have"


def _table_of(column: str, sql: str, current: Schema, desired: Schema) -> str | None:
    """Return the table of a missing column: the one that had it, or the only one in the SQL."""
    names = mentioned_names(sql)
    mentioned = [table for table in desired.tables if fold(table.name) in names]
    had = {fold(table.name) for table in current.tables if _has(table, column)}
    lost = [table.name for table in mentioned if fold(table.name) in had and not _has(table, column)]
    only = [table.name for table in mentioned] if len(mentioned) == 1 else []
    return next(iter(lost or only), None)


def _has(table: Table, column: str) -> bool:
    return fold(column) in _columns(table)


def _columns(table: Table) -> set[str]:
    return {fold(column.name) for column in table.columns}
