"""Jobs compiled for a runtime without a planner: filled in, they are the batches that the planner plans."""

from __future__ import annotations

import json
from typing import Any

import pytest

from d1migrate.migrate import log
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.history import History
from d1migrate.migrate.jobs import batches
from d1migrate.migrate.jobs.batch import BatchWork, fits
from d1migrate.migrate.jobs.job import READ, Job
from d1migrate.migrate.jobs.pace import Pace
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import MigrationsTable, NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, TableState, VersionState

FILL = Migration(
    11,
    "011_fill",
    "-- d1migrate: batch users rows 500 pause 0.5\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n"
    "-- Rollback:\n--   SELECT 1;\n",
)
ONLINE = Migration(12, "012_rebuild", "-- d1migrate: online users\nDROP TABLE users;\n")
STAMP = log.Stamp("t" * 32, 1_800_000_000, "a cron", "d1migrate")
ROW = (
    *("011_fill", 11, "batch", "batch users rows 500 pause 0.5", FILL.checksum, "j" * 32, "running", False),
    *("users", 41, 1, 9_000, 500, 500, 500, 1, 1_700_000_000, 1_700_000_000, "somebody"),
)
JOB = Job.of(ROW)
VALUES = {
    "name": "011_fill", "file": "011_fill.sql", "version": "11", "checksum": FILL.checksum, "token": "t" * 32,
    "at": "1800000000", "who": "a cron", "tool": "d1migrate", "job": "j" * 32, "size": "700",
    "digest": FILL.digest, "rollback": FILL.rollback and FILL.rollback.sql,
    "rollbackDigest": FILL.rollback and FILL.rollback.digest,
    "detail": '{"rows": 500, "chunks": 1}',
    "elsewhere": '{"applied": "elsewhere", "rows": 500, "chunks": 1}',
}  # fmt: skip
NAMES = NameState(((1, "001_users.sql"),), 1)
TABLES: dict[str, tuple[MigrationsTable, TableState]] = {
    "alone": (VersionTable(), VersionState.of([1])),
    "counted": (NameTable(), NAMES),
}


def filled(index: dict[str, Any], planned: list[list[Any]], **more: str) -> list[tuple[Any, ...]]:
    """Return queries with values, as the runtime fills them in."""
    values = {**VALUES, **more}
    return [
        (index["texts"][at], *(name[1:] if name.startswith("=") else values[name] for name in names))
        for at, *names in planned
    ]


def plain(batch: Any) -> list[tuple[Any, ...]]:
    """Return the queries of a batch; the runtime binds all numbers as text."""
    return [(query.sql, *map(str, query.params)) for query in batch]


@pytest.mark.parametrize("layout", TABLES)
def test_the_batches_of_a_job(layout: str) -> None:
    """Its begin, a chunk, its end, and what closes or resizes it."""
    table, rows = TABLES[layout]
    index = compile_index([FILL], table)
    (compiled,) = (migration["job"] for migration in index["migrations"])
    history = History(table=table, rows=rows, head="the head")
    work = BatchWork.of(FILL)
    before = f"{rows.expected(full=True)} the head"
    assert FILL.job

    begin = batches.begin(FILL, FILL.job, history, work, stamp=STAMP, pace=Pace())
    first, cancelled, *rest, read = filled(index, compiled["begin"][layout], beforeFull=before)
    assert [first, *rest] == plain(begin.queries)
    assert "the job is cancelled" in cancelled[0]
    assert read == (READ.sql,)
    for state, planned in (("running", compiled["chunks"]["running"]), ("filled", compiled["end"][layout])):
        job = Job.of([state if value == "running" else value for value in ROW])
        how: dict[str, Any] = {"backlog": "NULL", "migration": FILL, "stamp": STAMP, "size": 700}
        chunk = batches.chunk(job, table, work.chunk(job), work.ending(job), **how)
        assert filled(index, planned) == plain(chunk.queries)
    assert filled(index, compiled["close"]) == plain(batches.close(JOB, (), stamp=STAMP).queries)
    assert filled(index, compiled["resize"]) == plain(batches.resize(JOB, 700).queries)
    assert filled(index, [compiled["fits"]]) == plain([fits(FILL.job)])
    assert (compiled["kind"], compiled["directive"], compiled["pause"]) == ("batch", JOB.directive, "0.5")


def test_the_budget_of_the_project() -> None:
    """A chunk writes at most so many entries."""
    limits = {
        budget: [query for query in _job(budget)["begin"]["alone"] if query[1:] == [f"={budget or 50_000}"]]
        for budget in (None, 9_000)
    }

    assert all(len(found) == 1 for found in limits.values()), limits


def _job(budget: int | None) -> dict[str, Any]:
    job: dict[str, Any] = compile_index([FILL], VersionTable(), budget=budget)["migrations"][0]["job"]
    return job


def test_an_online_rebuild_has_only_its_kind() -> None:
    """It is derived from the live schema, which takes a planner."""
    index = compile_index([FILL, ONLINE], VersionTable())

    assert index["migrations"][1]["job"] == {"kind": "online"}
    assert {"large", "moved", "overloaded"} <= index["patterns"].keys()


def test_only_an_index_with_a_job_pays_for_jobs() -> None:
    """Any other has neither their texts nor their messages."""
    index = compile_index([Migration(1, "001_users", "CREATE TABLE users (id);")], VersionTable())

    assert "job" not in index["migrations"][0]
    assert "large" not in index["patterns"]
    assert "jobEdited" not in index["messages"]
    assert sum("_d1m_job" in text for text in index["texts"]) == 0


def test_an_object_has_no_command_line() -> None:
    """So its hints name none."""
    messages = compile_index([FILL], VersionTable(), in_objects=True)["messages"]

    assert "d1migrate" not in json.dumps([messages[name] for name in ("jobEdited", "jobMissing", "jobOpen")])
