"""The history tables as one query sees them, beside what the planner decides about the same database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.run import run
from d1migrate.errors import HistoryError
from d1migrate.migrate import log
from d1migrate.migrate.compiled_queries import (
    applied,
    head,
    one_sided,
    partial,
    problem_of_rows,
    state,
    verdict,
)
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.table import LOG_TABLE, MigrationsTable, NameTable, VersionTable
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.migrate.up_to_date import state_lines, state_query
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.flows.three import THREE

if TYPE_CHECKING:
    from d1migrate.drivers.sqlite import SqliteDriver
    from tests.unit.migrate.flows.database import Database

VERSIONS, NAMES = VersionTable(), NameTable()
V, N, LOG = VERSIONS.create, NAMES.create, log.CREATE
TABLES: dict[str, tuple[MigrationsTable, str]] = {
    "versions": (VERSIONS, NAMES.name),
    "names": (NAMES, VERSIONS.name),
}
SETUPS: dict[str, list[str]] = {
    "nothing": [],
    "versions": [V, LOG],
    "versions alone": [V],
    "names": [N, LOG],
    "names alone": [N],
    "both": [V, N, LOG],
    "log alone": [LOG],
    "an application": ["CREATE TABLE a (x)", "CREATE VIEW v AS SELECT 1", "CREATE INDEX i ON a (x)"],
    "many objects": [f"CREATE TABLE t{n} (x)" for n in range(8)],
    "drizzle": ["CREATE TABLE __drizzle_migrations (id)", "INSERT INTO __drizzle_migrations VALUES (1)"],
    "a lock of knex": ["CREATE TABLE knex_migrations_lock (x)", "CREATE TABLE a (x)"],
    "dbmate": ["CREATE TABLE schema_migrations (version varchar(255) primary key)"],
    "Rails": ["CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY)"],
    "golang-migrate": ["CREATE TABLE schema_migrations (version uint64, dirty bool)"],
    "an application's versions": ["CREATE TABLE schema_migrations (a, b)"],
    "one column more": [V.replace("name TEXT NOT NULL", "name TEXT NOT NULL, more TEXT")],
    "a required column more": [V.replace("name TEXT NOT NULL", "name TEXT NOT NULL, more TEXT NOT NULL")],
    "a foreign d1_migrations": ["CREATE TABLE d1_migrations (a TEXT, b)"],
    "versions instead of names": [V.replace("schema_migrations", "d1_migrations")],
    "a foreign log": ["CREATE TABLE d1migrate_log (a, b)"],
    "uncounted names": ["CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at)"],
    "names without a key": ["CREATE TABLE d1_migrations (id, name TEXT UNIQUE, applied_at)"],
    "names that may repeat": ["CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name, applied_at)"],
}


def _execute(database: SqliteDriver, *statements: str) -> None:
    if statements:
        database.batch(Batch([Query(sql) for sql in statements]))


def _asked(database: SqliteDriver, sql: str) -> Any:
    (answer,) = database.batch(Batch((Query(sql),), reads=True))
    return answer.rows[0]


@pytest.mark.parametrize("shape", TABLES)
@pytest.mark.parametrize("setup", SETUPS)
def test_it_finds_what_the_planner_finds(database: SqliteDriver, setup: str, shape: str) -> None:
    """It returns the same tables, the same refusals and the same objects of the application."""
    table, other = TABLES[shape]
    _execute(database, *SETUPS[setup])
    found, error, hint, problem, unmanaged, job = _asked(database, verdict(table, other))
    assert not job
    layout, tables = found.split(" ")
    choice = TableChoice(VERSIONS.name if shape == "versions" else NAMES.name, NAMES.name)
    try:
        history = run(read_history(choice), database)
    except HistoryError as refusal:
        assert (error, hint) == (str(refusal), refusal.hint)
        return
    if history.problems and error:  # the runtime does not even read the rows
        assert error == history.problems[0].message
        return
    assert error is None or "not created by wrangler" in error
    assert [table.name in history.missing, LOG_TABLE in history.missing] == [
        tables[0] == "0",
        tables[2] == "0",
    ]
    chosen = history.table
    assert isinstance(chosen, VersionTable) == (shape == "versions")
    if isinstance(chosen, VersionTable) and error is None:
        wanted = "mirrored" if chosen.mirrored else "beside" if chosen.exists else "alone"
        assert layout == ("alike" if chosen.named_alike else wanted)
    elif isinstance(chosen, NameTable):
        assert layout == ("counted" if chosen.counted else "uncounted")
    assert (problem is None) == (not history.problems)
    assert problem is None or history.problems[0].message.startswith(problem)
    if history.unmanaged:
        assert unmanaged.split(";")[0].split(" and ")[0] == ", ".join(history.unmanaged[:5])


def test_a_pragma_of_other_code(database: SqliteDriver) -> None:
    """It stays on for later requests, and changes what LIKE finds."""
    _execute(database, "PRAGMA case_sensitive_like = ON")
    _execute(database, N, LOG)

    history = run(read_history(TableChoice(NAMES.name, NAMES.name)), database)

    assert isinstance(history.table, NameTable)
    assert history.table.counted
    assert _asked(database, verdict(NAMES, VERSIONS.name))[0] == "counted 101"


def test_an_older_log_is_refused(database: SqliteDriver) -> None:
    """`up` moves its rows; a table that only has its name does not matter."""
    _execute(database, V, "CREATE TABLE schema_migrations_log AS SELECT 1 AS id")
    assert _asked(database, verdict(VERSIONS, NAMES.name))[1] is None
    older = LOG.replace(LOG_TABLE, log.OLD_LOG)
    _execute(database, "DROP TABLE schema_migrations_log", older)
    assert _asked(database, verdict(VERSIONS, NAMES.name))[1] == "the log is that of an older d1migrate"


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("", None),
        ("('1_a.sql'), ('2_b.sql')", None),
        ("('1_a.sql'), ('1_a')", None),
        ("('1_a')", "1 of its rows do not name a file, e.g. '1_a'"),
        ("(NULL), ('x'), ('a')", "2 of its rows do not name a file, e.g. 'x'"),
        ("('2_b.sql'), ('1_a.sql'), ('1_a.sql'), ('2_b.sql')", "2_b.sql is in it more than once"),
    ],
)
def test_rows_that_name_no_file_are_a_problem(database: SqliteDriver, rows: str, problem: str | None) -> None:
    """The same as `survey.problems_of_names` finds."""
    table = N.replace(" UNIQUE", "")
    _execute(database, table, *([f"INSERT INTO d1_migrations (name) VALUES {rows}"] if rows else []))
    found = run(read_history(TableChoice(NAMES.name, NAMES.name)), database).problems
    messages = [one.message for one in found if "unique" not in one.message]
    assert _asked(database, problem_of_rows(NAMES))[0] == ("; ".join(messages) or None)
    assert problem is None or problem in messages[0]


@pytest.mark.parametrize("table", [VERSIONS, NAMES])
def test_applied_is_what_the_planner_reads(empty: Database, table: MigrationsTable) -> None:
    """With the checksums of the log, or without a log; and the migrations that did not finish."""
    choice = TableChoice(table.name, NAMES.name)
    empty.run(up(THREE, choice, empty.stamp))
    history = empty.run(read_history(choice))
    read = [(Query(applied(table, logged=logged)),) for logged in (True, False)]
    logged, plain = ([*empty.driver.batch(Batch(query, reads=True))[0].rows] for query in read)
    suffix = ".sql" if table.shape == "names" else ""
    counter = 3 if table.shape == "names" else None
    assert logged == [
        (row.place, f"{row.name}{suffix}", row.checksum, row.file_digest, counter) for row in history.applied
    ]
    assert plain == [(*row[:2], None, None, counter) for row in logged]

    empty.driver.batch(Batch([Query("UPDATE d1migrate_log SET event = 'begun' WHERE version = 2")]))
    assert empty.driver.batch(Batch((Query(partial(table)),), reads=True))[0].rows == (("002_b", 2),)


@pytest.mark.parametrize(
    "damage",
    [
        "token = 'x'",
        "token = ''",
        "token = x'00'",
        "checksum = x'00'",
        "version = 'text'",
        "name = x'61'",
        "file_digest = 1.5, rollback_digest = NULL",
    ],
)
def test_a_damaged_log(empty: Database, damage: str) -> None:
    """It is damaged for the runtime exactly if it is for the planner, which shows values in another way."""
    empty.run(up(THREE, TableChoice(), empty.stamp))
    _execute(empty.driver, f"UPDATE {LOG_TABLE} SET {damage} WHERE id = (SELECT max(id) FROM {LOG_TABLE})")
    _, found = _asked(empty.driver, head())
    refused = None
    try:
        empty.run(read_history(TableChoice()))
    except HistoryError as error:
        refused = str(error)
    assert (found and found.split(" is ")[:2]) == (refused and refused.split(" is ")[:2])


@pytest.mark.parametrize("table", [VERSIONS, NAMES])
def test_the_state_is_that_of_the_planner(empty: Database, table: MigrationsTable) -> None:
    """The same keys, checksums and digests, as JSON; a row that wrangler wrote has neither."""
    empty.run(up(THREE, TableChoice(table.name, NAMES.name), empty.stamp))
    empty.driver.batch(Batch([Query("DELETE FROM d1migrate_log WHERE version = 3")]))
    ask = [(Query(state(table)),), (state_query(table),)]
    (found,), (lines,) = (empty.driver.batch(Batch(query, reads=True)) for query in ask)
    known, rows, begun = found.rows[0]
    assert json.loads(known) == {key: rest for key, *rest in state_lines(str(lines.rows[0][0]))}
    assert (rows, begun) == (3, 0)


@pytest.mark.parametrize(
    ("shape", "versions", "names", "here", "there"),
    [
        ("versions", [(1, "001_a"), (2, "002_b")], ["001_a.sql", "002_b.sql"], [], []),
        (
            "versions",
            [(1, "under another name"), (2, "002_b")],
            ["001_a.sql", "003_c.sql"],
            ["002_b"],
            ["003_c"],
        ),
        ("versions", [(9, "gone")], ["001_a", "z.sql", "b.sql"], ["gone"], ["b", "z"]),
        ("names", [(1, "001_a"), (2, "other")], ["001_a.sql", "002_b.sql"], [], []),
        ("names", [(3, "003_c"), (7, "seven")], ["001_a.sql"], [], ["003_c", "seven"]),
    ],
)
def test_two_tables_that_disagree(
    database: SqliteDriver,
    shape: str,
    versions: list[tuple[int, str]],
    names: list[str],
    here: list[str],
    there: list[str],
) -> None:
    """By the names of the files; a version may be recorded under another name."""
    _execute(database, V, N)
    _execute(database, *(f"INSERT INTO schema_migrations VALUES ({v}, '{name}', 0)" for v, name in versions))
    _execute(database, *(f"INSERT INTO d1_migrations (name) VALUES ('{name}')" for name in names))
    files = json.dumps([[m.version, m.name] for m in THREE])
    query = Query(one_sided(*TABLES[shape]), (files,))
    (answer,) = database.batch(Batch((query,), reads=True))
    assert [json.loads(str(names)) for names in answer.rows[0]] == [here, there]
