"""How a run of a fleet reads: numbers that add up, and requests where there are some."""

from __future__ import annotations

from d1migrate.fleet.run_values import FleetReport
from d1migrate.report.fleet import next_after, summary_lines, tenants

REPORT = FleetReport(
    fleet="shops", run="1", target="002_b", ended="stopped", reason="too many failed", total=12_000, done=9_000, failed=500,
    waiting=0, waiting_for=(), left=2_500, appeared=3, vanished=1, migrated=8_000, current=1_000, failures=500, created=7, one_by_one=2,
    requests=10_000, seconds=90.0,
)  # fmt: skip


def test_a_summary_of_databases_that_are_sent_requests() -> None:
    """What this call did, and how far the run is."""
    assert list(summary_lines(REPORT, (), is_remote=True)) == [
        "migrated 8,000 tenants, 7 of them created, 1,000 were up to date, 500 failed in 1 min 30 s, with 10,000 requests",
        "2 tenants took more than one transaction",
        "since the run before, 3 appeared and 1 vanished",
        "shops: 9,000 done + 500 failed + 2,500 left = 12,000 tenants; stopped: too many failed",
    ]


def test_a_summary_of_files() -> None:
    """Files take no requests."""
    first, *_ = summary_lines(REPORT, (), is_remote=False)
    assert first.endswith("500 failed in 1 min 30 s")


def test_a_summary_of_a_run_whose_tenants_wait_for_jobs() -> None:
    """How many, and for which migrations; the numbers still add up."""
    found = REPORT._replace(
        ended="waiting",
        reason=None,
        failed=0,
        failures=0,
        left=0,
        waiting=3_000,
        waiting_for=("011_fill", "014_x"),
    )
    first, *_, last = summary_lines(found, (), is_remote=False)
    assert ", 3,000 waiting (011_fill, 014_x) in 1 min 30 s" in first
    assert last == (
        "shops: 9,000 done + 0 failed + 3,000 waiting + 0 left = 12,000 tenants; the others wait for jobs"
    )
    assert next_after(found, "`{}`".format) == "`jobs` runs the jobs, and finishes these tenants"


def test_the_next_step_after_a_run() -> None:
    """None if all is done."""
    done = REPORT._replace(ended="done", failed=0, left=0, done=12_000)
    assert next_after(done, "`{}`".format) is None
    assert next_after(done._replace(ended="closed"), "`{}`".format) == "`up` continues"
    assert next_after(REPORT, "`{}`".format) == (
        "`status --failed` shows why; after the cause is fixed, `retry`; `resume` continues in spite of the failures"
    )


def test_tenants_are_counted_in_groups_of_three_digits() -> None:
    """There may be a million."""
    assert [tenants(count) for count in (0, 1, 1_000_000)] == ["0 tenants", "1 tenant", "1,000,000 tenants"]
