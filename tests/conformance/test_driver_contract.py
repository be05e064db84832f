"""What every driver does, whatever its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, QueryError
from d1migrate.migrate.migration import LARGE
from d1migrate.migrator import Migrator
from d1migrate.report.progress import WatchedDriver
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import Workerd, WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Value

# One line per driver: how to create one over a new database.
DRIVERS: dict[str, Callable[[pytest.FixtureRequest], Driver]] = {
    "sqlite file": lambda request: _file(request.getfixturevalue("tmp_path")),
    "sqlite memory": lambda _: SqliteDriver(":memory:", url="sqlite::memory:"),
    "workerd": lambda request: _workerd(request.getfixturevalue("workerd")),
}
# Numbers cross JavaScript: 2**53 is the end of the integers that can be read.
JAVASCRIPT = ("workerd", "binding", "object", "d1:")
DECLARED = {
    "sqlite": ("copy_to", "file"),
    "sqlite::memory:": ("copy_to",),
    "d1": ("time_travel", "report_progress"),
}
"""What each driver can do beyond `batch`; the others nothing."""
REFUSED = (QueryError, AmbiguousError)  # local D1 responds `internal error`, which may mean anything


def _file(directory: Path) -> Driver:
    return SqliteDriver(str(directory / "app.db"), url="sqlite:app.db")


def _workerd(workerd: Workerd) -> Driver:
    return WorkerdDriver(workerd, workerd.database())


@pytest.fixture(params=["sqlite file", "sqlite memory", pytest.param("workerd", marks=pytest.mark.slow)])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    """Each driver in turn, over a fresh database."""
    made = DRIVERS[request.param](request)
    yield made
    made.close()


def write(driver: Driver, *statements: str) -> None:
    """Run statements as one batch."""
    driver.batch(Batch([Query(sql) for sql in statements]))


def read(driver: Driver, sql: str, *params: Value) -> list[tuple[Value, ...]]:
    """The rows of one query."""
    (result,) = driver.batch(Batch([Query(sql, params)], reads=True))
    return list(result.rows)


def tables(driver: Driver) -> list[Value]:
    """The names of the tables."""
    return [
        name for (name,) in read(driver, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]


def test_it_can_do_what_it_declares(driver: Driver, tmp_path: Path) -> None:
    """A copy has the database's content, a restore works, and undeclared capabilities are None."""
    write(driver, "CREATE TABLE t (a)")
    able = driver.capabilities
    assert able.lookups == 0
    if able.copy_to:
        copy = tmp_path / "copy.db"
        able.copy_to(str(copy))
        assert tables(SqliteDriver(str(copy), url="sqlite:copy.db")) == ["t"]
    if file := able.file:
        assert able.copy_to is not None
        changed = file.detect_writes()
        write(driver, "CREATE TABLE u (a)")
        assert changed()
        file.copy_from(str(copy), None)
        assert tables(driver) == ["t"]
    if travel := able.time_travel:
        bookmark = travel.bookmark()
        write(driver, "CREATE TABLE u (a)")
        travel.travel(bookmark)
        assert tables(driver) == ["t"]
    if able.report_progress:
        assert able.time_travel, "only what is imported takes long enough"
        able.report_progress(lambda *_: None)
    kind = driver.url.partition(":")[0]
    declared = tuple(
        name for name in ("copy_to", "file", "time_travel", "report_progress") if getattr(able, name)
    )
    assert declared == DECLARED.get("sqlite::memory:" if driver.url == "sqlite::memory:" else kind, ())


def test_a_wrapper_has_the_capabilities_of_what_it_wraps(driver: Driver) -> None:
    """This includes those that are bound to the driver."""
    watched = WatchedDriver(driver, print, None, bar=False)
    assert watched.capabilities == driver.capabilities


def test_a_database_that_does_not_exist_reads_as_an_empty_one(driver: Driver) -> None:
    """A database that was never written has no tables."""
    assert read(driver, "SELECT count(*) FROM sqlite_master") == [(0,)]


def test_a_batch_is_kept(driver: Driver) -> None:
    """The next batch sees what a batch wrote."""
    write(driver, "CREATE TABLE t (a)", "INSERT INTO t VALUES ('x')")
    assert read(driver, "SELECT a FROM t") == [("x",)]


def test_a_batch_that_writes_returns_its_cost(driver: Driver) -> None:
    """Its rows are discarded; one Result has the rows read and written, if the engine counts them."""
    (cost,) = driver.batch(Batch([Query("CREATE TABLE t (a)"), Query("INSERT INTO t VALUES (1), (2)")]))
    assert list(cost.rows) == []
    if driver.url.startswith(JAVASCRIPT):
        assert (cost.rows_read, cost.rows_written) == (1, 4)
    else:
        assert (cost.rows_read, cost.rows_written) == (None, None)


def test_a_batch_that_writes_reports_how_long_the_database_took(driver: Driver) -> None:
    """Of all its queries together, without the time on the way; a Durable Object does not report it."""
    write(driver, "CREATE TABLE t (a)")
    rows = Query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)"
        " INSERT INTO t SELECT i FROM n"
    )
    last = Query("SELECT count(*) AS n FROM t")
    (result,) = driver.batch(Batch([rows, last], last_rows=True))
    (cost,) = driver.batch(Batch([rows]))
    for seconds in (result.seconds, cost.seconds):
        assert seconds is None if driver.url.startswith("object") else seconds and 0 < seconds < 30


def test_a_batch_that_writes_returns_the_rows_of_its_last_query_if_asked(driver: Driver) -> None:
    """It has its cost as well; the rows of the other queries are discarded."""
    write(driver, "CREATE TABLE t (a)")
    queries = [
        Query("INSERT INTO t VALUES (1), ('b'), (NULL) RETURNING a"),
        Query("SELECT a, ?1 AS b FROM t ORDER BY rowid", ("x",)),
    ]
    (result,) = driver.batch(Batch(queries, last_rows=True))
    assert list(result.rows) == [(1, "x"), ("b", "x"), (None, "x")]
    assert (result.rows_written is None) == (not driver.url.startswith(JAVASCRIPT))


def test_a_batch_that_reads_returns_a_result_per_query(driver: Driver) -> None:
    """There is one Result per query, in order, with rows in order."""
    batch = Batch(
        [Query("SELECT 2 AS b, 1 AS a, 1 AS c"), Query("SELECT 1 WHERE 0"), Query("VALUES (1), (2)")],
        reads=True,
    )
    assert [list(result.rows) for result in driver.batch(batch)] == [[(2, 1, 1)], [], [(1,), (2,)]]


@pytest.mark.parametrize(
    "failing",
    [
        "INSERT INTO nosuch VALUES (1)",
        "INSERT INTO t VALUES (NULL)",
        "nonsense",
        "SELECT json_extract('{}', 'stop')",
    ],
)
def test_a_failing_query_undoes_the_whole_batch(driver: Driver, failing: str) -> None:
    """Tables, rows and dropped tables are as before, whatever the query fails on."""
    write(driver, "CREATE TABLE t (a NOT NULL)", "INSERT INTO t VALUES (1)")
    with pytest.raises(QueryError):
        write(driver, "CREATE TABLE u (a)", "DELETE FROM t", "ALTER TABLE t ADD b", failing, "DROP TABLE t")
    assert tables(driver) == ["t"]
    assert read(driver, "SELECT * FROM t") == [(1,)]


def test_the_error_says_which_query_failed(driver: Driver) -> None:
    """`index` is the failing query's position, or None if the database does not report it."""
    with pytest.raises(QueryError) as caught:
        write(driver, "CREATE TABLE t (a)", "SELECT 1", "INSERT INTO t VALUES (nosuch)", "SELECT 2")
    assert caught.value.index in (2, None)
    assert str(caught.value) == "no such column: nosuch at offset 22: SQLITE_ERROR"


def test_a_driver_continues_after_an_error(driver: Driver) -> None:
    """A refused batch leaves the driver usable."""
    with pytest.raises(QueryError):
        write(driver, "nonsense")
    write(driver, "CREATE TABLE t (a)")
    assert tables(driver) == ["t"]


def test_an_assertion_on_a_later_row_stops_the_batch(driver: Driver) -> None:
    """A query is run to its end: one that fails on its second row fails."""
    paths = "SELECT '$' AS path UNION ALL SELECT 'second row'"
    with pytest.raises(QueryError, match="bad JSON path: 'second row'"):
        write(driver, "CREATE TABLE t (a)", f"SELECT json_extract('{{}}', path) FROM ({paths})")
    assert tables(driver) == []


@pytest.mark.parametrize("sql", ["INSERT OR ROLLBACK INTO t VALUES (1)", "INSERT INTO v VALUES (1)"])
def test_a_rollback_inside_a_query_leaves_nothing(driver: Driver, sql: str) -> None:
    """OR ROLLBACK and RAISE(ROLLBACK) end the transaction: nothing before or after them happens."""
    write(
        driver,
        "CREATE TABLE t (a UNIQUE)",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE TRIGGER r INSTEAD OF INSERT ON v BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    )
    with pytest.raises(REFUSED):
        write(driver, "CREATE TABLE before (a)", sql, "CREATE TABLE after (a)")
    assert tables(driver) == ["t"]


def test_an_orphan_left_at_commit_is_refused(driver: Driver) -> None:
    """A deferred foreign key that is still broken when the batch ends undoes the batch."""
    write(driver, "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p_id REFERENCES p (id))")
    with pytest.raises(REFUSED):
        write(driver, "PRAGMA defer_foreign_keys = on", "INSERT INTO c VALUES (9)", "CREATE TABLE u (a)")
    assert tables(driver) == ["c", "p"]
    assert read(driver, "SELECT count(*) FROM c") == [(0,)]


def test_foreign_keys_cannot_be_turned_off(driver: Driver) -> None:
    """The PRAGMA succeeds and does nothing."""
    write(driver, "CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (p_id REFERENCES p (id))")
    write(driver, "PRAGMA foreign_keys = off")
    with pytest.raises(QueryError, match="FOREIGN KEY constraint failed"):
        write(driver, "PRAGMA foreign_keys = off", "INSERT INTO c VALUES (9)")


@pytest.mark.parametrize(
    "sql", ["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s"]
)
def test_transaction_statements_are_refused(driver: Driver, sql: str) -> None:
    """A batch is a transaction already, also when another batch ran before."""
    write(driver, "SELECT 1")
    with pytest.raises(QueryError, match="To execute a transaction, please use"):
        write(driver, "CREATE TABLE t (a)", sql)
    assert tables(driver) == []


def test_a_batch_without_a_statement_is_refused(driver: Driver) -> None:
    """No queries, and queries that are only comments, are an error as on D1."""
    for queries in ([], [Query("-- nothing")]):
        with pytest.raises(QueryError, match=r"No SQL statements detected|did not contain a statement"):
            driver.batch(Batch(queries))


@pytest.mark.parametrize(
    "value", [None, "", "text", "grüße 🙂", "it's\n\t\r\0 end", b"", b"\x00\xff", 1.5, -2.25, 1e300]
)
def test_a_parameter_is_read_as_it_was_stored(driver: Driver, value: Value) -> None:
    """Text, blobs, fractions and NULL are stored and read unchanged."""
    driver.batch(Batch([Query("CREATE TABLE t (v)"), Query("INSERT INTO t VALUES (?)", (value,))]))
    assert read(driver, "SELECT v FROM t") == [(value,)]
    assert read(driver, "SELECT ?1", value) == [(value,)]


@pytest.mark.parametrize("value", [0, 1, -7, 2**53 - 1, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_integers_in_sql_come_back(driver: Driver, value: int) -> None:
    """Integers written in the SQL are stored exactly, and read exactly up to what the transport carries."""
    write(driver, "CREATE TABLE t (v)", f"INSERT INTO t VALUES ({value})")
    assert read(driver, "SELECT CAST(v AS TEXT), typeof(v) FROM t") == [(str(value), "integer")]
    ((found,),) = read(driver, "SELECT v FROM t")
    if driver.url.startswith(JAVASCRIPT):
        assert float(str(found)) == float(value)
    else:
        assert found == value


def test_integer_parameters_are_numbers(driver: Driver) -> None:
    """An integer parameter is an INTEGER, or a REAL as a JavaScript number; a column's affinity converts it."""
    expected = "real" if driver.url.startswith("workerd") else "integer"
    assert read(driver, "SELECT typeof(?)", 7) == [(expected,)]
    driver.batch(Batch([Query("CREATE TABLE t (v INTEGER)"), Query("INSERT INTO t VALUES (?)", (7,))]))
    assert read(driver, "SELECT v, typeof(v) FROM t") == [(7, "integer")]


@pytest.mark.parametrize(("sql", "params"), [("SELECT ?", ()), ("SELECT 1", (1,)), ("SELECT ?, ?", (1,))])
def test_parameters_must_be_as_many_as_the_query_has(
    driver: Driver, sql: str, params: tuple[Value, ...]
) -> None:
    """Too few and too many parameters are refused."""
    with pytest.raises(QueryError, match="Wrong number of parameter bindings"):
        driver.batch(Batch([Query(sql, params)]))


def test_queries_are_iterated_from_their_start(driver: Driver) -> None:
    """Any iterable works; it is iterated again for each batch."""
    queries = tuple(Query("INSERT INTO t VALUES (?)", (str(n),)) for n in range(50))
    write(driver, "CREATE TABLE t (a)")
    for _ in range(2):
        driver.batch(Batch(queries))
    assert read(driver, "SELECT count(*) FROM t") == [(100,)]


def test_an_error_while_the_queries_are_read_undoes_the_batch(driver: Driver) -> None:
    """If the iterable of queries fails halfway, the batch is undone."""

    def queries() -> Iterator[Query]:
        yield Query("CREATE TABLE t (a)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driver.batch(Batch(queries()))
    assert tables(driver) == []


@pytest.mark.parametrize("text", ["", "-- later\n", "-- long\n" * (LARGE // 4)])
def test_a_migration_without_a_statement(driver: Driver, tmp_path: Path, text: str) -> None:
    """The batch holds only the history; it is recorded, and rolled back."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_a.sql").write_text(text)
    migrator = Migrator(driver, str(folder))
    assert [step.statements for step in migrator.up().steps] == [0]
    assert [entry.state for entry in migrator.status()] == ["applied"]
    migrator.down()
    assert [entry.state for entry in migrator.status()] == ["pending"]
