"""The job of a migration as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.migrate.flows.read_log import LogEntry
from d1migrate.migrate.jobs.directive import JobDirective
from d1migrate.migrate.jobs.job import Job
from d1migrate.report import job as text
from d1migrate.report import job_values
from d1migrate.report.text import moment

if TYPE_CHECKING:
    from d1migrate.migrate.jobs.job import State

BATCH = Job(
    name="011_fill_norm", version=11, kind="batch", directive="batch users", checksum=None, token="",
    state="running", paused=False, table="users", at=43, first=0, last=100, size=500, most=5000, rows=430_112,
    chunks=86, began_at=1_000, moved_at=2_000, who="anna",
)  # fmt: skip
ONLINE = BATCH._replace(kind="online", state="copy")
PAUSE = LogEntry(
    11, "011_fill_norm", "pause", 1_500, "ben", None, "t", True, '{"reason": "peak hours"}', None
)


def test_how_far() -> None:
    """The share, and what it stands for; a job without a share, whose key is no number, has the rest."""
    assert text.how_far(BATCH, now=2_060) == "43 % (430,112 rows, 86 chunks, 1 minute ago)"
    assert text.how_far(BATCH._replace(first="a", rows=1, chunks=1), now=None) == "1 row, 1 chunk"


def test_a_job_that_is_not_closed_is_not_done() -> None:
    """What is left may be one chunk, but it may also be refused."""
    assert BATCH._replace(at=100).percent == "99 %"
    assert BATCH._replace(state="filled").percent == "99 %"
    assert BATCH._replace(at=None, chunks=0).percent == "0 %"


@pytest.mark.parametrize(
    ("state", "words"),
    [("copy", "copying rows"), ("verify", "comparing rows"), ("indexes", "building indexes")],
)
def test_steps_of_an_online_rebuild(state: State, words: str) -> None:
    """They are in the line of the progress, and in that of the status."""
    job = ONLINE._replace(state=state)
    assert f", {words}, 430,112 rows" in text.progress_line(job, 12_000.4, 80)
    assert words in text.how_far(job, now=None)


def test_progress() -> None:
    """Speed and time are left out until they are known."""
    assert text.progress_line(BATCH, None, None) == "011_fill_norm: 43 %, 430,112 rows, 86 chunks"
    assert text.progress_line(BATCH, 12_000.4, 80).endswith("86 chunks, 12,000 rows/s, 1 min 20 s left")


def test_status() -> None:
    """Who began it, who paused it and why, and what waits."""
    lines = list(
        text.status_lines(BATCH._replace(paused=True), PAUSE, ["012_a", "013_b", "014_c", "015_d"], 2_060)
    )
    assert lines == [
        "011_fill_norm  paused  43 % (430,112 rows, 86 chunks, 1 minute ago)",
        f"batch migration of users, begun {moment(1_000)} by anna",
        f"paused by ben since {moment(1_500)}: peak hours",
        "waiting for it: 012_a, 013_b, 014_c and 1 more",
    ]
    assert "12 rows to copy again" in list(text.status_lines(ONLINE._replace(backlog=12), None, (), 2_060))


def test_what_an_online_rebuild_costs() -> None:
    """Until its table is replaced; a batch costs nothing between its chunks."""
    cost = text.cost(ONLINE)
    assert cost
    assert cost.startswith(
        f"users has triggers and a second copy since {moment(1_000)}: writes to it cost more"
    )
    assert text.cost(ONLINE._replace(state="indexes")) is None
    assert text.cost(BATCH) is None


def test_what_stays_after_a_cancel() -> None:
    """The rows of a batch; of an online rebuild, nothing."""
    assert text.kept(BATCH) == "what 86 chunks changed stays (430,112 rows of users)"
    assert text.kept(ONLINE) == "users is unchanged; its copy and its triggers are dropped"


def test_names_are_clean() -> None:
    """Names of files and tables are from outside."""
    job = BATCH._replace(name="a\x1b[31m", table="b\x07", who="c\x07", kind="online", state="copy")
    lines = [
        *text.status_lines(job, PAUSE._replace(by="d\x07"), ["e\x07"], 0), text.progress_line(job, None, None),
        text.next_step(job), text.kept(job), text.cost(job) or "", text.left_to_others(job.name, [job.name, "f"]),
        text.done_line(job, 1), text.ended(job.name, elsewhere=True),
    ]  # fmt: skip
    assert all(line.isprintable() for line in lines)


def test_a_value_has_its_pause() -> None:
    """Null for a job that runs, and for a reason that was not given."""
    value = job_values.job(BATCH._replace(paused=True), PAUSE)
    assert (value["paused_at"], value["paused_by"], value["pause_reason"]) == (1_500, "ben", "peak hours")
    assert job_values.job(BATCH)["paused_by"] is None
    assert job_values.reason_of(PAUSE._replace(detail=None)) is None


def test_how_a_file_will_run() -> None:
    """An online rebuild has a budget, a batch rows."""
    directive = JobDirective("batch", "users", rows=100)
    assert text.planned(directive, is_large=True) == "as a job, in chunks: users has more than 100 rows"
    online = JobDirective("online", "users")
    assert (
        text.planned(online, is_large=False)
        == "in one transaction: the rebuild of users is within the budget"
    )
    assert text.planned(online, is_large=None).startswith(
        "in one transaction if the rebuild of users is within"
    )
