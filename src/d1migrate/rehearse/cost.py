"""What a migration costs on D1, from the rows it wrote here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.rehearse.model import Cost
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.lint.model import Ran, Replay
    from d1migrate.schema.catalog import Catalog


def cost(
    replay: Replay,
    writes: Mapping[tuple[int, str, str], int],
    seconds: Sequence[float],
    rows: Mapping[str, int],
    scale: Mapping[str, int],
) -> Cost:
    """Return the cost of a migration.

    A row that is added, deleted or updated counts once, and once more for every index of its table, as D1
    bills it (d1-facts §3.1). Building an index, or a table from a SELECT, writes an entry a row.

    Args:
        replay: the migration.
        writes: {(statement, table, operation): rows}.
        seconds: what each statement took.
        rows: {folded table: rows before the migration}.
        scale: {folded table: rows of the target}; empty where they are not known.
    """
    by_statement: dict[int, int] = {}
    told = _Told(replay)
    for (statement, table, _), count in writes.items():
        entries = count * (1 + _indexes(told.catalog(statement), fold(table)))
        by_statement[statement] = by_statement.get(statement, 0) + entries
    for ran in replay.of("create index", "create table"):
        by_statement[ran.index] = by_statement.get(ran.index, 0) + _built(ran, rows)
    total = sum(by_statement.values())
    if not scale:
        return Cost(sum(seconds), total)
    factors = told.factors(rows, scale)
    scaled = sum(count * factors.get(at, 1.0) for at, count in by_statement.items())
    time = sum(second * factors.get(at, 1.0) for at, second in enumerate(seconds))
    return Cost(sum(seconds), total, time, round(scaled))


def _built(ran: Ran, rows: Mapping[str, int]) -> int:
    """Return the entries that building an index or a table from a SELECT writes."""
    if ran.before is ran.after:
        return 0
    if ran.verb == "create index":
        return rows.get(ran.after.owners.get(ran.shape.name, ""), 0)
    return max((rows.get(t.table, 0) for t in ran.touches), default=0) if ran.is_from_select else 0


def _indexes(catalog: Catalog, table: str) -> int:
    found = catalog.tables.get(table)
    if found is None:
        return 0
    described = parse_table(found.sql)
    own = described is not None and described.without_rowid  # its primary key is the table
    return len(found.indexes) - (1 if own else 0)


class _Told:
    """What is known around each statement; of plain INSERTs, what the statement before them left."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._by_index = {ran.index: ran for ran in replay.ran}

    def catalog(self, statement: int) -> Catalog:
        """Return the schema a statement found."""
        if ran := self._by_index.get(statement):
            return ran.before
        earlier = [ran for ran in self._replay.ran if ran.index < statement]
        return earlier[-1].after if earlier else self._replay.before

    def factors(self, rows: Mapping[str, int], scale: Mapping[str, int]) -> dict[int, float]:
        """Return {statement: how many times as many rows it works on in the target}."""
        known = {table: scale[table] / rows[table] for table in scale if rows.get(table)}
        found: dict[int, float] = {}
        for ran in self._replay.ran:
            tables = {touch.table for touch in ran.touches} | {
                ran.shape.name,
                ran.after.owners.get(ran.shape.name, ""),
            }
            factor = max((known.get(table, 1.0) for table in tables), default=1.0)
            found[ran.index] = factor
            for touch in ran.touches:
                if touch.kind == "insert" and touch.table not in scale:
                    known[touch.table] = max(known.get(touch.table, 1.0), factor)
            if ran.is_from_select:
                known[ran.shape.name] = factor
        return found
