"""The harness that runs TypeScript inside workerd: it is what it says, so that other tests may trust it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError
from tests.runtime.typescript import Clock, TypeScriptWorkerd, compiled, constructing

if TYPE_CHECKING:
    from pathlib import Path

ONE = compiled([("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);")])
TWO = compiled(
    [
        ("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"),
        ("002_wrong.sql", "INSERT INTO notes (text) VALUES ('x');\nINSERT INTO nosuch VALUES (1);"),
    ]
)
NOT_A_DATABASE = ["env", "kv", "statement", "promise", "undefined", "null", "text"]


def rows(file: Path, sql: str) -> list[Any]:
    """What is in the file, read from outside."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_it_is_in_the_file(typescript: TypeScriptWorkerd, place: str) -> None:
    """The database is real: SQLite reads from outside what was written, and values travel."""
    found = typescript.sql(
        place,
        "CREATE TABLE t (a, b, c, d)",
        "INSERT INTO t VALUES (NULL, x'00ff', 1.5, 'é☃') RETURNING *",
        "SELECT 1 AS a, 2 AS a",
    )

    assert found == [[], [[None, b"\x00\xff", 1.5, "é☃"]], [[1, 2]]]
    assert rows(typescript.file(place), "SELECT * FROM t") == [(None, b"\x00\xff", 1.5, "é☃")]


def test_calls_are_counted(typescript: TypeScriptWorkerd, place: str) -> None:
    """Nothing to do is one call, of whatever kind the database has."""
    typescript.call("runMigrations", ONE, database=place)

    calls = typescript.call("runMigrations", ONE, database=place).calls

    assert {name: count for name, count in calls.items() if count} in (
        {"batch": 1, "prepare": 1},
        {"exec": 1},
    )


@pytest.mark.parametrize("isolate", [0, 1])
def test_faults_of_d1(typescript: TypeScriptWorkerd, isolate: int) -> None:
    """Before it is asked, and after it has answered; in each isolate."""
    database = typescript.database()
    for do, applied in (("throw before", False), ("lose answer", True)):
        faults = [{"statement": 0, "do": do, "message": "a fault"}]
        with pytest.raises(InsideError, match="D1_ERROR: a fault"):
            typescript.call(
                "sql", f"CREATE TABLE {do.split()[0]} (a)", database=database, faults=faults, isolate=isolate
            )
        names = typescript.sql(database, f"SELECT name FROM sqlite_schema WHERE name = '{do.split()[0]}'")[0]
        assert bool(names) is applied


def test_faults_of_an_object(typescript: TypeScriptWorkerd) -> None:
    """Before a statement, after it, and a reset, which rolls back what is not committed yet."""
    place = typescript.new_object()
    statements = ["CREATE TABLE a (a)", "CREATE TABLE b (b)"]
    tables = "SELECT name FROM sqlite_schema ORDER BY name"
    for do, expected in (("abort", []), ("throw before", [["a"]]), ("throw after", [["a"], ["b"]])):
        typescript.call("deleteAll", database=place)
        with pytest.raises(InsideError, match="on purpose"):
            typescript.call(
                "sql", *statements, database=place, faults=[{"exec": 1, "do": do, "message": "on purpose"}]
            )
        assert typescript.sql(place, tables) == [expected]


def test_errors_arrive_typed(typescript: TypeScriptWorkerd, place: str) -> None:
    """The class and those above it, the text, the fields and the cause."""
    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", TWO, database=place)

    error = caught.value
    assert error.type == error.attributes["name"] == "ApplyError"
    assert {"ApplyError", "MigrationError"} <= set(error.bases)
    assert "no such table: nosuch" in error.message
    assert error.attributes["applied"] == ["001_notes"]
    assert error.attributes["pending"] == ["002_wrong"]
    assert error.attributes["cause"]["type"] == "QueryError"


def test_several_at_once(typescript: TypeScriptWorkerd, place: str) -> None:
    """Each call has an outcome of its own."""
    outcomes = typescript.at_once(5, "runMigrations", ONE, database=place)

    assert [outcome.error for outcome in outcomes] == [None] * 5
    assert [step["action"] for outcome in outcomes for step in outcome.results].count("up") == 1


@pytest.mark.parametrize("shape", ["binding", "session", "custom"])
def test_shapes_of_d1(typescript: TypeScriptWorkerd, shape: str) -> None:
    """What a caller may give."""
    steps = typescript.call("runMigrations", ONE, database=typescript.database(), shape=shape).results

    assert [step["name"] for step in steps] == ["001_notes"]


@pytest.mark.parametrize("shape", NOT_A_DATABASE)
def test_shapes_of_mistakes(typescript: TypeScriptWorkerd, shape: str) -> None:
    """What a caller may give by mistake: an error that says so, and nothing is written."""
    database = typescript.database()

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", ONE, database=database, shape=shape)

    assert caught.value.type == "UsageError"
    assert typescript.sql(database, "SELECT count(*) FROM sqlite_schema") == [[[0]]]


def test_a_frozen_clock(typescript: TypeScriptWorkerd, place: str) -> None:
    """The time of the call is the one that the test chose."""
    typescript.call("runMigrations", ONE, database=place, clock=Clock(1_700_000_000_500))

    assert typescript.sql(place, "SELECT applied_at FROM schema_migrations") == [[[1_700_000_000]]]


def test_an_eviction(typescript: TypeScriptWorkerd) -> None:
    """The next call has another instance, on the same rows."""
    place = typescript.new_object()
    typescript.call("runMigrations", ONE, database=place)

    typescript.abort(place)

    assert typescript.call("runMigrations", ONE, database=place).results == []
    typescript.call("deleteAll", database=place)
    assert len(typescript.call("runMigrations", ONE, database=place).results) == 1


def test_a_constructor(typescript: TypeScriptWorkerd) -> None:
    """It runs before the first call; one that throws fails every call, until it does not."""
    place = typescript.new_object("Migrating")
    for _ in range(2):
        with pytest.raises(InsideError, match="nosuch") as caught:
            typescript.sql(place, "SELECT 1") if _ else typescript.call(
                "constructed", database=place, construct=constructing(TWO)
            )
        assert caught.value.attributes["durableObjectReset"] is True

    kept = typescript.call("constructed", database=place, construct=constructing(TWO, catch=True))
    assert kept.result["error"]["type"] == "ApplyError"
    assert typescript.sql(place, "SELECT name FROM schema_migrations") == [[["001_notes"]]]


def test_a_class_without_sql(typescript: TypeScriptWorkerd) -> None:
    """A class that was created KV-backed has none, as on Cloudflare."""
    with pytest.raises(InsideError, match="SQL is not enabled for this Durable Object class"):
        typescript.sql(typescript.new_object("KeyValue"), "SELECT 1")


def test_a_kill(tmp_path: Path) -> None:
    """Killed and started again, it has the files as they were committed."""
    with TypeScriptWorkerd(tmp_path) as workerd:
        places = workerd.database(), workerd.new_object()
        for place in places:
            workerd.sql(place, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
        workerd.kill()
        workerd.start()
        for place in places:
            assert workerd.sql(place, "SELECT a FROM t") == [[[1]]]
