"""SQLite-backed Durable Objects: what differs from D1 there, and each trap of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.pyodide import InsideError
from tests.runtime.typescript import TypeScriptWorkerd, compiled, constructing
from tests.workers.inside.sql_files import DELICATE, THREE
from tests.workers.typescript.runs import INDEXES, INDEXES_OF_200, NAMES, exactly_once, state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.table import Shape

INDEX = INDEXES["versions"]
OBJECTS = 100
PARENTS = (
    "001_parents.sql",
    """CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents);""",
)


@pytest.fixture
def place(typescript: TypeScriptWorkerd) -> str:
    """A fresh object."""
    return typescript.new_object()


def refused(
    typescript: TypeScriptWorkerd, place: str, files: Sequence[tuple[str, str]], **options: Any
) -> InsideError:
    """Run migrations, the last of which must fail; those before it must last, and it must leave nothing."""
    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", compiled(files), database=place, **options)
    names = [name.removesuffix(".sql") for name, _ in files]
    assert caught.value.type == "ApplyError", caught.value
    assert caught.value.attributes["migration"] == names[-1]
    assert caught.value.attributes["pending"] == names[-1:]
    typescript.abort(place)  # what is not durable is gone after it
    assert typescript.sql(place, "SELECT name FROM schema_migrations ORDER BY version") == [
        [[name] for name in names[:-1]]
    ]
    return caught.value


def without_stamp(found: Any) -> Any:
    """A state without what only objects log: which index is complete."""
    schema, table, log, notes = found
    return schema, table, [[unstamped(value) for value in row] for row in log], notes


def unstamped(value: Any) -> Any:
    """A detail of the log without the digest of the index."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    return {key: known for key, known in json.loads(value).items() if key != "index"}


# --- the same as on D1 ---


def test_it_leaves_what_d1_has(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """Schema, migrations table, log and rows, values and their types."""
    database = typescript.database()
    for each in (place, database):
        typescript.call("runMigrations", INDEXES[shape], {"by": "a deploy"}, database=each)

    assert without_stamp(state(typescript, place, shape)) == without_stamp(state(typescript, database, shape))
    types = "SELECT typeof(version), typeof(at), typeof(format), typeof(detail), typeof(rollback_sql) FROM d1migrate_log"
    assert typescript.sql(place, types) == typescript.sql(database, types)


def test_delicate_statements(typescript: TypeScriptWorkerd, place: str) -> None:
    """What JavaScript, JSON or a splitter could damage."""
    database = typescript.database()
    for each in (place, database):
        typescript.call("runMigrations", compiled(DELICATE), database=each)
    query = 'SELECT "größe" || \'\', "a\'b", hex(data), price || \'\', remark FROM "naïve 表"'

    assert typescript.sql(place, query) == typescript.sql(database, query)


# --- traps ---


def test_a_statement_is_run_to_its_end(typescript: TypeScriptWorkerd, place: str) -> None:
    """A query that fails on its second row, which a cursor that is not drained never reaches."""
    rows = ("001_rows.sql", "CREATE TABLE t (n);\nINSERT INTO t VALUES (1), (2);")
    guard = ("002_guard.sql", "SELECT 1;\nSELECT json_extract('{}', iif(n = 2, 'no row 2', '$')) FROM t;")

    error = refused(typescript, place, [rows, guard])

    assert error.attributes["line"] == 2
    assert "no row 2" in error.message


@pytest.mark.parametrize(
    "statement", ["ANALYZE;", "EXPLAIN SELECT 1;", "INSERT INTO t VALUES (3) RETURNING n;"]
)
def test_rows_of_a_statement_before_a_failure(
    typescript: TypeScriptWorkerd, place: str, statement: str
) -> None:
    """Statements that answer rows, and a rollback over them, which would reset the object."""
    rows = ("001_rows.sql", "CREATE TABLE t (n);\nINSERT INTO t VALUES (1), (2);")

    error = refused(
        typescript, place, [rows, ("002_fails.sql", f"{statement}\nINSERT INTO nosuch VALUES (1);")]
    )

    assert "no such table: nosuch" in error.message
    assert error.attributes["line"] == 2


def test_a_deferred_violation(typescript: TypeScriptWorkerd, place: str) -> None:
    """It is that migration's error; at the commit it would reset the object, with all of the run."""
    orphan = ("002_orphan.sql", "PRAGMA defer_foreign_keys = ON;\nINSERT INTO children VALUES (1, 7);")

    error = refused(typescript, place, [PARENTS, orphan])

    assert "FOREIGN KEY constraint failed" in error.message


def test_deferring_ends_with_its_migration(typescript: TypeScriptWorkerd, place: str) -> None:
    """The next migration checks its rows at once, as on D1."""
    late = (
        "002_late.sql",
        "PRAGMA defer_foreign_keys = ON;\nINSERT INTO children VALUES (1, 7);\nINSERT INTO parents VALUES (7);",
    )
    orphan = (
        "003_orphan.sql",
        "SELECT 1;\nINSERT INTO children VALUES (2, 8);\nINSERT INTO parents VALUES (8);",
    )

    error = refused(typescript, place, [PARENTS, late, orphan])

    assert "FOREIGN KEY constraint failed" in error.message
    assert error.attributes["line"] == 2


def test_orphans_that_were_there_before(typescript: TypeScriptWorkerd, place: str) -> None:
    """They are no reason to refuse a migration that defers and adds none."""
    typescript.call("runMigrations", compiled([PARENTS]), database=place)
    typescript.sql(place, "PRAGMA foreign_keys = OFF", "INSERT INTO children VALUES (1, 7)")
    late = (
        "002_late.sql",
        "PRAGMA defer_foreign_keys = ON;\nINSERT INTO children VALUES (2, 8);\nINSERT INTO parents VALUES (8);",
    )

    steps = typescript.call("runMigrations", compiled([PARENTS, late]), database=place).result

    assert [step["name"] for step in steps] == ["002_late"]


def test_foreign_keys_that_other_code_left_off(typescript: TypeScriptWorkerd, place: str) -> None:
    """They are on for migrations, as always on D1."""
    typescript.call("runMigrations", compiled([PARENTS]), database=place)
    typescript.sql(place, "PRAGMA foreign_keys = OFF")

    with pytest.raises(InsideError, match="FOREIGN KEY constraint failed"):
        typescript.call(
            "runMigrations",
            compiled([PARENTS, ("002_orphan.sql", "INSERT INTO children VALUES (1, 7);")]),
            database=place,
        )


def test_after_delete_all(typescript: TypeScriptWorkerd, place: str) -> None:
    """Nothing remembers that the object was migrated."""
    for _ in range(2):
        assert len(typescript.call("runMigrations", INDEX, database=place).result) == 3
        assert exactly_once(typescript, place)
        typescript.call("deleteAll", database=place)
    assert typescript.call("getCurrentVersion", database=place).result == 0
    assert typescript.call("getPending", INDEX, database=place).result == NAMES


def test_keys_beside_the_tables(typescript: TypeScriptWorkerd, place: str) -> None:
    """The table of the key-value storage is none of the application's."""
    typescript.call("put", "key", "value", database=place)

    assert len(typescript.call("runMigrations", INDEX, database=place).result) == 3


@pytest.mark.parametrize("shape_of_db", ["ctx", "sql"])
def test_what_is_not_the_storage(typescript: TypeScriptWorkerd, place: str, shape_of_db: str) -> None:
    """`ctx` and `ctx.storage.sql` are refused."""
    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", INDEX, database=place, shape=shape_of_db)

    assert caught.value.type == "UsageError"


def test_inside_a_transaction(typescript: TypeScriptWorkerd, place: str) -> None:
    """Called without `await` in transactionSync(), it still applies each migration once."""
    typescript.call("inTransactionSync", INDEX, database=place)
    typescript.call("runMigrations", INDEX, database=place)

    assert exactly_once(typescript, place)


# --- interruptions ---


@pytest.mark.parametrize("do", ["throw before", "throw after", "abort"])
def test_every_statement_fails_in_turn(typescript: TypeScriptWorkerd, place: str, do: str) -> None:
    """Wherever the object is interrupted, the next run finishes, and leaves what one run leaves."""
    untroubled = typescript.new_object()
    calls = typescript.call("runMigrations", INDEX, database=untroubled).calls
    expected = state(typescript, untroubled)
    for kind in ("exec", "transactionSync", "sync"):
        for moment in range(calls[kind]):
            typescript.call("deleteAll", database=place)
            with suppress(InsideError):  # a query of a table that is missing fails anyway
                typescript.call("runMigrations", INDEX, database=place, faults=[{kind: moment, "do": do}])
            typescript.call("runMigrations", INDEX, database=place)
            assert state(typescript, place) == expected, f"{kind} {moment}"


# --- how much one event may do ---


# --- the restore point ---


def test_no_bookmark(typescript: TypeScriptWorkerd, place: str) -> None:
    """Local ones are zeros, and one that fails is none: the log has nothing, and the run is not hindered."""
    for faults in ([], [{"getCurrentBookmark": 0, "do": "throw before"}]):
        typescript.call("deleteAll", database=place)
        typescript.call("runMigrations", INDEX, database=place, faults=faults)
        assert typescript.sql(place, "SELECT DISTINCT restore_point FROM d1migrate_log") == [[[None]]]


# --- constructors ---


def test_a_constructor_runs_once_for_many_requests(typescript: TypeScriptWorkerd) -> None:
    """All wait for it, and then find the migrated database."""
    place = typescript.new_object("Migrating")

    def version(_: int) -> Any:
        construct = constructing(INDEX)
        return typescript.call("getCurrentVersion", database=place, construct=construct).result

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(version, range(20))) == [3] * 20
    assert exactly_once(typescript, place)


def test_older_code_after_a_rollback_of_the_deployment(typescript: TypeScriptWorkerd) -> None:
    """An object that newer code has migrated serves older code, unless that refuses it."""
    place, old = typescript.new_object("Migrating"), compiled(THREE[:2])
    typescript.call("constructed", database=place, construct=constructing(INDEX))
    typescript.abort(place)

    assert typescript.call("constructed", database=place, construct=constructing(old)).result["result"] == []
    typescript.abort(place)
    with pytest.raises(InsideError) as caught:
        typescript.call("constructed", database=place, construct=constructing(old, {"acceptNewer": False}))
    assert caught.value.type == "MissingMigration"
    assert caught.value.attributes["names"] == NAMES[2:]


def test_nothing_to_do_in_a_constructor(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """It is one statement, with three applied and with 200."""
    for index in (INDEXES[shape], INDEXES_OF_200[shape]):
        place = typescript.new_object("Migrating")
        construct = constructing(index, {"maxMigrations": 1_000, "maxRowsWritten": 100_000})
        typescript.call("constructed", database=place, construct=construct)
        typescript.abort(place)

        again = typescript.call("constructed", database=place, construct=construct).result

        assert again["result"] == []
        assert {name: n for name, n in again["calls"].items() if n} == {"exec": 1}


def test_many_objects(typescript: TypeScriptWorkerd) -> None:
    """Each is migrated when it is first touched, exactly once, also by requests that come together."""
    places = [typescript.new_object("Migrating") for _ in range(OBJECTS)]

    def touch(place: str) -> Any:
        return typescript.call("getCurrentVersion", database=place, construct=constructing(INDEX)).result

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(touch, [place for place in places for _ in range(3)]))

    assert versions == [3] * 3 * OBJECTS
    assert all(exactly_once(typescript, place) for place in places)
