"""`[fleet.NAME]`: many databases with one schema."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.config import load
from d1migrate.project.fleet import FleetSettings, read_fleet
from d1migrate.project.schema_settings import SchemaSettings
from d1migrate.project.waves import read_waves

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.project.config import Config

MINIMAL = {"databases": "d1:tenant-*"}


def read(section: dict[str, Any], folder: str = ".") -> FleetSettings:
    """A fleet of a project with two environments and a class."""
    return read_fleet(
        *("d1migrate.toml", folder, "tenants", section),
        environments=("local", "production"),
        classes=("Tenant",),
    )


def config(folder: Path, text: str) -> Config:
    """What a configuration sets."""
    (folder / "d1migrate.toml").write_text(text)
    return load(str(folder), {}, {})


def test_what_a_fleet_needs() -> None:
    """Only the list of its databases."""
    assert read(MINIMAL) == FleetSettings(
        name="tenants",
        source="databases",
        databases="d1:tenant-*",
        query=None,
        file=None,
        objects=None,
        waves=read_waves(("1", "10%", "rest"), ("2%",)),
        journal="sqlite:.d1migrate/fleet-tenants.sqlite",
    )


def test_all_settings() -> None:
    """Paths are relative to the file."""
    found = read(
        {
            "query": "SELECT id FROM t",
            "control": "control.db",
            "migrations": "migrations/tenant",
            "pattern": "*/up.sql",
            "table": "versions",
            "index": ["a.py", "b.ts"],
            "runtime": "r.ts",
            "env": "production",
            "waves": ["3", "rest"],
            "canary": ["demo", "t-*"],
            "stop": 10,
            "at_once": 16,
            "create": True,
            "restore_points": "all",
            "inspect": 0,
            "journal": "d1:journal",
            "reserve": "25%",
        },
        "app",
    )
    assert (found.source, found.query, found.control) == (
        "query",
        "SELECT id FROM t",
        "sqlite:app/control.db",
    )
    assert (found.migrations, found.pattern, found.table) == ("app/migrations/tenant", "*/up.sql", "versions")
    assert (found.indexes, found.runtime) == (("app/a.py", "app/b.ts"), "app/r.ts")
    assert found.schema.file == "app/schema.tenants.sql"
    assert (found.env, found.canary) == ("production", ("demo", "t-*"))
    assert found.waves == read_waves(("3", "rest"), ("10",))
    assert (found.at_once, found.create, found.restore_points, found.inspect) == (16, True, "all", 0)
    assert (found.journal, found.reserve) == ("d1:journal", 0.25)


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ({"databases": "sqlite:data/*.db"}, "databases", "sqlite:app/data/*.db"),
        ({"databases": "data/*.db"}, "databases", "sqlite:app/data/*.db"),
        ({"file": "tenants.csv"}, "file", "app/tenants.csv"),
        ({"query": "SELECT 1", "control": "production"}, "control", "production"),
        ({"query": "SELECT 1", "env": "production"}, "control", None),
        ({"objects": "Tenant", "workflow": "src/fleet.ts"}, "workflow", "app/src/fleet.ts"),
        (MINIMAL | {"stop": "5"}, "waves", read_waves(("1", "10%", "rest"), ("5",))),
        (MINIMAL | {"stop": ["1", "2%", "3"]}, "waves", read_waves(("1", "10%", "rest"), ("1", "2%", "3"))),
        (MINIMAL | {"journal": "./j.sqlite"}, "journal", "sqlite:app/j.sqlite"),
        (MINIMAL, "journal", "sqlite:app/.d1migrate/fleet-tenants.sqlite"),
        (MINIMAL, "schema", SchemaSettings()),
    ],
)
def test_settings(section: dict[str, Any], field: str, value: object) -> None:
    """Of a configuration in another folder."""
    assert getattr(read(section, "app"), field) == value


def test_a_folder_whose_name_looks_like_a_pattern() -> None:
    """Only what the user wrote is one."""
    assert read({"databases": "sqlite:data/*.db"}, "[app]").databases == "sqlite:[[]app]/data/*.db"


@pytest.mark.parametrize(
    ("section", "message", "hint"),
    [
        ({}, "nothing lists the databases", "databases ="),
        (MINIMAL | {"file": "a.csv"}, "databases and file cannot be used together", "leave one"),
        (MINIMAL | {"control": "d1:a"}, "control is only for `query`, and databases lists", "remove"),
        (MINIMAL | {"workflow": "a.ts"}, "workflow is only for `objects`", "fleet up"),
        ({"objects": "Tenant", "migrations": "m"}, "migrations is not for `objects`", "[objects.Tenant]"),
        ({"objects": "Tennant"}, "objects: there is no [objects.Tennant]", "did you mean Tenant?"),
        ({"objects": "Room"}, "objects: there is no [objects.Room]", "add a section [objects.Room]"),
        ({"query": "SELECT 1"}, "nothing names the database of `query`", "control ="),
        (
            {"query": "SELECT 1", "control": "prod"},
            "control: no environment 'prod'",
            "did you mean production?",
        ),
        (
            {"query": "SELECT 1", "control": "postgres://x"},
            "control: postgres:// is not a database url",
            "use",
        ),
        (MINIMAL | {"env": "prodution"}, "env: no environment 'prodution'", "did you mean production?"),
        ({"databases": "wrangler:DB"}, "databases: wrangler:DB is neither D1 databases nor SQLite", "d1:"),
        ({"databases": "sqlite::memory:"}, "databases: sqlite::memory: is neither", "d1:"),
        ({"databases": "tenant-*"}, "databases: 'tenant-*' is not a database url", "d1:tenant-*"),
        (MINIMAL | {"journal": "sqlite::memory:"}, "journal: sqlite::memory: cannot keep a journal", "d1:"),
        (MINIMAL | {"journal": "do:Tenant/a"}, "journal: do:Tenant/a cannot keep a journal", "d1:"),
        (
            {"databases": "sqlite:data/*.db", "journal": "sqlite:data/j.db"},
            "journal: sqlite:data/j.db is among the tenants: sqlite:data/*.db",
            ".d1migrate/fleet-tenants.sqlite",
        ),
        (
            {"databases": "sqlite:**", "journal": "sqlite:a/b/../j.db"},
            "journal: sqlite:a/b/../j.db is among",
            "name",
        ),
        (MINIMAL | {"at_once": 0}, "at_once is 0, expected 1 to 64", "= 8"),
        (MINIMAL | {"at_once": 65}, "at_once is 65, expected 1 to 64", "= 8"),
        (MINIMAL | {"inspect": -1}, "inspect is -1, expected 0 or more", "= 0"),
        (MINIMAL | {"reserve": "100%"}, "reserve is '100%', expected a share below 100%", "10%"),
        (MINIMAL | {"reserve": "10"}, "reserve is '10', expected a share below 100%", "10%"),
        (MINIMAL | {"waves": ["3"]}, "waves do not add up: they reach 3 tenants", '["3", "rest"]'),
        (MINIMAL | {"waves": ["1"]}, "waves do not add up: they reach 1 tenant, not", '["1", "rest"]'),
        (MINIMAL | {"stop": -1}, "stop: '-1' is not a limit", "2%"),
        (MINIMAL | {"stop": 10**26}, f"stop: '{10**26}' is not a limit", "2%"),
        (MINIMAL | {"wave": ["3"]}, "unknown key 'wave'", "did you mean waves?"),
        (MINIMAL | {"database": "d1:a"}, "unknown key 'database'", "[env."),
    ],
)
def test_wrong_settings(section: dict[str, Any], message: str, hint: str) -> None:
    """Each error names the file and the section."""
    with pytest.raises(UsageError) as caught:
        read(section)
    assert f"d1migrate.toml: [fleet.tenants] {message}" in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["", "a b", "../a", "-a", "é"])
def test_a_name_that_cannot_be_typed(name: str) -> None:
    """It is an argument, and part of the journal's path."""
    with pytest.raises(UsageError, match="cannot be the name of a fleet"):
        read_fleet("d1migrate.toml", ".", name, MINIMAL)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('fleet.tenants = "d1:tenant-*"', "write a section [fleet.tenants]"),
        ('[fleet]\ndatabases = "d1:tenant-*"', "give the fleet a name: [fleet.tenants]"),
    ],
)
def test_a_fleet_that_is_not_a_section(tmp_path: Path, text: str, hint: str) -> None:
    """Its settings need a name."""
    with pytest.raises(UsageError, match=r"fleet.(tenants|databases) is not a table") as caught:
        config(tmp_path, text)
    assert caught.value.hint == hint


@pytest.mark.parametrize("text", ['waves = ["rest"]', '[env.local]\ndatabase = "a.db"\nat_once = 3'])
def test_a_setting_of_a_fleet_elsewhere(tmp_path: Path, text: str) -> None:
    """The error names its place."""
    with pytest.raises(UsageError, match="unknown key") as caught:
        config(tmp_path, text)
    assert caught.value.hint == "write it in a section such as [fleet.tenants]"


TWO_FOLDERS = """\
migrations = "{folder}/app"
index = "app_index.py"
[env.local]
database = "sqlite:app.db"
[env.production]
database = "d1:app"
lint = {{ D104 = "off" }}
[fleet.tenants]
databases = "d1:tenant-*"
migrations = "{folder}/tenant"
table = "versions"
env = "production"
[fleet.regions]
databases = "d1:region-*"
"""


def test_the_settings_of_a_fleet_by_its_folder(tmp_path: Path) -> None:
    """As those of a class: the folder chooses them."""
    found = config(tmp_path, TWO_FOLDERS.format(folder=tmp_path))
    tenant = found.of_run(f"{tmp_path}/tenant", None)
    assert (tenant.fleet and tenant.fleet.name, tenant.table, tenant.indexes) == ("tenants", "versions", ())
    assert tenant.severities(None) == {"D104": "off"}
    assert tenant.severities("local") == {}
    own = found.of_run(f"{tmp_path}/app", None)
    assert (own.fleet, own.table, len(own.indexes)) == (None, None, 1)
    assert found.of_run(None, None) == found


@pytest.mark.parametrize("journal", ["sqlite:data/.fleet/j.db", "sqlite:data/a/j.db", "sqlite:data/j.sqlite"])
def test_a_journal_beside_the_tenants(journal: str) -> None:
    """A pattern does not match hidden files, and `*` only names in its folder."""
    assert read({"databases": "sqlite:data/*.db", "journal": journal}).journal == journal
    assert read({"databases": "sqlite:**/*.sqlite"}).journal.endswith(".sqlite")


def test_an_environment_of_a_fleet_that_does_not_exist(tmp_path: Path) -> None:
    """The hint is to add it."""
    found = config(tmp_path, '[fleet.a]\ndatabases = "d1:a-*"\nenv = "production"\n')
    with pytest.raises(UsageError, match="no environment 'production'") as caught:
        found.environment("production", None)
    assert "[env.production]" in (caught.value.hint or "")


def test_a_fleet_with_the_folder_of_the_project(tmp_path: Path) -> None:
    """The folder is the project's, and so are the settings that the section leaves out."""
    found = config(tmp_path, TWO_FOLDERS.format(folder=tmp_path))
    regions = found.of_fleet(found.fleets[1])
    assert regions.migrations == f"{tmp_path}/app"
    assert regions.indexes == found.indexes
    assert regions.severities(None) == found.lint


def test_a_project_that_is_only_a_fleet(tmp_path: Path) -> None:
    """Its folder is the default, as that of an only class."""
    found = config(tmp_path, f'[fleet.a]\ndatabases = "d1:a-*"\nmigrations = "{tmp_path}/tenant"\n')
    assert found.of_run(None, None).migrations == f"{tmp_path}/tenant"


def test_a_fleet_of_objects_has_the_settings_of_its_class(tmp_path: Path) -> None:
    """They are not repeated."""
    text = f'[objects.Tenant]\nmigrations = "{tmp_path}/t"\ntable = "v"\n[fleet.a]\nobjects = "Tenant"\n'
    found = config(tmp_path, text)
    fleet = found.of_fleet(found.fleets[0])
    assert (fleet.migrations, fleet.table, fleet.class_name) == (f"{tmp_path}/t", "v", "Tenant")
    assert found.of_run(f"{tmp_path}/t", None).fleet is None


@pytest.mark.parametrize("other", ['index = "i.py"', '[objects.Tenant]\nmigrations = "t"\nindex = "i.py"'])
def test_an_index_that_is_two(tmp_path: Path, other: str) -> None:
    """One would overwrite the other."""
    text = f'{other}\n[fleet.a]\ndatabases = "d1:a-*"\nmigrations = "m"\nindex = "i.py"\n'
    with pytest.raises(UsageError, match=r"cannot be two indexes: .*\[fleet.a\] index both name it"):
        config(tmp_path, text)


def test_a_reserved_table(tmp_path: Path) -> None:
    """As in other sections."""
    with pytest.raises(UsageError, match=r"\[fleet.a\] table is 'd1migrate_log'"):
        config(tmp_path, '[fleet.a]\ndatabases = "d1:a-*"\ntable = "d1migrate_log"\n')


def test_environments_of_wrangler_are_not_checked_early(tmp_path: Path) -> None:
    """Wrangler's configuration is read when an environment is needed."""
    (tmp_path / "wrangler.toml").write_text('[[d1_databases]]\nbinding = "DB"\n')
    found = config(tmp_path, 'wrangler = "wrangler.toml"\n[fleet.a]\ndatabases = "d1:a"\nenv = "x"\n')
    assert found.fleets[0].env == "x"
    assert os.path.basename(found.wrangler or "") == "wrangler.toml"
