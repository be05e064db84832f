"""What a migration costs on D1, from the rows it wrote here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.rehearse.expected_effects import set_off, sources
from d1migrate.rehearse.model import Cost
from d1migrate.schema.keys import is_without_rowid, rowid_alias
from d1migrate.schema.queries import is_autoincrement
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.rehearse.scratch_database import RecordingEngine
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Index, Table

_SCHEMA_ROWS = {"create view": 2, "create trigger": 1, "create virtual table": 2}
_COUNTED_PARTS = ("_docsize", "_rowid")  # shadow tables of FTS5 and R*Tree with a row for each row


def cost(told: ReplayedFile, ran: RecordingEngine, rows: Mapping[str, int], scale: Mapping[str, int]) -> Cost:
    """Return the cost of a migration, as D1 counts `rows_written` (measured; tests/runtime).

    A row that is added counts once, and once for each index; a row that is deleted once; one that is updated
    once, and once for each index with a column that is set, whatever the value was: for all indexes where
    its key is set. What REPLACE deletes itself is free. Building an index, or a table from a SELECT, writes
    an entry a row, and dropping a column every row.

    Args:
        told: the migration.
        ran: what was counted when it ran.
        rows: {folded table: rows before the migration}.
        scale: {folded table: rows of the target}; empty where they are not known.
    """
    scales = _Scales(told, rows, scale)
    total, scaled = 0, 0.0
    factors = dict(scales.statements)
    for (at, table, operation), count in ran.writes.items():
        entries = _entries(told, at, fold(table), operation, count, ran.set_off[(at, table, operation)])
        factor = scales.factor(at, fold(table), operation)
        factors[at] = max(factors.get(at, 1.0), factor)
        total += entries
        scaled += entries * factor
    for statement in told.ran:
        fixed, built = _built(statement, ran.sizes)
        total += fixed + built
        scaled += fixed + built * scales.statements[statement.index]
    seconds = sum(ran.seconds)
    if not scale:
        return Cost(seconds, total)
    time = sum(second * factors.get(at, 1.0) for at, second in enumerate(ran.seconds))
    return Cost(seconds, total, time, round(scaled))


def built_tables(told: ReplayedFile) -> dict[int, str]:
    """Return {statement: table} of those whose cost is in the rows a table has when they are done."""
    found = {}
    for ran in told.ran:
        changes = ran.before is not ran.after
        if ran.verb == "create index" and changes:
            found[ran.index] = ran.after.owners.get(ran.shape.name, "")
        elif (ran.is_from_select and changes) or _drops_column(ran):
            found[ran.index] = ran.shape.name
    return {at: table for at, table in found.items() if table}


def _drops_column(ran: ReplayedStatement) -> bool:
    return ran.verb == "alter table" and ran.words[ran.shape.at + 1 : ran.shape.at + 2] == ["DROP"]


def _built(ran: ReplayedStatement, sizes: Mapping[int, int]) -> tuple[int, int]:
    """Return what a statement about the schema writes: rows of the schema, and of tables or indexes."""
    if ran.before is ran.after:
        return 0, 0
    written = sizes.get(ran.index, 0)
    if ran.verb == "create table":
        table = ran.after.tables[ran.shape.name]
        return 2 + sum(not index.sql for index in table.indexes) - is_without_rowid(table), written
    if ran.verb in ("create index", "alter table"):
        return 1, written
    return _SCHEMA_ROWS.get(ran.verb, 0), 0


def _entries(told: ReplayedFile, at: int, table: str, operation: str, count: int, others: int) -> int:
    """Return the entries that rows written to a table are; `others` of them by foreign keys or triggers."""
    catalog, ran = told.catalog(at), told.at(at)
    found = catalog.tables.get(table)
    if found is None:
        return count if _is_counted_part(catalog, table) else 0
    indexes = len(found.indexes) - is_without_rowid(found)
    if operation == "INSERT":
        counter = is_autoincrement(found)
        return count * (1 + indexes) + counter
    if operation == "DELETE":
        return count if ran and ran.verb in ("delete", "drop table") else others
    own = count - others
    entries = count
    if own:
        entries += own * _touched(found, ran.sets().keys() if ran else ())
    if others:
        entries += others * _touched(found, set_off(told, at, table))
    return entries


def _is_counted_part(catalog: Catalog, table: str) -> bool:
    """Whether a table is the part of a virtual one that has a row for each of its rows."""
    name = next((table.removesuffix(part) for part in _COUNTED_PARTS if table.endswith(part)), "")
    return name in catalog.tables


def _touched(table: Table, columns: Collection[str]) -> int:
    """Return how many indexes have entries written where columns are set."""
    own = int(is_without_rowid(table))  # the primary key is the table itself, not an index beside it
    if (own or rowid_alias(table)) and {*columns} & set(map(fold, table.primary_key)):
        return len(table.indexes) - own
    return sum(_has(index, columns) for index in table.indexes)


def _has(index: Index, columns: Collection[str]) -> bool:
    """Whether an index has one of some columns, in an expression or its WHERE too."""
    names = {fold(name) for name in index.columns if name}
    if index.sql:
        names |= {fold(unquote(token.text)) for token in significant(index.sql)}
    return not names.isdisjoint(columns)


class _Scales:
    """How many times as many rows there are in the target.

    Attributes:
        statements: {statement: how many times as many rows it works on there}.
    """

    def __init__(self, told: ReplayedFile, rows: Mapping[str, int], scale: Mapping[str, int]) -> None:
        self._tables: dict[int, dict[str, float]] = {}
        self.statements: dict[int, float] = {}
        known = {table: scale[table] / rows[table] for table in scale if rows.get(table)}
        for ran in told.ran:
            self._tables[ran.index] = known
            factor = self.statements[ran.index] = _factor(ran, known)
            known = known.copy()
            for touch in ran.touches:
                if touch.kind == "insert" and touch.table not in scale:
                    known[touch.table] = max(known.get(touch.table, 1.0), factor)
            if ran.is_from_select:
                known[ran.shape.name] = factor
            if ran.verb == "alter table" and (number := ran.before.ids.get(ran.shape.name)) is not None:
                known[ran.after.name_of(number) or ""] = factor

    def factor(self, at: int, table: str, operation: str) -> float:
        """Return how many times as many rows of a table a statement writes in the target."""
        whole = self.statements.get(at, 1.0)
        return whole if operation == "INSERT" else self._tables.get(at, {}).get(table, whole)


def _factor(ran: ReplayedStatement, known: Mapping[str, float]) -> float:
    if ran.verb in ("insert", "replace") or ran.is_from_select:
        return max((known.get(table, 1.0) for table in sources(ran)), default=1.0)
    table = ran.target if ran.verb in ("update", "delete") else ran.shape.name
    return known.get(ran.after.owners.get(table, table), 1.0)
