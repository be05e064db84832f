"""`rehearse --way-back`: each migration fails, is gone back behind and is rolled back, and all of it is compared."""

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
    """One migration applied, with rows; those behind it pending."""
    project.standard()
    project.run("up", "--to", "1")
    project.sql("INSERT INTO users VALUES (1, 'a'), (2, 'b')")
    return project


def lines(out: str) -> list[str]:
    """The lines of the report on ways back, their columns parted by one blank."""
    found = [" ".join(line.split()) for line in out.splitlines()]
    return found[next(i for i, line in enumerate(found) if line.startswith("way back of")) :]


@pytest.mark.parametrize("data", [(), ("--data",)], ids=["made up", "its own"])
def test_all_ways_back(applied: Project, data: tuple[str, ...]) -> None:
    """On made-up rows and on the database's own; the database is as it was, to the byte."""
    applied.write("004_merge.sql", MERGE)
    applied.write("005_wrong.sql", WRONG)
    before = applied.database.read_bytes()
    ran = applied.run("rehearse", "--way-back", *data)
    assert lines(ran.out) == [
        "way back of failing restore point rollback",
        "002_teams the same the same the same",
        "003_names the same the same the same",
        "004_merge the same the same none",
        "005_wrong the same the same differs",
        "005_wrong: behind its rollback: users: its rows are different",
    ]
    assert applied.database.read_bytes() == before
    assert {path.name for path in applied.folder.iterdir()} == {"migrations", "app.db"}


def test_json(applied: Project) -> None:
    """Null is a way that there is not; the key is there where it was asked for."""
    applied.write(
        "004_merge.sql", "DROP TABLE teams;\n-- Rollback: none, gone\n-- d1migrate: allow=all reason\n"
    )
    found = applied.run("rehearse", "--way-back", "--to", "3", "--json").json
    assert found["ways_back"] == [
        {"version": v, "name": n, "fails": [], "restored": [], "rolled_back": [], "error": None, "ok": True}
        for v, n in ((2, "002_teams"), (3, "003_names"))
    ]
    assert "ways_back" not in applied.run("rehearse", "--to", "3", "--json").json


def test_from_an_empty_database(project: Project) -> None:
    """There is nothing to keep before the first migration, but the tables of history."""
    project.standard()
    for arguments, point in ((("--all",), "none"), ((), "the same")):
        assert lines(project.run("rehearse", "--way-back", *arguments).out)[1:] == [
            f"001_users the same {point} the same",
            "002_teams the same the same the same",
            "003_names the same the same the same",
        ]
    assert not project.database.exists()


def test_an_up_to_date_database(applied: Project) -> None:
    """There is nothing to prove."""
    applied.run("up")
    out = applied.run("rehearse", "--way-back").out
    assert out == "nothing to rehearse\n"
    assert applied.run("rehearse", "--way-back", "--json").json["ways_back"] == []


def test_what_cannot_be_applied_is_not_proved(applied: Project) -> None:
    """It is said why, and that those behind it are not either."""
    applied.write("003_names.sql", "INSERT INTO nowhere VALUES (1);\n")
    out = lines(applied.run("rehearse", "--way-back", code=3).out)
    assert out[2] == "003_names the same none none"
    assert out[3].startswith("003_names: not proved, nor what comes behind it: ")
    assert "no such table: nowhere" in out[3]


def test_what_stays_or_does_not_come_back_is_said(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a restore to lose a row, or a failure to leave one, it is named, and the exit code says so."""
    restored = restore.restore

    def losing(driver: Driver, *arguments: object, **options: object) -> object:
        done = restored(driver, *arguments, **options)  # type: ignore[arg-type]
        driver.batch(Batch([Query("DELETE FROM users WHERE id = 1")]))
        return done

    monkeypatch.setattr(restore, "restore", losing)
    monkeypatch.setattr(recovery_check, "_FAILS", Query("SELECT 1"))
    out = lines(applied.run("rehearse", "--way-back", "--data", "--to", "2", code=3).out)
    assert out[1:] == [
        "002_teams differs differs differs",
        "002_teams: behind a failure: it was applied, though it failed",
        "002_teams: behind a restore: users: 1 rows, expected 2",
        "002_teams: behind its rollback: users: 1 rows, expected 2",
    ]
