"""Recording files that did not run: the first file of a database, and files up to a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import Error, HistoryError, MissingMigration, QueryError, UsageError
from d1migrate.migrate.flows.baseline import baseline, read_empty_history, record_written
from d1migrate.migrate.flows.read import status
from d1migrate.migrate.table_choice import USUAL, TableChoice
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from d1migrate.sql.batch import Flow
    from tests.unit.migrate.flows.database import Database


def test_it_is_recorded_and_not_run(empty: Database) -> None:
    """The schema is read without the tables that no file creates."""
    empty.script("CREATE TABLE users (id); CREATE TABLE d1_migrations (id, name); CREATE TABLE mine (id)")
    found = empty.run(read_empty_history(TableChoice(wrangler="mine")))
    assert [table.name for table in found.schema.tables] == ["users"]
    empty.run(record_written(found, files("1a")[0], empty.stamp))
    assert empty.versions() == [1]
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name = 'a'") == []


def test_a_history_begins_once(empty: Database) -> None:
    """What is recorded already is named."""
    empty.up("1a")
    with pytest.raises(HistoryError, match="up to 001_a"):
        empty.run(read_empty_history(USUAL))


@pytest.mark.parametrize("meanwhile", ["schema", "history"])
def test_a_database_that_changed_since(empty: Database, meanwhile: str) -> None:
    """Nothing is recorded."""
    found = empty.run(read_empty_history(USUAL))
    if meanwhile == "schema":
        empty.script("CREATE TABLE users (id)")
    else:
        empty.up("1a")
    before = empty.rows("SELECT name FROM sqlite_schema")
    with pytest.raises(Error):
        empty.run(record_written(found, files("1b")[0], empty.stamp))
    assert empty.rows("SELECT name FROM sqlite_schema") == before


# --- files for a database that has none recorded ---


def states(database: Database, have: str) -> str:
    """The states that `status` shows."""
    return " ".join(entry.state for entry in database.run(status(files(have), USUAL)))


def test_baseline(empty: Database) -> None:
    """Files up to a version are recorded as applied, and none of them runs; again, there is nothing to do."""
    done = empty.run(baseline(files("1a 2b 3c"), USUAL, empty.stamp, to=2))
    assert [migration.version for migration in done] == [1, 2]
    assert states(empty, "1a 2b 3c") == "applied applied pending"
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b')") == []
    assert empty.run(baseline(files("1a 2b 3c"), USUAL, empty.stamp, to=2)) == ()


@pytest.mark.parametrize(
    ("have", "to", "error"), [("1a", 2, UsageError), ("2b", 2, None), ("3a", 3, MissingMigration)]
)
def test_baseline_of_what_is_there(empty: Database, have: str, to: int, error: type[Error] | None) -> None:
    """A version without a file, or a file that is applied under another number, is refused."""
    empty.up("1a")
    if error is None:
        empty.run(baseline(files(have), USUAL, empty.stamp, to=to))
        assert empty.versions() == [1, 2]
    else:
        with pytest.raises(error):
            empty.run(baseline(files(have), USUAL, empty.stamp, to=to))


def test_another_run_changes_the_history_meanwhile(empty: Database) -> None:
    """Nothing is recorded over it."""
    flow = baseline(files("1a 2b"), USUAL, empty.stamp, to=2)
    asked = next(flow)
    while asked.reads:
        try:
            answers = empty.driver.batch(asked)
        except QueryError as error:  # the history tables are missing
            asked = flow.throw(error)
        else:
            asked = flow.send(answers)
    empty.up("1a")
    with pytest.raises(QueryError, match="meanwhile") as refused:
        empty.driver.batch(asked)
    with pytest.raises(HistoryError):
        finish(empty, flow, refused.value)
    assert empty.versions() == [1]


def finish(database: Database, flow: Flow[object], error: QueryError) -> None:
    """Give the flow an error, and answer what it asks then."""
    asked = flow.throw(error)
    while True:
        asked = flow.send(database.driver.batch(asked))
