"""Whatever goes wrong at the binding: call it again, and the database is as if nothing had."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError
from tests.runtime.typescript import Clock, TypeScriptWorkerd
from tests.workers.typescript.runs import INDEXES, INDEXES_OF_200, NAMES, exactly_once, state

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.table import Shape

READS, WRITES = 2, 3  # batches of three migrations on an empty database
BATCHES = READS + WRITES
MESSAGES = [
    "Network connection lost.",
    "internal error; reference = e_1a2b3c",
    "D1 DB is overloaded. Requests queued for too long.",
    "D1 DB storage operation exceeded timeout which caused object to be reset.",
]


@pytest.fixture(scope="module")
def untroubled(typescript: TypeScriptWorkerd) -> dict[Shape, Any]:
    """What a run without faults leaves behind."""
    found: dict[Shape, Any] = {}
    for shape, index in INDEXES.items():
        database = typescript.database()
        typescript.call("runMigrations", index, database=database)
        found[shape] = state(typescript, database, shape)
    return found


def names(steps: list[dict[str, Any]]) -> list[str]:
    """The names of the results of a run."""
    return [step["name"] for step in steps]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_batch_that_never_arrives(
    typescript: TypeScriptWorkerd, shape: Shape, batch: int, message: str, untroubled: dict[Shape, Any]
) -> None:
    """It is an error, which says what was applied; the next call does the rest."""
    database, index = typescript.database(), INDEXES[shape]
    fault = {"batch": batch, "do": "throw before", "message": message}

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", index, database=database, faults=[fault])

    error, done = caught.value, max(batch - READS, 0)
    assert message in error.message
    assert error.type == ("UnavailableError" if batch < READS else "ApplyError")
    if batch >= READS:
        assert error.attributes["unknown"] is False
        assert error.attributes["applied"] == NAMES[:done]
        assert error.attributes["pending"] == NAMES[done:]
    assert names(typescript.call("runMigrations", index, database=database).results) == NAMES[done:]
    assert state(typescript, database, shape) == untroubled[shape]


@pytest.mark.parametrize("batch", range(READS, BATCHES))
def test_a_lost_answer(
    typescript: TypeScriptWorkerd, shape: Shape, batch: int, untroubled: dict[Shape, Any]
) -> None:
    """The log tells that the batch was committed: the run goes on, and reports all of it."""
    database = typescript.database()
    fault = {"batch": batch, "do": "lose answer"}

    answer = typescript.call("runMigrations", INDEXES[shape], database=database, faults=[fault])

    assert names(answer.results) == NAMES
    assert {step["action"] for step in answer.results} == {"up"}
    assert answer.calls["batch"] == BATCHES + 1
    assert state(typescript, database, shape) == untroubled[shape]


@pytest.mark.parametrize("batch", range(READS, BATCHES))
@pytest.mark.parametrize("do", ["throw before", "lose answer"])
def test_an_outcome_that_nobody_knows(
    typescript: TypeScriptWorkerd, shape: Shape, batch: int, do: str, untroubled: dict[Shape, Any]
) -> None:
    """If the log cannot be asked either, the error says so; the next call finds out."""
    database, index = typescript.database(), INDEXES[shape]
    faults = [{"batch": batch, "do": do}, {"batch": batch + 1, "do": "throw before"}]

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", index, database=database, faults=faults)

    error, done = caught.value, batch - READS
    assert error.type == "ApplyError"
    assert error.attributes["unknown"] is True
    assert error.attributes["applied"] == NAMES[:done]
    assert error.attributes["hint"]
    rest = NAMES[done + (do == "lose answer") :]
    assert names(typescript.call("runMigrations", index, database=database).results) == rest
    assert state(typescript, database, shape) == untroubled[shape]


@pytest.mark.parametrize("batch", range(READS, BATCHES))
def test_a_request_that_arrives_late(
    typescript: TypeScriptWorkerd, shape: Shape, batch: int, untroubled: dict[Shape, Any]
) -> None:
    """The caller gave it up and called again before it arrived: it changes nothing then, and says so."""
    database, index = typescript.database(), INDEXES[shape]
    late = [{"batch": batch, "do": "slow", "ms": 300}]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(typescript.call, "runMigrations", index, database=database, faults=late)
        time.sleep(0.1)
        second = typescript.call("runMigrations", index, database=database, isolate=1)
        steps = first.result().results

    assert names(second.results) == NAMES[batch - READS :]
    assert [step["action"] for step in steps] == ["up"] * (batch - READS) + ["applied meanwhile"] * (
        BATCHES - batch
    )
    assert state(typescript, database, shape) == untroubled[shape]


@pytest.mark.parametrize("do", ["throw before", "lose answer"])
def test_every_batch_fails_in_turn(
    typescript: TypeScriptWorkerd, shape: Shape, do: str, untroubled: dict[Shape, Any]
) -> None:
    """On one database, a connection that breaks one batch later with each call, for good."""
    database, index = typescript.database(), INDEXES[shape]
    for batch in range(BATCHES):
        faults = [{"batch": n, "do": do} for n in range(batch, BATCHES + 2)]
        with suppress(InsideError):
            typescript.call("runMigrations", index, database=database, faults=faults)

    typescript.call("runMigrations", index, database=database)

    assert state(typescript, database, shape) == untroubled[shape]


def test_a_kill(tmp_path: Path) -> None:
    """Workerd is killed while each batch is on its way; the next start applies the rest, once."""
    with TypeScriptWorkerd(tmp_path, isolates=1) as workerd, ThreadPoolExecutor() as pool:
        places = {batch: workerd.database() for batch in range(READS, BATCHES)}
        objects = [workerd.new_object() for _ in range(2)]
        slow = [
            pool.submit(
                workerd.call,
                "runMigrations",
                INDEXES["versions"],
                database=place,
                faults=[{"batch": batch, "do": "slow", "ms": 60_000}],
            )
            for batch, place in places.items()
        ]
        workerd.call("runMigrations", INDEXES["versions"], {"to": 2}, database=objects[0])
        for batch, place in places.items():
            wait_for(workerd, place, batch - READS)
        workerd.kill()
        for run in slow:
            with pytest.raises((OSError, ValueError)):
                run.result()

        workerd.start()
        for batch, place in places.items():
            answer = workerd.call("runMigrations", INDEXES["versions"], database=place)
            assert names(answer.results) == NAMES[batch - READS :]
        for place in objects:
            workerd.call("runMigrations", INDEXES["versions"], database=place)
        assert all(exactly_once(workerd, place) for place in [*places.values(), *objects])


def wait_for(workerd: TypeScriptWorkerd, place: str, applied: int) -> None:
    """Wait until a run that is held up has applied so many migrations."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        tables = workerd.sql(place, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'")
        count = workerd.sql(place, "SELECT count(*) FROM schema_migrations") if tables == [[[1]]] else [[[0]]]
        if count == [[[applied]]]:
            return
        time.sleep(0.05)
    raise AssertionError(f"{place}: not {applied} applied")


# --- the limits of an invocation ---


def test_the_50_queries_of_the_free_plan(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """200 migrations in five calls of at most 50 queries; each says what is left."""
    database, index = typescript.database(), INDEXES_OF_200[shape]
    seen = []
    for _ in range(4):
        with pytest.raises(InsideError) as caught:
            typescript.call("runMigrations", index, database=database)
        error = caught.value
        assert error.type == "Unfinished"
        assert error.calls["batch"] <= 50
        seen.append(len(error.attributes["applied"]))
        assert len(error.attributes["pending"]) == 200 - sum(seen)

    last = typescript.call("runMigrations", index, database=database)

    assert len(last.results) == 200 - sum(seen)
    assert seen[0] >= 46
    assert typescript.call("runMigrations", index, database=database).calls["batch"] == 1


@pytest.mark.parametrize("limit", range(4, 9))
def test_a_lost_answer_at_the_limit(
    typescript: TypeScriptWorkerd, shape: Shape, limit: int, untroubled: dict[Shape, Any]
) -> None:
    """The query that looks up a lost answer is within the limit, too."""
    database, index = typescript.database(), INDEXES[shape]
    for batch in range(READS, limit):
        fault = [{"batch": batch, "do": "lose answer"}]
        try:
            calls = typescript.call(
                "runMigrations", index, {"maxQueries": limit}, database=database, faults=fault
            ).calls
        except InsideError as error:
            assert error.type == "Unfinished", error
            calls = error.calls
        assert calls["batch"] <= limit
    typescript.call("runMigrations", index, database=database)

    assert state(typescript, database, shape) == untroubled[shape]


def test_the_time_of_a_call(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """No migration begins that could take longer than is left, by the slowest migration of this call."""
    database, index = typescript.database(), INDEXES[shape]

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", index, {"maxSeconds": 4}, database=database, clock=Clock(step=1_500))

    assert caught.value.type == "Unfinished"
    assert caught.value.attributes["applied"] == NAMES[:1]


@pytest.mark.parametrize("done", [1, 3, 200])
def test_nothing_to_do_is_one_query(typescript: TypeScriptWorkerd, shape: Shape, done: int) -> None:
    """However many are applied; also with a target, with newer ones, and as another actor."""
    index = INDEXES_OF_200[shape]
    database = typescript.database()
    typescript.call("runMigrations", index, {"to": done, "maxQueries": 1000}, database=database)
    for options in ({"to": done}, {"to": done, "by": "another"}, {"to": done, "acceptNewer": False}):
        answer = typescript.call("runMigrations", index, options, database=database)

        assert answer.results == []
        assert {name: n for name, n in answer.calls.items() if n} == {"batch": 1, "prepare": 1}
