"""The state of a migrations table: what a batch compares, to notice that someone else wrote to it.

`expected` returns the text that the SQL of `fingerprint` yields in this state; the two change together.
"""

from __future__ import annotations

from d1migrate.migrate.table import MASK, SUFFIX
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.migrate.table import Identified


class NameState(NamedTuple):
    """The rows of a NameTable.

    Attributes:
        rows: (id, name) of each, by id.
        counter: the highest id ever used; None if the table is not AUTOINCREMENT.
    """

    rows: tuple[tuple[int, str], ...] = ()
    counter: int | None = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]], counter: int | None) -> NameState:
        """Return the state with rows of the query `NameTable.rows`, and its counter."""
        return cls(tuple((row[0], row[1]) for row in rows), counter)

    def plus(self, migration: Identified) -> NameState:
        """Return the state after a migration was recorded: SQLite gives the row the next id."""
        newest = max(self._newest, self.counter or 0) + 1
        counter = None if self.counter is None else newest
        return NameState((*self.rows, (newest, migration.name + SUFFIX)), counter)

    def minus(self, migration: Identified) -> NameState:
        """Return the state after the record of a migration was removed."""
        name = migration.name + SUFFIX
        return self._replace(rows=tuple(row for row in self.rows if row[1] != name))

    def expected(self, *, full: bool) -> str:
        """Return the text that `NameTable.fingerprint` yields in this state."""
        quick = f"{len(self.rows)} {self._newest}" + ("" if self.counter is None else f" {self.counter}")
        names = (name for _, name in self.rows if isinstance(name, str))
        return f"{quick} " + "\n".join(names) if full or self.counter is None else quick

    @property
    def _newest(self) -> int:
        return self.rows[-1][0] if self.rows else 0


class VersionState(NamedTuple):
    """The rows of a VersionTable: their number, their maximum and two sums; and wrangler's table beside it.

    The sums read every row, so they are compared only if SQL could change the set and keep number and
    maximum. The maximum is not maintained when a version is removed; then the sums are compared.

    Attributes:
        beside: the state of wrangler's table; None if that table does not exist.
        mirrored: whether wrangler's table gets the same records.
    """

    size: int = 0
    newest: int = 0
    total: int = 0
    squares: int = 0
    beside: NameState | None = None
    mirrored: bool = False

    @classmethod
    def of(
        cls, versions: Sequence[int], beside: NameState | None = None, *, mirrored: bool = False
    ) -> VersionState:
        """Return the state of a table with these versions."""
        total, squares = sum(v & MASK for v in versions), sum(map(_square, versions))
        return cls(len(versions), max(versions, default=0), total, squares, beside, mirrored)

    def plus(self, migration: Identified) -> VersionState:
        """Return the state after a migration was recorded."""
        version = _version(migration)
        return self._moved(1, version)._replace(
            newest=max(self.newest, version),
            beside=self.beside.plus(migration) if self.beside and self.mirrored else self.beside,
        )

    def minus(self, migration: Identified) -> VersionState:
        """Return the state after the record of a migration was removed."""
        return self._moved(-1, _version(migration))._replace(
            beside=self.beside.minus(migration) if self.beside and self.mirrored else self.beside
        )

    def _moved(self, by: int, version: int) -> VersionState:
        return self._replace(
            size=self.size + by,
            total=self.total + by * (version & MASK),
            squares=self.squares + by * _square(version),
        )

    def expected(self, *, full: bool) -> str:
        """Return the text that `VersionTable.fingerprint` yields in this state."""
        own = f"{self.size} {self.total} {self.squares}" if full else f"{self.size} {self.newest}"
        return f"{own} {'0' if self.beside is None else self.beside.expected(full=full)}"


TableState = VersionState | NameState


def _version(migration: Identified) -> int:
    assert migration.version is not None  # noqa: S101 - a plan has only migrations with a key
    return migration.version


def _square(version: int) -> int:
    masked = version & MASK
    return masked % 65521 * (masked % 65519)
