"""The three ways to recover from a migration, tried on a scratch database with either table."""

from __future__ import annotations

from contextlib import closing

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.history import AppliedMigration
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_choice import Suggestion, TableChoice
from d1migrate.rehearse.recovery_check import RecoveryCheck, check_recovery
from d1migrate.rehearse.scratch_database import ScratchDatabase
from d1migrate.sql.batch import Batch, Query

FILES = {
    (0, "0000_a"): "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\n-- Rollback:\n--   DROP TABLE a;\n",
    (1, "0001_b/migration"): "CREATE TABLE b (id INTEGER PRIMARY KEY);\n-- Rollback:\n--   DROP TABLE b;\n",
    (1, "0001_c"): "ALTER TABLE a ADD COLUMN m INTEGER;\n-- Rollback:\n--   UPDATE a SET n = 0;\n"
    "--   ALTER TABLE a DROP COLUMN m;\n",
    (2, "0002_d"): "CREATE INDEX i ON a (n);\n",
}
NAMES = [Migration(number, name, text) for (number, name), text in FILES.items()]
VERSIONS = [
    Migration(at, f"000{at}_{m.name[5]}", m.text) for at, m in enumerate([NAMES[0], NAMES[1], NAMES[2], NAMES[3]])
]  # fmt: skip


def checks(shape: str, applied: int = 0, pending: list[int] | None = None) -> dict[str, RecoveryCheck]:
    """Check recovery from what is pending, where the first ones are applied."""
    table = NameTable() if shape == "names" else VersionTable()
    files = NAMES if shape == "names" else VERSIONS
    todo = [files[at] for at in pending] if pending else files[applied:]
    before = [file for file in files if file not in todo]
    choice = TableChoice(files=Suggestion("names" if shape == "names" else "versions"))
    with closing(ScratchDatabase(table)) as scratch:
        with closing(SqliteDriver(scratch.path, url="")) as driver:
            for file in before:
                driver.batch(Batch([Query(sql) for sql in file.texts()]))
        rows = [AppliedMigration(file.version, file.name, 5) for file in before]
        found = check_recovery(scratch, files, choice, todo, rows=3, applied=rows)
    assert [check.error for check in found] == [""] * len(todo)
    return {check.name: check for check in found}


@pytest.mark.parametrize("shape", ["versions", "names"])
@pytest.mark.parametrize("applied", [0, 2])
def test_every_way(shape: str, applied: int) -> None:
    """A failure and a restore leave no difference; a rollback that loses values does; one may not exist."""
    found = list(checks(shape, applied).values())
    assert [check.fails for check in found] == [()] * (4 - applied)
    assert [check.restored for check in found][-1] == ()
    *_, lossy, none = found
    assert lossy.rolled_back
    assert none.rolled_back is None
    assert [check.rolled_back for check in found][:-2] == [()] * (2 - applied)


def test_one_that_is_applied_late() -> None:
    """In wrangler's table the newest is what was applied last, wherever its file is."""
    assert checks("names", pending=[1])["0001_b/migration"].rolled_back == ()
    assert checks("versions", pending=[1])["0001_b"].rolled_back is None
