"""Find expressions for values that depend on the time or on random numbers.

A value that differs between moments cannot be written as a literal: a seed's `created_at` would be the time
of the squash, and a random key would be the same in every database. It is written as an expression that
gives it: one from the files, evaluated at the same moments with the same random numbers. If two cells share
a random number, the first cell draws it, and the second reads the first.
"""

from __future__ import annotations

import re
from contextlib import suppress

import apsw

from d1migrate.backup.values import joined, literal, piece
from d1migrate.drivers.pinned import PinnedEngine
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.format import name_text
from d1migrate.sql.names import quote_identifier, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.backup.contents import TableContents
    from d1migrate.drivers.pinned import Moment

_AFFINITIES = ("TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB")
_PROBE = f"CREATE TABLE probe ({', '.join(f'{name} {name}' for name in _AFFINITIES)})"
_FILL = "INSERT INTO probe VALUES (?1, ?1, ?1, ?1, ?1)"
_READ = f"SELECT {joined([piece(name) for name in _AFFINITIES])} FROM probe"

_INTEGER = re.compile("-?[0-9]+")

Values = tuple[str, ...]
"""A cell's literal at each of the moments."""


class Expression(NamedTuple):
    """An expression, and the random numbers that it draws."""

    sql: str
    draws: range = range(0)


class CellReference(NamedTuple):
    """A cell that was written before: its table, its quoted column, and the literals of its key."""

    table: str
    column: str
    key: tuple[tuple[str, str], ...]

    @property
    def sql(self) -> str:
        """A subquery that reads its value."""
        where = " AND ".join(f"{name_text(unquote(column))} = {value}" for column, value in self.key)
        column, table = name_text(unquote(self.column)), name_text(self.table)
        return f"(SELECT {column} FROM {table} WHERE {where})"


class ExpressionFinder:
    """Finds the expressions of values.

    Args:
        expressions: what to try, best first; what cannot be evaluated by itself is skipped.
        moments: the moments at which values are known.
        draws: what the random numbers were drawn for, as in `Build`.

    Attributes:
        order: the random numbers, in the order in which the values found so far draw them.
    """

    def __init__(
        self, expressions: Iterable[str], moments: Sequence[Moment], draws: Sequence[int | None]
    ) -> None:
        self._expressions, self._moments, self._draws = tuple(expressions), moments, draws
        self._found: dict[tuple[str, Values], list[Expression]] | None = None
        self._written: dict[Values, CellReference] = {}
        self._drawn: set[int] = set()
        self.order: list[int] = []

    def of(self, affinity: str, values: Values, cell: CellReference) -> str | None:
        """Return the SQL of a value that differs between moments; None if no expression gives it.

        Args:
            affinity: the affinity of its column.
            values: the value at each moment.
            cell: the cell that is about to be written.
        """
        if self._found is None:
            self._found = self._evaluated()
        for expression in self._found.get((affinity, values), ()):
            if self._take(expression, values, cell):
                return expression.sql
        if known := self._written.get(values):
            return known.sql
        return self._combined(values, cell)

    def _take(self, expression: Expression, values: Values, cell: CellReference) -> bool:
        """Use an expression for a cell, unless a random number of it is taken; return whether it is used."""
        if not self._drawn.isdisjoint(expression.draws):
            return False
        self._drawn.update(expression.draws)
        self.order += expression.draws
        if expression.draws:
            self._written[values] = cell
        return True

    def _combined(self, values: Values, cell: CellReference) -> str | None:
        """Return an expression or an earlier cell, with constant text around it or a constant added."""
        kind = "TEXT" if values[0].startswith("'") else "INTEGER"
        for inner, known in self._written.items():
            if combined := combine(known.sql, inner, values):
                return combined
        for (affinity, inner), sources in (self._found or {}).items():
            if affinity == kind and combine("", inner, values) is not None:
                expression = next((one for one in sources if self._take(one, values, cell)), None)
                if expression is not None:
                    return combine(expression.sql, inner, values)
        return None

    def _evaluated(self) -> dict[tuple[str, Values], list[Expression]]:
        """Evaluate every expression at all moments, with each of the random numbers as the first."""
        found: dict[tuple[str, Values], list[Expression]] = {}
        engines = [PinnedEngine(moment) for moment in self._moments]
        try:
            for engine in engines:
                engine.rows(_PROBE)
            for sql in self._expressions:
                for expression, stored in self._runs(engines, sql):
                    for affinity, values in zip(_AFFINITIES, stored, strict=True):
                        found.setdefault((affinity, values), []).append(expression)
        finally:
            for engine in engines:
                engine.close()
        return found

    def _runs(self, engines: Sequence[PinnedEngine], sql: str) -> Iterable[tuple[Expression, list[Values]]]:
        with suppress(apsw.Error):  # it uses a column, or is not an expression
            stored = _stored(engines, sql, 0)
            wanted = tuple(engines[0].draws.sizes)
            if not wanted:
                yield Expression(sql), stored
                return
            for first in range(len(self._draws) - len(wanted) + 1):
                if tuple(self._draws[first : first + len(wanted)]) == wanted:
                    yield Expression(sql, range(first, first + len(wanted))), _stored(engines, sql, first)


def _stored(engines: Sequence[PinnedEngine], sql: str, first: int) -> list[Values]:
    """Return what a column of each affinity would store of an expression, at each moment."""
    rows = []
    for engine in engines:
        engine.draws.begin_at(first)
        ((value,),) = engine.rows(f"SELECT ({sql})")
        engine.rows("DELETE FROM probe")
        engine.rows(_FILL, (value,))
        ((text,),) = engine.rows(_READ)
        rows.append([literal(part) for part in text.split("\n")])
    return [tuple(column) for column in zip(*rows, strict=True)]


def combine(sql: str, inner: Values, values: Values) -> str | None:
    """Return the SQL of values that are other values with the same text around them, or a number added.

    Args:
        sql: the SQL of the other values.
        inner: the other values, as literals.
        values: the values.
    """
    if len(set(inner)) == 1:
        return None
    sql = _enclosed(sql)
    if all(map(_INTEGER.fullmatch, (*inner, *values))):
        added = {int(value) - int(other) for value, other in zip(values, inner, strict=True)}
        return f"{sql} + {added.pop()}" if len(added) == 1 else None
    if not all(value[:1] == value[-1:] == "'" for value in (*inner, *values)):
        return None
    before, found, after = values[0][1:-1].partition(inner[0][1:-1])
    same = (value == f"'{before}{other[1:-1]}{after}'" for value, other in zip(values, inner, strict=True))
    if not found or not all(same):
        return None
    parts = [f"'{before}'" if before else "", sql, f"'{after}'" if after else ""]
    return " || ".join(filter(None, parts))


def _enclosed(sql: str) -> str:
    """Return an expression in parentheses, unless it is a single word or call."""
    tokens = significant(sql)
    depth = 0
    for place, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 and place < len(tokens) - 1 and not (place == 0 and token.kind == "word"):
            return f"({sql})"
    return sql


def key_of(content: TableContents, row: Sequence[str], alias: str | None) -> tuple[tuple[str, str], ...]:
    """Return the (column, literal) pairs that identify a row; `alias` is the column that is its rowid."""
    columns = dict(zip(content.columns, row, strict=True))
    if alias is not None:
        return ((quote_identifier(alias), columns[quote_identifier(alias)]),)
    return tuple((part.column, columns[part.column]) for part in content.key)
