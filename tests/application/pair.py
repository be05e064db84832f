"""Two databases that get the same writes: in one a job runs, in the other, the control, it does not.

Every write must have the same result in both: rows changed and returned, or the error's text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error
from d1migrate.schema import introspect
from d1migrate.schema.compare import compare
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.schema.model import Schema
    from tests.application.writes import Write

_TABLES = Query(
    "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    " AND name NOT LIKE 'sqlite\\_s%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    " AND name NOT IN ('schema_migrations', 'd1migrate_log') ORDER BY name"
)
_COUNTERS = Query("SELECT name, seq FROM sqlite_sequence WHERE name <> 'd1migrate_log' ORDER BY name")

_UNIQUE = re.compile(r"UNIQUE constraint failed: (?!.*_d1m_hold)[^:]*")
"""The text of a refusal by one of several unique indexes of the table.

The first to be checked is the one that was created last. After a swap, that is another one for a moment, and has a
temporary name.
"""
_REFERENCE = re.compile(r"internal error; reference = \w+")
"""What D1 says if a commit is refused, as by a deferred key."""


class Pair:
    """The two databases, and what the application wrote.

    Args:
        subject: where the job runs.
        control: where it does not.
    """

    def __init__(self, subject: Driver, control: Driver) -> None:
        self.subject, self.control = subject, control
        self.written: list[Write] = []

    def create(self, statements: Sequence[str]) -> None:
        """Run the same statements in both, in one transaction each."""
        for driver in (self.control, self.subject):
            driver.batch(Batch([Query(sql) for sql in statements]))

    def write(self, write: Write) -> object:
        """Run a transaction of the application in both; return its result.

        Raises:
            AssertionError: the results differ.
        """
        self.written.append(write)
        expected, found = result_of(self.control, write), result_of(self.subject, write)
        if "an orphan" in str(expected) and isinstance(found, str):
            return expected  # SQLite may see it sooner
        assert found == expected, f"{write.statements}\n  with a job: {found}\n  without one: {expected}"
        return found

    def check_rows(self) -> None:
        """Check that both hold the same rows, rowids, counters and schema."""
        expected, found = contents(self.control), contents(self.subject)
        assert found.keys() == expected.keys()
        for table, rows in expected.items():
            missing, more = (sorted(map(repr, a - b)) for a, b in _both(rows, found[table]))
            assert not missing + more, f"{table}: without {missing}, with {more} that the control lacks"
        assert not compare(schema(self.control), schema(self.subject))


def _both(expected: set[Any], found: set[Any]) -> list[tuple[set[Any], set[Any]]]:
    return [(expected, found), (found, expected)]


def in_memory() -> SqliteDriver:
    """A new database of the embedded engine."""
    return SqliteDriver(":memory:", url="sqlite::memory:")


def result_of(driver: Driver, write: Write) -> object:
    """Return what a driver answers to a transaction: rows returned or changed, or the error's text."""
    queries = [Query(sql) for sql in write.statements]
    if "RETURNING" not in write.statements[-1]:
        last = ", iif(changes(), last_insert_rowid(), NULL)" if write.last_id else ""
        queries.append(Query(f"SELECT changes(){last}"))
    try:
        results = driver.batch(Batch(queries, last_rows=True))
    except Error as error:
        return _REFERENCE.sub("internal error", _UNIQUE.sub("UNIQUE constraint failed", str(error)))
    return [tuple(row) for row in results[-1].rows]


def contents(driver: Driver) -> dict[str, set[Any]]:
    """Return all rows of all tables, with their rowids and types, and the AUTOINCREMENT counters."""
    (tables,) = driver.batch(Batch([_TABLES], reads=True))
    reads = [
        Query(f"SELECT {'' if wr else 'rowid, '}* FROM {quote_identifier(name)}") for name, wr in tables.rows
    ]
    results = driver.batch(
        Batch([*reads, Query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")], reads=True)
    )
    found = {
        name: {tuple((type(value).__name__, value) for value in row) for row in result.rows}
        for (name, _), result in zip(tables.rows, results, strict=False)
    }
    if results[-1].rows:
        (counters,) = driver.batch(Batch([_COUNTERS], reads=True))
        found["sqlite_sequence"] = set(counters.rows)
    return found


def schema(driver: Driver) -> Schema:
    """Return the schema of a database."""
    return introspect.read(driver.batch(Batch(introspect.QUERIES, reads=True)))
