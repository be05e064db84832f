"""The values of rows as SQL: literals, and expressions for what depends on the time or on random numbers.

A value that differs between two moments is not written as it is: a seed's `created_at` would be the time of
the squash, and a key of random bytes would be the same in every database. It is written as the expression
that gives it: one of those in the files, evaluated at the same moments with the same random numbers. Where
two cells share a random number, the first draws it, and the second reads it from there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import apsw

from d1migrate.backup.values import joined, literal, piece
from d1migrate.drivers.pinned import Pinned
from d1migrate.sql.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.backup.layout import Content
    from d1migrate.drivers.pinned import Moment

_AFFINITIES = ("TEXT", "INTEGER", "REAL", "NUMERIC", "BLOB")
_PROBE = f"CREATE TABLE probe ({', '.join(f'{name} {name}' for name in _AFFINITIES)})"
_FILL = "INSERT INTO probe VALUES (?1, ?1, ?1, ?1, ?1)"
_READ = f"SELECT {joined([piece(name) for name in _AFFINITIES])} FROM probe"

Values = tuple[str, ...]
"""A cell's literal at each of the moments."""


class Source(NamedTuple):
    """An expression, and the random numbers that it draws."""

    sql: str
    draws: range = range(0)


class Place(NamedTuple):
    """A cell that is written already: its table, its column as it is quoted, and the literals of its key."""

    table: str
    column: str
    key: tuple[tuple[str, str], ...]

    @property
    def sql(self) -> str:
        """A query of its value."""
        where = " AND ".join(f"{column} = {value}" for column, value in self.key)
        return f"(SELECT {self.column} FROM {quote_identifier(self.table)} WHERE {where})"


class Sources:
    """Finds the expressions of values.

    Args:
        expressions: those to try, best first; what cannot be evaluated by itself is left out.
        moments: the moments at which values are known.
        draws: what the random numbers were drawn for, as `Build` has it.

    Attributes:
        order: the random numbers in the order in which the values found so far draw them.
    """

    def __init__(
        self, expressions: Iterable[str], moments: Sequence[Moment], draws: Sequence[int | None]
    ) -> None:
        self._expressions, self._moments, self._draws = tuple(expressions), moments, draws
        self._found: dict[tuple[str, Values], list[Source]] | None = None
        self._written: dict[Values, Place] = {}
        self._drawn: set[int] = set()
        self.order: list[int] = []

    def of(self, affinity: str, values: Values, place: Place) -> str | None:
        """Return the SQL of a value that is not the same at all moments; None if it is not known.

        Args:
            affinity: of its column.
            values: the value at each moment.
            place: where it is about to be written.
        """
        if self._found is None:
            self._found = self._evaluated()
        for source in self._found.get((affinity, values), ()):
            if self._drawn.isdisjoint(source.draws):
                self._drawn.update(source.draws)
                self.order += source.draws
                if source.draws:
                    self._written[values] = place
                return source.sql
        known = self._written.get(values)
        return known.sql if known else None

    def _evaluated(self) -> dict[tuple[str, Values], list[Source]]:
        """Evaluate every expression at all moments, with each of the random numbers as the first."""
        found: dict[tuple[str, Values], list[Source]] = {}
        engines = [Pinned(moment) for moment in self._moments]
        try:
            for engine in engines:
                engine.rows(_PROBE)
            for sql in self._expressions:
                for source, stored in self._runs(engines, sql):
                    for affinity, values in zip(_AFFINITIES, stored, strict=True):
                        found.setdefault((affinity, values), []).append(source)
        finally:
            for engine in engines:
                engine.close()
        return found

    def _runs(self, engines: Sequence[Pinned], sql: str) -> Iterable[tuple[Source, list[Values]]]:
        with suppress(apsw.Error):  # it names a column, or is no expression
            stored = _stored(engines, sql, 0)
            wanted = tuple(engines[0].draws.made)
            if not wanted:
                yield Source(sql), stored
                return
            for first in range(len(self._draws) - len(wanted) + 1):
                if tuple(self._draws[first : first + len(wanted)]) == wanted:
                    yield Source(sql, range(first, first + len(wanted))), _stored(engines, sql, first)


def _stored(engines: Sequence[Pinned], sql: str, first: int) -> list[Values]:
    """Return what columns of each affinity would hold of an expression."""
    rows = []
    for engine in engines:
        engine.draws.begin_at(first)
        ((value,),) = engine.rows(f"SELECT ({sql})")
        engine.rows("DELETE FROM probe")
        engine.rows(_FILL, (value,))
        ((text,),) = engine.rows(_READ)
        rows.append([literal(part) for part in text.split("\n")])
    return [tuple(column) for column in zip(*rows, strict=True)]


def key_of(content: Content, row: Sequence[str], alias: str | None) -> tuple[tuple[str, str], ...]:
    """Return what finds a row: (column, literal) pairs; `alias` is the column that is its rowid."""
    columns = dict(zip(content.columns, row, strict=True))
    if alias is not None:
        return ((quote_identifier(alias), columns[quote_identifier(alias)]),)
    return tuple((part.column, columns[part.column]) for part in content.key)
