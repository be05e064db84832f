"""What a migration costs on D1, estimated from the rows it wrote in the rehearsal."""

from __future__ import annotations

from collections import defaultdict

from d1migrate.rehearse.expected_effects import columns_set_indirectly
from d1migrate.rehearse.model import Cost
from d1migrate.schema.cost import drop_cost, separate_indexes, touched_indexes
from d1migrate.schema.keys import is_without_rowid
from d1migrate.schema.queries import is_autoincrement
from d1migrate.sql.names import fold
from d1migrate.sql.statement import alteration_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.rehearse.recording_engine import Recorded
    from d1migrate.schema.catalog import Catalog

_SCHEMA_ROWS = {"create view": 2, "create trigger": 1, "create virtual table": 2}
_COUNTED_PARTS = ("_docsize", "_rowid")  # shadow tables of FTS5 and R*Tree with a row for each row


def cost(file: ReplayedFile, recorded: Recorded, rows: Mapping[str, int], scale: Mapping[str, int]) -> Cost:
    """Return the cost of a migration, as D1 counts `rows_written` (measured; tests/runtime).

    An added row counts once, plus once for each index. A deleted row counts once. An updated row counts once,
    plus once for each index with a column that is set, even to the same value; if its key is set, that is
    every index. Rows that REPLACE deletes directly are free. Building an index, or a table from a SELECT,
    writes one entry for each row; dropping a column writes every row.

    Args:
        file: the migration.
        recorded: what was counted when it ran.
        rows: {folded table: rows before the migration}.
        scale: {folded table: rows of the target}; empty if unknown.
    """
    scales = _Scales(file, rows, scale)
    factors = dict(scales.statements)
    for index, table, operation in recorded.writes:
        factor = scales.factor(index, fold(table), operation)
        factors[index] = max(factors.get(index, 1.0), factor)
    total = round(sum(_written(file, recorded, _Scales(file, rows, {})).values()))
    seconds = sum(recorded.seconds)
    if not scale:
        return Cost(seconds, total)
    time = sum(second * factors.get(index, 1.0) for index, second in enumerate(recorded.seconds))
    return Cost(seconds, total, time, round(sum(_written(file, recorded, scales).values())))


def entries_by_statement(
    file: ReplayedFile, recorded: Recorded, rows: Mapping[str, int], scale: Mapping[str, int]
) -> dict[int, int]:
    """Return {statement: the entries that it costs in the target}, which its budget is compared with.

    That is what it writes, and what the deletes of a DROP TABLE cost if foreign keys reference the table.
    Arguments as for `cost`.
    """
    scales = _Scales(file, rows, scale)
    found = _written(file, recorded, scales)
    for (index, table, operation), count in recorded.writes.items():
        statement = file.statement(index)
        if operation == "DELETE" and statement and statement.verb == "drop table":
            dropped = statement.before.tables.get(fold(table))
            each = drop_cost(dropped, statement.before) if dropped else 0
            found[index] += count * each * scales.factor(index, fold(table), operation)
    return {index: round(entries) for index, entries in found.items()}


def _written(file: ReplayedFile, recorded: Recorded, scales: _Scales) -> dict[int, float]:
    """Return {statement: the entries that it writes}, with the rows of the target."""
    found: dict[int, float] = defaultdict(float)
    for (index, table, operation), count in recorded.writes.items():
        indirect = recorded.indirect_writes[index, table, operation]
        entries = _entries(file, index, fold(table), operation, count, indirect)
        found[index] += entries * scales.factor(index, fold(table), operation)
    for statement in file.statements:
        fixed, built = _built(statement, recorded.sizes)
        found[statement.index] += fixed + built * scales.statements[statement.index]
    return found


def built_tables(file: ReplayedFile) -> dict[int, str]:
    """Return {statement: table} of the statements whose cost is the number of rows the table then has."""
    found = {}
    for statement in file.statements:
        changes = statement.before is not statement.after
        if statement.verb == "create index" and changes:
            found[statement.index] = statement.after.owners.get(statement.shape.name, "")
        elif (statement.is_from_select and changes) or _drops_column(statement):
            found[statement.index] = statement.shape.name
    return {index: table for index, table in found.items() if table}


def _drops_column(statement: ReplayedStatement) -> bool:
    return statement.verb == "alter table" and alteration_of(statement.tokens).action == "drop column"


def _built(statement: ReplayedStatement, sizes: Mapping[int, int]) -> tuple[int, int]:
    """Return what a schema statement writes: rows of the schema, and entries of tables or indexes."""
    if statement.before is statement.after:
        return 0, 0
    written = sizes.get(statement.index, 0)
    if statement.verb == "create table":
        table = statement.after.tables[statement.shape.name]
        constraints = sum(not index.sql for index in table.indexes)
        return 2 + constraints - (1 if is_without_rowid(table) else 0), written
    if statement.verb in ("create index", "alter table"):
        return 1, written
    return _SCHEMA_ROWS.get(statement.verb, 0), 0


def _entries(file: ReplayedFile, at: int, table: str, operation: str, count: int, indirect: int) -> int:
    """Return how many entries are written for `count` rows of a table.

    `indirect` of these rows were written by foreign keys or triggers.
    """
    catalog, statement = file.catalog(at), file.statement(at)
    found = catalog.tables.get(table)
    if found is None:
        return count if _is_counted_part(catalog, table) else 0
    if operation == "INSERT":
        counters = 1 if is_autoincrement(found) else 0
        return count * (1 + separate_indexes(found)) + counters
    if operation == "DELETE":
        return count if statement and statement.verb in ("delete", "drop table") else indirect
    direct = count - indirect
    entries = count
    if direct:
        entries += direct * touched_indexes(found, statement.sets().keys() if statement else ())
    if indirect:
        entries += indirect * touched_indexes(found, columns_set_indirectly(file, at, table))
    return entries


def _is_counted_part(catalog: Catalog, table: str) -> bool:
    """Whether a table is a shadow table with one row for each row of its virtual table."""
    name = next((table.removesuffix(part) for part in _COUNTED_PARTS if table.endswith(part)), "")
    return name in catalog.tables


class _Scales:
    """How many times more rows the target has.

    Attributes:
        statements: {statement: how many times more rows it processes there}.
    """

    def __init__(self, file: ReplayedFile, rows: Mapping[str, int], scale: Mapping[str, int]) -> None:
        self._tables: dict[int, dict[str, float]] = {}
        self.statements: dict[int, float] = {}
        known = {table: scale[table] / rows[table] for table in scale if rows.get(table)}
        for statement in file.statements:
            self._tables[statement.index] = known
            factor = self.statements[statement.index] = _factor(statement, known)
            known = known.copy()
            for access in statement.accesses:
                if access.kind == "insert" and access.table not in scale:
                    known[access.table] = max(known.get(access.table, 1.0), factor)
            name = statement.shape.name
            if statement.is_from_select:
                known[name] = factor
            if statement.verb == "alter table" and (table_id := statement.before.ids.get(name)) is not None:
                known[statement.after.name_of(table_id) or ""] = factor

    def factor(self, at: int, table: str, operation: str) -> float:
        """Return how many times more rows of a table a statement writes in the target."""
        whole = self.statements.get(at, 1.0)
        return whole if operation == "INSERT" else self._tables.get(at, {}).get(table, whole)


def _factor(statement: ReplayedStatement, known: Mapping[str, float]) -> float:
    if statement.verb in ("insert", "replace") or statement.is_from_select:
        return max((known.get(table, 1.0) for table in statement.sources), default=1.0)
    table = statement.target if statement.verb in ("update", "delete") else statement.shape.name
    return known.get(statement.after.owners.get(table, table), 1.0)
