"""`--migrations` with the folder of a fleet: commands for its files use its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_object_classes import embedded

if TYPE_CHECKING:
    from tests.cli.project import Project

CONFIG = """\
index = "src/app_index.py"

[fleet.tenants]
databases = "sqlite:data/*.db"
migrations = "tenant"
index = "src/tenant_index.py"
env = "strict"

[env.local]
database = "sqlite:app.db"

[env.strict]
database = "sqlite:strict.db"
lint = { D105 = "error", D104 = "off" }
"""
SQL = "CREATE TABLE a (n INTEGER);"


@pytest.fixture
def fleet(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two folders: its own, and that of a fleet."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.write("001_app.sql", SQL)
    (project.folder / "tenant").mkdir()
    (project.folder / "tenant" / "001_tenant.sql").write_text(SQL)
    return project


@pytest.mark.parametrize("command", ["up", "status", "down", "verify", "plan"])
def test_the_default_database_is_no_tenant(fleet: Project, command: str) -> None:
    """It would get the tables of a tenant."""
    err = fleet.run(command, "--migrations", "tenant", code=2).err
    assert (
        "tenant has the migrations of the fleet tenants, and local: sqlite:app.db is not one of its tenants"
        in err
    )
    assert "`fleet up` migrates all tenants; name one with --database" in err
    assert not (fleet.folder / "app.db").exists()
    fleet.run("up", "--migrations", "tenant", "--database", "sqlite:scratch.db")
    fleet.run("up")


def test_the_severities_are_those_of_its_environment(fleet: Project) -> None:
    """Those of the default environment are for its own database."""
    (fleet.folder / "tenant" / "002_drop.sql").write_text("DROP TABLE a;")
    assert "D104" not in fleet.run("lint", "--migrations", "tenant").out
    fleet.write("002_drop.sql", "DROP TABLE a;")
    assert "D104" in fleet.run("lint").out
    assert "D104" in fleet.run("lint", "--migrations", "tenant", "--env", "local").out


def test_new_writes_its_index(fleet: Project) -> None:
    """And not that of the project."""
    fleet.run("new", "more", "--migrations", "tenant")
    assert (fleet.folder / "tenant" / "002_more.sql").exists()
    assert embedded("src/tenant_index.py") == ["001_tenant.sql", "002_more.sql"]
    assert not (fleet.folder / "src" / "app_index.py").exists()
    assert fleet.run("index").out.splitlines() == ["src/app_index.py", "src/tenant_index.py"]
    assert embedded("src/app_index.py") == ["001_app.sql"]


def test_rehearse_checks_all_files(fleet: Project) -> None:
    """What is pending differs from tenant to tenant."""
    found = fleet.run("rehearse", "--migrations", "tenant", "--json").json
    assert [one["name"] for one in found["migrations"]] == ["001_tenant"]


def test_a_folder_that_does_not_exist(fleet: Project) -> None:
    """The error has the section."""
    (fleet.folder / "tenant" / "001_tenant.sql").unlink()
    (fleet.folder / "tenant").rmdir()
    err = fleet.run("lint", "--migrations", "tenant", code=2).err
    assert "the migrations folder tenant of the fleet tenants does not exist" in err
    assert "correct `migrations = …` in [fleet.tenants]" in err


def test_a_project_that_is_only_a_fleet(fleet: Project) -> None:
    """Its folder is the default; there is no default database."""
    (fleet.folder / "d1migrate.toml").write_text(
        '[fleet.tenants]\ndatabases = "sqlite:data/*.db"\nmigrations = "tenant"\n'
    )
    assert "checked 1 migration" in fleet.run("lint").err
    assert fleet.run("new", "more").out == "tenant/002_more.sql\n"
    err = fleet.run("status", code=2).err
    assert "`d1migrate fleet status` is for the tenants of [fleet.tenants]" in err
