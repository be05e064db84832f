"""`index` for Workers in TypeScript: the compiled index, and the runtime beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from d1migrate.migrate.typescript_index import is_typescript_module
from d1migrate.workers.typescript import is_runtime_module, runtime_module

if TYPE_CHECKING:
    from tests.cli.project import Project

RUNTIME = "src/lib/migrations.ts"
CONFIG = f"""\
index = ["src/migrations_index.py", "migrations/index.ts"]
runtime = "{RUNTIME}"
"""


def _text(project: Project, path: str) -> str:
    return (project.folder / path).read_text(encoding="utf-8")


def test_nothing_has_to_be_configured(project: Project) -> None:
    """The index is beside the files, where a Worker in `src` imports it from."""
    project.standard()
    found = project.run("index", "--format", "ts", "--runtime", RUNTIME)
    assert found.out == f"migrations/index.ts\n{RUNTIME}\n"
    assert is_typescript_module(_text(project, "migrations/index.ts"))
    assert _text(project, RUNTIME) == runtime_module()
    assert [entry["name"] for entry in project.run("list", "--json").json["migrations"]] == [
        *("001_users", "002_teams", "003_names")
    ]


def test_both_languages_have_digests_of_the_schema(project: Project) -> None:
    """Each its own kind, up to the file that cannot be replayed, of which a note tells once."""
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.standard()
    project.write("004_wrong.sql", "ALTER TABLE nosuch ADD COLUMN x TEXT;")
    found = project.run("index")
    assert found.err.count("no schema digests from 004_wrong on") == 1
    python, typescript = _text(project, "src/migrations_index.py"), _text(project, "migrations/index.ts")
    assert len(re.findall(r'"table users": "[0-9a-f]{16}"', python)) == 2
    assert len(re.findall(r'schema: \[.*"[0-9a-f]{16} table users"', typescript)) == 2
    assert typescript.count("schema: [") == 3


def test_new_keeps_all_of_them(project: Project) -> None:
    """Each format, and the runtime; the same files give the same bytes."""
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.run("new", "first things")
    before = {
        path: _text(project, path) for path in ("src/migrations_index.py", "migrations/index.ts", RUNTIME)
    }
    assert all("first_things" in text for path, text in before.items() if path != RUNTIME)
    project.run("index", "--check")
    project.run("index")
    assert before == {path: _text(project, path) for path in before}


def test_a_file_that_is_up_to_date_is_not_written(project: Project) -> None:
    """A dev server watches its modification time."""
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.run("new", "first things")
    os.utime(project.folder / RUNTIME, (1, 1))
    project.run("new", "second things")
    project.run("index")
    assert os.stat(project.folder / RUNTIME).st_mtime == 1
    assert "002_second_things" in _text(project, "migrations/index.ts")


def test_an_index_that_cannot_be_written(project: Project) -> None:
    """The migration file is there by then: a second `new` would write another one."""
    (project.folder / "d1migrate.toml").write_text('index = "src/index.ts"\n')
    (project.folder / "src").symlink_to("nowhere/src")
    err = project.run("new", "first things", code=2).err
    assert "cannot write src/index.ts" in err
    assert "hint: the migration files are written, only the indexes are not" in err
    assert len(list(project.migrations.iterdir())) == 1


def test_check_sees_an_old_file(project: Project) -> None:
    """An index of other files, and the runtime of another version."""
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.standard()
    project.run("index")
    runtime = project.folder / RUNTIME
    runtime.write_text(re.sub(r"of d1migrate \S+", "of d1migrate 0.0.1.", runtime.read_text()))
    project.write("003_names.sql", "ALTER TABLE users ADD COLUMN other TEXT;")
    found = project.run("index", "--format", "ts", "--check", code=3)
    assert found.err.splitlines() == [
        "migrations/index.ts is not up to date",
        f"{RUNTIME} is not up to date",
        "hint: `d1migrate index --format ts` writes them",
    ]
    project.run("index")
    project.run("index", "--check")


def test_only_a_file_of_ours_is_overwritten(project: Project) -> None:
    """What somebody wrote by hand would be lost."""
    project.standard()
    (project.folder / "mine.ts").write_text("export default {};\n")
    for flags in (["--output", "mine.ts"], ["--runtime", "mine.ts"]):
        found = project.run("index", "--format", "ts", *flags, code=2)
        assert "mine.ts exists and was not written by `d1migrate index`" in found.err
    assert _text(project, "mine.ts") == "export default {};\n"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output", ""], "--output is empty"),
        (["--runtime", ""], "--runtime is empty"),
        (["--runtime", "migrations/../migrations/index.ts"], "cannot be both an index and the runtime"),
        (["--output", "migrations/001_users.sql/x.ts"], "cannot read migrations/001_users.sql/x.ts"),
    ],
)
def test_paths_that_cannot_be_written(project: Project, flags: list[str], message: str) -> None:
    """Nothing is written."""
    project.standard()
    assert message in project.run("index", "--format", "ts", *flags, code=2).err
    assert not (project.migrations / "index.ts").exists()


def test_the_runtime_on_standard_output(project: Project) -> None:
    """A device has no ending, and is written to; no path is printed among the text."""
    project.standard()
    flags = ["index", "--format", "ts", "--output", "a.ts", "--runtime", "/dev/stdout"]
    script = "import sys; from d1migrate.cli import main; sys.exit(main(sys.argv[1:]))"
    found = subprocess.run([sys.executable, "-c", script, *flags], capture_output=True, text=True, check=True)
    assert found.stdout == runtime_module()
    assert is_typescript_module(_text(project, "a.ts"))


def test_what_an_editor_or_git_adds_is_no_other_file(project: Project) -> None:
    """A byte order mark is not up to date; other line ends are."""
    project.standard()
    project.run("index", "--format", "ts", "--runtime", RUNTIME)
    written = _text(project, "migrations/index.ts")
    for path in ("migrations/index.ts", RUNTIME):
        (project.folder / path).write_bytes(_text(project, path).replace("\n", "\r\n").encode())
    project.run("index", "--format", "ts", "--runtime", RUNTIME, "--check")
    (project.folder / "migrations/index.ts").write_text(written, encoding="utf-8-sig")
    project.run("index", "--format", "ts", "--check", code=3)
    project.run("index", "--format", "ts")
    assert _text(project, "migrations/index.ts") == written


def test_json_of_one_language(project: Project) -> None:
    """`--format ts` chooses what is written, `--json` what is printed."""
    project.standard()
    found = project.run("index", "--format", "ts", "--json").json
    assert found["files"] == [{"file": "migrations/index.ts", "up_to_date": False, "written": True}]
    assert not project.run("index", "--json", "--format", "py", code=2).out.startswith("error")


@pytest.mark.parametrize("path", ["index.txt", "index.tsx", "index.toml"])
def test_the_ending_decides_the_language(project: Project, path: str) -> None:
    """Unless `--format` does."""
    project.standard()
    assert f"cannot write {path}" in project.run("index", "--output", path, code=2).err
    project.run("index", "--output", path, "--format", "ts")
    assert is_typescript_module(_text(project, path))


def test_the_runtime_is_typescript(project: Project) -> None:
    """With types, so not for a file that is run as it is."""
    project.standard()
    found = project.run("index", "--format", "ts", "--runtime", "lib/migrations.js", code=2)
    assert "cannot write lib/migrations.js: the runtime is TypeScript" in found.err
    assert not (project.migrations / "index.ts").exists()


def test_a_large_file_is_refused_by_name(project: Project) -> None:
    """Before anything is written; a Worker could not hold it."""
    project.standard()
    project.write("004_data.sql", "SELECT 1;\n" * 110_000)
    found = project.run("index", "--format", "ts", code=1)
    assert "migrations/004_data.sql has 1100000 bytes: the index of a Worker holds files up to" in found.err
    assert not (project.migrations / "index.ts").exists()


def test_a_runtime_says_its_version() -> None:
    """So that a person can see it, too."""
    assert is_runtime_module(runtime_module())
    assert not is_runtime_module("export {};")
