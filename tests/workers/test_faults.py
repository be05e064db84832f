"""Whatever goes wrong at the binding: call it again, and the database is as if nothing had."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.pyodide import PyodideWorkerd, Shape

BATCHES = 5  # of three migrations on an empty database: two that read, three that write
MESSAGES = [
    "Network connection lost.",
    "internal error; reference = e_1a2b3c",
    "D1 DB is overloaded. Requests queued for too long.",
]


def state(inside: PyodideWorkerd, database: str, table: TableShape) -> Any:
    """All that the runs left behind."""
    found = inside.call("flows:state", database=database, table=table).result
    return {**found, "notes": inside.call("flows:notes", database=database).result}


@pytest.fixture(scope="module")
def untroubled(inside: PyodideWorkerd, table: TableShape) -> Any:
    """What a run without faults leaves behind."""
    database = inside.database()
    inside.call("flows:run_three", database=database, table=table)
    return state(inside, database, table)


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_batch_that_never_arrives(
    inside: PyodideWorkerd, shape: Shape, table: TableShape, batch: int, message: str, untroubled: Any
) -> None:
    """It is an error, which says what was applied; the next call does the rest."""
    database = inside.database()
    fault = {"batch": batch, "do": "throw before", "message": message}

    with pytest.raises(InsideError) as caught:
        inside.call("flows:run_three", database=database, table=table, shape=shape, faults=[fault])

    error = caught.value
    assert message in error.message
    if batch < 2:
        assert error.type == "UnavailableError"
        assert inside.call("flows:run_three", database=database, table=table, shape=shape).result == [1, 2, 3]
    else:
        done = batch - 2
        assert error.type == "ApplyError"
        assert error.attributes["unknown"] is False
        assert len(error.attributes["applied"]) == done
        assert len(error.attributes["pending"]) == 3 - done
        rest = inside.call("flows:run_three", database=database, table=table, shape=shape).result
        assert rest == [1, 2, 3][done:]
    assert state(inside, database, table) == untroubled


@pytest.mark.parametrize("batch", range(2, BATCHES))
def test_a_lost_answer(
    inside: PyodideWorkerd, shape: Shape, table: TableShape, batch: int, untroubled: Any
) -> None:
    """The log tells that the batch was committed: the run goes on, and reports all of it."""
    database = inside.database()
    fault = {"batch": batch, "do": "lose answer"}

    answer = inside.call("flows:run_three", database=database, table=table, shape=shape, faults=[fault])

    assert answer.result == [1, 2, 3]
    assert answer.calls["batch"] == BATCHES + 1
    assert state(inside, database, table) == untroubled


@pytest.mark.parametrize("batch", range(2, BATCHES))
@pytest.mark.parametrize("do", ["throw before", "lose answer"])
def test_an_outcome_that_nobody_knows(
    inside: PyodideWorkerd, shape: Shape, table: TableShape, batch: int, do: str, untroubled: Any
) -> None:
    """Where the log cannot be asked either, the error says so; the next call finds out."""
    database = inside.database()
    faults = [{"batch": batch, "do": do}, {"batch": batch + 1, "do": "throw before"}]

    with pytest.raises(InsideError) as caught:
        inside.call("flows:run_three", database=database, table=table, shape=shape, faults=faults)

    assert caught.value.type == "ApplyError"
    assert caught.value.attributes["unknown"] is True
    assert len(caught.value.attributes["applied"]) == batch - 2
    rest = inside.call("flows:run_three", database=database, table=table, shape=shape).result
    assert rest == [1, 2, 3][batch - 2 + (do == "lose answer") :]
    assert state(inside, database, table) == untroubled


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_slow_batch_is_overtaken(
    inside: PyodideWorkerd, shape: Shape, table: TableShape, batch: int, untroubled: Any
) -> None:
    """Another run applies what is on its way: each migration happens once, and the slow run tells."""
    database, ours = inside.database(), max(batch - 2, 0)

    results = inside.call("flows:overtaken", database=database, table=table, shape=shape, batch=batch).result

    expected = [[n, "up" if n <= ours else "meanwhile"] for n in (1, 2, 3)]
    assert results == ([] if batch < 2 else expected)
    assert state(inside, database, table) == untroubled


RUNNERS = 20


def applied_once(runs: list[list[list[Any]]]) -> bool:
    """Whether each of three migrations was applied by exactly one run, and no run told of it twice."""
    ours = sorted(version for run in runs for version, action in run if action == "up")
    told = all(len({version for version, _ in run}) == len(run) for run in runs)
    return (
        ours == [1, 2, 3] and told and all(a in ("up", "applied meanwhile") for run in runs for _, a in run)
    )


def test_runs_at_once_in_a_cold_isolate(
    inside: PyodideWorkerd, shape: Shape, table: TableShape, untroubled: Any
) -> None:
    """20 calls at the same time on an empty database: exactly once."""
    database = inside.database()

    runs = inside.call("flows:race", database=database, table=table, shape=shape, runners=RUNNERS).result

    assert applied_once(runs)
    assert state(inside, database, table) == untroubled


def test_requests_at_once_in_two_isolates(
    two_isolates: PyodideWorkerd, shape: Shape, table: TableShape
) -> None:
    """20 requests, each with calls of its own, over two isolates: exactly once."""
    database = two_isolates.database()

    with ThreadPoolExecutor(RUNNERS) as pool:
        answers = list(
            pool.map(
                lambda n: two_isolates.call(
                    "flows:race", database=database, table=table, shape=shape, isolate=n % 2, runners=2
                ),
                range(RUNNERS),
            )
        )

    assert applied_once([run for answer in answers for run in answer.result])
    assert two_isolates.call("flows:notes", database=database).result == [["first"]]
