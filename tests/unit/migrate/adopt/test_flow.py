"""Adopting a database: what is found out, and what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import Error, HistoryError, SourceError
from d1migrate.lint.replay.footprints import footprints
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.adopt.checksums import Unchecked
from d1migrate.migrate.adopt.flow import Adoption, Hints, adopt, plan
from d1migrate.migrate.flows.read import status
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table_choice import USUAL, Suggestion, TableChoice
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database

TABLE = "CREATE TABLE {} (id INTEGER PRIMARY KEY);"
WRANGLER = (
    "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
    " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);"
    " INSERT INTO d1_migrations VALUES (1, '{}', '2026-09-21 14:13:27');"
)
KYSELY = (
    "CREATE TABLE kysely_migration (name, timestamp);"
    " INSERT INTO kysely_migration VALUES ('001_a', '2026-09-21T14:13:27.000Z');"
)


NAMES = TableChoice(files=Suggestion("names"))


def planned(
    database: Database,
    have: str,
    hints: Hints = Hints(),  # noqa: B008
    choice: TableChoice = USUAL,
) -> Adoption:
    """What is found out about some files."""
    return database.run(plan(footprints(files(have)), hints, choice, schema_of))


def states(found: Adoption) -> str:
    """The states of the files."""
    return " ".join(assessment.state for assessment in found.assessments)


@pytest.mark.parametrize(
    ("choice", "rows"),
    [
        (USUAL, "SELECT version, applied_at FROM schema_migrations"),
        (NAMES, "SELECT name, unixepoch(applied_at) FROM d1_migrations"),
    ],
    ids=["versions", "names"],
)
def test_files_that_ran(empty: Database, choice: TableChoice, rows: str) -> None:
    """They are recorded with when another tool applied them; the others stay pending."""
    empty.script(TABLE.format("a") + KYSELY)
    found = planned(empty, "1a 2b", choice=choice)
    assert states(found) == "applied pending"
    assert [migration.version for migration in empty.run(adopt(found, empty.stamp))] == [1]
    ((key, at),) = empty.rows(rows)
    assert (key, at) == (1 if choice is USUAL else "001_a.sql", 1_790_000_007)
    assert [entry.state for entry in empty.run(status(files("1a 2b"), choice))] == ["applied", "pending"]


@pytest.mark.parametrize(
    ("choice", "refused"), [(USUAL, "two files have version 1: 001_a and 001_b"), (NAMES, "")]
)
def test_numbers_that_are_not_unique(empty: Database, choice: TableChoice, refused: str) -> None:
    """A table of names holds them, and files without a number; a table of versions does not."""
    migrations = [Migration(1, f"001_{name}", TABLE.format(name)) for name in "ab"]
    migrations.append(Migration(None, "last/one", TABLE.format("c")))
    empty.script("".join(map(TABLE.format, "abc")))
    found = empty.run(plan(footprints(migrations), Hints(assume=["001_b"]), choice, schema_of))
    assert states(found) == "applied applied applied"
    if refused:
        with pytest.raises(SourceError, match=refused):
            empty.run(adopt(found, empty.stamp))
        return
    empty.run(adopt(found, empty.stamp))
    assert [entry.state for entry in empty.run(status(migrations, choice))] == ["applied"] * 3


def test_wranglers_history_is_a_history(empty: Database) -> None:
    """Its rows are recorded already; what it lacks is added to it."""
    empty.script(TABLE.format("a") + TABLE.format("b") + WRANGLER.format("001_a.sql"))
    found = planned(empty, "1a 2b")
    assert states(found) == "recorded applied"
    empty.run(adopt(found, empty.stamp))
    assert empty.rows("SELECT name FROM d1_migrations ORDER BY id") == [("001_a.sql",), ("002_b.sql",)]


@pytest.mark.parametrize("recorded", ["d1_migrations", "schema_migrations"])
def test_rows_without_a_checksum_get_one(empty: Database, recorded: str) -> None:
    """An edit of the file is noticed from then on, and its rollback is known; `up` alone records nothing."""
    ours = "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER);"
    rows = f"{ours} INSERT INTO schema_migrations VALUES (1, '001_a', 1790000007)"
    empty.script(TABLE.format("a") + (WRANGLER.format("001_a.sql") if recorded == "d1_migrations" else rows))
    empty.run(up(files("1a 2b"), USUAL, empty.stamp))
    assert [entry.checksum is None for entry in empty.run(status(files("1a 2b"), USUAL))] == [True, False]
    found = planned(empty, "1a 2b")
    assert [one.because for one in found.assessments] == [
        "it is in the history, without a checksum",
        "it is in the history",
    ]
    assert [migration.name for migration in found.unchecked.proved] == ["001_a"]
    assert empty.run(adopt(found, empty.stamp)) == ()
    edited = [Migration(1, "001_a", TABLE.format("z")), *files("2b")]
    assert [entry.state for entry in empty.run(status(edited, USUAL))] == ["changed", "applied"]
    (first, _) = empty.run(status(files("1a 2b"), USUAL))
    assert first.applied
    assert (first.applied.applied_at, first.applied.keeps_rollback) == (1_790_000_007, True)
    assert planned(empty, "1a 2b").unchecked == Unchecked()


def test_a_schema_that_the_files_do_not_build(empty: Database) -> None:
    """No checksum is recorded; what else is proved is."""
    empty.script(TABLE.format("a") + TABLE.format("by_hand") + WRANGLER.format("001_a.sql"))
    with pytest.raises(HistoryError, match=r"no checksum was recorded for 001_a: .* table by_hand is extra"):
        empty.run(adopt(planned(empty, "1a"), empty.stamp))
    empty.script(TABLE.format("b"))
    assert len(empty.run(adopt(planned(empty, "1a 2b"), empty.stamp))) == 1
    assert [entry.checksum is None for entry in empty.run(status(files("1a 2b"), USUAL))] == [True, False]


def test_an_empty_table_of_wrangler_decides_nothing(empty: Database) -> None:
    """`wrangler d1 migrations list` creates it."""
    empty.script(TABLE.format("a") + WRANGLER.format("001_a.sql") + "DELETE FROM d1_migrations;")
    empty.run(adopt(planned(empty, "1a"), empty.stamp))
    assert empty.versions() == [1]
    assert empty.rows("SELECT * FROM d1_migrations") == []


def test_rows_that_do_not_name_a_file(empty: Database) -> None:
    """NuxtHub records names without `.sql` in the table that it configures for wrangler: both are kept."""
    empty.script(TABLE.format("a") + WRANGLER.format("001_a"))
    assert [entry.state for entry in empty.run(status(files("1a"), USUAL))] == ["pending"]
    with pytest.raises(HistoryError, match=r"do not name a file, e\.g\. '001_a': `d1migrate adopt`"):
        empty.up("1a")
    found = planned(empty, "1a")
    assert states(found) == "applied"
    empty.run(adopt(found, empty.stamp))
    assert empty.rows("SELECT name, unixepoch(applied_at) FROM d1_migrations") == [
        ("001_a", 1_790_000_007),
        ("001_a.sql", 1_790_000_007),
    ]
    empty.up("1a 2b")


def test_rows_that_name_nothing_at_all(empty: Database) -> None:
    """Nothing is written beside them."""
    empty.script(TABLE.format("a") + WRANGLER.format("elsewhere"))
    with pytest.raises(HistoryError, match="1 of its rows do not name a file"):
        empty.run(adopt(planned(empty, "1a"), empty.stamp))


def test_tables_of_other_tools_are_not_unmanaged(empty: Database) -> None:
    """No file creates them, and none has to: neither a history nor its lock."""
    empty.script(
        f"{TABLE.format('a')} CREATE TABLE kysely_migration (name, timestamp); CREATE TABLE kysely_migration_lock (id)"
    )
    assert planned(empty, "1a").unmanaged_objects == ()


def test_again(empty: Database) -> None:
    """There is nothing to record."""
    empty.script(TABLE.format("a"))
    empty.run(adopt(planned(empty, "1a"), empty.stamp))
    found = planned(empty, "1a")
    assert states(found) == "recorded"
    assert found.began
    assert empty.run(adopt(found, empty.stamp)) == ()


def test_a_database_with_other_objects_only(empty: Database) -> None:
    """The log says that the history begins here, so that an `up` is not refused."""
    empty.script(TABLE.format("users"))
    found = planned(empty, "1a")
    assert [key.name for key in found.unmanaged_objects if key.kind == "table"] == ["users"]
    assert found.is_beginning
    assert empty.run(adopt(found, empty.stamp)) == ()
    empty.up("1a")
    assert empty.versions() == [1]


@pytest.mark.parametrize(
    ("columns", "tool"),
    [("version varchar(128) PRIMARY KEY", "dbmate"), ("version varchar NOT NULL PRIMARY KEY", "Rails")],
)
def test_a_table_that_has_the_name_of_ours(empty: Database, columns: str, tool: str) -> None:
    """It is kept under another name."""
    empty.script(
        f"{TABLE.format('a')} CREATE TABLE schema_migrations ({columns}); INSERT INTO schema_migrations VALUES ('1')"
    )
    found = planned(empty, "1a 2b")
    assert found.set_aside
    assert found.set_aside.name == tool
    empty.run(adopt(found, empty.stamp))
    assert empty.versions() == [1]
    assert len(empty.rows("SELECT name FROM sqlite_schema WHERE name LIKE '%schema_migrations%'")) >= 3


def test_a_table_with_that_name_is_in_nobodys_way(empty: Database) -> None:
    """Where wrangler's table holds the history, dbmate's stays, and is evidence."""
    dbmate = "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES (2);"
    empty.script(TABLE.format("a") + TABLE.format("b") + dbmate + WRANGLER.format("001_a.sql"))
    for choice in (USUAL, NAMES):
        found = planned(empty, "1a 2b", choice=choice)
        assert states(found) == "recorded applied"
        assert (found.set_aside, found.unmanaged_objects) == (None, ())
        assert found.assessments[1].records[0].tool == "dbmate"
    empty.script("DROP TABLE d1_migrations")
    assert planned(empty, "1a 2b", choice=NAMES).set_aside is None
    assert planned(empty, "1a 2b").set_aside


def test_an_applications_own_table(empty: Database) -> None:
    """It is left alone, and wrangler's table holds the history."""
    empty.script(
        TABLE.format("a") + "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY, checksum TEXT)"
    )
    found = planned(empty, "1a 2b")
    assert (states(found), found.set_aside) == ("applied pending", None)
    assert [key.shown for key in found.unmanaged_objects if key.kind == "table"] == ["schema_migrations"]
    empty.run(adopt(found, empty.stamp))
    assert empty.rows("SELECT name FROM d1_migrations") == [("001_a.sql",)]


@pytest.mark.parametrize("meanwhile", ["schema", "history"])
def test_a_database_that_changed_since(empty: Database, meanwhile: str) -> None:
    """Nothing is recorded."""
    empty.script(TABLE.format("a"))
    found = planned(empty, "1a")
    if meanwhile == "schema":
        empty.script(TABLE.format("z"))
    else:
        empty.run(adopt(planned(empty, "1a"), empty.stamp))
    before = empty.rows("SELECT name FROM sqlite_schema")
    with pytest.raises(Error):
        empty.run(adopt(found, empty.stamp))
    assert empty.rows("SELECT name FROM sqlite_schema") == before


def test_what_is_undecided_stops_it(empty: Database) -> None:
    """A table that is present, and not as any file makes it; the user may say that the file ran."""
    empty.script("CREATE TABLE a (id TEXT)")
    found = planned(empty, "1a")
    with pytest.raises(HistoryError):
        empty.run(adopt(found, empty.stamp))
    assumed = planned(empty, "1a", Hints(assume=[1]))
    assert states(assumed) == "assumed"
    assert [migration.version for migration in empty.run(adopt(assumed, empty.stamp))] == [1]


def test_another_tools_history_that_a_file_creates_is_the_applications(empty: Database) -> None:
    """As for Django's models: it is an object of the file, and its rows name no files."""
    django = Migration(1, "001_django", "CREATE TABLE django_migrations (app, name, applied);")
    empty.script(
        f"{django.text} INSERT INTO django_migrations VALUES ('auth', '0001_initial', '2026-09-21');"
    )
    found = empty.run(plan(footprints([django]), Hints(), USUAL, schema_of))
    assert states(found) == "applied"
    assert found.unknown_records == ()
