"""What D1 bills for the query of a Worker with nothing to do: about nine rows a migration, in either table."""

from __future__ import annotations

import pytest

from d1migrate.migrate.source import load
from d1migrate.migrate.up_to_date import state_query
from d1migrate.migrator import Migrator
from tests.runtime.workerd import Workerd, WorkerdDriver

COUNT = 100


@pytest.mark.parametrize("table", ["schema_migrations", "d1_migrations"])
def test_rows_of_the_state(workerd: Workerd, table: str) -> None:
    """Two of the table and its log each, and those of the sorter and the index that SQLite makes for itself."""
    driver = WorkerdDriver(workerd, workerd.database())
    migrator = Migrator(driver, load((f"{n:03}_m.sql", "") for n in range(COUNT)), table=table)
    migrator.up()

    query = state_query(migrator.choice.guess)
    answer = workerd.post(driver.database, [{"sql": query.sql, "params": []}])["results"][0]

    assert len(answer["rows"]) == 1
    assert answer["rows"][0][0].count("\n") == COUNT - 1
    assert 8 * COUNT < answer["meta"]["rows_read"] < 9 * COUNT
