"""What an open job created is in no schema; without a job, the same objects are leftovers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.lint.replay.replayer import schema_of, schemas_after
from d1migrate.migrate.flows import integrity
from d1migrate.migrate.flows.read import read_history_and_schema, read_job, read_schema
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.flows.verify import Verification, verify, verify_by_digests
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import USUAL
from d1migrate.schema.digest import changes_of_each
from tests.open_job import migration_of, open_job
from tests.unit.migrate.flows.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "CREATE TABLE a (id INTEGER PRIMARY KEY, x); CREATE INDEX a_x ON a (x);"
FILL = "-- d1migrate: batch a\nUPDATE a SET x = id WHERE x IS NULL;"
REBUILD = "-- d1migrate: online a\nDROP INDEX a_x; CREATE INDEX a_x ON a (x DESC);"  # stands for a rebuild
FILES = [("001_a.sql", TABLE), ("002_job.sql", FILL)]


@pytest.fixture
def database() -> Iterator[Database]:
    """A database with a table."""
    made = Database()
    made.run(up(load(FILES[:1]), USUAL, made.stamp))
    yield made
    made.driver.close()


def both(database: Database, sql: str) -> list[Verification]:
    """Compare with an engine, and with digests."""
    found = load([FILES[0], ("002_job.sql", sql)])
    changes = changes_of_each(schemas_after(found))
    return [
        database.run(verify(found, USUAL, schema_of, lambda *_: ())),
        database.run(verify_by_digests(found, USUAL, changes)),
    ]


@pytest.mark.parametrize("sql", [FILL, REBUILD])
def test_an_open_job_is_left_out(database: Database, sql: str) -> None:
    """Of the schema, of `verify`, and of what `status` calls leftovers."""
    database.script("CREATE TABLE new_1 (id); CREATE INDEX log_1 ON new_1 (id)")  # the application's
    before = database.run(read_schema(USUAL))
    open_job(database.driver, migration_of("002_job", sql))
    assert database.run(read_schema(USUAL)) == before
    history, schema = database.run(read_history_and_schema(USUAL))
    assert history.job is not None
    assert not [table.name for table in schema.tables if table.name.startswith("_d1m_")]
    for found in both(database, sql):
        assert [one.name for one in found.differences] == ["new_1", "log_1"][: len(found.differences)]
        assert found.problems == ()
    status = database.run(read_status(load([FILES[0], ("002_job.sql", sql)]), USUAL))
    assert status.problems == ()


def test_without_its_row_they_are_leftovers(database: Database) -> None:
    """So a job whose table somebody dropped is reported, and so are the helpers of other rebuilds."""
    open_job(database.driver, migration_of("002_job", REBUILD))
    database.script("CREATE TABLE _d1m_hold_2 (id)")
    problems = database.run(integrity.inspect(None, rows=False)).problems
    assert [problem.name for problem in problems] == ["_d1m_hold_2"]
    database.script("DROP TABLE _d1m_job")
    problems = database.run(integrity.inspect(None, rows=False)).problems
    assert {problem.name for problem in problems} >= {"_d1m_hold_1", "_d1m_log_1", "_d1m_sync_1_insert"}
    names = {table.name for table in database.run(read_schema(USUAL)).tables}
    assert names == {"a", "_d1m_hold_1", "_d1m_hold_2", "_d1m_log_1"}


def test_a_batch_job_owns_no_shadow(database: Database) -> None:
    """What another rebuild left is reported while it is open."""
    open_job(database.driver, migration_of("002_job", FILL))
    database.script("CREATE TABLE _d1m_hold_1 (id)")
    problems = database.run(integrity.inspect(None, rows=False)).problems
    assert [problem.name for problem in problems] == ["_d1m_hold_1"]


def test_indexes_that_are_still_to_be_built(database: Database) -> None:
    """After the swap of an online rebuild they are not drift; other indexes that are missing are."""
    migration = migration_of("002_job", REBUILD)
    database.script("DROP INDEX a_x")
    assert not any(found.ok for found in both(database, FILL))
    database.script("INSERT INTO schema_migrations VALUES (2, '002_job', 1)")
    open_job(database.driver, migration, state="indexes")
    for found in both(database, REBUILD):
        assert (found.differences, found.problems, found.ok) == ((), (), True)


def test_a_job_that_ends_meanwhile(empty: Database) -> None:
    """Its row is not there any more."""
    assert empty.run(read_job()) is None


def test_the_rows_of_a_shadow_are_no_orphans(database: Database) -> None:
    """They are those of the table, which are looked at."""
    open_job(database.driver, migration_of("002_job", REBUILD))
    found = database.run(integrity.inspect(lambda *_: (), rows=True))
    assert found.problems == ()
