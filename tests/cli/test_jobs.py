"""Jobs on the command line: run, watched, stopped, continued, paused and cancelled."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import gates
from d1migrate.cli.output import Output
from d1migrate.report.job_progress import JobProgress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d1migrate.migrate.jobs.job import Job
    from tests.cli.project import Outcome, Project

    Demand = Callable[[str], None]

ROWS = 12_000
USERS = f"""\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, norm TEXT);
INSERT INTO users (email)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
SELECT 'User' || i || '@X.ORG' FROM n;
"""
FILL = """\
-- d1migrate: batch users
UPDATE users SET norm = lower(email) WHERE norm IS NULL;
"""
LATER = "CREATE TABLE later (id INTEGER PRIMARY KEY);\n-- Rollback:\n--   DROP TABLE later;\n"
SUNDAY = datetime(2026, 11, 29, 3, tzinfo=UTC).timestamp()
NAME = "002_fill_norm"
WARNED = "--no-lint"  # of old code that writes rows between two chunks


@pytest.fixture
def big(project: Project) -> Project:
    """A table that is too large for one batch, a migration that fills it, and one after it."""
    project.write("001_users.sql", USERS)
    project.write(f"{NAME}.sql", FILL)
    project.write("003_later.sql", LATER)
    project.run("up", "--to", "1", WARNED)
    return project


@pytest.fixture
def demand(big: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the environment of the table demand something."""

    def write(setting: str) -> None:
        monkeypatch.delenv("D1MIGRATE_DATABASE")
        monkeypatch.setenv("D1MIGRATE_ENV", "production")
        text = f'[env.production]\ndatabase = "sqlite:app.db"\n{setting}\n'
        (big.folder / "d1migrate.toml").write_text(text)

    return write


def filled(project: Project) -> int:
    """How many rows are filled."""
    return int(project.sql("SELECT count(norm) FROM users")[0][0])


def begin(project: Project, chunks: int = 2) -> Outcome:
    """Run the first chunks of the job."""
    return project.run("job", "run", "--max-chunks", str(chunks), WARNED)


def actions(project: Project) -> list[str]:
    """What the log has of the job."""
    entries = project.run("history", "--json").json["entries"]
    return [entry["action"] for entry in entries if entry["name"] == NAME]


# --- up ---


def test_up_runs_the_job_and_then_applies_what_follows(big: Project) -> None:
    """Every row once; the history has the rows and the chunks."""
    ran = big.run("up", WARNED)
    assert re.fullmatch(r"applied 2 migrations in .*\n", ran.out)
    assert re.search(rf"^{NAME}: \d+ %, 500 rows, 1 chunk, ", ran.err, re.MULTILINE)
    assert re.search(rf"^  {NAME}  .*, 12,000 rows in \d+ chunks$", ran.err, re.MULTILINE)
    assert filled(big) == ROWS
    assert set(big.states().values()) == {"applied"}
    assert actions(big) == ["start", "up"]
    history = big.run("history").out
    assert re.search(r"up \(12,000 rows, \d+ chunks.*\)", history)
    assert "start job" in history
    assert "_d1m_job" not in big.tables()


def test_up_continues_an_open_job(big: Project) -> None:
    """From where it is; rows that are filled are not changed again."""
    begin(big)
    done = filled(big)
    assert 0 < done < ROWS
    big.sql("UPDATE users SET norm = 'mine' WHERE id = 1")
    value = big.run("up", WARNED, "--json").json
    assert [step["name"] for step in value["steps"]] == [NAME, "003_later"]
    assert value["waits_for"] is None
    assert filled(big) == ROWS
    assert big.sql("SELECT norm FROM users WHERE id = 1") == [("mine",)]


def test_up_no_wait_leaves_the_job_to_others(big: Project) -> None:
    """What comes before it is applied; what follows waits; that is no failure."""
    big.write(f"{NAME}.sql", LATER)
    big.write("003_later.sql", FILL)
    big.write("004_last.sql", "CREATE TABLE last (x);\n")
    ran = big.run("up", "--no-wait", WARNED)
    assert "applied 1 migration" in ran.out
    assert "003_later runs as a job: `d1migrate job run`, for example from cron, runs it; 1 later" in ran.err
    assert filled(big) == 0
    value = big.run("up", "--no-wait", WARNED, "--json").json
    assert (value["steps"], value["waits_for"]) == ([], "003_later")
    begin(big)
    ran = big.run("up", "--no-wait", WARNED)
    assert (ran.out, "003_later runs as a job" in ran.err) == ("", True)


def test_a_small_table_needs_no_job(big: Project) -> None:
    """The file is an ordinary migration."""
    big.sql("DELETE FROM users WHERE id > 5000")
    ran = big.run("up", WARNED)
    assert re.search(rf"^  {NAME}  [\d.]+ m?s$", ran.err, re.MULTILINE)
    assert actions(big) == ["up"]


def test_a_chunk_that_is_refused_leaves_the_job_open(big: Project) -> None:
    """The error has the place, the row, and both ways on; the rows before it are filled."""
    big.sql("CREATE UNIQUE INDEX one ON users (norm)")
    big.sql("UPDATE users SET email = 'USER1@x.org' WHERE id = 11000")
    ran = big.run("up", WARNED, "--json", code=1)
    refused = ran.err
    assert ran.json["error"]["applied_names"] == []
    assert f"migrations/{NAME}.sql:2: users row 11000: UNIQUE constraint failed: users.norm" in refused
    assert filled(big) == 10_999
    assert f"the chunk had no effect; earlier chunks of {NAME} are kept\n" in refused
    assert "the job stays open" in refused
    assert "`d1migrate job cancel`" in refused
    assert big.states()[2] == "running"
    big.sql("UPDATE users SET email = 'other' WHERE id = 11000")
    big.run("up", WARNED)
    assert filled(big) == ROWS


def test_a_chunk_that_is_refused_after_other_migrations(big: Project) -> None:
    """Those of the run are named."""
    big.write(f"{NAME}.sql", FILL.replace("lower(email)", "abs(-9223372036854775808)"))
    ran = big.run("up", WARNED, "--database", "sqlite:new.db", "--json", code=1)
    assert ran.json["error"]["applied_names"] == ["001_users"]
    assert "applied: 001_users\npending: 002_fill_norm" in ran.err


def test_a_plan_file_covers_the_job_and_what_follows(big: Project) -> None:
    """The history changes within the run, and by nothing else."""
    big.run("plan", "--output", "plan.json", WARNED)
    assert "applied 2 migrations" in big.run("up", "--plan", "plan.json", WARNED).out
    assert filled(big) == ROWS


# --- plan ---


def test_a_plan_shows_what_runs_as_a_job_and_why(big: Project) -> None:
    """As far as it is known before the migrations that come first."""
    out = big.run("up", "--dry-run").out
    assert "    as a job, in chunks: users has more than 5,000 rows\n" in out
    assert out.endswith("1 transaction and 1 job, 5 requests, plus one per chunk\n")
    assert [step["runs_as_job"] for step in big.run("plan", "--json").json["steps"]] == [True, False]
    begin(big)
    first = f"first: the open job of {NAME}, which `up` continues; 1 later migration waits for it\n"
    assert big.run("plan").out == first
    assert big.run("plan", "--json").json["waits_for"] == NAME
    big.run("job", "cancel", "--yes")
    big.sql("DELETE FROM users WHERE id > 5000")
    assert "    in one transaction: users has at most 5,000 rows\n" in big.run("plan").out


def test_a_plan_for_a_new_database(big: Project) -> None:
    """The table does not exist yet."""
    out = big.run("plan", "--database", "sqlite:new.db").out
    assert "in one transaction if users has at most 5,000 rows then; otherwise as a job, in chunks\n" in out
    step = big.run("plan", "--database", "sqlite:new.db", "--json").json["steps"][1]
    assert step["runs_as_job"] is None


# --- status ---


def test_status_shows_how_far_the_job_is(big: Project) -> None:
    """In text and JSON; later migrations wait, and --check finds something."""
    begin(big)
    shown = big.run("status")
    row = next(line for line in shown.out.split("\n") if NAME in line)
    assert re.fullmatch(rf" +2  {NAME}  running  \d+ % \(1,500 rows, 2 chunks, just now\)  no rollback", row)
    assert re.search(rf"003_later +pending +waits for {NAME}", shown.out)
    assert "1 applied, 1 running, 1 pending" in shown.err
    assert f"hint: `d1migrate up` continues {NAME}" in shown.err
    job = big.run("status", "--json").json["job"]
    assert (job["name"], job["row_count"], job["chunk_count"], job["by"]) == (NAME, 1_500, 2, "tester")
    assert 0 < job["share"] < 1
    big.run("status", "--check", code=3)


def test_job_alone_shows_the_open_job(big: Project) -> None:
    """What it works on, who began it, and what waits."""
    assert big.run("job").out == "no job is open\n"
    assert big.run("job", "--json").json == {"job": None, "waiting": []}
    begin(big)
    lines = big.run("job").out.split("\n")
    assert lines[0].startswith(f"{NAME}  running  ")
    assert re.fullmatch(r"batch migration of users, begun .* by tester", lines[1])
    assert lines[2] == "waiting for it: 003_later"
    assert big.run("job", "--json").json == big.run("job", "status", "--json").json


def test_what_only_reads_writes_nothing(big: Project) -> None:
    """Not with an open job, either."""
    begin(big)
    before = big.database.read_bytes()
    for command in ("status", "job", "plan", "history", "current", "list"):
        big.run(command)
    assert big.database.read_bytes() == before


def test_list_and_current_know_jobs(big: Project) -> None:
    """A job that is open is not applied."""
    begin(big)
    assert re.search(rf"{NAME} .* batch users", big.run("list").out)
    assert [file["job_kind"] for file in big.run("list", "--json").json["migrations"]] == [
        *(None, "batch", None),
    ]
    assert big.run("current").out == "001_users\n"


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (lambda file: file.write_text(FILL.replace("lower", "upper")), "edited while its job is open"),
        (lambda file: file.unlink(), "its job is open, but the file is missing"),
    ],
    ids=["edited", "missing"],
)
def test_what_reads_shows_that_up_would_refuse_the_file(
    big: Project, write: Callable[[Path], None], problem: str
) -> None:
    """`status`, `job` and `verify` recommend what can be done: not `up`, which refuses."""
    begin(big)
    write(big.migrations / f"{NAME}.sql")
    assert problem in next(line for line in big.run("status").out.split("\n") if NAME in line)
    assert f"{NAME}: {problem}" in big.run("job").err
    for command in ("status", "job", "verify"):
        err = big.run(command).err
        assert "hint: restore the file; or end the job with `d1migrate job cancel`" in err
        assert f"`d1migrate up` continues {NAME}" not in err


def test_verify_recommends_to_continue_the_job(big: Project) -> None:
    """As `status` does; the job is not counted as pending."""
    begin(big)
    assert big.run("verify").err == f"hint: `d1migrate up` continues {NAME}\n"


# --- job run ---


def test_job_run_names_the_database_once(big: Project) -> None:
    """When it begins a job, and when it continues one."""
    for _ in range(2):
        assert begin(big, 1).err.count("sqlite:app.db") == 1


def test_job_run_stops_at_its_limits(big: Project) -> None:
    """And applies nothing else, however often it is called."""
    ran = begin(big, 1)
    assert f"stopped: {NAME} is at " in ran.err
    value = big.run("job", "run", "--max-seconds", "0.000001", "--json").json
    assert (value["ended"], value["chunk_count"], value["job"]["chunk_count"]) == ("stopped", 0, 1)
    value = big.run("job", "run", "--json").json
    assert (value["name"], value["ended"], value["job"]) == (NAME, "done", None)
    ran = big.run("job", "run")
    assert ran.out == "no job to run\n"
    assert "`d1migrate up` applies 003_later, which does not run as a job" in ran.err
    assert big.states() == {1: "applied", 2: "applied", 3: "pending"}


@pytest.mark.parametrize("flag", ["--max-chunks", "--max-seconds"])
def test_a_limit_is_more_than_nothing(big: Project, flag: str) -> None:
    """Or the run would do nothing, and say that all is well."""
    assert f"{flag} must be more than 0" in big.run("job", "run", flag, "0", code=2).err


def test_job_run_passes_the_gates_before_it_begins_a_job(big: Project, demand: Demand) -> None:
    """As an `up` of that migration would."""
    demand("require_rollback = true")
    refused = big.run("job", "run", WARNED, "x", code=1).err
    assert f"refuses (require_rollback): {NAME}" in refused
    assert "_d1m_job" not in big.tables()


def test_two_runners_fill_every_row_once(big: Project) -> None:
    """Each takes whichever chunk is the next."""
    big.write(f"{NAME}.sql", "-- d1migrate: batch users rows 100\n" + FILL.partition("\n")[2])
    big.sql("CREATE TABLE changes (id INTEGER)")
    big.sql("CREATE TRIGGER note AFTER UPDATE ON users BEGIN INSERT INTO changes VALUES (NEW.id); END")
    begin(big, 1)
    runners = [start(big, "job", "run") for _ in range(2)]
    ended = [(*runner.communicate(), runner.returncode) for runner in runners]
    assert [code for *_, code in ended] == [0, 0], ended
    assert big.sql("SELECT count(*), count(DISTINCT id) FROM changes") == [(ROWS, ROWS)]
    assert big.states()[2] == "applied"


# --- interrupts ---


def start(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "d1migrate", *arguments],
        cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip


def test_ctrl_c_stops_between_two_chunks(big: Project) -> None:
    """With how far the job is, and how it continues; a pause does not delay the end."""
    slow = "-- d1migrate: batch users rows 100 pause 1000000\n"
    big.write(f"{NAME}.sql", slow + FILL.partition("\n")[2])
    running = start(big, "up", WARNED)
    assert running.stderr
    seen = list[str]()
    while not any(line.startswith(f"{NAME}: ") for line in seen):
        seen.append(running.stderr.readline())
        assert seen[-1], seen
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert re.search(
        rf"stopped: {NAME} is at \d+ % \(100 rows, 1 chunk\); the job stays open, and `d1migrate up`", err
    )
    assert filled(big) == 100
    assert big.states() == {1: "applied", 2: "running", 3: "pending"}


def test_a_second_ctrl_c_ends_at_once(big: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk is rolled back, and the job stays open."""
    begin(big, 1)
    interrupt = pressed(monkeypatch, lambda: True)
    ended = big.run("up", WARNED, code=130)
    assert interrupt()
    assert "the job stays open: `d1migrate up` continues it" in ended.err
    assert filled(big) == 500
    big.run("up", WARNED)
    assert filled(big) == ROWS


def pressed(monkeypatch: pytest.MonkeyPatch, when: Callable[[], bool]) -> Callable[[], bool]:
    """Let Ctrl-C be pressed twice before the first chunk; return whether it was."""
    from d1migrate.cli.interrupts import Interrupts

    was = [False]

    def look(_: Interrupts) -> bool:
        if when() and not was[0]:
            was[0] = True
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return False

    monkeypatch.setattr(Interrupts, "__call__", look)
    return lambda: was[0]


# --- gates ---


def test_a_window_that_closes_stops_the_job(
    big: Project, demand: Demand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two chunks; the job stays open, and continues in the next window."""
    demand('window = "Sun 02:00-04:00 UTC"')
    shown: list[Job] = []
    monkeypatch.setattr(JobProgress, "show", lambda _, job: shown.append(job))
    monkeypatch.setattr(gates, "now", lambda: SUNDAY + (7200 if shown and shown[-1].chunks else 0))
    closed = big.run("up", WARNED, "x", code=1).err
    assert "the window Sun 02:00-04:00 UTC is closed" in closed
    assert "hint: the job stays open; run `d1migrate up` again in the window" in closed
    assert filled(big) == 500
    big.run("up", WARNED, "x", code=1)
    big.run("job", "run", code=1)
    assert filled(big) == 500
    monkeypatch.setattr(gates, "now", lambda: SUNDAY)
    big.run("up", WARNED, "x")
    assert filled(big) == ROWS


def test_a_reason_opens_the_window_for_every_chunk(
    big: Project, demand: Demand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not be open for one of them."""
    demand('window = "Sun 02:00-04:00 UTC"')
    monkeypatch.setattr(gates, "now", lambda: SUNDAY + 7200)
    big.run("up", WARNED, "x", "--outside-window", "hotfix 812")
    assert filled(big) == ROWS
    assert "start job (not linted; " in big.run("history").out
    entries = big.run("history", "--json").json["entries"]
    detail = next(entry["detail"] for entry in entries if entry["action"] == "start")
    assert detail["overridden"]["window"] == "hotfix 812"


def test_a_protected_environment_is_named_for_every_run(big: Project, demand: Demand) -> None:
    """Also to continue a job, and to cancel it; not to pause it."""
    demand("protected = true")
    confirmed = ("--confirm", "production")
    assert "protected" in big.run("job", "run", code=1).err
    big.run("job", "run", "--max-chunks", "1", WARNED, "x", *confirmed)
    assert "protected" in big.run("job", "run", code=1).err
    assert "protected" in big.run("up", code=1).err
    assert "protected" in big.run("job", "cancel", "--yes", code=1).err
    assert filled(big) == 500
    big.run("job", "pause")
    big.run("job", "resume")
    big.run("up", WARNED, "x", *confirmed)
    assert filled(big) == ROWS


# --- pause, resume, cancel ---


def test_pause_and_resume(big: Project) -> None:
    """No runner does a chunk; status and history have who, when and why."""
    begin(big)
    paused = big.run("job", "pause", "--reason", "peak\x1b hours")
    assert (paused.out, "`d1migrate job resume`" in paused.err) == (f"{NAME} is paused\n", True)
    ran = big.run("up", WARNED, code=1)
    assert f"{NAME} is paused: `d1migrate job resume`, then `d1migrate up`, continues it" in ran.err
    ran = big.run("job", "run", "--json").json
    assert (ran["ended"], ran["job"]["paused_by"]) == ("paused", "tester")
    assert filled(big) == 1_500
    shown = big.run("status")
    assert re.search(rf"{NAME} is paused by tester since .*: peak hours", shown.out)
    assert re.search(rf"{NAME} +paused +\d+ %", shown.out)
    assert "1 applied, 1 paused, 1 pending" in shown.err
    assert "1 migration agrees, 1 paused, 1 pending" in big.run("verify").out
    job = big.run("job", "--json").json["job"]
    assert (job["paused"], job["paused_by"], job["pause_reason"]) == (True, "tester", "peak\x1b hours")
    assert "pause job (peak hours)" in big.run("history").out
    assert big.run("job", "resume").out == f"{NAME} can continue\n"
    big.run("up", WARNED)
    assert actions(big) == ["start", "pause", "resume", "up"]
    assert filled(big) == ROWS


def test_cancel(big: Project) -> None:
    """It asks, and says what stays; cron does not begin the job again, and `up` does."""
    begin(big)
    asked = big.run("job", "cancel", code=2).err
    assert "what 2 chunks changed stays (1,500 rows of users)" in asked
    assert "hint: add --yes to confirm\n" in asked
    cancelled = big.run("job", "cancel", "--yes", "--reason", "wrong column")
    assert cancelled.out == f"{NAME} is cancelled\n"
    assert "cancel job (1,500 rows, 2 chunks; wrong column)" in big.run("history").out
    assert big.states() == {1: "applied", 2: "pending", 3: "pending"}
    ran = big.run("job", "run")
    assert (ran.out, f"{NAME} was cancelled: `d1migrate up` begins it again" in ran.err) == (
        "no job to run\n",
        True,
    )
    assert filled(big) == 1_500
    big.run("up", WARNED)
    assert filled(big) == ROWS
    assert actions(big) == ["start", "cancel", "start", "up"]


@pytest.mark.parametrize("more", [(), ("--steps", "1"), ("--json",)], ids=" ".join)
def test_down_cancels_the_open_job(
    big: Project, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    """After the question of a cancel; other migrations are not rolled back, whatever is answered."""
    begin(big)
    asked, answers = list[str](), ["n", "y"]

    def ask(_: Output, question: str) -> str:
        asked.append(question)
        return answers[len(asked) - 1]

    monkeypatch.setattr(Output, "ask", ask)
    assert f"did not cancel {NAME}" in big.run("down", *more, code=2).err
    assert big.states()[2] == "running"
    ran = big.run("down", *more)
    assert "what 2 chunks changed stays (1,500 rows of users)\ncancel 002_fill_norm? [y/N] " in asked[1]
    assert ran.json["steps"] == [] if more == ("--json",) else "is cancelled; no migration" in ran.out
    assert big.states() == {1: "applied", 2: "pending", 3: "pending"}
    assert "a job is open" not in big.run("down", "--dry-run", "--allow-loss", "all", code=None).err


def test_down_of_other_migrations_is_refused(big: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a question, and so is every `down` where nobody can be asked."""
    begin(big)
    assert f"a job is open: {NAME}" in big.run("down", code=1).err
    monkeypatch.setattr(Output, "ask", lambda *_: "y")
    for more in (("--to", "none"), ("--steps", "2")):
        big.run("down", *more, code=None)
        assert big.states()[2] == "running"


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_without_an_open_job(big: Project, action: str) -> None:
    """Nothing is asked, and nothing is written."""
    before = big.database.read_bytes()
    more = ("--yes",) if action == "cancel" else ()
    assert "no job is open" in big.run("job", action, *more, code=1).err
    assert big.database.read_bytes() == before


def test_a_file_that_was_edited_is_refused(big: Project) -> None:
    """By every runner; a cancel needs no file."""
    begin(big)
    big.write(f"{NAME}.sql", FILL.replace("lower", "upper"))
    for command in (("up", WARNED), ("job", "run")):
        assert "edited while its job is open" in big.run(*command, code=1).err
    big.run("job", "cancel", "--yes")
    big.run("up", WARNED)
    assert big.sql("SELECT count(*) FROM users WHERE norm = upper(email)") == [(ROWS - 1_500,)]


# --- words of others ---


def test_an_option_of_another_action(project: Project) -> None:
    """`job` alone is `job status`; the option is not taken for an action."""
    err = project.run("job", "--max-seconds", "10", code=2).err
    assert "error: job status has no option --max-seconds\n" in err
    assert "hint: --max-seconds is an option of job run\n" in err


@pytest.mark.parametrize(
    ("typed", "meant"), [("stop", "pause"), ("abort", "cancel"), ("start", "run"), ("continue", "resume")]
)
def test_actions_that_others_have(project: Project, typed: str, meant: str) -> None:
    """Each is named."""
    assert f"did you mean `d1migrate job {meant}`?" in project.run("job", typed, code=2).err


def test_json_on_stdout_and_progress_on_stderr(big: Project) -> None:
    """As of every run."""
    ran = big.run("up", WARNED, "--json")
    value: dict[str, Any] = json.loads(ran.out)
    assert value["steps"]
    assert f"{NAME}: " in ran.err
    assert big.run("up", "--quiet").err == ""


def test_wrangler_may_apply_the_file_meanwhile(big: Project) -> None:
    """The job ends as applied elsewhere."""
    begin(big)
    with sqlite3.connect(big.database) as connection:
        connection.execute("UPDATE users SET norm = lower(email) WHERE norm IS NULL")
        connection.execute(f"INSERT INTO schema_migrations VALUES (2, '{NAME}', unixepoch())")
    assert "by wrangler meanwhile; its job is still open" in big.run("status").out
    ran = big.run("job", "run")
    assert ran.out == f"{NAME} is applied, by wrangler meanwhile\n"
    assert big.run("job").out == "no job is open\n"
    assert "applied elsewhere" in big.run("history").out


def test_up_ends_the_job_of_a_file_that_wrangler_applied(big: Project) -> None:
    """It did something, and reports it."""
    begin(big)
    big.sql(f"INSERT INTO schema_migrations VALUES (2, '{NAME}', unixepoch())")
    assert big.run("up", "--to", "2").out == f"{NAME} is applied, by wrangler meanwhile\n"
    assert big.run("job").out == "no job is open\n"


def test_a_job_shares_no_transaction(big: Project) -> None:
    """The reason is in words."""
    err = big.run("up", "--single-transaction", WARNED, code=1).err
    why = "too many rows for one batch: users has more than 5000"
    assert f"error: {NAME} runs as a job, so it cannot share a transaction: {why}\n" in err
