"""The batches of a batch migration: what they do to a database, and what they refuse."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ParseError, QueryError
from d1migrate.migrate.jobs import job
from d1migrate.migrate.jobs.batch import BatchWork, fits
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.jobs.work import Ending
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import Migration
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.sql.batch import Value

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, norm TEXT); CREATE INDEX i ON users (norm)"
FILL = "UPDATE users SET norm = lower(email)"


@pytest.fixture
def driver() -> Iterator[SqliteDriver]:
    """An empty database."""
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as made:
        yield made


def run(driver: SqliteDriver, *statements: str | Query) -> None:
    """Run statements as one batch."""
    queries = [one if isinstance(one, Query) else Query(one) for one in statements]
    driver.batch(Batch(queries))


def rows(driver: SqliteDriver, sql: str) -> list[tuple[Value, ...]]:
    """The rows of a query."""
    return list(driver.batch(Batch([Query(sql)], reads=True))[0].rows)


def of(sql: str, directive: str = "batch users") -> Migration:
    """A file."""
    return Migration(7, "007_fill", f"-- d1migrate: {directive}\n{sql};\n")


def start(
    driver: SqliteDriver, file: Migration, *, most: int = 5000, budget: int = 50_000, size: int = 2
) -> BatchWork:
    """Begin a job."""
    work = BatchWork.of(file)
    assert file.job
    insert = job.insert(
        file, file.job, Stamp("t", 1, "ada", "d1migrate"), state="running", size=size, most=most, plan=None
    )
    run(driver, job.CREATE, insert, *work.start(most, budget))
    return work


def read(driver: SqliteDriver) -> Job:
    """The job."""
    return Job.of(rows(driver, job.READ.sql)[0])


def test_a_job_from_its_start_to_its_end(driver: SqliteDriver) -> None:
    """Each chunk counts its rows; the one after which no row follows says so."""
    run(
        driver,
        *USERS.split(";"),
        "INSERT INTO users (id, email) VALUES (-5, 'A'), (3, 'B'), (4, 'C'), (9, 'D')",
    )
    work = start(driver, of(FILL + " WHERE email <> 'B'"))
    states = []
    while read(driver).state == "running":
        run(driver, *work.chunk(read(driver)))
        found = read(driver)
        states.append((found.state, found.at, found.rows, found.chunks))
    assert states == [("running", 3, 1, 1), ("filled", 9, 3, 2)]
    assert (found.first, found.last) == (-5, 9)
    assert found.moved_at > found.began_at == 1
    assert rows(driver, "SELECT group_concat(norm) FROM users") == [("a,c,d",)]
    assert work.chunk(found) == ()
    assert work.ending(found) == Ending(records=True, closes=True)


def test_its_sql_is_constant(driver: SqliteDriver) -> None:
    """A compiled index carries it; what differs between chunks is in the row."""
    run(driver, *USERS.split(";"), "INSERT INTO users (email) VALUES ('A'), ('B'), ('C')")
    work = start(driver, of(FILL))
    first = work.chunk(read(driver))
    run(driver, *first)
    assert work.chunk(read(driver)) == first
    assert not any(query.params for query in first)


@pytest.mark.parametrize(
    ("budget", "most", "expected"),
    [
        (50_000, 5000, (5000, 2)),
        (7, 5000, (1, 1)),
        (11, 5000, (2, 2)),
        (1, 5000, (1, 1)),
        (50_000, 40, (40, 2)),
    ],
)
def test_a_chunk_writes_at_most_the_budget(
    driver: SqliteDriver, budget: int, most: int, expected: tuple[int, int]
) -> None:
    """A row with two indexes counts as four entries, one of which is for pages that are split."""
    run(driver, *USERS.split(";"))
    start(driver, of(FILL), most=most, budget=budget)
    assert (read(driver).most, read(driver).size) == expected


def test_the_indexes_of_the_table_that_is_changed_count(driver: SqliteDriver) -> None:
    """For an INSERT, that is not the one whose rows are read."""
    run(
        driver,
        *USERS.split(";"),
        "CREATE TABLE emails (email TEXT UNIQUE, u)",
        "CREATE INDEX j ON emails (u, email)",
    )
    start(driver, of("INSERT OR IGNORE INTO emails SELECT email, id FROM users"), budget=40)
    assert read(driver).most == 10


@pytest.mark.parametrize(
    ("table", "directive", "sql", "message"),
    [
        ("CREATE TABLE users (a, rowid)", "batch users", "DELETE FROM users", job.NOT_THE_KEY),
        ("CREATE VIEW users AS SELECT 1 AS a", "batch users", "DELETE FROM users", job.NOT_THE_KEY),
        (
            "CREATE TABLE users (a PRIMARY KEY) WITHOUT ROWID",
            "batch users",
            "DELETE FROM users",
            "no such column",
        ),
        ("CREATE TABLE users (a, b UNIQUE)", "batch users by b", "DELETE FROM users", job.NOT_THE_KEY),
        ("CREATE TABLE users (a PRIMARY KEY)", "batch users by a", "DELETE FROM users", job.NOT_THE_KEY),
        (
            "CREATE TABLE users (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID",
            "batch users by b, a",
            "DELETE FROM users",
            job.NOT_THE_KEY,
        ),
        (
            "CREATE TABLE users (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID",
            "batch users by a",
            "DELETE FROM users",
            job.NOT_THE_KEY,
        ),
        (
            "CREATE TABLE users (Id INTEGER PRIMARY KEY)",
            "batch users",
            "UPDATE users SET id = 7",
            job.CHANGES_KEY,
        ),
    ],
)
def test_a_key_that_is_none(driver: SqliteDriver, table: str, directive: str, sql: str, message: str) -> None:
    """The job does not start."""
    run(driver, table)
    with pytest.raises(QueryError, match=message):
        start(driver, of(sql, directive))
    assert rows(driver, "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'") == []


@pytest.mark.parametrize(
    ("table", "directive", "sql"),
    [
        (
            "CREATE TABLE Users (a, b, PRIMARY KEY (B, a)) WITHOUT ROWID",
            "batch users by b, A",
            "DELETE FROM users",
        ),
        ("CREATE TABLE users (id INTEGER PRIMARY KEY)", "batch users by id", "DELETE FROM users"),
        ("CREATE TABLE users (rowid INTEGER PRIMARY KEY)", "batch users", "DELETE FROM users"),
        ("CREATE TABLE users (rowid, oid)", "batch users by _rowid_", "DELETE FROM users"),
        ("CREATE TABLE users (a NOT NULL PRIMARY KEY)", "batch users by a", "DELETE FROM users"),
        ('CREATE TABLE users ("é ""x" NOT NULL PRIMARY KEY)', 'batch users by "é ""x"', "DELETE FROM users"),
        ("CREATE TABLE users (a INT PRIMARY KEY)", "batch users", "UPDATE users SET a = 7"),
        ("CREATE TABLE users (a INTEGER, b, PRIMARY KEY (a, b))", "batch users", "UPDATE users SET a = 7"),
    ],
)
def test_a_key_that_is_one(driver: SqliteDriver, table: str, directive: str, sql: str) -> None:
    """The job starts."""
    run(driver, table)
    start(driver, of(sql, directive))
    assert read(driver).state == "running"


TARGETS = {
    "CREATE TABLE a (id INTEGER PRIMARY KEY, email, n)": False,
    "CREATE TABLE a (id INTEGER, email PRIMARY KEY, n)": True,
    "CREATE TABLE a (email INTEGER PRIMARY KEY, id, n)": True,
    "CREATE TABLE a (id, email, n, UNIQUE (Email, N))": True,
    "CREATE TABLE a (id, email, n, UNIQUE (email, id))": False,
    "CREATE TABLE a (id, email, n, PRIMARY KEY (n, email)) WITHOUT ROWID": True,
    "CREATE TABLE a (id, email, n); CREATE UNIQUE INDEX i ON a (lower(email), n)": True,
    "CREATE TABLE a (id, email, n); CREATE INDEX i ON a (email)": False,
}


@pytest.mark.parametrize("table", TARGETS)
def test_an_insert_needs_a_key(driver: SqliteDriver, table: str) -> None:
    """Otherwise none of its rows would conflict, and a second run would insert them again."""
    run(driver, "CREATE TABLE users (id INTEGER PRIMARY KEY, email)", *table.split(";"))
    of_some = of("INSERT OR IGNORE INTO A (Email, n) SELECT email, 1 FROM users")
    if TARGETS[table]:
        start(driver, of_some)
    else:
        with pytest.raises(QueryError, match=f"{job.INSERTS_AGAIN}a"):
            start(driver, of_some)


def test_an_insert_of_all_columns(driver: SqliteDriver) -> None:
    """Any key is among them; NOT EXISTS needs none."""
    run(
        driver,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email)",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, email)",
    )
    run(driver, "CREATE TABLE b (email)")
    start(driver, of("INSERT INTO a SELECT id, email FROM users WHERE true ON CONFLICT DO NOTHING"))
    run(driver, job.DROP)
    with pytest.raises(QueryError, match=f"{job.INSERTS_AGAIN}b"):
        start(driver, of("INSERT OR IGNORE INTO b SELECT email FROM users"))
    start(
        driver,
        of(
            "INSERT INTO b SELECT email FROM users u WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.email = u.email)"
        ),
    )


def test_an_uncuttable_statement_has_no_work() -> None:
    """The file is refused before anything is sent."""
    with pytest.raises(ParseError, match="a second run would change n again"):
        BatchWork.of(of("UPDATE users SET n = n + 1"))


@pytest.mark.parametrize(("directive", "most"), [("batch users", 5000), ("batch users rows 3", 3)])
def test_a_table_that_fits(driver: SqliteDriver, directive: str, most: int) -> None:
    """As an ordinary migration, the file runs only if its table has no more rows."""
    file = of(FILL, directive)
    assert file.job
    run(driver, *USERS.split(";"))
    many = json.dumps(list(range(most)))
    run(driver, f"INSERT INTO users (id) SELECT value FROM json_each('{many}')", fits(file.job))
    with pytest.raises(QueryError, match=f"too many rows for one batch: users has more than {most}"):
        run(driver, f"INSERT INTO users (id) VALUES ({most})", fits(file.job))
