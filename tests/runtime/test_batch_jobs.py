"""A batch migration on the real D1: keys of every kind, and what a chunk reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import Workerd, WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.sql.batch import Result

NORM = "UPDATE t SET norm = lower(email) WHERE norm IS NULL"


class Measured:
    """A driver that notes what each of its writing batches read and wrote."""

    def __init__(self, driver: WorkerdDriver) -> None:
        self.url, self.capabilities = driver.url, driver.capabilities
        self.costs: list[tuple[int, int]] = []
        self._driver = driver

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        results = self._driver.batch(batch)
        if not batch.reads:
            self.costs.append((results[0].rows_read or 0, results[0].rows_written or 0))
        return results

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return [tuple(row) for row in self._driver.batch(Batch([Query(sql)], reads=True))[0].rows]

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


def started(workerd: Workerd, tables: str, directive: str, sql: str) -> tuple[Measured, Migrator]:
    """A database with tables and rows, and the migrator of a batch migration."""
    driver = Measured(WorkerdDriver(workerd, workerd.database()))
    before = Migration(1, "001_tables", tables)
    Migrator(driver, [before]).up(lint=False)
    driver.costs.clear()
    file = Migration(2, "002_fill", f"-- d1migrate: batch t {directive}\n{sql};\n")
    return driver, Migrator(driver, [before, file])


@pytest.mark.parametrize(
    ("columns", "by", "keys"),
    [
        ("k INTEGER PRIMARY KEY", "", "-9223372036854775808, -1, 0, 9007199254740993, 9223372036854775807"),
        (
            "k PRIMARY KEY",
            "by k",
            "0, 9007199254740993, 0.5, 9e999, '', 'é', x'', x'00ff', 9007199254740992",
        ),
        ("k TEXT COLLATE NOCASE PRIMARY KEY", "by k", "'b', 'A', 'C', 'd', 'E'"),
    ],
)
def test_keys_stay_in_the_database(workerd: Workerd, columns: str, by: str, keys: str) -> None:
    """JavaScript would round an integer above 2**53, and make a list of a blob."""
    values = ", ".join(f"({key}, 'X')" for key in keys.split(", "))
    options = " WITHOUT ROWID" if by else ""
    tables = (
        f"CREATE TABLE t ({columns}, email TEXT, norm TEXT){options}; INSERT INTO t (k, email) VALUES {values};"
        " CREATE TABLE ran (k UNIQUE); CREATE TRIGGER note AFTER UPDATE ON t BEGIN INSERT INTO ran VALUES (NEW.k); END;"
    )
    driver, migrator = started(workerd, tables, f"{by} rows 2", NORM)
    assert migrator.run_job(sleep=lambda _: None).end == "done"
    assert driver.rows("SELECT count(*) FROM ran") == driver.rows("SELECT count(*) FROM t WHERE norm = 'x'")
    assert driver.rows("SELECT count(*) FROM t WHERE norm IS NULL") == [(0,)]


class Cost(NamedTuple):
    """A statement over ROWS rows, and what it may read and write for each."""

    table: str
    by: str
    sql: str
    reads: float
    writes: float


ROWS, SIZE = 2000, 250
ROWID = "t (id INTEGER PRIMARY KEY, a INTEGER, email TEXT, norm TEXT)"
COMPOSITE = "t (id INTEGER, a INTEGER, email TEXT, norm TEXT, PRIMARY KEY (a, id)) WITHOUT ROWID"
COSTS = {
    "an update by rowid": Cost(ROWID, "", NORM, 4.2, 2.0),
    "an update by two columns": Cost(COMPOSITE, "by a, id", NORM, 3.2, 2.0),
    "an update from another table": Cost(ROWID, "", "UPDATE t SET email = o.x FROM o WHERE o.t = t.id", 6.2, 1.0),
    "a delete": Cost(ROWID, "", "DELETE FROM t WHERE norm IS NULL", 4.2, 1.0),
    "an insert": Cost(ROWID, "", "INSERT OR IGNORE INTO copies SELECT t.id, o.x FROM o JOIN t ON o.t = t.id", 5.2, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("what", COSTS)
def test_what_a_chunk_reads_and_writes(workerd: Workerd, what: str) -> None:
    """The last as much as the first; an index of a column that is filled is not used to find the rows."""
    cost = COSTS[what]
    numbers = f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {ROWS})"
    tables = (
        f"CREATE TABLE {cost.table}; CREATE INDEX t_norm ON t (norm);"
        " CREATE TABLE o (id INTEGER PRIMARY KEY, t INTEGER, x); CREATE INDEX o_t ON o (t);"
        " CREATE TABLE copies (id INTEGER PRIMARY KEY, x);"
        f"{numbers} INSERT INTO t (id, a, email) SELECT x, x % 2, 'U' || x FROM n;"
        f"{numbers} INSERT INTO o SELECT x, x, x FROM n;"
    )
    driver, migrator = started(workerd, tables, f"{cost.by} rows {SIZE}", cost.sql)
    assert migrator.run_job(sleep=lambda _: None).end == "done"
    begin, *chunks, _ = driver.costs
    assert begin[0] < 50, "the start counts no rows"
    reads, writes = zip(*chunks, strict=True)
    assert sum(reads) <= cost.reads * ROWS
    assert max(reads) <= 1.2 * min(reads)
    assert len(chunks) == ROWS / SIZE
    assert sum(writes) <= cost.writes * ROWS + 3 * len(chunks)
