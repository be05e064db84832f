"""Reading the rows of a table page by page; memory holds one page, or the longest row."""

from __future__ import annotations

from d1migrate.backup import values
from d1migrate.errors import UsageError
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import WORKERD
from d1migrate.sql.names import quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.backup.contents import TableContents
    from d1migrate.drivers.protocol import Driver

_PAGE_ROWS = 2_000
_PAGE_BYTES = 500_000
_LONG_ROW = 40_000  # bytes; longer rows are read value by value
_LONG_VALUE = 5_000  # 100 such columns stay below D1's limit of 2 MB for a string
_SLICE = 250_000  # bytes of a long value, half a megabyte of digits


class Reader:
    """Reads rows as literals.

    Args:
        driver: the database.
        encoding: the encoding of its text.

    Attributes:
        changed: whether other writers were seen while it read.
    """

    def __init__(self, driver: Driver, encoding: str = "utf-8") -> None:
        self._driver, self._encoding = driver, encoding
        self._writes: object = None
        self.changed = False

    def pages(self, content: TableContents) -> Iterator[list[list[str]]]:
        """Yield the rows of a table in the order of its key, each as the literals of its columns.

        Raises:
            UsageError: a key is too long for a query.
        """
        after: list[str] = []
        while True:
            rows = self._ask(content, _page(content, after))
            if not rows:
                return
            page = []
            for key, text in rows:
                after = [values.literal(part, self._encoding) for part in key.split(values.BETWEEN)]
                page.append(self._long_row(content, after) if text is None else self._literals(text))
            yield page

    def _literals(self, text: str) -> list[str]:
        return [values.literal(part, self._encoding) for part in text.split(values.BETWEEN)]

    def _ask(self, content: TableContents, *queries: str) -> list[tuple[str, str | None]]:
        if max(len(sql.encode()) for sql in queries) > WORKERD.sql_length:
            raise UsageError(
                f"{content.name} has a key that is too long for a query", hint="copy the file instead"
            )
        # D1 has one connection for all clients, so this counts the writes of all of them. PRAGMA data_version
        # counts only the writes of other connections.
        asked = [Query("SELECT total_changes()"), *(Query(sql) for sql in queries)]
        writes, *results = self._driver.batch(Batch(asked, reads=True))
        count = writes.rows[0][0]
        self.changed = self.changed or self._writes not in (None, count)
        self._writes = count
        return [(str(row[0]), *row[1:]) for result in results for row in result.rows]

    def _long_row(self, content: TableContents, key: Sequence[str]) -> list[str]:
        """Read one row value by value, long ones in slices: D1 limits every string that a query makes."""
        where = f"FROM {quote_identifier(content.name)} t WHERE {_is(content, key)}"
        kinds = [f"typeof(t.{c}) || ' ' || ifnull(octet_length(t.{c}), 0)" for c in content.columns]
        short = [
            f"iif(octet_length(t.{c}) > {_LONG_VALUE}, '', {values.piece(f't.{c}')})" for c in content.columns
        ]
        ((first, text),) = self._ask(
            content, f"SELECT {values.joined(kinds)} AS k, {values.joined(short)} AS v {where}"
        )
        found = (text or "").split(values.BETWEEN)
        for at, column in enumerate(content.columns):
            kind, length = first.split(values.BETWEEN)[at].split(" ")
            if found[at]:
                found[at] = values.literal(found[at], self._encoding)
                continue
            slices = [
                f"SELECT hex(substr(CAST(t.{column} AS BLOB), {start + 1}, {_SLICE})) AS h {where}"
                for start in range(0, int(length), _SLICE)
            ]
            data = bytes.fromhex("".join(part for part, *_ in self._ask(content, *slices)))
            found[at] = (
                values.blob_literal(data) if kind == "blob" else values.text_literal(data, self._encoding)
            )
        return found


def _page(content: TableContents, after: Sequence[str]) -> str:
    """Return the query of a page: (key, row), with NULL for a row that is too long to be read at once."""
    keys = [_collated(f"t.{key.column}", key.collation) for key in content.key]
    names = [f"k{i}" for i in range(len(keys))]
    ordered = ", ".join(_collated(name, key.collation) for name, key in zip(names, content.key, strict=True))
    where = f"WHERE ({', '.join(keys)}) > ({', '.join(after)}) " if after else ""
    if len(keys) == 1 and after:
        where = f"WHERE {keys[0]} > {after[0]} "
    table = quote_identifier(content.name)
    columns = [f"t.{column}" for column in content.columns]
    found = ", ".join(f"t.{key.column} AS {name}" for key, name in zip(content.key, names, strict=True))
    joins = " AND ".join(f"{key} = p.{name}" for key, name in zip(keys, names, strict=True))
    return (
        f"SELECT {values.joined([values.piece(f't.{key.column}') for key in content.key])} AS k,"
        f" iif(p.size <= {_LONG_ROW}, {values.joined([values.piece(c) for c in columns])}, NULL) AS v"
        f" FROM (SELECT *, sum(size) OVER (ORDER BY {ordered}) AS total FROM"
        f" (SELECT {found}, {values.size(columns)} AS size FROM {table} t {where}"
        f"ORDER BY {', '.join(keys)} LIMIT {_PAGE_ROWS})) p"
        f" JOIN {table} t ON {joins} WHERE p.total - p.size < {_PAGE_BYTES} ORDER BY {', '.join(keys)}"
    )


def _is(content: TableContents, key: Sequence[str]) -> str:
    return " AND ".join(
        f"{_collated(f't.{part.column}', part.collation)} = {value}"
        for part, value in zip(content.key, key, strict=True)
    )


def _collated(column: str, collation: str) -> str:
    return f"{column} COLLATE {quote_identifier(collation)}" if collation else column
