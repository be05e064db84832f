"""A run of a fleet in words."""

from __future__ import annotations

from d1migrate.fleet.run_values import Progress
from d1migrate.report.fleet import progress_line


def test_progress() -> None:
    """The rate and what is left; or that others work on the rest."""
    found = Progress(wave=1, done=1200, failed=2, left=798, rate=4.0)
    assert progress_line(found) == "wave 2: 1,202 of 2,000 tenants, 2 failed, 4.0 per second, 3 min 20 s left"
    waiting = found._replace(left=50, others=50)
    assert progress_line(waiting) == (
        "wave 2: 1,202 of 1,252 tenants, 2 failed, waiting for 50 that other processes work on"
    )
