"""Rows for virtual tables: each module needs its own kind."""

from __future__ import annotations

from d1migrate.rehearse.fill.row_constraints import REFUSED
from d1migrate.rehearse.fill.values import usual
from d1migrate.sql.names import quote_identifier
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    import apsw

    from d1migrate.schema.model import Table
    from d1migrate.sql.batch import Value
    from d1migrate.sql.definitions import VirtualTableDefinition


def fill_virtual(
    connection: apsw.Connection, table: Table, virtual: VirtualTableDefinition, rows: int
) -> str:
    """Put rows into an empty virtual table; return why it is empty, if it still is.

    An index on another table's content is built from the present rows of that table.
    """
    name = quote_identifier(table.name)
    try:
        if virtual.content:
            connection.execute(f"INSERT INTO main.{name}({name}) VALUES ('rebuild')")
            return f"the table it indexes, {virtual.content}, has no rows"
        for number in range(rows):
            row = _box(virtual, number) if virtual.module.startswith("rtree") else _texts(table, number)
            columns = [quote_identifier(column.name) for column in table.columns]
            sql = f"INSERT INTO main.{name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            connection.execute(sql, row)
    except REFUSED as error:
        return f"{virtual.module} refused: {error}"
    return "no rows were requested"


def _texts(table: Table, number: int) -> list[Value]:
    return [usual(table.name, column, position)(number) for position, column in enumerate(table.columns)]


def _box(virtual: VirtualTableDefinition, number: int) -> list[Value]:
    """Return an id with gaps, a low and a high end for each dimension, and texts for auxiliary columns."""
    _, *others = virtual.arguments
    ends = [argument for argument in others if not argument.startswith("+")]
    box: list[Value] = [number + number // 3 + 1]
    box += [10 * (i // 2) + number + 2.5 * (i % 2) for i in range(len(ends))]
    names = (significant(argument)[1].text for argument in others[len(ends) :])  # `+name TYPE`
    return box + [f"{name} {number}" for name in names]
