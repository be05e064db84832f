"""The harness that runs Python inside workerd: it is what it says, so that other tests may trust it."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import d1migrate
from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.pyodide import PyodideWorkerd, Python, Shape

TEXTS = ["é☃", "𝄞 ' ; --"]
LOST = "Network connection lost."


@pytest.fixture
def database(inside: PyodideWorkerd) -> str:
    """A fresh database."""
    return inside.database()


def rows(file: Path, sql: str = "SELECT text FROM t ORDER BY id") -> list[Any]:
    """What is in the file, read from outside."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_it_is_that_python_and_that_shape(
    inside: PyodideWorkerd, python: Python, shape: Shape, database: str
) -> None:
    """The version of a Python Worker, and the class of `env.DB` there."""
    found = inside.call("probe:describe", database=database, shape=shape).result

    assert found["python"].startswith(f"{python}.")
    assert found["platform"] == "emscripten"
    assert found["proxy"] is (shape == "raw")
    assert found["class"] == ("D1Database" if shape == "raw" else "_BindingWrapper")


def test_the_wheel_is_installed(inside: PyodideWorkerd, database: str) -> None:
    """The package that is run is the one that users install, with its metadata."""
    versions = inside.call("probe:package", database=database).result

    assert versions == [d1migrate.__version__, d1migrate.__version__, "1.9.5"]


def test_values_travel(inside: PyodideWorkerd, database: str) -> None:
    """Arguments and results arrive as they were sent, digits and bytes included."""
    values: dict[str, Any] = {
        "big": 2**70,
        "null": None,
        "data": b"\x00\xff",
        "nested": [{"data": b""}, "é☃\0"],
        "real": 1.5,
    }

    assert inside.call("probe:echo", database=database, **values).result == values
    assert inside.call("probe:pair", database=database).result == [b"\x00\xff", 2**63]


def test_a_batch_is_in_the_file(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """The database is real: SQLite reads from outside what a batch wrote."""
    filled = inside.call("probe:fill", database=database, shape=shape, texts=TEXTS)

    assert filled.result == 3
    assert filled.calls == {"batch": 1, "prepare": 2, "exec": 0, "dump": 0, "statement": 0}
    assert rows(inside.file(database)) == [(text,) for text in TEXTS]
    assert inside.call("probe:read", database=database, shape=shape).result == [
        [n, text] for n, text in enumerate(TEXTS, 1)
    ]


def test_nulls_and_blobs(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """Values that the two shapes hand over differently."""
    query = "SELECT NULL AS n, x'00ff' AS b, 1.5 AS r, '' AS s"

    assert inside.call("probe:rows", database=database, shape=shape, sql=query).result == [
        [None, [0, 255], 1.5, ""]
    ]
    data = bytes(range(256))
    assert inside.call("probe:blob", database=database, shape=shape, data=data).result == data


def test_every_call_is_counted(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """Whatever sends a query to D1 is counted."""
    calls = inside.call("probe:run_all", database=database, shape=shape).calls

    assert calls == {"batch": 0, "prepare": 1, "exec": 1, "dump": 0, "statement": 4}


def test_fail_before(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """The query does not reach D1, and the error is the one D1 raises."""
    inside.call("probe:fill", database=database, texts=TEXTS)
    faults = [{"batch": 0, "do": "throw before", "message": "overloaded"}]

    found = inside.call("probe:caught", database=database, shape=shape, faults=faults)

    assert found.result == [
        "JsException",
        "Error: D1_ERROR: overloaded",
        "D1_ERROR: overloaded",
        "overloaded",
    ]
    assert found.calls["batch"] == 1
    assert len(rows(inside.file(database))) == len(TEXTS)


def test_lose_the_answer(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """The query is done, and the caller cannot know."""
    faults = [{"batch": 0, "do": "lose answer"}]

    found = inside.call("probe:caught", database=database, shape=shape, faults=faults)

    assert found.result == ["JsException", f"Error: D1_ERROR: {LOST}", f"D1_ERROR: {LOST}", LOST]
    assert rows(inside.file(database)) == [("lost",)]


def test_a_fault_hits_its_call_only(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """Counted by kind and within one request."""
    faults = [{"statement": 2, "do": "throw before"}, {"batch": 1, "do": "throw before"}]

    assert inside.call("probe:fill", database=database, shape=shape, faults=faults, texts=[]).result == 1
    with pytest.raises(InsideError) as caught:
        inside.call("probe:run_all", database=database, shape=shape, faults=faults)
    assert caught.value.calls["statement"] == 3


def test_errors_of_d1_look_like_faults(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """What the faults imitate: D1's own errors."""
    inside.call("probe:fill", database=database, texts=[])
    with pytest.raises(InsideError, match="no such column: nosuch") as caught:
        inside.call("probe:rows", database=database, shape=shape, sql="SELECT nosuch FROM t")

    assert caught.value.type == "JsException"
    assert caught.value.attributes["message"].startswith("D1_ERROR: no such column: nosuch")


def test_a_slow_call_lets_others_pass(inside: PyodideWorkerd, database: str) -> None:
    """Calls run at the same time in one isolate, as requests do."""
    inside.call("probe:fill", database=database, texts=[])
    slow = [{"batch": 0, "do": "slow", "ms": 200}]
    with ThreadPoolExecutor() as pool:
        last = pool.submit(inside.call, "probe:fill", database=database, faults=slow, texts=["last"])
        first = [pool.submit(inside.call, "probe:fill", database=database, texts=[str(n)]) for n in range(4)]
        assert [future.result().result for future in [*first, last]] == [2] * 5

    found = rows(inside.file(database))
    assert sorted(found[:4]) == [("0",), ("1",), ("2",), ("3",)]
    assert found[4] == ("last",)


def test_exceptions_arrive_typed(inside: PyodideWorkerd, database: str) -> None:
    """Class, text, traceback and what the exception tells."""
    with pytest.raises(InsideError) as caught:
        inside.call("probe:refuse", database=database)

    error = caught.value
    assert (error.type, error.message) == ("Refused", "no")
    assert error.attributes == {"version": 7, "names": ["a", "b"], "reason": "because"}
    assert "raise Refused" in error.traceback
    with pytest.raises(InsideError, match="no such thing") as caught:
        inside.call("probe:misconfigure", database=database)
    assert caught.value.type == "UsageError"


def test_what_json_lacks_is_an_error(inside: PyodideWorkerd, database: str) -> None:
    """Not something like its text."""
    with pytest.raises(InsideError, match="object is not JSON") as caught:
        inside.call("probe:opaque", database=database)

    assert caught.value.type == "TypeError"


def test_env(inside: PyodideWorkerd, shape: Shape, database: str) -> None:
    """A function may ask for `env` as a Worker has it."""
    inside.call("probe:fill", database=database, texts=TEXTS)

    found = inside.call(
        "probe:variables", database=database, shape=shape, env=True, vars={"STAGE": "production"}
    )

    assert found.result == ["production", shape == "raw", len(TEXTS)]


def test_synchronous_waiting(inside: PyodideWorkerd, database: str) -> None:
    """`run_sync` works, as in a Python Worker."""
    assert inside.call("probe:synchronous", database=database).result == "waited"


def test_isolates_share_databases_only(two_isolates: PyodideWorkerd, shape: Shape) -> None:
    """Each has modules of its own."""
    database = two_isolates.database()
    counts = [two_isolates.call("probe:count", database=database, isolate=n).result for n in (0, 0, 1)]

    assert counts[1] == counts[0] + 1
    assert counts[2] < counts[1]
    two_isolates.call("probe:fill", database=database, shape=shape, isolate=0, texts=TEXTS)
    assert len(two_isolates.call("probe:read", database=database, shape=shape, isolate=1).result) == 2
