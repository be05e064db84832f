"""`mirror`: the real wrangler finds in its own table what d1migrate applied and rolled back."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.errors import ApplyError
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.cli.project import Project
from tests.runtime.test_wrangler_local import Project as Wrangler
from tests.runtime.workerd import ROOT, WorkerdDriver, node

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from tests.runtime.workerd import Workerd

DATABASE = {"binding": "DB", "database_name": "shop", "database_id": "0a1b"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """Three files, and a local D1 that both tools open, with wrangler's table under a name of the user's own."""
    monkeypatch.delenv("D1MIGRATE_DATABASE", raising=False)
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path, capsys)
    project.standard()
    configure(project, "done by wrangler")
    return project


def configure(project: Project, table: str) -> None:
    """Have both tools use a table."""
    (project.folder / "d1migrate.toml").write_text(
        f'mirror = "{table}"\n[env.local]\ndatabase = "wrangler:DB"\n'
    )
    config = {"d1_databases": [{**DATABASE, "migrations_table": table}]}
    (project.folder / "wrangler.json").write_text(json.dumps(config))


def wrangler(project: Project, action: str) -> str:
    """Run `wrangler d1 migrations …`; what it says."""
    done = subprocess.run(
        [node(), ROOT / "node_modules/wrangler/bin/wrangler.js", "d1", "migrations", action, "shop", "--local"],
        env=Wrangler(project.folder).environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wrangler_agrees(project: Project) -> None:
    """After `up` it has nothing to apply, after `down` the file that was rolled back; and each continues."""
    project.run("up")
    assert "No migrations to apply" in wrangler(project, "list")
    project.run("down")
    listed = wrangler(project, "list")
    assert "003_names.sql" in listed
    assert "002_teams.sql" not in listed
    assert "003_names.sql" in wrangler(project, "apply")
    assert [entry["state"] for entry in project.run("adopt", "--dry-run", "--json").json["migrations"]] == [
        *("recorded", "recorded", "applied"),
    ]
    project.run("adopt", "--yes")
    assert project.run("verify", "--check").out == "files, history and schema agree\n"
    assert project.states() == {1: "applied", 2: "applied", 3: "applied"}


def names(driver: Driver, table: str = "d1_migrations") -> list[str]:
    """What wrangler's table has, in its order."""
    (result,) = driver.batch(Batch([Query(f'SELECT name FROM "{table}" ORDER BY id')], reads=True))
    return [row[0] for row in result.rows]


FILES = [("001_a.sql", "CREATE TABLE a (x);\n-- Rollback: DROP TABLE a;\n"), ("002_b.sql", "CREATE TABLE b (x);\n-- Rollback: DROP TABLE b;\n")]  # fmt: skip


def migrator(driver: Driver, count: int = 2, mirror: str | None = "d1_migrations") -> Migrator:
    """Some of the files."""
    return Migrator(driver, load(FILES[:count]), mirror=mirror)


def test_what_was_applied_before_is_entered_by_the_first_transaction(workerd: Workerd) -> None:
    """A mirror that is switched on later holds everything with the next `up`; on real D1."""
    driver = WorkerdDriver(workerd, workerd.database())
    migrator(driver, 1, mirror=None).up()
    migrator(driver).up()
    assert names(driver) == ["001_a.sql", "002_b.sql"]
    migrator(driver).down(to=0)
    assert names(driver) == []
    migrator(driver).up(single_transaction=True)
    assert names(driver) == ["001_a.sql", "002_b.sql"]


def test_adopt_brings_into_step_what_has_no_change_to_come(workerd: Workerd) -> None:
    """With nothing else to record it enters the names; then there is nothing to do."""
    driver = WorkerdDriver(workerd, workerd.database())
    migrator(driver, mirror=None).up()
    late = migrator(driver)
    found = late.plan_adopt()
    assert found.to_mirror == (1, 2)
    late.adopt(found)
    assert names(driver) == ["001_a.sql", "002_b.sql"]
    assert late.plan_adopt().to_mirror == ()


def test_what_fails_enters_nothing(tmp_path: Path) -> None:
    """The names are part of the transaction."""
    with_error = [*FILES, ("003_c.sql", "CREATE TABLE c (x);\nINSERT INTO nowhere VALUES (1);\n")]
    failing = Migrator(f"sqlite:{tmp_path / 'a.db'}", load(with_error), mirror="d1_migrations")
    with pytest.raises(ApplyError):
        failing.up(lint=False)
    assert names(failing.driver) == ["001_a.sql", "002_b.sql"]
    failing.close()


def test_words_to_history_are_mirrored(tmp_path: Path) -> None:
    """Baseline enters, a renumbering renames, forget takes out."""
    driver = connect(f"sqlite:{tmp_path / 'a.db'}")
    migrator(driver).baseline(to=2)
    assert names(driver) == ["001_a.sql", "002_b.sql"]
    moved = Migrator(driver, load([FILES[0], ("005_b.sql", FILES[1][1])]), mirror="d1_migrations")
    moved.accept(5, reason="merge")
    assert sorted(names(driver)) == ["001_a.sql", "005_b.sql"]
    migrator(driver, 1).forget(5, reason="gone")
    assert names(driver) == ["001_a.sql"]
    driver.close()


@pytest.mark.parametrize("value", ['""', "1", '"schema_migrations"', '"_cf_KV"', '"sqlite_x"'])
def test_what_cannot_be_wranglers_table(project: Project, value: str) -> None:
    """The configuration is refused."""
    (project.folder / "d1migrate.toml").write_text(f"mirror = {value}\n")
    assert "cannot be wrangler's migrations table" in project.run("status", code=2).err


def test_a_table_of_another_shape(project: Project) -> None:
    """A user's table of that name is not written to, and nothing is applied."""
    project.run("up", "--to", "1")
    configure(project, "users")
    ended = project.run("up", code=1).err
    assert "table users has no column named name" in ended
    assert "no part of 002_teams was applied" in ended
    assert project.states() == {1: "applied", 2: "pending", 3: "pending"}
