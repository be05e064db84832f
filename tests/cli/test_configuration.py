"""The sources of settings, and their precedence."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.project import Project

WRANGLER = """{
  // comments, and a trailing comma
  "d1_databases": [
    { "binding": "DB", "database_name": "app", "database_id": "abc", "migrations_dir": "sql", },
  ],
}"""


@pytest.fixture(autouse=True)
def no_database(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is configured by the environment."""
    monkeypatch.delenv("D1MIGRATE_DATABASE", raising=False)


def test_nothing_configured(project: Project) -> None:
    """Without any configuration the error says how to name a database."""
    err = project.run("up", code=2).err
    assert "no database is configured" in err
    assert "--database sqlite:app.db" in err


def test_wranglers_configuration_is_enough(project: Project) -> None:
    """The nearest wrangler.jsonc names database and folder, also from a folder below it."""
    (project.folder / "wrangler.jsonc").write_text(WRANGLER)
    (project.folder / "sql").mkdir()
    (project.folder / "sql" / "001_a.sql").write_text("CREATE TABLE a (x);")
    os.chdir(project.folder / "sql")
    project.run("up")
    assert (project.folder / ".wrangler" / "state" / "v3" / "d1").is_dir()
    assert project.run("status", "--json").json["database"] == "wrangler:DB"


def test_several_databases_and_no_choice(project: Project) -> None:
    """It is a usage error that lists them; a name decides."""
    (project.folder / "wrangler.toml").write_text(
        '[[d1_databases]]\nbinding = "A"\ndatabase_name = "one"\n[[d1_databases]]\nbinding = "B"\n'
    )
    project.write("001_a.sql", "CREATE TABLE a (x);")
    err = project.run("up", code=2).err
    assert "it binds: A (one), B" in err
    assert (
        "choose one, e.g. `--database wrangler:A`, or for good: `d1migrate init --database wrangler:A`" in err
    )
    project.run("up", "--database", "wrangler:B")
    project.run("up", "--database", "wrangler:one")
    assert "no D1 database 'C'" in project.run("up", "--database", "wrangler:C", code=2).err


def test_d1migrate_toml(project: Project) -> None:
    """Environments, paths relative to the file, the default environment, found from below."""
    (project.folder / "d1migrate.toml").write_text(
        'migrations = "migrations"\n[env.local]\ndatabase = "sqlite:local.db"\n'
        '[env.staging]\ndatabase = "sqlite:data/staging.db"\nout_of_order = "allow"\n'
    )
    (project.folder / "data").mkdir()
    project.write("001_a.sql", "CREATE TABLE a (x);")
    os.chdir(project.migrations)
    project.run("up")
    project.run("--env", "staging", "up")
    assert (project.folder / "local.db").exists()
    assert (project.folder / "data" / "staging.db").exists()
    assert project.run("status", "--env", "staging", "--json").json["environment"] == "staging"
    table = project.run("env").out.splitlines()
    assert table[0].split() == [
        *("environment", "database", "last", "migration", "pending", "protection", "reachable"),
    ]
    assert [line.split()[0] for line in table[1:]] == ["local", "staging"]
    assert [e["current_version"] for e in project.run("env", "--json").json["environments"]] == [1, 1]
    assert "it has: local, staging" in project.run("up", "--env", "prod", code=2).err


def test_env_lists_what_it_cannot_reach(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that fails is listed with its error, next to those that work."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    (project.folder / "d1migrate.toml").write_text(
        '[env.local]\ndatabase = "sqlite:local.db"\n[env.remote]\ndatabase = "d1:app"\n'
    )
    local, remote = project.run("env", "--json").json["environments"]
    assert (local["pending"], local["error"]) == (0, None)
    assert remote["pending"] is None
    assert remote["error"]["message"] == "no CLOUDFLARE_API_TOKEN in the environment"


@pytest.mark.parametrize(("folder", "path"), [(".", "d1migrate.toml"), ("sql", "../d1migrate.toml")])
def test_the_file_is_named_as_seen_from_here(project: Project, folder: str, path: str) -> None:
    """A message names the file that was found upward by its relative path, as it names databases."""
    (project.folder / "d1migrate.toml").write_text("migration = 'sql'\n")
    (project.folder / "sql").mkdir()
    os.chdir(project.folder / folder)
    assert project.run("status", code=2).err.startswith(f"error: {path}: unknown key 'migration'")


def test_pyproject_is_read_too(project: Project) -> None:
    """[tool.d1migrate] is used if there is no d1migrate.toml, which takes precedence."""
    (project.folder / "pyproject.toml").write_text('[tool.d1migrate.env.local]\ndatabase = "sqlite:py.db"\n')
    assert project.run("status", "--json").json["database"] == "sqlite:py.db"
    (project.folder / "d1migrate.toml").write_text('[env.local]\ndatabase = "sqlite:toml.db"\n')
    assert project.run("status", "--json").json["database"] == "sqlite:toml.db"


def test_flags_win_over_variables_over_files(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of precedence, for database and folder."""
    (project.folder / "d1migrate.toml").write_text(
        'migrations = "from_file"\n[env.local]\ndatabase = "sqlite:file.db"\n'
    )
    for folder in ("from_file", "from_variable", "from_flag"):
        (project.folder / folder).mkdir()
        (project.folder / folder / f"001_{folder}.sql").write_text("SELECT 1;")
    monkeypatch.setenv("D1MIGRATE_DATABASE", "sqlite:variable.db")
    monkeypatch.setenv("D1MIGRATE_MIGRATIONS", "from_variable")
    found = project.run("status", "--json").json
    assert (found["database"], found["migrations"][0]["name"]) == ("sqlite:variable.db", "001_from_variable")
    found = project.run("status", "--json", "--database", "sqlite:flag.db", "--migrations", "from_flag").json
    assert (found["database"], found["migrations"][0]["name"]) == ("sqlite:flag.db", "001_from_flag")
    assert project.run("status", "--json", "--env", "local").json["database"] == "sqlite:file.db"
    project.run("status", "--env", "local", "--database", "sqlite:x.db", code=2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("migration = 'x'", "unknown key 'migration'"),
        ("[env.local]\n", "[env.local] has no `database`"),
        ("[env.local]\ndatabase = 'sqlite:x'\nprotect = true", "[env.local] unknown key 'protect'"),
        (
            "[env.local]\ndatabase = 'sqlite:x'\nprotected = 1",
            "[env.local] protected is 1, expected true or false",
        ),
        (
            "[env.local]\ndatabase = 'sqlite:x'\nwindow = 'Sun'",
            "[env.local] window 'Sun' is malformed",
        ),
        ("[env.local]\ndatabase = 'sqlite:x'\nrehearse = 'info'", "[env.local] rehearse is 'info'"),
        ("[env.local]\ndatabase = 'sqlite:x'\nlint = 'all'", "[env.local] lint is 'all'"),
        ("[env.local]\ndatabase = 'sqlite:x'\nafter = 'nil'", "[env.local] after: no environment 'nil'"),
        (
            "[env.local]\ndatabase = 'sqlite:x'\nafter = 'local'",
            "[env.local] after = 'local' leads back to local",
        ),
        ("[env.local]\ndatabase = 'sqlite:x'\naccount = ''", "[env.local] account is empty"),
        ("[env.local]\ndatabase = 'sqlite:x'\nwindow = ''", "[env.local] window is empty"),
        ("[env.local]\ndatabase = 'sqlite:x'\nlint = { D104 = [] }", "[env.local] lint: D104 is []"),
        (
            "[env.local]\ndatabase = 'sqlite:x'\nlint = { level = 3 }",
            "[env.local] lint: level is 3, expected",
        ),
        ('[env.local]\ndatabase = "sqlite:a\\u0000b"', "'sqlite:a\\x00b' contains unprintable characters"),
        ("[env.'']\ndatabase = 'sqlite:x'", "'' cannot be the name of an environment"),
        ("[env.'pr\u043eduction']\ndatabase = 'sqlite:x'", "cannot be the name of an environment"),
        ('[env."a\\u001b[31m"]\ndatabase = "sqlite:x"', "contains unprintable characters"),
        ("[env.'--env']\ndatabase = 'sqlite:x'", "'--env' cannot be the name of an environment"),
        ("[[env.local]]\ndatabase = 'sqlite:x'", "[env.local] has no `database`"),
        ("migrations = ''", "migrations is empty"),
        ("migrations = 3", "migrations is 3, expected a string"),
        ("out_of_order = 'maybe'", """out_of_order is 'maybe', expected "refuse" or "allow\""""),
        ("env = 3", "env is 3, expected a table"),
        ("migrations = ", "cannot read"),
    ],
)
def test_a_wrong_configuration_is_a_usage_error(project: Project, content: str, message: str) -> None:
    """Every mistake is named with the file it is in."""
    (project.folder / "d1migrate.toml").write_text(content)
    err = project.run("status", code=2).err
    assert message in err
    assert "d1migrate.toml" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot read"),
        ("[]", "expected an object of settings"),
        ('{"d1_databases": {}}', "d1_databases is not a list"),
        ("{}", "no D1 databases"),
    ],
)
def test_a_wrong_wrangler_configuration(project: Project, content: str, message: str) -> None:
    """Every mistake is named with the file it is in."""
    (project.folder / "wrangler.json").write_text(content)
    err = project.run("up", code=2).err
    assert message in err
    assert "wrangler.json" in err


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ({"a": "b", "b": "a"}, "[env.a] after = 'b' leads back to a"),
        ({"a": "b", "b": "c", "c": "b"}, "[env.a] after = 'b' leads back to b"),
        ({"a": "A"}, "[env.a] after: no environment 'A'"),
    ],
)
def test_circles(project: Project, after: dict[str, str], message: str) -> None:
    """However long, and also one that an environment leads into without being in it."""
    names = sorted({*after, "b", "c"})
    demands = {name: f"after = '{after[name]}'\n" if name in after else "" for name in names}
    text = "".join(f"[env.{name}]\ndatabase = 'sqlite:{name}.db'\n{demands[name]}" for name in names)
    (project.folder / "d1migrate.toml").write_text(text)
    assert message in project.run("env", code=2).err


def test_an_empty_path_is_no_database(project: Project) -> None:
    """It is not the folder of the configuration."""
    (project.folder / "d1migrate.toml").write_text("[env.local]\ndatabase = 'sqlite:'\n")
    assert "[env.local] the database url 'sqlite:' names no database" in project.run("up", code=2).err


def test_a_missing_folder_is_named(project: Project) -> None:
    """No migrations folder is a usage error, not nothing to do; an empty one is nothing to do."""
    project.run("up", "--database", "sqlite:app.db")
    project.migrations.rmdir()
    error = project.run("up", "--database", "sqlite:app.db", code=2).err
    assert "the migrations folder migrations does not exist" in error
    assert "`d1migrate new DESCRIPTION --database sqlite:app.db` creates it" in error


def test_files_are_listed_without_a_default_environment(project: Project) -> None:
    """`list` needs no database; a command that needs one lists the choices."""
    (project.folder / "d1migrate.toml").write_text("[env.production]\ndatabase = 'd1:app'\n")
    project.standard()
    assert len(project.run("list", "--json").json["migrations"]) == 3
    assert "choose one: --env production" in project.run("status", code=2).err


def test_wranglers_folder_of_the_environment_that_a_variable_names(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is of one that a flag names."""
    (project.folder / "wrangler.jsonc").write_text(WRANGLER)
    (project.folder / "sql").mkdir()
    (project.folder / "sql" / "001_a.sql").write_text("CREATE TABLE a (x);")
    (project.folder / "d1migrate.toml").write_text("[env.production]\ndatabase = 'wrangler:DB'\n")
    assert [f["name"] for f in project.run("list", "--env", "production", "--json").json["migrations"]] == [
        "001_a"
    ]
    monkeypatch.setenv("D1MIGRATE_ENV", "production")
    assert [f["name"] for f in project.run("list", "--json").json["migrations"]] == ["001_a"]


@pytest.mark.parametrize(
    "databases",
    [
        pytest.param(
            'd1_databases = [\n  {\n    binding = "DB", # the only one\n    database_name = "app",\n  },\n]\n',
            id="an inline table of several lines, with a comment and a last comma",
        ),
        pytest.param(r'd1_databases = [{binding = "\x44B", database_name = "\x61pp",}]', id="escapes \\x"),
        pytest.param(
            r'd1_databases = [{binding = "DB"}]' + '\n[vars]\nclear = "\\e[2J"\n', id="an escape \\e"
        ),
        pytest.param(
            "[vars]\nat = 2026-11-22 13:40\nfrom = 08:15\n" + '[[d1_databases]]\nbinding = "DB"\n',
            id="times without seconds",
        ),
        pytest.param('\ufeff[[d1_databases]]\nbinding = "DB"\n', id="a byte order mark"),
    ],
)
def test_toml_1_1_in_wranglers_configuration(project: Project, databases: str) -> None:
    """It is read as wrangler 4.164 reads it."""
    (project.folder / "wrangler.toml").write_text(databases)
    project.write("001_a.sql", "CREATE TABLE a (x);")
    assert project.run("status", "--json").json["database"] == "wrangler:DB"


def test_toml_1_1_in_our_own_configuration(project: Project) -> None:
    """All TOML is read by one parser."""
    own = 'env.local = {\n  database = "sqlite:\\x61pp.db", # here\n}\n'
    (project.folder / "d1migrate.toml").write_text(own)
    project.write("001_a.sql", "CREATE TABLE a (x);")
    assert project.run("status", "--json").json["database"] == "sqlite:app.db"


ONLY_IN_DEV = '{"env": {"dev": {"d1_databases": [{"binding": "DB", "database_name": "app-dev"}]}, "x": 1}}'


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ((), "D1 databases are bound only in the environment dev: use `--env dev`"),
        (("--database", "wrangler:DB"), "`--env dev`, or `--database wrangler:DB?env=dev`"),
        (("--database", "wrangler:app-dev"), "`--env dev`, or `--database wrangler:app-dev?env=dev`"),
        (("--database", "wrangler:OTHER"), "it binds: none"),
    ],
)
def test_a_database_that_only_an_environment_binds(
    project: Project, arguments: tuple[str, ...], hint: str
) -> None:
    """The hint says which environment, and how to choose it."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    config = ONLY_IN_DEV.replace(', "x": 1', ', "stage": {}')
    (project.folder / "wrangler.jsonc").write_text(config)
    assert hint in project.run("status", *arguments, code=2).err
    assert project.run("status", "--env", "dev", "--json").json["database"] == "wrangler:DB?env=dev"
    project.run("status", "--database", "wrangler:DB?env=dev")


def test_several_environments_that_bind_one(project: Project) -> None:
    """The error lists all of them, whatever else is bound without an environment."""
    binds = {name: f'[[{name}d1_databases]]\nbinding = "{db}"\n' for name, db in (("", "A"), ("env.a.", "B"))}
    both = binds[""] + binds["env.a."] + binds["env.a."].replace(".a.", ".b.")
    (project.folder / "wrangler.toml").write_text(both)
    project.write("001_a.sql", "CREATE TABLE a (x);")
    error = project.run("status", "--database", "wrangler:B", code=2).err
    assert "only in the environments a, b: use `--env a` or `--env b`" in error


BUILT = '{"d1_databases": [{"binding": "DB", "database_name": "app", "migrations_dir": "db"}]}'


def built(project: Project, path: str, *, redirect: bool) -> None:
    """Write what a build tool generates: a configuration, and the file that points to it."""
    target = project.folder / path
    (target.parent / "db").mkdir(parents=True)
    (target.parent / "db" / "0001_init.sql").write_text("CREATE TABLE a (x);")
    target.write_text(BUILT)
    if redirect:
        deploy = project.folder / ".wrangler" / "deploy"
        deploy.mkdir(parents=True)
        (deploy / "config.json").write_text(f'{{"configPath": "../../{path}", "auxiliaryWorkers": []}}')


@pytest.mark.parametrize(
    ("path", "redirect"),
    [
        (".output/server/wrangler.json", True),
        (".output/server/wrangler.json", False),
        ("dist/app/wrangler.json", True),
    ],
)
def test_a_configuration_that_a_build_wrote_is_named(project: Project, path: str, redirect: bool) -> None:
    """The hint says how to use it, from the folder itself, from below, and beside a configuration without D1."""
    built(project, path, redirect=redirect)
    setting = f'`wrangler = "{path}"`'
    assert setting in project.run("status", code=2).err
    assert setting in project.run("status", "--database", "wrangler:DB", code=2).err
    (project.folder / "wrangler.jsonc").write_text('{"name": "w"}')
    assert setting in project.run("status", code=2).err
    (project.folder / "d1migrate.toml").write_text(setting.strip("`"))
    found = project.run("status", "--json").json
    assert [entry["name"] for entry in found["migrations"]] == ["0001_init"]


@pytest.mark.parametrize(
    "redirect", ["", "[]", "{}", '{"configPath": 3}', '{"configPath": "gone.json"}', "[" * 9999]
)
def test_a_redirect_that_leads_nowhere_is_no_hint(project: Project, redirect: str) -> None:
    """Nor is it an error of its own."""
    deploy = project.folder / ".wrangler" / "deploy"
    deploy.mkdir(parents=True)
    (deploy / "config.json").write_text(redirect)
    assert "hint: `d1migrate init` sets up" in project.run("status", code=2).err


@pytest.mark.parametrize("key", ["binding", "database_name", "migrations_dir", "preview_database_id"])
@pytest.mark.parametrize(
    "value", [r'"a\u0000b"', r'"a\u001b[2J"', r'"a\n::error::x"', r'"a\u202eb"', r'"\ud800"', "3", "{}"]
)
def test_a_setting_of_wranglers_that_is_not_plain_text(project: Project, key: str, value: str) -> None:
    """It is used in paths and messages: it is refused by name, and never printed as it is."""
    project.write("001_a.sql", "CREATE TABLE a (x);")
    keys = {"binding": '"DB"', key: value}
    entry = ", ".join(f'"{name}": {given}' for name, given in keys.items())
    (project.folder / "wrangler.json").write_text(f'{{"d1_databases": [{{{entry}}}]}}')
    error = project.run("status", code=2).err
    assert f"wrangler.json: {key} is " in error
    assert error.replace("\n", "").isprintable()
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("name", ["d1migrate.toml", "pyproject.toml", "wrangler.toml", "wrangler.jsonc"])
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"\0",
        b"a = " + b"[" * 20_000,
        b"[" * 100_000,
        b"1" * 5_000,
        b'a = "\\q"',
        b"[]",
        b"{",
        b"a = 1\na = 2",
    ],
)
def test_a_configuration_that_is_damaged(project: Project, name: str, content: bytes) -> None:
    """It is a usage error that names the file, whatever is wrong with it."""
    (project.folder / name).write_bytes(content)
    if name == "pyproject.toml" and content == b"[]":
        (project.folder / name).write_bytes(b"[tool]\nd1migrate = 3")
    error = project.run("status", code=2).err
    assert name in error or "no database is configured" in error
