"""Assertions in SQL: each lets its batch pass exactly if the database is in the planned state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError
from d1migrate.migrate import assertions, log
from d1migrate.migrate import history as h
from d1migrate.migrate.assertions import HistoryState
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = st.lists(st.integers(1, 2**53 - 1), unique=True, max_size=8)


@pytest.fixture
def database() -> Iterator[SqliteDriver]:
    """Versions 1 and 2 are applied; the head of the log is "b"."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    stamps = [log.Stamp(token, 1, "ada", "d1migrate") for token in "ab"]
    rows = [h.insert_row(version, "m", 1) for version in (1, 2)]
    log = [log.record("done", log.Event("up", n, "m"), stamp) for n, stamp in enumerate(stamps, 1)]
    driver.batch(Batch([*h.create_tables(h.TABLES), *rows, *log, Query("CREATE TABLE a (x)")]))
    yield driver
    driver.close()


def stopped(driver: SqliteDriver, query: Query) -> str:
    """What a batch with this assertion is aborted with; nothing if it passes."""
    try:
        driver.batch(Batch([query, Query("INSERT INTO a VALUES (1)")]))
    except QueryError as error:
        return str(error)
    return ""


@given(VERSIONS, VERSIONS)
def test_a_state_follows_what_happens(before: list[int], others: list[int]) -> None:
    """Adding versions and removing them leads to the state of what is then applied."""
    state, applied = HistoryState.of(before, "x"), set(before)
    for version in others:
        if version in applied:
            applied.remove(version)
            state = state.minus(version, "y")
        else:
            applied.add(version)
            state = state.plus(version, "y")
    expected = HistoryState.of(sorted(applied), "y" if others else "x")
    assert state._replace(newest=0) == expected._replace(newest=0)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(
    ("version", "direction", "state", "message"),
    [
        (3, "up", HistoryState.of((1, 2), "b"), ""),
        (2, "down", HistoryState.of((1, 2), "b"), ""),
        (2, "up", HistoryState.of((1,), "a"), "already applied: version 2"),
        (3, "down", HistoryState.of((1, 2, 3), "c"), "not applied: version 3"),
        (3, "up", HistoryState.of((1,), "a"), "history changed meanwhile"),
        (3, "up", HistoryState.of((1, 2), "a"), "history changed meanwhile"),  # up, down, up
    ],
)
def test_ready(
    database: SqliteDriver,
    version: int,
    direction: Literal["up", "down"],
    state: HistoryState,
    message: str,
    *,
    full: bool,
) -> None:
    """Another runner was faster, with this version or with any other."""
    found = stopped(database, assertions.assert_ready(version, direction, state, full=full))
    assert message in found if message else not found


def test_only_the_whole_state_sees_versions_that_change_places(database: SqliteDriver) -> None:
    """Number and maximum are those of 1 and 2, and the versions are not."""
    swapped = HistoryState.of((2, 5), "b")._replace(newest=2)
    assert stopped(database, assertions.assert_result(swapped, full=False)) == ""
    assert "history not as planned; applied are 2,1" in stopped(
        database, assertions.assert_result(swapped, full=True)
    )


def test_unchanged(database: SqliteDriver) -> None:
    """Nobody wrote to the history since it was read."""
    assert stopped(database, assertions.assert_unchanged(HistoryState.of((1, 2), "b"))) == ""
    assert "meanwhile" in stopped(database, assertions.assert_unchanged(HistoryState.of((1, 2), "a")))


@pytest.mark.parametrize(
    ("state", "missing", "same"),
    [
        (HistoryState.of((1, 2), "b"), (), True),
        (HistoryState.of((1, 2), "a"), (), False),
        (HistoryState.of((1, 2), ""), ("d1migrate_log",), False),  # there is one now
        (HistoryState(), ("schema_migrations", "d1migrate_log"), False),
    ],
)
def test_asking_instead_of_aborting(
    database: SqliteDriver, state: HistoryState, missing: tuple[str, ...], *, same: bool
) -> None:
    """One row, 1 or 0."""
    (result,) = database.batch(Batch([assertions.is_same_state(state, missing)], reads=True))
    assert [tuple(row) for row in result.rows] == [(int(same),)]


def test_a_schema_that_changed(database: SqliteDriver) -> None:
    """Its mark is another one then."""
    ((mark,),) = database.batch(Batch([assertions.SCHEMA_MARK], reads=True))[0].rows
    assert stopped(database, assertions.assert_schema(mark)) == ""
    database.batch(Batch([Query("ALTER TABLE a ADD COLUMN y")]))
    assert "schema changed meanwhile" in stopped(database, assertions.assert_schema(mark))


def test_rows_that_appeared(database: SqliteDriver) -> None:
    """A table that was counted as empty is empty."""
    assert stopped(database, assertions.assert_empty("a")) == ""
    assert "rows appeared meanwhile in a" in stopped(database, assertions.assert_empty("a"))
