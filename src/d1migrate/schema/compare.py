"""Compares two schemas object by object: what is missing, extra or different."""

from __future__ import annotations

from itertools import chain

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.normalize import canonical, normal_form
from d1migrate.schema.scope import Scope
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from d1migrate.schema.model import Column, Schema, Table

    Scopes = tuple[Scope, Scope]


class Difference(NamedTuple):
    """One object that is not as expected.

    Attributes:
        kind: table, column, index, foreign key, trigger or view.
        name: the object; a column as `table.column`.
        problem: missing (expected, but does not exist), extra (exists, but is not expected) or different.
        expected, actual: SQL or a description; None if the object does not exist on that side.
    """

    kind: str
    name: str
    problem: Literal["missing", "extra", "different"]
    expected: str | None
    actual: str | None


def compare(expected: Schema, actual: Schema, *, scopes: Scopes | None = None) -> tuple[Difference, ...]:
    """Return how `actual` differs from `expected`, by the normal forms that `schema.normalize` describes.

    Args:
        expected: the schema that should exist.
        actual: the schema that exists.
        scopes: the whole schemas, if these two are parts of them.
    """
    scopes = scopes or (Scope.of(expected), Scope.of(actual))
    found: list[Difference] = []
    wanted = {fold(table.name): table for table in expected.tables}
    there = {fold(table.name): table for table in actual.tables}
    for name, table in wanted.items():
        if name not in there:
            found.append(Difference("table", table.name, "missing", table.sql, None))
        elif table != there[name]:
            found += _table(table, there[name], scopes)
    found += [
        Difference("table", t.name, "extra", None, t.sql) for name, t in there.items() if name not in wanted
    ]
    found += _named("view", _sql(expected.views), _sql(actual.views), scopes)
    found += _named("trigger", _sql(expected.triggers), _sql(actual.triggers), scopes)
    return tuple(found)


def _table(expected: Table, actual: Table, scopes: Scopes) -> list[Difference]:
    parts: list[Difference] = []
    if _differ(expected.sql, actual.sql, scopes):
        parts = [
            *_named("column", _columns(expected), _columns(actual), scopes),
            *_named(
                "foreign key",
                _foreign_keys(expected, scopes[0]),
                _foreign_keys(actual, scopes[1]),
                scopes,
            ),
        ]
        if not parts or _rest(expected, scopes[0], parts) != _rest(actual, scopes[1], parts):
            parts.append(Difference("table", expected.name, "different", expected.sql, actual.sql))
    indexes, others = ({i.name: i.sql for i in t.indexes if i.sql} for t in (expected, actual))
    return [
        *parts,
        *_named("index", indexes, others, scopes),
        *_named("trigger", _sql(expected.triggers), _sql(actual.triggers), scopes),
    ]


def _rest(table: Table, scope: Scope, shown: Iterable[Difference]) -> object:
    """Return what differences of columns and foreign keys do not show: other columns, keys, checks."""
    definition = parse_table(table.sql)
    if definition is None:  # a virtual table
        return None
    named = {fold(d.name[len(table.name) + 1 :]): d.problem for d in shown if d.kind == "column"}
    one_sided = {name for name, problem in named.items() if problem != "different"}
    form = normal_form(definition, scope)
    constraints = (*form.table_constraints, *chain.from_iterable(form.column_constraints.values()))
    kept = [c.text for c in constraints if c.kind != "reference" and one_sided.isdisjoint(c.columns)]
    columns = {name: text for name, text in form.columns.items() if name not in named}
    return columns, sorted(kept), form.options


def _columns(table: Table) -> dict[str, str]:
    return {f"{table.name}.{column.name}": _column(column) for column in table.columns}


def _column(column: Column) -> str:
    words = [
        column.type,
        f"PRIMARY KEY({column.primary_key})" if column.primary_key else "",
        "NOT NULL" if column.not_null else "",
        f"DEFAULT {column.default}" if column.default is not None else "",
        "GENERATED" if column.generated else "",
    ]
    return " ".join(filter(None, words))


def _foreign_keys(table: Table, scope: Scope) -> dict[str, str]:
    found = {}
    for key in table.foreign_keys:
        to = scope.primary_key(key.table) or ("primary key",) if None in key.to else key.to
        found[f"{table.name}({', '.join(key.columns)})"] = (
            f"REFERENCES {key.table}({', '.join(map(str, to))})"
            f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
        )
    return found


def _differ(expected: str, actual: str, scopes: Scopes) -> bool:
    return expected != actual and canonical(expected, scopes[0]) != canonical(actual, scopes[1])


def _sql(objects: Iterable[tuple[str, ...]]) -> dict[str, str]:
    return {item[0]: item[-1] for item in objects}


def _named(kind: str, expected: dict[str, str], actual: dict[str, str], scopes: Scopes) -> list[Difference]:
    there = {fold(name): sql for name, sql in actual.items()}
    wanted = {fold(name) for name in expected}
    found: list[Difference] = []
    for name, sql in expected.items():
        other = there.get(fold(name))
        if other is None:
            found.append(Difference(kind, name, "missing", sql, None))
        elif _differ(sql, other, scopes):
            found.append(Difference(kind, name, "different", sql, other))
    found += [
        Difference(kind, name, "extra", None, sql) for name, sql in actual.items() if fold(name) not in wanted
    ]
    return found
