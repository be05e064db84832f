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
    with PlainConnection(path, flags=apsw.SQLITE_OPEN_READONLY) as connection:
        query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"
        statements = [str(sql) for (sql,) in connection.execute(query)]
    return read("".join(f"{sql};\n" for sql in statements), file=name)
