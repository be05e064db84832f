"""The tenants of a fleet: each once, and none that is another database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.errors import UsageError
from d1migrate.fleet.inventory import inventory
from d1migrate.project.config import load
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO, THREE = (f"{digit}f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f" for digit in (2, 3, 4))


class Project:
    """A folder with a configuration, and files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def database(self, name: str, *sql: str) -> None:
        """Make a file with these tables."""
        driver = connect(f"sqlite:{self.folder / name}")
        driver.batch(Batch(tuple(map(Query, sql or ("CREATE TABLE t (n)",)))))
        driver.close()

    def names(self, text: str, fleet: str = "a") -> list[str]:
        """What people call the tenants of a fleet."""
        (self.folder / "d1migrate.toml").write_text(text)
        config = load(str(self.folder), {}, {})
        settings = next(one for one in config.fleets if one.name == fleet)
        return [tenant.name for tenant in inventory(config, settings)]

    def refused(self, text: str, fleet: str = "a") -> str:
        """The error, and its hint."""
        with pytest.raises(UsageError) as caught:
            self.names(text, fleet)
        return f"{caught.value}; {caught.value.hint}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two tenants, and lists of ids."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    made = Project(tmp_path)
    for name in ("data/corp.db", "data/acme.db"):
        made.database(name)
    (tmp_path / "ids.csv").write_text(f"id,name\n{ONE},one\n{TWO},two\n")
    return made


FILES = '[fleet.a]\ndatabases = "sqlite:data/*.db"\n'
LIST = '[fleet.a]\nfile = "ids.csv"\n'


def test_sources(project: Project) -> None:
    """Files, a list, and a query; the order is that of the source."""
    project.database(
        "control.db",
        "CREATE TABLE tenants (id, name)",
        f"INSERT INTO tenants VALUES ('{TWO}', 'b'), ('{ONE}', 'a')",
    )
    assert project.names(FILES) == ["acme.db", "corp.db"]
    assert project.names(LIST) == ["one", "two"]
    query = '[fleet.a]\nquery = "SELECT id, name FROM tenants"\n'
    assert project.names(f'{query}control = "control.db"\n') == ["b", "a"]
    env = '[env.local]\ndatabase = "control.db"\n'
    assert project.names(f'{env}{query}control = "local"\n') == ["b", "a"]
    assert project.names(f'{env}{query}env = "local"\n') == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('databases = "sqlite:none/*.db"', "databases lists no tenants"),
        ('file = "empty.csv"', "file lists no tenants"),
        ('query = "SELECT 1 AS id WHERE 0"\ncontrol = "sqlite:c.db"', "query returns no rows"),
        ('query = "SELECT id FROM tenants"\ncontrol = "sqlite:c.db"', "query: no such table: tenants"),
        ('query = "SELECT 1 AS id"\ncontrol = "sqlite:none.db"', "there is no control database none.db"),
        ('file = "none.csv"', "cannot read none.csv: No such file or directory"),
    ],
)
def test_a_list_without_tenants(project: Project, text: str, message: str) -> None:
    """It is an error: a run of no tenants would look like a success."""
    (project.folder / "empty.csv").write_text("id,name\n")
    (project.folder / "c.db").touch()
    assert f"d1migrate.toml: [fleet.a] {message}" in project.refused(f"[fleet.a]\n{text}\n")
    assert not (project.folder / "none.db").exists()


def test_two_names_with_one_id(project: Project) -> None:
    """Both places are named."""
    (project.folder / "ids.csv").write_text(f"id,name\n{ONE},one\n{TWO},two\n{ONE.upper()},three\n")
    found = project.refused(LIST)
    assert f"d1:{ONE} is listed twice: ids.csv:2, and ids.csv:4; each tenant has a single name" in found
    (project.folder / "data" / "link.db").symlink_to("acme.db")
    assert "listed twice: data/acme.db, and data/link.db" in project.refused(FILES)


def test_two_ids_with_one_name(project: Project) -> None:
    """`--only` would not know which."""
    (project.folder / "ids.csv").write_text(f"id,name\n{ONE},one\n{TWO},one\n")
    assert "two tenants are called 'one': ids.csv:2, and ids.csv:3" in project.refused(LIST)


def test_an_id_in_two_fleets(project: Project) -> None:
    """Each fleet would apply its migrations. Equal names are no matter."""
    (project.folder / "more.csv").write_text(f"id,name\n{THREE},one\n{TWO},four\n")
    both = LIST + '[fleet.b]\nfile = "more.csv"\n'
    assert f"[fleet.a] d1:{TWO} (ids.csv:3) is in [fleet.b], too: more.csv:3" in project.refused(both)
    assert f"[fleet.b] d1:{TWO} (more.csv:3) is in [fleet.a], too: ids.csv:3" in project.refused(both, "b")
    wide = FILES + '[fleet.b]\ndatabases = "sqlite:data/a*.db"\n'
    assert "acme.db (data/acme.db) is in [fleet.b], too: data/acme.db" in project.refused(wide)
    (project.folder / "more.csv").write_text(f"id,name\n{THREE},one\n")
    assert project.names(both) == ["one", "two"]


def test_another_fleet_that_cannot_be_listed(project: Project) -> None:
    """It says so itself when it runs."""
    both = LIST + '[fleet.b]\nfile = "none.csv"\n'
    assert project.names(both) == ["one", "two"]


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ('[env.local]\ndatabase = "data/acme.db"\n', "[env.local]"),
        ('[fleet.b]\nfile = "ids.csv"\njournal = "data/acme.db"\n', "the journal of [fleet.b]"),
        (
            '[fleet.b]\nquery = "SELECT 1"\ncontrol = "data/acme.db"\n',
            "the control database of [fleet.b]",
        ),
    ],
)
def test_a_database_that_is_no_tenant(project: Project, more: str, label: str) -> None:
    """A pattern matches it by accident."""
    real = os.path.realpath(project.folder / "data" / "acme.db")
    found = project.refused(FILES + more)
    assert f"databases has sqlite:{real} (data/acme.db), which is {label}" in found
    assert "narrow the list" in found


def test_the_id_of_an_environment_in_a_list(project: Project) -> None:
    """Whatever its case."""
    env = f'[env.production]\ndatabase = "d1:{TWO.upper()}"\n'
    assert f"file has d1:{TWO} (ids.csv:3), which is [env.production]" in project.refused(env + LIST)


def test_the_id_of_a_name_in_wranglers_configuration(project: Project) -> None:
    """It needs no request."""
    (project.folder / "wrangler.toml").write_text(
        f'[[d1_databases]]\nbinding = "DB"\ndatabase_name = "app"\ndatabase_id = "{TWO}"\n'
    )
    env = '[env.production]\ndatabase = "d1:app"\n'
    assert "which is [env.production]" in project.refused(env + LIST)


def test_objects_are_not_listed(project: Project) -> None:
    """Cloudflare's API does not reach them."""
    text = '[objects.Tenant]\nmigrations = "t"\n[fleet.a]\nobjects = "Tenant"\n'
    assert project.refused(text).startswith("the tenants of [fleet.a] are objects of the class Tenant")
