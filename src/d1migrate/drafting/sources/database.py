"""A SQLite file as a desired schema. Its rows are not read."""

from __future__ import annotations

import apsw

from d1migrate.drafting.schema_file import read
from d1migrate.drivers.plain import PlainConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drafting.desired import Desired


def read_database(path: str, *, name: str) -> Desired:
    """Return the schema of a SQLite file, as D1 would build it.

    Args:
        path: the file.
        name: what to call it in errors.

    Raises:
        UnavailableError: the file cannot be read, or it is not a database.
        ParseError: D1 refuses a statement of its schema.
    """
    return read("".join(f"{sql};\n" for _, sql in _statements(path)), file=name)


def table_at(path: str, line: int) -> str:
    """Return the table whose statement is at a line of what `read_database` reads, as errors have it."""
    end = 0
    for table, sql in _statements(path):
        end += sql.count("\n") + 1
        if line <= end:
            return table
    raise ValueError(line)


def _statements(path: str) -> list[tuple[str, str]]:
    """Return the statements of a file's schema, in the order of their creation, each with its table."""
    with PlainConnection(path, flags=apsw.SQLITE_OPEN_READONLY) as connection:
        query = "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
        return [(str(table), str(sql)) for table, sql in connection.execute(query)]
