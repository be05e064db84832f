"""INSERT statements that D1 accepts, however long a value is."""

from __future__ import annotations

from d1migrate.backup import values
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.schema.model import Table

_STATEMENT = 99_000  # bytes; D1 accepts 100,000 (d1-facts §1.6)
_GROUP = 60_000  # bytes of rows that share a statement
_SLICE = 48_000  # bytes of a long value, twice as many digits


class Inserts:
    """Writes rows, several per statement.

    A row that is too long for a statement is assembled in a helper table.

    Args:
        put: called with every statement.
        tables: those of the database, whose names the helper table avoids.
    """

    def __init__(self, put: Callable[[str], None], tables: Iterable[Table]) -> None:
        names = {fold(table.name) for table in tables}
        self._put, self._hold, self._holds = put, "d1migrate_long_values", False
        while self._hold in names:
            self._hold += "_"

    def write(self, insert: str, rows: Iterable[Sequence[str]]) -> None:
        """Write rows.

        Args:
            insert: the statement up to VALUES.
            rows: the literals of each row.
        """
        group: list[str] = []
        length = 0
        for row in rows:
            text = f"({', '.join(row)})"
            size = len(text.encode()) + 2
            if group and length + size > _GROUP:
                self._put(insert + ",\n".join(group))
                group, length = [], 0
            if size + len(insert.encode()) > _STATEMENT:
                self._put_long(insert, list(row))
                continue
            group.append(text)
            length += size
        if group:
            self._put(insert + ",\n".join(group))

    def end(self) -> None:
        """Drop the helper table, if there is one; call it again after more rows."""
        if self._holds:
            self._put(f"DROP TABLE {self._hold}")
            self._holds = False

    def _put_long(self, insert: str, row: list[str]) -> None:
        """Write a row that is too long for a statement.

        Its longest values are assembled slice by slice in the helper table: in the table itself, a CHECK such
        as json_valid() would refuse incomplete values.
        """
        if not self._holds:
            self._put(f"CREATE TABLE {self._hold} (id INTEGER PRIMARY KEY, value BLOB)")
            self._holds = True
        number = 0
        while len(insert.encode()) + sum(len(value.encode()) + 2 for value in row) > _STATEMENT:
            at = max(range(len(row)), key=lambda i: len(row[i].encode()))
            number += 1
            data, kind = _bytes(row[at])
            for start in range(0, len(data), _SLICE):
                part = values.blob_literal(data[start : start + _SLICE])
                # `||` turns blobs into text; the cast back changes no byte.
                self._put(
                    f"UPDATE {self._hold} SET value = CAST(value || {part} AS BLOB) WHERE id = {number}"
                    if start
                    else f"INSERT INTO {self._hold} (id, value) VALUES ({number}, {part})"
                )
            row[at] = f"(SELECT CAST(value AS {kind}) FROM {self._hold} WHERE id = {number})"
        self._put(f"{insert}({', '.join(row)})")
        self._put(f"DELETE FROM {self._hold}")


def _bytes(literal: str) -> tuple[bytes, str]:
    """Return the bytes of a text or blob literal, and TEXT or BLOB."""
    if literal.startswith("CAST("):
        return bytes.fromhex(literal[7:-10]), "TEXT"
    if literal.startswith("X'"):
        return bytes.fromhex(literal[2:-1]), "BLOB"
    return literal[1:-1].replace("''", "'").encode(), "TEXT"
