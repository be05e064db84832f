"""`[objects.CLASS]`: classes of Durable Objects with migrations and indexes of their own."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

CONFIG = """\
index = "src/app_index.py"

[objects.Tenant]
migrations = "tenant"
index = ["src/tenant_index.py", "lib/tenant_index.py"]
table = "tenant_migrations"

[objects.Room]
migrations = "room"
index = "src/room_index.py"

[env.local]
database = "sqlite:app.db"

[env.tenant]
database = "do:Tenant/acme"
"""
SQL = "CREATE TABLE a (n INTEGER);"


@pytest.fixture
def several(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with three folders: its own, and those of two classes."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.write("001_app.sql", SQL)
    for name in ("tenant", "room"):
        (project.folder / name).mkdir()
        (project.folder / name / f"001_{name}.sql").write_text(SQL)
    return project


def embedded(path: str) -> list[str]:
    """The names of the files that an index embeds."""
    return [name for name, _ in runpy.run_path(path)["MIGRATIONS"]]


@pytest.mark.parametrize("command", ["up", "status", "down", "baseline", "verify", "renumber"])
def test_the_default_database_is_not_that_of_a_class(several: Project, command: str) -> None:
    """Its D1 would get the tables of each object, and look as if it lacked them before."""
    words = [command, *(["--to", "1"] if command == "baseline" else [])]
    err = several.run(*words, "--migrations", "tenant", code=2).err
    assert "tenant has the migrations of the class Tenant, and local: sqlite:app.db is not one of" in err
    assert "--database do:Tenant/NAME" in err
    assert not (several.folder / "app.db").exists()
    several.run("up", "--migrations", "tenant", "--database", "sqlite:scratch.db")
    several.run("up", "--migrations", "migrations")


def test_a_class_without_a_folder(several: Project) -> None:
    """`new` without a folder would create that of the project."""
    (several.folder / "room" / "001_room.sql").unlink()
    (several.folder / "room").rmdir()
    err = several.run("index", code=2).err
    assert "the migrations folder room of the class Room does not exist" in err
    several.run("new", "first", "--migrations", "room")
    assert "`d1migrate new DESCRIPTION --migrations room` creates it" in err
    several.run("index", "--check", code=3)


def test_a_file_that_is_too_large_for_an_index(several: Project) -> None:
    """No command can apply it to an object; `explain` has the rule."""
    (several.folder / "d1migrate.toml").write_text(
        '[objects.Tenant]\nmigrations = "tenant"\nindex = "tenant/index.ts"\n'
    )
    (several.folder / "tenant" / "002_rows.sql").write_text("SELECT 1;\n" * 110_000)
    error = several.run("index", "--json", code=1).json["error"]
    assert "tenant/002_rows.sql has 1100000 bytes" in error["message"]
    assert error["hint"] == "split it, or let the object's own code load the rows"
    assert error["code"] == "P111"


def test_a_squash_warns_of_objects(several: Project) -> None:
    """They would refuse the new file for good: `adopt` cannot reach them."""
    (several.folder / "tenant" / "002_more.sql").write_text("CREATE TABLE b (n INTEGER);")
    err = several.run("squash", "--to", "2", "--migrations", "tenant", code=2).err
    assert "warning: an object that has applied the old files refuses the new one" in err
    err = several.run("squash", "--to", "2", "--yes", "--migrations", "tenant").err
    assert "`adopt` cannot change an object" in err


def test_a_fix_asks_only_databases_with_these_files(several: Project) -> None:
    """A name that is applied in the project's D1 is another file's there."""
    file = several.folder / "tenant" / "001_app.sql"
    file.write_text(SQL.removesuffix(";"))
    several.run("up")
    several.run("lint", "--fix", "--yes", "tenant/001_app.sql", "--migrations", "tenant", "--for", "d1")
    assert file.read_text() == SQL


def test_index_treats_every_folder(several: Project) -> None:
    """One line for each index; `--check` names each."""
    ended = several.run("index", "--check", code=3).err.splitlines()
    paths = ["src/app_index.py", "src/tenant_index.py", "lib/tenant_index.py", "src/room_index.py"]
    assert ended == [
        *(f"{path} is not up to date" for path in paths),
        "hint: `d1migrate index` writes them",
    ]
    assert several.run("index").out.splitlines() == paths
    assert [embedded(path) for path in paths] == [
        *(["001_app.sql"], ["001_tenant.sql"], ["001_tenant.sql"], ["001_room.sql"])
    ]
    (several.folder / "room" / "002_more.sql").write_text("CREATE TABLE b (n INTEGER);")
    assert several.run("index", "--check", "--json", code=3).json["files"][2:] == [
        {"file": "lib/tenant_index.py", "up_to_date": True, "written": False},
        {"file": "src/room_index.py", "up_to_date": False, "written": False},
    ]


@pytest.mark.parametrize(
    "choice",
    [
        ("--migrations", "tenant"),
        ("--migrations", "./tenant/"),
        ("--database", "do:Tenant/acme"),
        ("--env", "tenant"),
    ],
    ids=lambda choice: " ".join(choice),
)
def test_a_choice_of_a_class(several: Project, choice: tuple[str, ...]) -> None:
    """Its folder and its indexes are used, and no others are written."""
    assert several.run("index", *choice).out.splitlines() == ["src/tenant_index.py", "lib/tenant_index.py"]
    assert several.run("new", "more", *choice).out.strip() in ("tenant/002_more.sql", "./tenant/002_more.sql")
    assert (
        embedded("lib/tenant_index.py")
        == embedded("src/tenant_index.py")
        == ["001_tenant.sql", "002_more.sql"]
    )
    assert not (several.folder / "src" / "app_index.py").exists()
    squashed = several.run("squash", "--to", "2", "--yes", *choice).out
    assert "tenant/002_squashed.sql" in squashed
    assert embedded("lib/tenant_index.py") == ["002_squashed.sql"]


def test_without_a_choice_the_project(several: Project) -> None:
    """Only its own index follows a new file."""
    assert several.run("new", "more").out == "migrations/002_more.sql\n"
    assert embedded("src/app_index.py") == ["001_app.sql", "002_more.sql"]
    assert not (several.folder / "src" / "tenant_index.py").exists()


def test_the_variable_chooses_as_the_flag_does(several: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1MIGRATE_MIGRATIONS names a folder, which belongs to a class."""
    monkeypatch.setenv("D1MIGRATE_MIGRATIONS", "room")
    assert several.run("index").out == "src/room_index.py\n"


def test_all_indexes_of_a_folder_follow(several: Project) -> None:
    """Also if the project and a class share it, or two classes."""
    (several.folder / "d1migrate.toml").write_text(
        'index = "src/app_index.py"\n[objects.A]\nmigrations = "migrations"\nindex = "a.py"\n'
        '[objects.B]\nmigrations = "./migrations"\nindex = "b.py"\n[env.local]\ndatabase = "sqlite:app.db"\n'
    )
    for choice in ((), ("--migrations", "migrations"), ("--database", "do:B/x")):
        several.run("new", "more", *choice)
        found = [embedded(path) for path in ("src/app_index.py", "a.py", "b.py")]
        assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4


def test_a_worker_with_one_class_only(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a D1 and a folder of the project, the folder of the only class is the default."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    project.migrations.rmdir()
    (project.folder / "wrangler.jsonc").write_text('{"name": "app"}')
    (project.folder / "d1migrate.toml").write_text(
        'wrangler = "wrangler.jsonc"\n[objects.Tenant]\nmigrations = "sql"\nindex = "tenant.py"\n'
    )
    assert project.run("new", "first").out == "sql/001_first.sql\n"
    assert embedded("tenant.py") == ["001_first.sql"]


def test_the_table_is_that_of_the_class(several: Project) -> None:
    """Else that of the project; wrangler's is for D1 only."""
    (several.folder / "wrangler.jsonc").write_text(
        json.dumps({"d1_databases": [{"binding": "DB", "database_id": "x", "migrations_dir": "migrations"}]})
    )
    text = CONFIG.replace("sqlite:app.db", "wrangler:DB").replace("tenant_migrations", "d1_migrations")
    (several.folder / "d1migrate.toml").write_text(text)
    several.run("index")
    shapes = {name: runpy.run_path(f"src/{name}_index.py")["TABLE"] for name in ("app", "tenant", "room")}
    assert shapes == {"app": "names", "tenant": "names", "room": "versions"}


def test_the_schema_file_of_a_class(several: Project) -> None:
    """It is not the project's."""
    several.run("schema", "--at", "latest", "--output", "--migrations", "tenant")
    assert (several.folder / "schema.Tenant.sql").exists()
    assert not (several.folder / "schema.sql").exists()


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ('[objects.Tenant]\nmigratons = "x"', "[objects.Tenant] unknown key 'migratons'", "mean migrations?"),
        ('[objects.Tenant]\nindex = "x.py"', "[objects.Tenant] has no `migrations`", 'migrations = "migra'),
        ('[objects]\nTenant = "x"', "[objects.Tenant] has no `migrations`", 'migrations = "migra'),
        ('[object.Tenant]\nmigrations = "x"', "unknown key 'object'", "did you mean objects?"),
        ('[objects.Tenant]\nmigrations = "x"\ndatabase = "y"', "unknown key 'database'", "[env.local]"),
        ('[objects.Tenant]\nmigrations = "x"\nwrangler = "y"', "unknown key 'wrangler'", "before all"),
        ('[objects.my-class]\nmigrations = "x"', "'my-class' cannot be the name of a class", "[objects.Ten"),
        ('[objects.class]\nmigrations = "x"', "'class' cannot be the name of a class", "[objects.Tenant]"),
        ('[objects."1a"]\nmigrations = "x"', "'1a' cannot be the name of a class", "[objects.Tenant]"),
        ('[objects.T]\nmigrations = "x"\ntable = "_cf_x"', "[objects.T] table is '_cf_x'", "schema_migr"),
        ('[objects.T]\nmigrations = "x"\nindex = []', "[objects.T] index is empty", "for example"),
        ("index = [1]", "index is [1], expected a string or a list of strings", "for example"),
        ('index = ["a.py", ""]', "index is empty", "for example"),
        ('index = ["a.py", "./a.py"]', "a.py cannot be two indexes: index has it twice", "another file"),
        (
            'index = "a.py"\n[objects.T]\nmigrations = "x"\nindex = "a.py"',
            "a.py cannot be two indexes: index and [objects.T] index both name it",
            "another file",
        ),
        (
            '[objects.T]\nmigrations = "x"\nindex = "b.py"\n[objects.U]\nmigrations = "x"\nindex = "b.py"',
            "b.py cannot be two indexes: [objects.T] index and [objects.U] index both name it",
            "can import one index",
        ),
        ('index = "a.ts"\nruntime = "./a.ts"', "a.ts cannot be both index and a runtime", "src/lib/migr"),
        (
            'runtime = "a.ts"\n[objects.T]\nmigrations = "x"\nindex = "a.ts"',
            "a.ts cannot be both [objects.T] index and a runtime",
            "another file",
        ),
    ],
)
def test_mistakes(project: Project, lines: str, message: str, hint: str) -> None:
    """Each is an error in every command, with a hint."""
    (project.folder / "d1migrate.toml").write_text(lines + "\n")
    err = project.run("status", code=2).err
    assert message in err
    assert hint in err


def test_a_class_without_a_section(several: Project) -> None:
    """It is refused, because the migrations of the project are not for it."""
    err = several.run("status", "--database", "do:Tenants/acme", code=2).err
    assert "d1migrate.toml has no [objects.Tenants]" in err
    assert "did you mean Tenant?" in err


def test_the_name_of_an_index_has_its_language(several: Project) -> None:
    """Another ending is refused before a migration is written."""
    (several.folder / "d1migrate.toml").write_text(
        'index = "src/index.txt"\n[env.local]\ndatabase = "app.db"\n'
    )
    for command in (("index",), ("index", "--check"), ("new", "more")):
        err = several.run(*command, code=2).err
        assert "the language of an index follows from the ending of its name" in err
    assert [path.name for path in several.migrations.iterdir()] == ["001_app.sql"]


@pytest.mark.parametrize("command", ["lint", "rehearse"])
def test_a_class_is_checked_for_durable_objects(several: Project, command: str) -> None:
    """Its folder, and an object's url, make that the default; `--for` decides otherwise."""

    def platform(*arguments: str) -> object:
        return several.run(command, "--json", *arguments).json["platform"]

    assert platform() == "d1"
    assert platform("--migrations", "tenant") == "durable-object"
    assert platform("--migrations", "tenant", "--for", "d1") == "d1"
    assert platform("--for", "durable-object") == "durable-object"
    ran = several.run(command, "--migrations", "tenant")
    assert "each object has its own history" in ran.err
    assert not (several.folder / "app.db").exists()
    ran = several.run(command, "--migrations", "tenant", "--database", "sqlite:object.sqlite")
    assert "sqlite:object.sqlite" in ran.err
