"""SQLite-backed Durable Objects: what differs from D1 there, and each trap of it."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError
from tests.runtime.typescript import Clock, TypeScriptWorkerd, compiled, constructing
from tests.workers.inside.sql_files import DELICATE, THREE
from tests.workers.typescript.runs import INDEXES, INDEXES_OF_200, NAMES, exactly_once, state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

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


def applied(file: Path) -> list[str]:
    """The migrations table of an object, read from outside, so that the object is not woken."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return [
                name for (name,) in connection.execute("SELECT name FROM schema_migrations ORDER BY version")
            ]
        except sqlite3.OperationalError:
            return []


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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

    steps = typescript.call("runMigrations", compiled([PARENTS, late]), database=place).results

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


def test_keys_switched_off_in_the_same_event(typescript: TypeScriptWorkerd, place: str) -> None:
    """What the application wrote before is committed first: within its transaction they stay off."""
    typescript.call("runMigrations", compiled([PARENTS]), database=place)
    before = ["PRAGMA foreign_keys = OFF", "INSERT INTO parents VALUES (1)"]
    orphan = compiled([PARENTS, ("002_orphan.sql", "INSERT INTO children VALUES (1, 7);")])

    with pytest.raises(InsideError, match=r"002_orphan\.sql:1: FOREIGN KEY constraint failed"):
        typescript.call("afterStatements", before, orphan, database=place)

    assert typescript.sql(place, "SELECT id FROM parents") == [[[1]]]


def test_keys_that_cannot_be_switched_on(typescript: TypeScriptWorkerd, place: str) -> None:
    """In a transaction of the application."""
    typescript.sql(place, "PRAGMA foreign_keys = OFF")

    with pytest.raises(InsideError, match="foreign_keys is OFF") as caught:
        typescript.call("inTransaction", INDEX, database=place)

    assert caught.value.type == "UsageError"
    assert typescript.sql(place, "SELECT name FROM sqlite_schema") == [[]]


def test_an_open_cursor_of_other_code(typescript: TypeScriptWorkerd, place: str) -> None:
    """It locks its table: the statement is named, and the migration has no effect."""
    files = [("001_t.sql", "CREATE TABLE t (n);\nINSERT INTO t VALUES (1), (2);")]
    typescript.call("runMigrations", compiled(files), database=place)
    drop = ("002_drop.sql", "CREATE TABLE other (n);\nDROP TABLE t;")

    with pytest.raises(InsideError, match=r"002_drop\.sql:2: database table is locked") as caught:
        typescript.call("withCursor", "SELECT * FROM t", compiled([*files, drop]), database=place)

    assert caught.value.attributes["statement"] == "DROP TABLE t"
    typescript.abort(place)  # which ends the cursor
    typescript.call("runMigrations", compiled([*files, drop]), database=place)
    assert typescript.sql(place, "SELECT count(*) FROM other") == [[[0]]]


@pytest.mark.parametrize("shape", ["versions", "names"])
def test_only_text_and_null_are_bound(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """An object would store other values in another type, or their text."""
    typescript.call("runMigrations", INDEXES[shape], {"by": "1"}, database=place)

    columns = ("version", "at", "format"), ("name", "who", "tool", "token", "checksum", "detail")
    for names, types in zip(columns, ({"integer", "null"}, {"text"}), strict=True):
        found = typescript.sql(
            place, *(f"SELECT DISTINCT typeof({name}) FROM d1migrate_log" for name in names)
        )
        assert {kind for rows in found for (kind,) in rows} <= types


def test_after_delete_all(typescript: TypeScriptWorkerd, place: str) -> None:
    """Nothing remembers that the object was migrated."""
    for _ in range(2):
        assert len(typescript.call("runMigrations", INDEX, database=place).results) == 3
        assert exactly_once(typescript, place)
        typescript.call("deleteAll", database=place)
    assert typescript.call("getCurrentVersion", database=place).result == 0
    assert typescript.call("getPending", INDEX, database=place).result == NAMES


def test_keys_beside_the_tables(typescript: TypeScriptWorkerd, place: str) -> None:
    """The table of the key-value storage is not one of the application's tables."""
    typescript.call("put", "key", "value", database=place)

    assert len(typescript.call("runMigrations", INDEX, database=place).results) == 3


@pytest.mark.parametrize("shape_of_db", ["ctx", "instance", "sql", "stub"])
def test_what_is_not_the_storage(typescript: TypeScriptWorkerd, place: str, shape_of_db: str) -> None:
    """`ctx`, `this`, `ctx.storage.sql` and the stub of another object are refused."""
    for function, arguments in (
        ("runMigrations", [INDEX]),
        ("getPending", [INDEX]),
        ("getCurrentVersion", []),
    ):
        with pytest.raises(InsideError) as caught:
            typescript.call(function, *arguments, database=place, shape=shape_of_db)
        assert caught.value.type == "UsageError"
        assert "ctx.storage" in caught.value.attributes["hint"]
    assert typescript.sql(place, "SELECT name FROM sqlite_schema") == [[]]


def test_a_class_that_is_not_sqlite(typescript: TypeScriptWorkerd) -> None:
    """Its `sql` throws, except locally: the error says how a class gets SQL."""
    place = typescript.new_object("KeyValue")
    faults = [{"noSql": "SQL is not enabled for this Durable Object class."}]
    for function, arguments in (("runMigrations", [INDEX]), ("getCurrentVersion", [])):
        with pytest.raises(InsideError) as caught:
            typescript.call(function, *arguments, database=place, faults=faults)
        assert caught.value.type == "UsageError"
        assert "new_sqlite_classes" in caught.value.attributes["hint"]


@pytest.mark.parametrize("function", ["inTransactionSync", "inTransaction"])
def test_inside_a_transaction(typescript: TypeScriptWorkerd, place: str, function: str) -> None:
    """Of which one waits for it, and one does not: each migration is applied once."""
    typescript.call(function, INDEX, database=place)
    assert typescript.call("runMigrations", INDEX, database=place).results == []

    assert exactly_once(typescript, place)


def test_a_transaction_that_fails_as_a_whole(typescript: TypeScriptWorkerd, place: str) -> None:
    """What was rolled back with it is applied again."""
    wrong = compiled([*THREE[:2], ("003_wrong.sql", "INSERT INTO nosuch VALUES (1);")])
    with pytest.raises(InsideError, match="no such table: nosuch"):
        typescript.call("inTransaction", wrong, database=place)

    assert len(typescript.call("runMigrations", INDEX, database=place).results) == 3
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


@pytest.mark.parametrize(("moment", "kind"), [(0, "AmbiguousError"), (1, "ApplyError")])
def test_a_commit_that_fails(typescript: TypeScriptWorkerd, place: str, moment: int, kind: str) -> None:
    """Before the run, and in it: what the error says is applied lasts, and the next run goes on."""
    index, faults = INDEXES_OF_200["versions"], [{"sync": moment, "do": "throw before"}]
    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", index, database=place, faults=faults)
    assert caught.value.type == kind
    typescript.abort(place)
    before = len(applied(typescript.file(place)))
    assert before == len(caught.value.attributes.get("applied", []))

    assert len(typescript.call("runMigrations", index, database=place).results) == 200 - before


def test_other_code_changes_the_history_meanwhile(typescript: TypeScriptWorkerd, place: str) -> None:
    """The run cannot go on, and what it has applied lasts, although the error is that of a new plan."""
    index, late = INDEXES_OF_200["versions"], [{"sync": 1, "do": "slow", "ms": 1_500}]
    edits = (
        "UPDATE d1migrate_log SET checksum = 'v1:0', file_digest = '0' WHERE version = 1",
        "UPDATE d1migrate_log SET token = 'other' WHERE id = (SELECT max(id) FROM d1migrate_log)",
    )
    with ThreadPoolExecutor() as pool:
        run = pool.submit(typescript.call, "runMigrations", index, database=place, faults=late)
        wait_until(lambda: typescript.file(place).exists() and bool(applied(typescript.file(place))))
        typescript.sql(place, *edits)
        error = run.exception()
    assert isinstance(error, InsideError)
    assert error.type == "ApplyError"
    assert error.attributes["cause"]["type"] == "ChecksumMismatch"
    typescript.abort(place)
    assert applied(typescript.file(place)) == error.attributes["applied"] != []


def test_a_killed_process(tmp_path: Path) -> None:
    """In the middle of a run, without a chance to end well: whole migrations stay, and the next run goes on."""
    index, place = INDEXES_OF_200["versions"], "Tenant/1"
    stuck = [{"sync": 5, "do": "slow", "ms": 60_000}]
    workerd = TypeScriptWorkerd(tmp_path, isolates=1)
    with workerd, ThreadPoolExecutor() as pool:
        run = pool.submit(workerd.call, "runMigrations", index, database=place, faults=stuck)
        wait_until(lambda: workerd.file(place).exists() and len(applied(workerd.file(place))) >= 20)
        workerd.kill()
        assert run.exception()
        before = applied(workerd.file(place))
    with TypeScriptWorkerd(tmp_path, isolates=1) as again:
        rest = again.call("runMigrations", index, database=place).results

        assert [step["name"] for step in rest] == [m["name"] for m in index["migrations"][len(before) :]]
        events = (
            "SELECT DISTINCT group_concat(event) FROM (SELECT * FROM d1migrate_log ORDER BY id) GROUP BY name"
        )
        assert again.sql(place, events) == [[["begun,done"]]]


# --- nothing to do ---


def stamps(typescript: TypeScriptWorkerd, place: str) -> list[str | None]:
    """The index that each row of the log notes."""
    (rows,) = typescript.sql(place, "SELECT detail FROM d1migrate_log ORDER BY id")
    return [json.loads(detail).get("index") for (detail,) in rows]


def test_the_last_row_of_the_log_notes_the_index(typescript: TypeScriptWorkerd, place: str) -> None:
    """Only of the step that completes it."""
    typescript.call("runMigrations", INDEX, {"to": 2}, database=place)
    assert stamps(typescript, place) == [None] * 4

    typescript.call("runMigrations", INDEX, database=place)
    assert stamps(typescript, place) == [None] * 5 + [INDEX["digest"]]


def test_an_edited_index_is_not_the_noted_one(typescript: TypeScriptWorkerd, place: str) -> None:
    """The note names the texts of the files."""
    typescript.call("runMigrations", INDEX, database=place)
    name, text = THREE[-1]

    with pytest.raises(InsideError) as caught:
        typescript.call(
            "runMigrations", compiled([*THREE[:-1], (name, text + "\nSELECT 1;")]), database=place
        )
    assert caught.value.type == "ChecksumMismatch"


def test_a_row_after_the_note(typescript: TypeScriptWorkerd, place: str) -> None:
    """After a rollback, the newest row is its own."""
    typescript.call("runMigrations", INDEX, database=place)
    typescript.sql(
        place,
        "DELETE FROM schema_migrations WHERE version = 3",
        "INSERT INTO d1migrate_log (token, at, who, tool, event, action, version, name, detail)"
        " VALUES ('t', 1, 'w', 't', 'done', 'down', 3, '003_tags', '{\"lint\": false}')",
        "DROP TABLE tags",
    )

    steps = typescript.call("runMigrations", INDEX, database=place).results

    assert [step["name"] for step in steps] == NAMES[2:]


def test_the_note_without_its_tables(typescript: TypeScriptWorkerd, place: str) -> None:
    """Whatever a log says, without the migrations table there is something to do."""
    typescript.call("runMigrations", INDEX, database=place)
    typescript.sql(place, "DELETE FROM schema_migrations")

    with pytest.raises(InsideError):
        typescript.call("runMigrations", INDEX, database=place)


# --- how much one event may do ---


def test_a_long_history_by_count(typescript: TypeScriptWorkerd, place: str) -> None:
    """The clock of a Worker stands still while it computes: migrations are counted."""
    index = INDEXES_OF_200["versions"]
    for left in (150, 100, 50):
        with pytest.raises(InsideError) as caught:
            typescript.call("runMigrations", index, {"maxMigrations": 50}, database=place, clock=Clock())
        assert caught.value.type == "Unfinished"
        assert caught.value.attributes["reason"] == "this event has applied 50 migrations"
        names = (caught.value.attributes["applied"], caught.value.attributes["pending"])
        assert tuple(map(len, names)) == (50, left)
        typescript.abort(place)  # what it says is applied lasts

    assert len(typescript.call("runMigrations", index, {"maxMigrations": 50}, database=place).results) == 50
    assert typescript.call("runMigrations", index, {"maxMigrations": 50}, database=place).results == []


def test_a_long_history_by_rows(typescript: TypeScriptWorkerd, place: str) -> None:
    """Rows written are counted, too."""
    insert = "INSERT INTO t SELECT value FROM json_each('[1,2,3,4,5,6,7,8,9,10]');"
    files = [("001_t.sql", "CREATE TABLE t (n);"), *((f"{n:03}_rows.sql", insert) for n in range(2, 10))]

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", compiled(files), {"maxRowsWritten": 60}, database=place)

    assert caught.value.type == "Unfinished"
    assert 2 <= len(caught.value.attributes["applied"]) < 7


def test_a_long_history_by_time(typescript: TypeScriptWorkerd, place: str) -> None:
    """The clock moves at `sync()`, so that is where the time is read."""
    index = INDEXES_OF_200["versions"]

    with pytest.raises(InsideError) as caught:
        typescript.call("runMigrations", index, database=place, clock=Clock(step=2_000))

    assert caught.value.type == "Unfinished"
    assert caught.value.attributes["reason"] == "the 25 seconds of this call are used"
    assert 0 < len(caught.value.attributes["applied"]) < 200


def test_it_waits_for_the_disk_now_and_then(typescript: TypeScriptWorkerd, place: str) -> None:
    """200 migrations, one commit each, would take many times as long."""
    answer = typescript.call("runMigrations", INDEXES_OF_200["versions"], database=place)

    assert answer.calls["transactionSync"] == 200
    assert 10 < answer.calls["sync"] < 40


# --- the restore point ---


def test_the_bookmark_before_a_run(typescript: TypeScriptWorkerd, place: str) -> None:
    """Where the platform has one, it is in the log, and it is asked for only if there is something to do."""
    bookmark = "00000001-00000002-00004e1a-8ef2d1e8ab9d7ab3d1b1c1ba6b0c2b7e"
    first = typescript.call("runMigrations", INDEX, database=place, faults=[{"bookmark": bookmark}])
    again = typescript.call("runMigrations", INDEX, database=place, faults=[{"bookmark": bookmark}])

    assert typescript.sql(place, "SELECT DISTINCT restore_point FROM d1migrate_log") == [[[bookmark]]]
    assert (first.calls["getCurrentBookmark"], again.calls["getCurrentBookmark"]) == (1, 0)


def test_no_bookmark(typescript: TypeScriptWorkerd, place: str) -> None:
    """The local one is zeros, and reading it may fail: the log has nothing, and the run goes on."""
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


def test_a_constructor_that_throws(typescript: TypeScriptWorkerd) -> None:
    """Each request gets the error, and what it says is applied lasts; corrected code goes on from there."""
    place = typescript.new_object("Migrating")
    wrong = compiled([*THREE[:2], ("003_wrong.sql", "SELECT 1;\nINSERT INTO nosuch VALUES (1);")])
    done = []
    for _ in range(3):
        with pytest.raises(InsideError) as caught:
            typescript.call("getCurrentVersion", database=place, construct=constructing(wrong))
        assert caught.value.type == "ApplyError"
        assert "003_wrong.sql:2: no such table: nosuch" in caught.value.message
        assert caught.value.attributes["durableObjectReset"] is True
        done.append(caught.value.attributes["applied"])
    assert done == [NAMES[:2], [], []]

    constructed = typescript.call("constructed", database=place, construct=constructing(INDEX)).result

    assert [step["name"] for step in constructed["result"]["results"]] == NAMES[2:]
    assert exactly_once(typescript, place)


def test_a_constructor_that_cannot_plan(typescript: TypeScriptWorkerd) -> None:
    """After another runner intervened, what this one had applied lasts, too."""
    place = typescript.new_object("Migrating")
    index = compiled([*THREE, ("004_more.sql", "CREATE TABLE more (id);")])
    typescript.call("runMigrations", INDEX, database=place, construct=constructing(INDEX))
    typescript.sql(
        place, "UPDATE d1migrate_log SET event = 'begun' WHERE id = (SELECT max(id) FROM d1migrate_log)"
    )
    typescript.abort(place)

    with pytest.raises(InsideError) as caught:
        typescript.call("getCurrentVersion", database=place, construct=constructing(index))

    assert caught.value.type == "PartiallyApplied"
    assert len(applied(typescript.file(place))) == 3


def test_a_constructor_that_catches(typescript: TypeScriptWorkerd) -> None:
    """It serves with the schema of the last good migration: the application decides."""
    place = typescript.new_object("Migrating")
    wrong = compiled([*THREE[:2], ("003_wrong.sql", "INSERT INTO nosuch VALUES (1);")])
    construct = constructing(wrong, catch=True)

    assert typescript.call("getCurrentVersion", database=place, construct=construct).result == 2


def test_a_constructor_with_a_long_history(typescript: TypeScriptWorkerd) -> None:
    """It stops, and each further request does a part, until the object serves."""
    place = typescript.new_object("Migrating")
    construct = constructing(INDEXES_OF_200["versions"], {"maxMigrations": 80}, clock=Clock())
    for left in (120, 40):
        with pytest.raises(InsideError) as caught:
            typescript.call("getCurrentVersion", database=place, construct=construct)
        assert caught.value.type == "Unfinished"
        assert len(caught.value.attributes["pending"]) == left

    assert typescript.call("getCurrentVersion", database=place, construct=construct).result == 200


def test_an_alarm_that_wakes_it(typescript: TypeScriptWorkerd) -> None:
    """The constructor runs before the alarm, with the code of now."""
    place = typescript.new_object("Migrating")
    typescript.call("setAlarm", 500, database=place, construct=constructing(compiled(THREE[:2])))
    typescript.abort(place)
    typescript.deploy(place, constructing(INDEX))

    wait_until(lambda: len(applied(typescript.file(place))) == 3)
    assert typescript.call("get", "versionAtAlarm", database=place).result == 3


def test_older_code_after_a_rollback_of_the_deployment(typescript: TypeScriptWorkerd) -> None:
    """An object that newer code has migrated serves older code, unless that refuses it."""
    place, old = typescript.new_object("Migrating"), compiled(THREE[:2])
    typescript.call("constructed", database=place, construct=constructing(INDEX))
    typescript.abort(place)

    constructed = typescript.call("constructed", database=place, construct=constructing(old)).result
    assert constructed["result"]["results"] == []
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

        assert again["result"]["results"] == []
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
