"""On real D1, the history moves between the migrations tables, and two of them are brought in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.migrate.source import load
from d1migrate.migrate.table import VERSIONS, WRANGLER
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.runtime.workerd import Workerd

FILES = load(
    (f"{number:04}_{name}.sql", f"CREATE TABLE {name} (x);\n-- Rollback: DROP TABLE {name};\n")
    for number, name in enumerate("abc")
)


def rows(driver: WorkerdDriver, sql: str) -> Sequence[tuple[object, ...]]:
    """The rows of a query."""
    return [tuple(row) for row in driver.batch(Batch([Query(sql)], reads=True))[0].rows]


def test_there_and_back(workerd: Workerd) -> None:
    """With every time, checksum and rollback; a version 0 too."""
    driver = WorkerdDriver(workerd, workerd.database())
    versions, names = (Migrator(driver, FILES, table=table) for table in (VERSIONS, WRANGLER))
    versions.up(to=1)
    before = rows(driver, "SELECT name, applied_at FROM schema_migrations ORDER BY version")
    names.move_history(names.plan_move_history(), reason="a test")
    assert rows(driver, "SELECT name, unixepoch(applied_at) AS at FROM d1_migrations ORDER BY id") == [
        (f"{name}.sql", at) for name, at in before
    ]
    assert rows(driver, "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'") == []
    names.up()
    assert names.verify().ok
    versions.move_history(versions.plan_move_history(), reason="a test")
    assert rows(driver, "SELECT version FROM schema_migrations") == [(0,), (1,), (2,)]
    assert versions.verify().ok
    driver.batch(Batch([Query("DELETE FROM d1_migrations WHERE name = '0001_b.sql'")]))
    versions.sync_tables(versions.plan_sync_tables(), reason="a test")
    without_files = Migrator(driver, (), table=VERSIONS)
    without_files.down(to="none")
    assert rows(driver, "SELECT name FROM d1_migrations") == []
    assert rows(driver, "SELECT version FROM schema_migrations") == []
