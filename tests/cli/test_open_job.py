"""What other commands do while a job is open: they refuse in one way, or leave it out."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from tests.open_job import migration_of, open_job

if TYPE_CHECKING:
    from tests.cli.project import Project

FILL = "-- d1migrate: batch users\nUPDATE users SET name = email WHERE name IS NULL;\n"
ONLINE = "-- d1migrate: online users\nDROP TABLE users; -- stands for a guarded rebuild\n"


def open_in(project: Project, sql: str = FILL) -> None:
    """Open the job of the fourth file."""
    project.write("004_fill.sql", sql)
    with closing(SqliteDriver(str(project.database), url="sqlite:app.db")) as driver:
        open_job(driver, migration_of("004_fill", sql), table="users")


@pytest.fixture
def applied(project: Project) -> Project:
    """Three migrations are applied; the table that online jobs of the tests rebuild exists."""
    project.standard()
    project.write("000_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, x);")
    project.run("up")
    return project


@pytest.mark.parametrize(
    "command",
    [
        ("down",),
        ("down", "--to", "001"),
        ("baseline", "--to", "004"),
        ("repair", "--accept", "003_names", "--reason", "r"),
        ("repair", "--forget", "003_names", "--reason", "r"),
        ("renumber",),
        ("adopt",),
        ("diff", "--from", "live"),
        ("squash", "--to", "004", "--yes"),
    ],
    ids=" ".join,
)
def test_refused(applied: Project, command: tuple[str, ...]) -> None:
    """With the job, how far it is, and what to do."""
    open_in(applied)
    (applied.folder / "schema.sql").write_text("CREATE TABLE users (id);")
    ran = applied.run(*command, code=1)
    assert "a job is open: 004_fill, 43 %" in ran.err
    assert "`d1migrate up` continues it, `d1migrate job cancel` ends it" in ran.err


@pytest.mark.parametrize("sql", [FILL, ONLINE], ids=["batch", "online"])
def test_left_out(applied: Project, sql: str) -> None:
    """Of the schema, its diagram, of `verify` and of what is pending."""
    before = [applied.run("schema", *more).out for more in ((), ("users",), ("--format", "mermaid"))]
    open_in(applied, sql)
    after = [applied.run("schema", *more).out for more in ((), ("users",), ("--format", "mermaid"))]
    assert after == before
    assert applied.run("verify", "--check").code == 0
    assert "_d1m_" not in applied.run("status").out


def test_files_before_the_job_can_be_squashed(applied: Project) -> None:
    """The job needs its own file only."""
    open_in(applied)
    applied.run("squash", "--to", "002", "--dry-run")


def test_a_gate_for_code_that_needs_it(applied: Project) -> None:
    """Code that needs the backfill is not deployed before the job has ended."""
    open_in(applied)
    assert applied.run("gate", "--code-version", "3").code == 0
    applied.run("gate", "--code-version", "4", code=3)


@pytest.mark.parametrize("change", ["edit", "delete", "rename"])
def test_a_file_that_changes_while_its_job_is_open(applied: Project, change: str) -> None:
    """`up` refuses, and says how to go on; nothing is done."""
    open_in(applied)
    path = applied.migrations / "004_fill.sql"
    if change == "edit":
        path.write_text(FILL.replace("= email", "= lower(email)"))
    elif change == "delete":
        path.unlink()
    else:
        path.rename(applied.migrations / "004_filling.sql")
    ran = applied.run("up", code=1)
    assert "004_fill" in ran.err
    assert "`d1migrate job cancel`" in ran.err
    assert applied.sql("SELECT state, chunks FROM _d1m_job") == [("running", 3)]


def test_the_next_migration_can_be_written_and_tried(applied: Project) -> None:
    """From the files, as a backfill of days must not stop everybody; its rehearsal begins with the open one."""
    open_in(applied)
    applied.write("005_next.sql", "ALTER TABLE users ADD COLUMN age INTEGER;\n")
    assert applied.run("lint").code == 0
    for more in ((), ("--data",)):
        ran = applied.run("rehearse", *more, "--json").json
        assert [one["name"] for one in ran["migrations"]] == ["004_fill", "005_next"]
    applied.run("schema", "--at", "latest", "--output")
    schema = applied.folder / "schema.sql"
    schema.write_text(schema.read_text().replace("CREATE TABLE a (", "CREATE TABLE a (more TEXT, "))
    assert "more" in applied.run("diff", "--dry-run", "--order").out


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM _d1m_job", "it has 0 rows, expected 1"),
        ("ALTER TABLE _d1m_job DROP COLUMN who", "no such column: who"),
    ],
)
def test_a_row_that_cannot_be_read(applied: Project, damage: str, why: str) -> None:
    """No command can end the job then; SQL can."""
    open_in(applied)
    applied.sql(damage)
    for command in ("status", "up", "job", "verify"):
        ran = applied.run(command, code=1)
        assert f"_d1m_job is damaged: {why}" in ran.err
        assert "`DROP TABLE _d1m_job` ends the job" in ran.err
    applied.sql("DROP TABLE _d1m_job")
    assert applied.run("up").code == 0


def test_a_plan_of_another_version(applied: Project) -> None:
    """`status` still shows the job; what needs the plan says what to do."""
    open_in(applied, ONLINE)
    applied.sql("UPDATE _d1m_job SET plan = '[\"users\", 1]'")
    assert "running" in applied.run("status").out
    for command in (("up",), ("job", "cancel", "--yes")):
        assert "another version of d1migrate may have written it" in applied.run(*command, code=1).err


@pytest.mark.parametrize("sql", [FILL, ONLINE], ids=["batch", "online"])
def test_an_older_checkout_does_not_continue_it(applied: Project, sql: str) -> None:
    """It lacks the file, and so the rollback that the log is to keep."""
    open_in(applied, sql)
    (applied.migrations / "004_fill.sql").unlink()
    for command in (("up",), ("job", "run")):
        assert "004_fill: its job is open, but the file is missing" in applied.run(*command, code=1).err
