"""The embedded engine gives the same results as the real D1, and so does a real Durable Object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import DriverError
from d1migrate.sql import d1
from d1migrate.sql.batch import Batch, Query
from tests.conformance.cases import COMMITTED, GROUPS, PARENT_CHILD, PLANTED, ROWS, ROWS_SETUP, Group
from tests.conformance.differences import IN_AN_OBJECT, KNOWN_DIFFERENCES
from tests.runtime.workerd import Workerd, WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Result

ACCEPTED = "accepted"
SENTINEL = Query(f"SELECT json_extract('{{}}', '{ACCEPTED}')")
PLANT = (
    "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; CREATE TABLE _cf_METADATA (k, v)"
)


def ask(driver: Driver, statements: Sequence[str], *, sentinel: bool = True) -> str:
    """Run statements as one batch; return its error, or ACCEPTED."""
    queries = [Query(sql) for sql in statements]
    try:
        driver.batch(Batch([*queries, SENTINEL] if sentinel else queries))
    except DriverError as error:
        text = str(error)
        return ACCEPTED if text == f"bad JSON path: '{ACCEPTED}': SQLITE_ERROR" else _without_reference(text)
    return ACCEPTED


def _without_reference(text: str) -> str:
    return re.sub(r"^internal error; reference = \w+$", "internal error", text)


def _memory() -> SqliteDriver:
    return SqliteDriver(":memory:", url="sqlite::memory:", profile=d1.WORKERD)


class Answers:
    """The real D1's results, read once per group; a database per group, since pragmas outlive a batch."""

    def __init__(self, workerd: Workerd) -> None:
        self._workerd = workerd
        self._groups: dict[str, dict[str, str]] = {}
        self._rows: Sequence[Result] = ()

    def of(self, group: Group) -> dict[str, str]:
        """{statement: result} of a group."""
        if group.name not in self._groups:
            driver = WorkerdDriver(self._workerd, self._workerd.database())
            if group is PLANTED:
                self._plant(driver)
            self._groups[group.name] = {sql: ask(driver, (*group.setup, sql)) for sql in group.statements}
        return self._groups[group.name]

    def committed(self, sql: str) -> str:
        """The result of a batch that ends in a commit, in a database of its own."""
        driver = WorkerdDriver(self._workerd, self._workerd.database())
        return ask(driver, (*PARENT_CHILD, sql), sentinel=False)

    def rows(self) -> Sequence[Result]:
        """The rows of every query of ROWS."""
        if not self._rows:
            driver = WorkerdDriver(self._workerd, self._workerd.database())
            self._rows = read_rows(driver)
        return self._rows

    def _plant(self, driver: WorkerdDriver) -> None:
        driver.batch(Batch([Query("SELECT 1")]))  # creates the file
        plant(self._workerd.file(driver.database))


def plant(path: Path) -> None:
    """Create the tables of a production D1, which no query may create."""
    connection = apsw.Connection(str(path))
    connection.execute(PLANT)
    connection.close()


def read_rows(driver: Driver) -> Sequence[Result]:
    """The rows of every query of ROWS."""
    driver.batch(Batch([Query(sql) for sql in ROWS_SETUP]))
    return driver.batch(Batch([Query(sql) for sql in ROWS], reads=True))


@pytest.fixture(scope="session")
def answers(workerd: Workerd) -> Answers:
    """The real D1's results."""
    return Answers(workerd)


def compare(sql: str, embedded: str, real: str) -> None:
    """Both are equal, except for a known difference, which must still exist."""
    if sql in KNOWN_DIFFERENCES:
        assert embedded != real, "no longer differs: take it out of KNOWN_DIFFERENCES"
    else:
        assert embedded == real


CASES = [
    pytest.param(group, sql, id=f"{group.name}: {sql[:80]!r}") for group in GROUPS for sql in group.statements
]


@pytest.mark.parametrize(("group", "sql"), CASES)
def test_statement(group: Group, sql: str, answers: Answers) -> None:
    """The embedded engine accepts or refuses the statement as D1 does, in D1's words."""
    compare(sql, ask(_memory(), (*group.setup, sql)), answers.of(group)[sql])


@pytest.mark.parametrize("sql", PLANTED.statements)
def test_statement_among_cloudflares_tables(sql: str, answers: Answers, tmp_path: Path) -> None:
    """With Cloudflare's own tables in the database, both are equal too."""
    plant(tmp_path / "planted.db")
    driver = SqliteDriver(str(tmp_path / "planted.db"), url="sqlite:planted.db", profile=d1.WORKERD)
    try:
        compare(sql, ask(driver, (*PLANTED.setup, sql)), answers.of(PLANTED)[sql])
    finally:
        driver.close()


@pytest.mark.parametrize("sql", COMMITTED)
def test_commit(sql: str, answers: Answers) -> None:
    """A commit that D1 refuses is refused, and one that it accepts is accepted."""
    embedded, real = ask(_memory(), (*PARENT_CHILD, sql), sentinel=False), answers.committed(sql)
    if real == "internal error":  # local D1 hides the text that production shows
        real = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
    compare(sql, embedded, real)


def test_the_known_differences_are_cases() -> None:
    """Each known difference has a case, so that none outlives its reason."""
    asked = {sql for group in (*GROUPS, PLANTED) for sql in group.statements} | {*ROWS, *COMMITTED}
    assert asked >= KNOWN_DIFFERENCES.keys()


@pytest.fixture(scope="session")
def embedded_rows() -> Sequence[Result]:
    """The rows of every query of ROWS, from the embedded engine."""
    return read_rows(_memory())


@pytest.mark.parametrize("sql", ROWS)
def test_rows(sql: str, answers: Answers, embedded_rows: Sequence[Result]) -> None:
    """A query returns the same rows."""
    position = ROWS.index(sql)
    embedded, real = embedded_rows[position].rows, answers.rows()[position].rows
    compare(sql, repr_rows(embedded), repr_rows(real))


def repr_rows(rows: Sequence[tuple[object, ...]]) -> str:
    """Rows as text, with whole REALs as integers, as JavaScript has them."""
    return repr(
        [tuple(int(v) if isinstance(v, float) and v.is_integer() else v for v in row) for row in rows]
    )


# --- Durable Objects ---


def _object(workerd: Workerd, *, planted: bool = False) -> WorkerdDriver:
    """A new object, with Cloudflare's own tables or without."""
    name = workerd.new_object()
    if planted:
        workerd.ask(f"/{name}", {"batch": [], "plant": True})
    return WorkerdDriver(workerd, name)


def test_statements_in_an_object(workerd: Workerd, answers: Answers) -> None:
    """Of the whole table, an object refuses only texts without a statement that D1 accepts; all else is equal.

    So the engine, its limits and its refusals are D1's, and one linter is enough for both.
    """
    found = {}
    for group in (*GROUPS, PLANTED):
        real, driver = answers.of(group), _object(workerd, planted=group is PLANTED)
        for sql in group.statements:
            answer = ask(driver, (*group.setup, sql))
            if answer != real[sql]:
                found[sql] = (real[sql], answer)
    assert found == dict.fromkeys(IN_AN_OBJECT, (ACCEPTED, d1.NO_STATEMENT))


def test_commits_in_an_object(workerd: Workerd, answers: Answers) -> None:
    """What D1 refuses at the end of a batch resets an object at the end of the event; nothing stays."""
    reset = ("internal error", "Durable Object was reset and rolled back to its last known good state")
    for sql in COMMITTED:
        driver, real = _object(workerd), answers.committed(sql)
        answer = ask(driver, (*PARENT_CHILD, sql), sentinel=False)
        left = driver.batch(Batch([Query("SELECT count(*) FROM sqlite_schema")], reads=True))[0].rows
        if real == ACCEPTED:
            assert answer == ACCEPTED, sql
            assert left != ((0,),), sql
        else:
            assert answer.startswith(reset), sql
            assert left == ((0,),), sql


def test_rows_in_an_object(workerd: Workerd, answers: Answers) -> None:
    """A query returns the same rows."""
    found = [repr_rows(result.rows) for result in read_rows(_object(workerd))]
    assert found == [repr_rows(result.rows) for result in answers.rows()]
