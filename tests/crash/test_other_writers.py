"""Somebody else writes to the migrations tables, as wrangler does, between what we read and what we send.

They write no log and assert nothing. Our batch has to notice, whatever they wrote and to which table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import Error, HistoryError, QueryError
from d1migrate.migrate import assertions
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result
    from tests.crash.runs import Open

# Each can run twice without an error, and then leaves a row too many.
FILES = [
    Migration(number, f"000{number}_{name}", f"CREATE TABLE IF NOT EXISTS t (n INTEGER);\nINSERT INTO t VALUES ({number});\n-- Rollback:\n--   DELETE FROM t WHERE n = {number};\n")
    for number, name in enumerate(["a", "sub/b", "c"], 1)
]  # fmt: skip
RECORD = "INSERT INTO d1_migrations (name) values ('{}')"
LAST = "(SELECT max(id) FROM d1_migrations)"
SAME_COUNT = (f"DELETE FROM d1_migrations WHERE id = {LAST}", RECORD.format("0009_x.sql"))

# By what they do, with one file applied: as `wrangler d1 migrations apply`, or by hand.
WRITES: dict[str, tuple[str, ...]] = {
    "the next file": ("INSERT INTO t VALUES (2)", RECORD.format("0002_sub/b.sql")),
    "another file": (RECORD.format("0009_x.sql"),),
    "another file, and removed again": (RECORD.format("0009_x.sql"), "DELETE FROM d1_migrations WHERE name = '0009_x.sql'"),
    "as many rows": SAME_COUNT,
    "a row renamed": (f"UPDATE d1_migrations SET name = '0009_x.sql' WHERE id = {LAST}",),
    "a row removed": (f"DELETE FROM d1_migrations WHERE id = {LAST}",),
    "all rows removed": ("DELETE FROM d1_migrations",),
    "the counter reset": ("DELETE FROM sqlite_sequence WHERE name = 'd1_migrations'",),
}  # fmt: skip


class Between:
    """A driver that lets somebody else write before our first write; `refusal` is what our batch got."""

    def __init__(self, driver: Driver, write: Callable[[], object], *, nth: int = 1) -> None:
        self.url, self.capabilities, self._driver = driver.url, driver.capabilities, driver
        self._write, self._left = write, nth
        self.refusal = ""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it, after the other's if it is that write."""
        self._left -= not batch.reads
        if batch.reads or self._left:
            return self._driver.batch(batch)
        self._write()
        try:
            return self._driver.batch(batch)
        except QueryError as error:
            self.refusal = str(error)
            raise

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


@pytest.fixture
def open_(fresh: Callable[[], Open]) -> Open:
    """Opens the same fresh database again and again."""
    return fresh()


def migrator(driver: Driver, shape: str) -> Migrator:
    """A migrator whose history has a shape; with `both`, wrangler's table is beside it."""
    table = "d1_migrations" if shape == "names" else "schema_migrations"
    return Migrator(driver, FILES, table=table)


def write(open_: Open, *sql: str) -> None:
    """What somebody else sends, as one batch."""
    driver = open_()
    try:
        driver.batch(Batch([Query(text) for text in sql]))
    finally:
        driver.close()


def read(open_: Open, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    driver = open_()
    try:
        return list(driver.batch(Batch([Query(sql)], reads=True))[0].rows)
    finally:
        driver.close()


def start(open_: Open, shape: str) -> None:
    """Apply the first file; `both`: wrangler's table has its row, too."""
    if shape == "both":
        write(open_, VersionTable().create, NameTable().create)
        write(
            open_,
            *FILES[0].texts(),
            "INSERT INTO schema_migrations VALUES (1, '0001_a', 1790000000)",
            RECORD.format("0001_a.sql"),
        )
    else:
        first = migrator(open_(), shape)
        first.up(to=1)
        first.close()


@pytest.mark.parametrize("written", WRITES)
@pytest.mark.parametrize("shape", ["names", "both"])
def test_noticed_by_the_first_batch(open_: Open, shape: str, written: str) -> None:
    """Our batch is refused for it, and nothing runs twice, whatever becomes of the run."""
    start(open_, shape)
    between = Between(open_(), lambda: write(open_, *WRITES[written]))
    runner = migrator(between, shape)
    try:
        runner.up(lint=False)
    except HistoryError:  # they left a history that files do not match
        pass
    finally:
        runner.close()
    assert assertions.CHANGED_MEANWHILE in between.refusal or assertions.ALREADY_APPLIED in between.refusal
    ran = [n for (n,) in read(open_, "SELECT n FROM t ORDER BY rowid")]
    again = [1] if shape == "names" and written in ("a row removed", "all rows removed") else []
    assert sorted(ran) == sorted([*{*ran, 1}, *again])


@pytest.mark.parametrize("shape", ["names", "both"])
def test_noticed_by_a_later_batch(open_: Open, shape: str) -> None:
    """Between two of our own: what they applied is not applied again."""
    start(open_, shape)
    between = Between(
        open_(), lambda: write(open_, "INSERT INTO t VALUES (3)", RECORD.format("0003_c.sql")), nth=2
    )
    runner = migrator(between, shape)
    if shape == "names":
        report = runner.up(lint=False)
        assert [row.name for row in report.results] == ["0002_sub/b", "0003_c"]
    else:
        with pytest.raises(Error, match=r"only d1_migrations records 0003_c"):
            runner.up(lint=False)
    runner.close()
    assert between.refusal
    assert read(open_, "SELECT n FROM t ORDER BY n") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("shape", ["names", "both"])
@pytest.mark.parametrize("written", ["the next file", "as many rows", "a row renamed", "a row removed"])
def test_noticed_by_a_rollback(open_: Open, shape: str, written: str) -> None:
    """It rolls back what was chosen, or nothing."""
    start(open_, shape)
    between = Between(open_(), lambda: write(open_, *WRITES[written]))
    runner = migrator(between, shape)
    with pytest.raises(Error):
        runner.down(rollback_from="file", allow_loss=["all"])
    runner.close()
    assert assertions.CHANGED_MEANWHILE in between.refusal or assertions.NOT_APPLIED in between.refusal
    assert (1,) in read(open_, "SELECT n FROM t")


APPEARS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "it is created": ((), (NameTable().create,)),
    "it is created and filled": ((), (NameTable().create, RECORD.format("0001_a.sql"))),
    "it is filled": ((NameTable().create,), (RECORD.format("0002_sub/b.sql"), "INSERT INTO t VALUES (2)")),
    "it is dropped": ((NameTable().create,), ("DROP TABLE d1_migrations",)),
}


@pytest.mark.parametrize("case", APPEARS)
@pytest.mark.parametrize("act", ["up", "down", "baseline", "forget"])
def test_wranglers_table_appears(open_: Open, case: str, act: str) -> None:
    """Beside a table of versions: if it has rows by now, they have to be written to both."""
    before, meanwhile = APPEARS[case]
    start(open_, "versions")
    if before:
        write(open_, *before)
    between = Between(open_(), lambda: write(open_, *meanwhile))
    runner = Migrator(between, FILES[1:] if act == "forget" else FILES, table="schema_migrations")
    acts: dict[str, Callable[[], object]] = {
        "up": lambda: runner.up(lint=False),
        "down": lambda: runner.down(allow_loss=["all"]),
        "baseline": lambda: runner.baseline(to=2),
        "forget": lambda: runner.forget(1, reason="gone"),
    }
    try:
        acts[act]()
    except Error:
        assert act != "up" or "filled" in case or "dropped" in case
    runner.close()
    refusal = "no such table" if "dropped" in case else assertions.CHANGED_MEANWHILE
    assert refusal in between.refusal
    ran = [n for (n,) in read(open_, "SELECT n FROM t ORDER BY n")]
    assert len(set(ran)) == len(ran)
