"""Jobs in Python inside workerd: every row once, whatever is lost. TypeScript has its own tests of the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError
from tests.unit.migrate.jobs.online.running import drafted

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.pyodide import PyodideWorkerd, Shape

OBJECTS = count()
OVERLOAD = "D1 DB exceeded its CPU time limit and was reset. [code: 7429]"


@pytest.fixture(params=["D1", "object"])
def where(request: pytest.FixtureRequest, inside: PyodideWorkerd, shape: Shape) -> dict[str, Any]:
    """A fresh D1 database, and a fresh object, of each shape."""
    place = {"database": inside.database()} if request.param == "D1" else {"object": f"job {next(OBJECTS)}"}
    return {**place, "shape": shape}


@pytest.mark.parametrize("function", ["by_a_cron", "small", "by_people"])
def test_a_job(inside: PyodideWorkerd, where: dict[str, Any], function: str) -> None:
    """The function of that name in inside/jobs.py, whose docstring says what it asserts."""
    inside.call(f"jobs:{function}", **where)


def test_a_job_beside_wranglers_table(inside: PyodideWorkerd, table: TableShape) -> None:
    """Either table records it."""
    inside.call("jobs:by_a_cron", database=inside.database(), table=table)


def test_what_waiting_costs(two_isolates: PyodideWorkerd) -> None:
    """Three queries of each request that migrates, before the job begins and while it is open."""
    database = two_isolates.database()
    two_isolates.call("jobs:prepare", database=database)
    for _ in range(2):
        answer = two_isolates.call("jobs:wait", database=database)
        assert (answer.result, answer.calls["batch"]) == ("002_fill", 3)
        two_isolates.call("jobs:cron", database=database)
    two_isolates.call("jobs:finish", database=database)
    assert two_isolates.call("jobs:cron", database=database, max_queries=9).calls["batch"] == 1


@pytest.mark.parametrize("do", ["throw before", "lose answer"])
@pytest.mark.parametrize("batch", range(1, 6))
def test_a_lost_answer(two_isolates: PyodideWorkerd, batch: int, do: str) -> None:
    """Of the begin, a chunk or the end: the next chunk is sent, and no row is done twice."""
    database = two_isolates.database()
    two_isolates.call("jobs:prepare", database=database, rows=1_800)
    faults = [{"batch": batch, "do": do}]
    try:
        two_isolates.call("jobs:cron", database=database, max_queries=40, faults=faults)
    except InsideError as error:
        assert error.type == "UnavailableError"  # of a read

    two_isolates.call("jobs:finish", database=database, rows=1_800)


def test_an_overload_ends_the_call(two_isolates: PyodideWorkerd) -> None:
    """The next one begins with a chunk of half the size, which the row has."""
    database = two_isolates.database()
    two_isolates.call("jobs:prepare", database=database)
    before = two_isolates.call("jobs:cron", database=database, max_queries=6).result
    faults = [{"batch": 2, "do": "throw before", "message": OVERLOAD}]

    answer = two_isolates.call("jobs:cron", database=database, faults=faults)

    assert (answer.result["end"], answer.calls["batch"]) == ("stopped", 4)
    assert two_isolates.call("jobs:size", database=database).result == before["size"] // 2
    after = two_isolates.call("jobs:cron", database=database).result
    assert before["rows"] < after["rows"]
    two_isolates.call("jobs:finish", database=database)


def test_two_crons_at_once(two_isolates: PyodideWorkerd) -> None:
    """Both do chunks of the one job."""
    database = two_isolates.database()
    two_isolates.call("jobs:prepare", database=database)
    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            both = [
                pool.submit(two_isolates.call, "jobs:cron", database=database, isolate=isolate)
                for isolate in (0, 1)
            ]
            if all(one.result().result["waiting_for"] is None for one in both):
                break
    two_isolates.call("jobs:filled", database=database)


def test_an_online_rebuild(two_isolates: PyodideWorkerd) -> None:
    """A cron in Python begins it and ends it: the planner is the same code as that of the command line."""
    old = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);"
    new = old.replace("norm TEXT", "norm TEXT NOT NULL DEFAULT 'new' CHECK (norm <> '')")
    rebuild = drafted(old, new, "users").replace(', "norm"', "")  # its values are the default

    call = two_isolates.call("jobs:online", database=two_isolates.database(), rebuild=rebuild, rows=26_000)

    assert max(call.result) <= 4
