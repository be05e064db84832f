"""`rehearse --recovery`: each migration fails, is restored from and is rolled back; all rows are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.backup import restore
from d1migrate.rehearse import recovery_check
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Driver
    from tests.cli.project import Project

MERGE = "DELETE FROM users WHERE id % 2;\n-- Rollback: none, merged\n"
WRONG = "UPDATE users SET email = 'x';\n-- Rollback:\n-- UPDATE users SET email = 'y';\n"


@pytest.fixture
def applied(project: Project) -> Project:
    """One migration applied, with rows; later ones pending."""
    project.standard()
    project.run("up", "--to", "1")
    project.sql("INSERT INTO users VALUES (1, 'a'), (2, 'b')")
    return project


def lines(out: str) -> list[str]:
    """The lines of the report on recovery, with one blank between columns."""
    found = [" ".join(line.split()) for line in out.splitlines()]
    return found[next(i for i, line in enumerate(found) if line.startswith("migration after failure")) :]


@pytest.mark.parametrize("data", [(), ("--data",)], ids=["made up", "its own"])
def test_recovery_from_each_migration(applied: Project, data: tuple[str, ...]) -> None:
    """On generated rows and on the database's own; the database is as it was, to the byte."""
    applied.write("004_merge.sql", MERGE)
    applied.write("005_wrong.sql", WRONG)
    before = applied.database.read_bytes()
    ran = applied.run("rehearse", "--recovery", *data)
    assert lines(ran.out) == [
        "migration after failure after restore after rollback",
        "002_teams same same same",
        "003_names same same same",
        "004_merge same same none",
        "005_wrong same same differs",
        "005_wrong: after its rollback: users: its rows are different",
    ]
    assert applied.database.read_bytes() == before
    assert {path.name for path in applied.folder.iterdir()} == {"migrations", "app.db"}


def test_json(applied: Project) -> None:
    """A way to recover that does not exist is null; so is all of it without --recovery."""
    applied.write(
        "004_merge.sql", "DROP TABLE teams;\n-- Rollback: none, gone\n-- d1migrate: allow=all reason\n"
    )
    found = applied.run("rehearse", "--recovery", "--to", "3", "--json").json
    assert found["recovery"] == [
        {
            "version": v,
            "name": n,
            "ok": True,
            "not_checked": None,
            "after_failure": [],
            "after_restore": [],
            "after_rollback": [],
        }
        for v, n in ((2, "002_teams"), (3, "003_names"))
    ]
    assert applied.run("rehearse", "--to", "3", "--json").json["recovery"] is None


def test_from_an_empty_database(project: Project) -> None:
    """Before the first migration there is nothing to keep but the history tables."""
    project.standard()
    for arguments, point in ((("--all",), "none"), ((), "same")):
        assert lines(project.run("rehearse", "--recovery", *arguments).out)[1:] == [
            f"001_users same {point} same",
            "002_teams same same same",
            "003_names same same same",
        ]
    assert not project.database.exists()


def test_an_up_to_date_database(applied: Project) -> None:
    """There is nothing to check."""
    applied.run("up")
    out = applied.run("rehearse", "--recovery").out
    assert out == "nothing to rehearse\n"
    assert applied.run("rehearse", "--recovery", "--json").json["recovery"] == []


def test_a_migration_that_fails_is_not_checked(applied: Project) -> None:
    """The report says why, and that later migrations are not checked either."""
    applied.write("003_names.sql", "INSERT INTO nowhere VALUES (1);\n")
    out = lines(applied.run("rehearse", "--recovery", code=3).out)
    assert out[2] == "003_names same none none"
    assert out[3].startswith("003_names: not checked, and neither are later migrations: ")
    assert "no such table: nowhere" in out[3]


def test_differences_are_reported(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that loses rows and a failure that leaves some are reported, with exit code 3."""
    restored = restore.restore

    def losing(driver: Driver, *arguments: object, **options: object) -> object:
        done = restored(driver, *arguments, **options)  # type: ignore[arg-type]
        driver.batch(Batch([Query("DELETE FROM users WHERE id = 1")]))
        return done

    monkeypatch.setattr(restore, "restore", losing)
    monkeypatch.setattr(recovery_check, "_FAILS", Query("SELECT 1"))
    out = lines(applied.run("rehearse", "--recovery", "--data", "--to", "2", code=3).out)
    assert out[1:] == [
        "002_teams differs differs differs",
        "002_teams: after a failure: it was applied, though it failed",
        "002_teams: after a restore: users: 1 rows, expected 2",
        "002_teams: after its rollback: users: 1 rows, expected 2",
    ]
