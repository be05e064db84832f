"""Rows for virtual tables: each module wants its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.rehearse.fill.row_constraints import REFUSED
from d1migrate.rehearse.fill.values import usual
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    import apsw

    from d1migrate.schema.model import Table
    from d1migrate.sql.batch import Value


class Virtual(NamedTuple):
    """What a CREATE VIRTUAL TABLE says: its module, folded, and the first tokens of each argument."""

    module: str
    arguments: tuple[tuple[str, ...], ...]

    @property
    def content(self) -> str:
        """The table that an FTS5 table indexes and does not hold itself; "" if it has its own or none."""
        options = [(fold(a[0]), a[1], unquote(a[2])) for a in self.arguments if len(a) > 2]
        return next((value for name, sign, value in options if (name, sign) == ("content", "=")), "")


def parse_virtual(sql: str) -> Virtual | None:
    """Return what a CREATE VIRTUAL TABLE says, as SQLite keeps it; None for any other statement."""
    if not sql.startswith("CREATE VIRTUAL TABLE"):
        return None
    tokens = significant(sql)
    at = [token.keyword for token in tokens].index("USING") + 1
    arguments: list[list[str]] = [[]]
    for token in tokens[at + 2 : -1]:
        if token.text == ",":
            arguments.append([])
        else:
            arguments[-1].append(token.text)
    return Virtual(fold(unquote(tokens[at].text)), tuple(map(tuple, arguments)))


def fill_virtual(connection: apsw.Connection, table: Table, virtual: Virtual, rows: int) -> str:
    """Put rows into an empty virtual table; return why it would have no rows, if it has none.

    One that indexes another table's content is built from that table, as it is now.
    """
    name = quote_identifier(table.name)
    try:
        if virtual.module == "fts5" and virtual.content:
            connection.execute(f"INSERT INTO main.{name}({name}) VALUES ('rebuild')")
            return f"the table it indexes, {virtual.content}, has no rows"
        for number in range(rows):
            row = _box(virtual, number) if virtual.module.startswith("rtree") else _texts(table, number)
            columns = [quote_identifier(column.name) for column in table.columns]
            sql = f"INSERT INTO main.{name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            connection.execute(sql, row)
    except REFUSED as error:
        return f"{virtual.module} refused: {error}"
    return "no rows were asked for"


def _texts(table: Table, number: int) -> list[Value]:
    return [usual(table.name, column, position)(number) for position, column in enumerate(table.columns)]


def _box(virtual: Virtual, number: int) -> list[Value]:
    """Return an id with gaps, a low and a high end for each dimension, and what else there is as text."""
    _, *others = virtual.arguments
    ends = [argument for argument in others if argument[0] != "+"]
    box: list[Value] = [number + number // 3 + 1]
    box += [10 * (i // 2) + number + 2.5 * (i % 2) for i in range(len(ends))]
    return box + [f"{argument[1]} {number}" for argument in others[len(ends) :]]
