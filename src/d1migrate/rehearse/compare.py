"""Two states of a database, row by row: what was lost, changed and gained in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - of a NamedTuple's fields
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    import apsw

    from d1migrate.schema.model import Table

SAMPLE = 100
"""How many lost rows are named."""


class Difference(NamedTuple):
    """What became of the rows of a table.

    Attributes:
        before, after: how many there were and are.
        lost, gained: rows that are there no more, or were not.
        changed: {column: rows in which it holds another value}.
        keys: of the lost rows, the first ones: their primary keys, or all of the row where there is none.
    """

    before: int
    after: int
    lost: int = 0
    gained: int = 0
    changed: Mapping[str, int] = {}
    keys: Sequence[tuple[Any, ...]] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether every row is there as it was, and no other."""
        return not (self.lost or self.gained or self.changed)


def difference(
    connection: apsw.Connection, old: Table, new: Table | None, renamed: Mapping[str, str]
) -> Difference:
    """Compare a table of the database attached as `was` with what became of it in `main`.

    Args:
        connection: to both.
        old: the table as it was.
        new: as it is, under whatever name; None where it is gone.
        renamed: {column as it was: as it is}, folded, for those that have another name.
    """
    was = f"was.{quote_identifier(old.name)}"
    before = _count(connection, was)
    if new is None:
        keys = connection.execute(
            f"SELECT {_columns('', _key(old) or _stored(old))} FROM {was} LIMIT {SAMPLE}"
        )
        return Difference(before, 0, before, keys=tuple(keys))
    now = f"main.{quote_identifier(new.name)}"
    after = _count(connection, now)
    there = {fold(column.name): column.name for column in new.columns if not column.generated}
    pairs = [
        (name, there[to]) for name in _stored(old) if (to := renamed.get(fold(name), fold(name))) in there
    ]
    key = [pair for pair in pairs if pair[0] in _key(old)]
    if key and len(key) == len(_key(old)):
        return _by_key(connection, (was, now), (before, after), key, pairs)
    return _by_content(connection, (was, now), (before, after), pairs)


def _by_key(
    connection: apsw.Connection,
    tables: tuple[str, str],
    counts: tuple[int, int],
    key: Sequence[tuple[str, str]],
    pairs: Sequence[tuple[str, str]],
) -> Difference:
    was, now = tables
    same = " AND ".join(f"o.{quote_identifier(a)} IS n.{quote_identifier(b)}" for a, b in key)
    lost = f"FROM {was} o WHERE NOT EXISTS (SELECT 1 FROM {now} n WHERE {same})"
    gained = f"FROM {now} n WHERE NOT EXISTS (SELECT 1 FROM {was} o WHERE {same})"
    rest = [pair for pair in pairs if pair not in key]
    changed: dict[str, int] = {}
    if rest:
        sums = ", ".join(f"coalesce(sum({_differs(a, b)}), 0)" for a, b in rest)
        row = next(iter(connection.execute(f"SELECT {sums} FROM {was} o JOIN {now} n ON {same}")))
        changed = {a: count for (a, _), count in zip(rest, row, strict=True) if count}
    names = _columns("o.", [a for a, _ in key])
    keys = tuple(connection.execute(f"SELECT {names} {lost} LIMIT {SAMPLE}"))
    return Difference(
        *counts, _value(connection, f"SELECT count(*) {lost}"), _value(connection, f"SELECT count(*) {gained}"),
        changed, keys,
    )  # fmt: skip


def _by_content(
    connection: apsw.Connection,
    tables: tuple[str, str],
    counts: tuple[int, int],
    pairs: Sequence[tuple[str, str]],
) -> Difference:
    """Compare tables without a key: a row is what it holds, and may be there several times."""
    if not pairs:
        return Difference(*counts, max(0, counts[0] - counts[1]), max(0, counts[1] - counts[0]))
    was, now = (
        f"SELECT {_columns('', [pair[side] for pair in pairs])}, count(*) AS n FROM {table}"
        f" GROUP BY {', '.join(map(str, range(1, len(pairs) + 1)))}"
        for side, table in enumerate(tables)
    )
    same = " AND ".join(
        f"a.{quote_identifier(x)} IS b.{quote_identifier(y)}"
        f" AND typeof(a.{quote_identifier(x)}) = typeof(b.{quote_identifier(y)})"
        for x, y in pairs
    )
    back = " AND ".join(
        f"a.{quote_identifier(y)} IS b.{quote_identifier(x)}"
        f" AND typeof(a.{quote_identifier(y)}) = typeof(b.{quote_identifier(x)})"
        for x, y in pairs
    )
    missing = "max(0, a.n - coalesce(b.n, 0))"
    lost = _value(
        connection, f"SELECT coalesce(sum({missing}), 0) FROM ({was}) a LEFT JOIN ({now}) b ON {same}"
    )
    gained = _value(
        connection, f"SELECT coalesce(sum({missing}), 0) FROM ({now}) a LEFT JOIN ({was}) b ON {back}"
    )
    rows = f"SELECT a.* FROM ({was}) a LEFT JOIN ({now}) b ON {same} WHERE {missing} > 0 LIMIT {SAMPLE}"
    return Difference(*counts, lost, gained, {}, tuple(row[:-1] for row in connection.execute(rows)))


def _differs(a: str, b: str) -> str:
    old, new = f"o.{quote_identifier(a)}", f"n.{quote_identifier(b)}"
    return f"{old} IS NOT {new} OR typeof({old}) <> typeof({new})"


def _key(table: Table) -> list[str]:
    return [c.name for c in sorted(table.columns, key=lambda c: c.primary_key) if c.primary_key]


def _stored(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.generated]


def _columns(prefix: str, names: Sequence[str]) -> str:
    return ", ".join(f"{prefix}{quote_identifier(name)}" for name in names)


def _count(connection: apsw.Connection, table: str) -> int:
    return _value(connection, f"SELECT count(*) FROM {table}")


def _value(connection: apsw.Connection, sql: str) -> int:
    return int(next(iter(connection.execute(sql)))[0])
