"""Files that record themselves in `schema_migrations`, in a database where wrangler's table has rows, too: on real D1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import ApplyError
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Driver
    from tests.runtime.workerd import Workerd

SQL = """\
CREATE TABLE {name} (x);
INSERT INTO schema_migrations (version, name, applied_at) VALUES ({version}, '{version:03}_{name}', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;
-- Rollback:
--   DROP TABLE {name};
"""
FILES = [
    (f"{version:03}_{name}.sql", SQL.format(version=version, name=name))
    for version, name in enumerate("abc", 1)
]
NAMES = [name for name, _ in FILES]


def by_wrangler(workerd: Workerd) -> WorkerdDriver:
    """A database in which wrangler applied the first file."""
    driver = WorkerdDriver(workerd, workerd.database())
    run(driver, VersionTable().create, NameTable().create, *SQL.format(version=1, name="a").split(";\n")[:2])
    run(driver, f"INSERT INTO d1_migrations (name) VALUES ('{NAMES[0]}')")
    return driver


def run(driver: Driver, *statements: str) -> None:
    """Run statements as one batch."""
    driver.batch(Batch([Query(sql) for sql in statements]))


def migrator(driver: Driver, count: int = 3, wrangler_table: str = "d1_migrations") -> Migrator:
    """Some of the files."""
    return Migrator(driver, load(FILES[:count]), wrangler_table=wrangler_table)


def check_recorded(driver: Driver, *names: str) -> None:
    """Both tables have these migrations."""
    for query in (
        "SELECT name || '.sql' FROM schema_migrations ORDER BY version",
        "SELECT name FROM d1_migrations ORDER BY name",
    ):
        (result,) = driver.batch(Batch([Query(query)], reads=True))
        assert [row[0] for row in result.rows] == list(names)


@pytest.mark.parametrize("single", [False, True])
def test_up_and_down(workerd: Workerd, single: bool) -> None:
    """Each writes both tables, also in a single transaction; what is rolled back is pending for both tools."""
    driver = by_wrangler(workerd)
    migrator(driver).up(single_transaction=single)
    check_recorded(driver, *NAMES)
    migrator(driver).down(steps=2)
    check_recorded(driver, NAMES[0])


def test_what_fails_is_in_neither(workerd: Workerd) -> None:
    """The records are part of the transaction."""
    driver = by_wrangler(workerd)
    failing = [*FILES, ("004_d.sql", "CREATE TABLE d (x);\nINSERT INTO nowhere VALUES (1);\n")]
    with pytest.raises(ApplyError):
        Migrator(driver, load(failing)).up(lint=False)
    check_recorded(driver, *NAMES)


def test_corrections(workerd: Workerd) -> None:
    """Baseline records in both, a rename renames in both, forget removes from both."""
    driver = by_wrangler(workerd)
    migrator(driver).baseline(to=3)
    check_recorded(driver, *NAMES)
    renamed = Migrator(driver, load([*FILES[:2], ("005_c.sql", FILES[2][1].replace("3,", "5,"))]))
    renamed.rename(3, 5, reason="merge")
    check_recorded(driver, *NAMES[:2], "005_c.sql")
    migrator(driver, 2).forget(5, reason="removed")
    check_recorded(driver, *NAMES[:2])


def test_a_table_of_another_shape(workerd: Workerd) -> None:
    """A table of the user's that has the name of wrangler's is not written to."""
    driver = WorkerdDriver(workerd, workerd.database())
    migrator(driver, 1, wrangler_table="done").up()
    run(driver, "CREATE TABLE done (x)")
    migrator(driver, wrangler_table="done").up()
    (result,) = driver.batch(Batch([Query("SELECT count(*) AS n FROM done")], reads=True))
    assert next(iter(result.rows))[0] == 0
