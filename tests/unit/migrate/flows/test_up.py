"""What a run needs of the names of files and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.run import run
from d1migrate.errors import ApplyError, SourceError
from d1migrate.migrate.flows import read, up
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import USUAL, TableChoice
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.flows.three import THREE, new_stamp

if TYPE_CHECKING:
    from d1migrate.drivers.sqlite import SqliteDriver


@pytest.mark.parametrize("names", ["1_a 1_b", "-1_a", f"{2**53}_a", "a"])
def test_a_table_of_versions_needs_one_for_each(database: SqliteDriver, names: str) -> None:
    """Two of one version would otherwise lose one. Nothing runs, not even what comes before it."""
    choice = TableChoice("schema_migrations")
    files = load([(f"{name}.sql", "SELECT 1;") for name in ("0_first", *names.split())])
    with pytest.raises(SourceError):
        run(up.up(files, choice, new_stamp), database)
    assert run(read.read_history(choice), database).missing == ("schema_migrations", "d1migrate_log")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW d1_migrations AS SELECT 1 AS x",
        "CREATE TABLE D1_Migrations (x)",
        "CREATE INDEX d1_migrations ON other (x)",
    ],
)
def test_what_only_has_the_name_of_wranglers_table(database: SqliteDriver, sql: str) -> None:
    """It is in nobody's way: the batch expects what the reading found."""
    run(up.up(THREE[:1], USUAL, new_stamp), database)
    database.batch(Batch([Query("CREATE TABLE other (x)"), Query(sql)]))
    assert [step.name for step in run(up.up(THREE, USUAL, new_stamp), database).steps] == ["002_b", "003_c"]


@pytest.mark.parametrize("choice", [TableChoice("schema_migrations"), TableChoice("d1_migrations")])
def test_a_view_with_the_name_of_the_log(database: SqliteDriver, choice: TableChoice) -> None:
    """It cannot be written, and nobody waits for it to become a table."""
    database.batch(Batch([Query("CREATE TABLE a (x)"), Query("CREATE VIEW d1migrate_log AS SELECT 1 AS x")]))
    database.batch(Batch([Query(choice.guess.create), *choice.guess.insert(THREE[0], 1)]))
    flow = up.up(THREE, choice, new_stamp, lint=lambda _, schema, __: schema)
    with pytest.raises(ApplyError, match="no such column: token"):
        run(flow, database)


@pytest.mark.parametrize("configured", ["done", "Done"])
def test_wranglers_table_in_other_letters(database: SqliteDriver, configured: str) -> None:
    """SQLite finds it, and its counter, as the configuration writes it."""
    run(up.up(THREE[:1], TableChoice("DONE", "DONE"), new_stamp), database)
    choice = TableChoice(configured, configured)
    assert [step.name for step in run(up.up(THREE, choice, new_stamp), database).steps] == ["002_b", "003_c"]
