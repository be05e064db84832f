"""Jobs from a cron of a TypeScript Worker: every row once, whatever is lost, and whoever else runs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from tests.runtime.answers import InsideError
from tests.runtime.typescript import Clock, TypeScriptWorkerd, compiled
from tests.workers.typescript.runs import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.migrate.table import Shape
    from tests.runtime.answers import Answer

ROWS = 7_000
FEW = {"maxQueries": 4}
NAMES = ["001_users", "002_fill", "003_after"]
CREATE = (
    "001_users.sql",
    """CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE TABLE writes (id INTEGER);
CREATE TRIGGER count_writes AFTER UPDATE ON users BEGIN INSERT INTO writes VALUES (old.id); END;
""",
)
FILL = (
    "002_fill.sql",
    "-- d1migrate: batch users rows 900\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n",
)
AFTER = ("003_after.sql", "CREATE INDEX users_norm ON users (norm);\n")
FILES = [CREATE, FILL, AFTER]
JOB = "SELECT name, state, rows, chunks, size FROM _d1m_job"


@cache
def index(shape: Shape = "versions", files: Sequence[tuple[str, str]] = tuple(FILES)) -> dict[str, Any]:
    """The index of files."""
    return compiled(files, TABLES[shape])


def big(workerd: TypeScriptWorkerd, shape: Shape = "versions", rows: int = ROWS, place: str = "") -> str:
    """A database whose table is too large for one batch, as far as it waits for the job."""
    place = place or workerd.database()
    workerd.call("runMigrations", index(shape, (CREATE,)), database=place)
    workerd.sql(
        place,
        f"INSERT INTO users (email) SELECT 'A' || value FROM json_each((WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1"
        f" FROM n LIMIT {rows}) SELECT json_group_array(i) FROM n))",
    )
    return place


def cron(workerd: TypeScriptWorkerd, place: str, shape: Shape = "versions", **options: Any) -> Answer:
    """One invocation with few queries."""
    return workerd.call("runJobs", index(shape), FEW, database=place, **options)


def finish(workerd: TypeScriptWorkerd, place: str, shape: Shape = "versions") -> list[dict[str, Any]]:
    """Invoke the cron until the job is done: the reports."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["waitingFor"]:
        found.append(cron(workerd, place, shape).result)
        assert len(found) < 50, found
    return found


def is_filled(workerd: TypeScriptWorkerd, place: str, rows: int = ROWS) -> bool:
    """Whether every row was written, and exactly once; and the job left nothing."""
    filled, writes, left = workerd.sql(
        place,
        "SELECT count(*) FROM users WHERE norm = lower(email)",
        "SELECT count(*), count(DISTINCT id) FROM writes",
        "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'",
    )
    return (filled, writes, left) == ([[rows]], [[rows, rows]], [])


def test_a_table_that_fits_one_batch(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """It is an ordinary migration."""
    big(typescript, shape, 900, place)

    report = typescript.call("runMigrations", index(shape), database=place).result

    assert [step["name"] for step in report["results"]] == NAMES[1:]
    assert report["waitingFor"] is None
    assert is_filled(typescript, place, 900)
    assert typescript.call("runJobs", index(shape), database=place).result == {
        "name": "", "end": "none", "job": None, "waitingFor": None, "batches": 2,
    }  # fmt: skip


def test_a_big_table_by_a_cron(typescript: TypeScriptWorkerd, place: str, shape: Shape) -> None:
    """`runMigrations` waits; each invocation does what four queries allow; then `runMigrations` goes on."""
    big(typescript, shape, place=place)
    assert typescript.call("runMigrations", index(shape), database=place).result == {
        "results": [], "waitingFor": "002_fill",
    }  # fmt: skip

    first = cron(typescript, place, shape)
    assert first.result["end"] == "stopped"
    waiting = typescript.call("runMigrations", index(shape), database=place)
    assert waiting.result == {"results": [], "waitingFor": "002_fill"}
    assert waiting.calls.get("batch", 3) == 3
    reports = [first.result, *finish(typescript, place, shape)]

    shares = [report["job"]["share"] for report in reports if report["job"]]
    assert shares == sorted(shares)
    assert all(report["batches"] <= 4 for report in reports)
    assert (reports[-1]["name"], reports[-1]["end"]) == ("002_fill", "done")
    assert reports[-1]["job"]["rows"] == ROWS
    assert is_filled(typescript, place)
    report = typescript.call("runMigrations", index(shape), database=place).result
    assert [step["name"] for step in report["results"]] == ["003_after"]
    (log,) = typescript.sql(
        place, "SELECT name, event, action, detail FROM d1migrate_log WHERE name = '002_fill'"
    )
    assert [row[1:3] for row in log] == [["done", "start"], ["done", "up"]]
    assert log[1][3] == f'{{"rows": {ROWS}, "chunks": {reports[-1]["job"]["chunks"]}}}'


def test_one_call_with_many_queries(typescript: TypeScriptWorkerd) -> None:
    """It does all of the job, and begins the next one."""
    again = ("003_again.sql", "-- d1migrate: batch users\nUPDATE users SET norm = 'x' WHERE norm <> 'x';\n")
    place = big(typescript)

    report = typescript.call(
        "runJobs", index(files=(CREATE, FILL, again)), {"maxQueries": 99}, database=place
    ).result

    assert (report["name"], report["end"], report["job"]["rows"]) == ("003_again", "done", ROWS)


@pytest.mark.parametrize("do", ["throw before", "lose answer"])
@pytest.mark.parametrize("batch", range(1, 6))
def test_a_lost_answer(typescript: TypeScriptWorkerd, batch: int, do: str) -> None:
    """Of the begin, a chunk or the end: the next chunk is sent, and no row is done twice."""
    place = big(typescript, rows=1_200)
    options = {"maxQueries": 30}
    (outcome,) = typescript.at_once(
        1, "runJobs", index(), options, database=place, faults=[{"batch": batch, "do": do}]
    )
    assert outcome.error is None or outcome.error.type == "UnavailableError"

    finish(typescript, place)
    assert is_filled(typescript, place, 1_200)


@pytest.mark.parametrize("do", ["throw before", "lose answer"])
def test_an_overload_ends_the_call(typescript: TypeScriptWorkerd, do: str) -> None:
    """The next one begins with half the size."""
    place = big(typescript)
    typescript.call("runJobs", index(), FEW, database=place)
    ((before,),) = typescript.sql(place, JOB)
    message = "D1 DB exceeded its CPU time limit and was reset. [code: 7429]"

    answer = cron(typescript, place, faults=[{"batch": 1, "do": do, "message": message}])

    ((after,),) = typescript.sql(place, JOB)
    assert (answer.result["end"], answer.calls["batch"]) == ("stopped", 3)
    assert after[4] <= before[4] <= 900
    assert after[3] == before[3] + (do == "lose answer")
    finish(typescript, place)
    assert is_filled(typescript, place)


def test_two_crons_at_once(typescript: TypeScriptWorkerd) -> None:
    """Both do chunks of the one job."""
    place = big(typescript)
    with ThreadPoolExecutor() as pool:
        for _ in range(20):
            both = [pool.submit(cron, typescript, place, isolate=isolate) for isolate in (0, 1)]
            if all(one.result().result["waitingFor"] is None for one in both):
                break
    assert is_filled(typescript, place)


def test_with_the_command_line_at_once(typescript: TypeScriptWorkerd) -> None:
    """Python does a chunk, TypeScript does some, and so on: they share the row."""
    place = big(typescript)
    with Migrator(f"sqlite:{typescript.file(place)}", load(FILES), table="schema_migrations") as migrator:
        begun = migrator.run_job(may_continue=lambda batches: batches < 3)
        assert begun.end == "stopped"
        for _ in range(20):
            report = typescript.call("runJobs", index(), {"maxQueries": 4}, database=place).result
            if report["waitingFor"] is None:
                break
            migrator.run_job(may_continue=lambda batches: batches < 2, sleep=lambda _: None)
    assert is_filled(typescript, place)


def test_with_up_at_the_same_time(typescript: TypeScriptWorkerd) -> None:
    """The command line drives the job while a cron does: both send chunks of it."""
    place = big(typescript)
    with Migrator(f"sqlite:{typescript.file(place)}", load(FILES), table="schema_migrations") as migrator:
        with ThreadPoolExecutor() as pool:
            up = pool.submit(migrator.up, lint=False)
            for _ in range(20):
                with suppress(InsideError):  # the file may be locked
                    cron(typescript, place)
            report = up.result()
        assert report.waiting_for is None
        assert [entry.state for entry in migrator.status()] == ["applied"] * 3
    assert is_filled(typescript, place)


def test_a_kill(tmp_path: Path) -> None:
    """Workerd is killed while a chunk is on its way; the next invocation continues."""
    with TypeScriptWorkerd(tmp_path, isolates=1) as workerd, ThreadPoolExecutor() as pool:
        place = big(workerd)
        for batch in (1, 2, 3):
            slow = [{"batch": batch, "do": "slow", "ms": 60_000}]
            run = pool.submit(cron, workerd, place, faults=slow)
            with pytest.raises(TimeoutError):
                run.result(timeout=1)
            workerd.kill()
            with pytest.raises((OSError, ValueError)):
                run.result()
            workerd.start()
        finish(workerd, place)
        assert is_filled(workerd, place)


def test_wrangler_ran_the_file_meanwhile(typescript: TypeScriptWorkerd, shape: Shape) -> None:
    """The job closes; nothing is done twice."""
    place = big(typescript, shape)
    cron(typescript, place, shape)
    table, row = ("schema_migrations", "(version, name, applied_at) VALUES (2, '002_fill', 1)")
    if shape == "names":
        table, row = ("d1_migrations", "(name) VALUES ('002_fill.sql')")
    typescript.sql(place, FILL[1], f"INSERT INTO {table} {row}")

    report = cron(typescript, place, shape).result

    assert (report["name"], report["end"], report["waitingFor"]) == ("002_fill", "elsewhere", None)
    assert is_filled(typescript, place)
    steps = typescript.call("runMigrations", index(shape), database=place).results
    assert [step["name"] for step in steps] == ["003_after"]


def test_what_people_do_to_a_job(typescript: TypeScriptWorkerd) -> None:
    """A paused job waits; a cancelled one is not begun again by a cron."""
    place = big(typescript)
    cron(typescript, place)
    with Migrator(f"sqlite:{typescript.file(place)}", load(FILES), table="schema_migrations") as migrator:
        migrator.pause_job()
        assert cron(typescript, place).result["end"] == "paused"
        migrator.resume_job()
        assert cron(typescript, place).result["end"] == "stopped"
        migrator.cancel_job()

    report = cron(typescript, place).result
    assert (report["name"], report["end"], report["waitingFor"]) == ("002_fill", "cancelled", "002_fill")
    assert report == cron(typescript, place).result


def test_an_edited_file(typescript: TypeScriptWorkerd) -> None:
    """It is refused while its job is open."""
    place = big(typescript)
    cron(typescript, place)
    for text in (FILL[1].replace("lower", "upper"), FILL[1].replace("900", "800")):
        with pytest.raises(InsideError) as caught:
            typescript.call("runJobs", index(files=(CREATE, (FILL[0], text))), database=place)
        assert caught.value.type == "ChecksumMismatch"
        assert caught.value.message == "002_fill: edited while its job is open"
    with pytest.raises(InsideError, match="its job is open, but the file is missing"):
        typescript.call("runJobs", index(files=(CREATE,)), database=place)
    finish(typescript, place)


def test_a_chunk_that_is_refused(typescript: TypeScriptWorkerd, place: str) -> None:
    """The error names the file; the job stays open, and goes on when the rows allow it."""
    big(typescript, place=place)
    typescript.sql(
        place, "CREATE UNIQUE INDEX once ON users (norm)", "UPDATE users SET email = 'a1' WHERE id = 6000"
    )
    typescript.sql(place, "DELETE FROM writes")
    with pytest.raises(InsideError) as caught:
        typescript.call("runJobs", index(), {"maxQueries": 99}, database=place)

    assert caught.value.type == "ApplyError"
    assert caught.value.message.startswith("002_fill.sql:2: UNIQUE constraint failed: users.norm")
    assert "the job stays open" in caught.value.attributes["hint"]
    assert typescript.sql(place, "SELECT state FROM _d1m_job") == [[["running"]]]
    typescript.sql(
        place, "UPDATE users SET email = 'other' WHERE id = 6000", "DELETE FROM writes WHERE id = 6000"
    )
    finish(typescript, place)
    assert is_filled(typescript, place)


def test_a_job_that_cannot_begin(typescript: TypeScriptWorkerd) -> None:
    """The error says why; no job is open."""
    place = big(typescript)
    typescript.sql(place, "ALTER TABLE users RENAME TO people")

    with pytest.raises(InsideError) as caught:
        cron(typescript, place)

    assert caught.value.type == "ApplyError"
    assert "users" in caught.value.message
    assert "stays open" not in (caught.value.attributes["hint"] or "")
    assert typescript.sql(place, "SELECT name FROM sqlite_schema WHERE name = '_d1m_job'") == [[]]


def test_an_online_rebuild_waits(typescript: TypeScriptWorkerd) -> None:
    """A Worker applies it as one batch, or leaves it to the command line."""
    over = (
        "SELECT json_extract('{}', 'over the budget of 5 entries') WHERE (SELECT count(*) FROM users) > 5;\n"
    )
    rebuild = ("002_rebuild.sql", f"-- d1migrate: online users\n{over}DROP TRIGGER count_writes;\n")
    files = (CREATE, rebuild)
    place = big(typescript, rows=10)

    assert (
        typescript.call("runMigrations", index(files=files), database=place).result["waitingFor"]
        == "002_rebuild"
    )
    report = typescript.call("runJobs", index(files=files), database=place).result
    assert (report["name"], report["end"], report["waitingFor"]) == ("002_rebuild", "stopped", "002_rebuild")
    typescript.sql(place, "DELETE FROM users WHERE id > 5")
    assert len(typescript.call("runMigrations", index(files=files), database=place).results) == 1


def test_the_time_of_a_call(typescript: TypeScriptWorkerd, place: str) -> None:
    """No chunk begins after it, and it does not wait longer."""
    big(typescript, place=place)
    options = {"maxQueries": 99, "maxSeconds": 0.6}
    for _ in range(20):
        report = typescript.call("runJobs", index(), options, database=place, clock=Clock(step=200)).result
        assert report["batches"] <= 6  # an object does not wait for what it reads
        if report["waitingFor"] is None:
            break
    assert is_filled(typescript, place)
