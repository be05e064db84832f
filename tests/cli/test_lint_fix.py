"""`lint --fix` on the command line: its output, the files it writes, and those it leaves unchanged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_lint import PARENTS, REBUILD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.project import Project

NAME = "002_owner.sql"


@pytest.fixture
def unsafe(project: Project) -> Path:
    """A project with rows whose pending second migration would lose them."""
    project.write("001_workflows.sql", PARENTS)
    project.run("up")
    project.sql(
        "INSERT INTO workflows VALUES ('w', 'one');\nINSERT INTO executions VALUES ('e', 'w');\n"
        "INSERT INTO task_results VALUES ('t', 'e')"
    )
    project.write(NAME, REBUILD)
    return project.migrations / NAME


def test_it_is_shown_and_written(project: Project, unsafe: Path) -> None:
    """A unified diff, then the file; it passes lint, runs, and keeps every row."""
    shown = project.run("lint", "--fix", "--dry-run", code=3).out
    assert shown.startswith(f"--- migrations/{NAME}\n+++ migrations/{NAME}\n@@ ")
    assert "\n-ALTER TABLE workflows_new RENAME TO workflows;\n" in shown
    assert unsafe.read_text() == REBUILD
    outcome = project.run("lint", "--fix", "--yes")
    assert outcome.out == shown
    assert "rewrote 1 file" in outcome.err
    project.run("lint")
    project.run("rehearse")
    project.run("up")
    assert project.sql("SELECT id, name, owner FROM workflows") == [("w", "one", None)]
    assert project.sql(
        "SELECT e.id, t.id FROM executions e JOIN task_results t ON t.execution_id = e.id"
    ) == [("e", "t")]
    assert project.run("lint", "--fix").out == ""
    project.run("verify", "--check")


def test_it_has_to_be_confirmed(project: Project, unsafe: Path) -> None:
    """Without a terminal by --yes; nothing is written before."""
    assert "hint: add --yes to confirm, or --dry-run" in project.run("lint", "--fix", code=2).err
    assert unsafe.read_text() == REBUILD


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("", 2)])
def test_a_terminal_is_asked(
    project: Project, unsafe: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    """Only yes confirms."""
    monkeypatch.setattr("d1migrate.cli.output.Output.ask", lambda *_: answer)
    project.run("lint", "--fix", code=code)
    assert (unsafe.read_text() == REBUILD) == bool(code)


def test_an_applied_file_is_not_touched(project: Project, unsafe: Path) -> None:
    """Neither pending files by default, nor named ones, nor files that another environment has."""
    project.run("up", "--no-lint", "a test", code=None)
    assert project.run("lint", "--fix").out == ""
    (project.folder / "d1migrate.toml").write_text('[env.local]\ndatabase = "sqlite:app.db"\n')
    outcome = project.run("lint", "--fix", "--yes", os.fspath(unsafe.relative_to(project.folder)))
    assert "is not rewritten: local has applied it" in outcome.err
    project.database.rename(project.folder / "live.db")
    (project.folder / "d1migrate.toml").write_text('[env.production]\ndatabase = "sqlite:live.db"\n')
    assert "production has applied it" in project.run("lint", "--fix", "--yes").err
    assert unsafe.read_text() == REBUILD


def test_a_file_that_is_named_needs_no_database(
    project: Project, unsafe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is checked after the files before it; without a name, a database is needed."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    assert "hint: name the files: `d1migrate lint --fix FILE`" in project.run("lint", "--fix", code=2).err
    project.run("lint", "--fix", "--yes", f"migrations/{NAME}")
    assert "RENAME" not in unsafe.read_text()


def test_what_cannot_be_rewritten_is_said(project: Project, unsafe: Path) -> None:
    """With the reason, and exit 3; other files are rewritten."""
    project.write("003_drop.sql", "DROP TABLE workflows;\n")
    outcome = project.run("lint", "--fix", "--yes", code=3)
    assert "migrations/003_drop.sql was not rewritten: line 1: no table is rebuilt here" in outcome.out
    assert "RENAME" not in unsafe.read_text()


def test_json(project: Project, unsafe: Path) -> None:
    """One object for each file, always with the same keys."""
    project.write("003_drop.sql", "DROP TABLE workflows;\n")
    found = project.run("lint", "--fix", "--dry-run", "--json", code=3).json["files"]
    assert [list(one) for one in found] == [["file", "diff", "written", "reason"]] * 2
    assert [(one["written"], bool(one["diff"])) for one in found] == [(False, True), (False, False)]
    assert unsafe.read_text() == REBUILD


@pytest.mark.parametrize(
    "flags", [["--fix", "--all"], ["--fix", "--format", "sarif"], ["--dry-run"], ["--yes"]]
)
def test_flags_that_contradict(project: Project, unsafe: Path, flags: list[str]) -> None:
    """Each is a usage error."""
    project.run("lint", *flags, code=2)


def test_children_that_refer_to_nothing_already_are_no_hindrance(project: Project, unsafe: Path) -> None:
    """They stay; problems of the table itself are reported after the run as before."""
    project.sql("INSERT INTO executions VALUES ('x', 'gone')")
    project.run("lint", "--fix", "--yes")
    assert "warning, as before: executions: 1 row references a row of workflows" in project.run("up").err
    assert project.sql("SELECT id, workflow_id FROM executions ORDER BY id") == [("e", "w"), ("x", "gone")]


def test_a_statement_that_is_too_much_for_one_batch_gets_its_directive(project: Project) -> None:
    """Above the statement, if it can be cut into chunks; the message says so of one that cannot."""
    (project.folder / "d1migrate.toml").write_text('budget = 1000\n[env.local]\ndatabase = "sqlite:app.db"\n')
    project.write(
        "001_logs.sql",
        'CREATE TABLE logs (a TEXT, "b c" TEXT, n TEXT, PRIMARY KEY (a, "b c")) WITHOUT ROWID;\n',
    )
    project.run("up")
    fill = "-- Migration: 002_fill\n\nUPDATE logs\nSET n = '' WHERE n IS NULL;\n"
    project.write("002_fill.sql", fill)
    path = project.migrations / "002_fill.sql"
    scale = ("--scale", "logs=2000")
    found = project.run("lint", *scale, "--json").json["diagnostics"]
    (finding,) = (one for one in found if one["code"] == "P114")
    directive = '-- d1migrate: batch logs by a, "b c"'
    assert finding["fix"] == directive
    assert directive in finding["message"]
    assert "nothing to fix" in project.run("lint", "--fix", "--yes").err
    project.run("lint", "--fix", "--yes", *scale)
    assert path.read_text() == fill.replace("UPDATE", f"{directive}\nUPDATE")
    assert project.run("lint", *scale, "--strict", "--json").json["warnings"] == 0
    assert "nothing is too much for one batch" in project.run("lint", "--fix", "--yes", *scale).err
    path.write_text("UPDATE logs SET n = (SELECT max(n) FROM logs);\n")
    assert "nothing to fix" in project.run("lint", "--fix", "--yes", *scale).err


@pytest.mark.parametrize("named", [False, True])
def test_rows_are_counted_where_the_database_can_be_reached(project: Project, *, named: bool) -> None:
    """As `lint` counts them: what it reports, and proposes to fix, is fixed."""
    (project.folder / "d1migrate.toml").write_text('budget = 1000\n[env.local]\ndatabase = "sqlite:app.db"\n')
    project.write("001_logs.sql", "CREATE TABLE logs (id INTEGER PRIMARY KEY, n TEXT);\n")
    project.run("up")
    rows = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 2000) SELECT n FROM i"
    project.sql(f"INSERT INTO logs (id) {rows}")
    project.write("002_fill.sql", "UPDATE logs SET n = '' WHERE n IS NULL;\n")
    path = project.migrations / "002_fill.sql"
    assert "P114" in project.run("lint").out
    project.run("lint", "--fix", "--yes", *([str(path)] if named else []))
    assert path.read_text().startswith("-- d1migrate: batch logs\n")
    assert "P114" not in project.run("lint").out
