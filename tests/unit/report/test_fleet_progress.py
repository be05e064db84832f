"""The progress of a run: a line every half minute, or a bar on a terminal."""

from __future__ import annotations

from d1migrate.fleet.run_values import Progress
from d1migrate.report.fleet import progress_line
from d1migrate.report.fleet_progress import FleetProgress

START = Progress(0, 0, 0, 10_000, 0.0)


def test_a_line_has_wave_numbers_rate_and_time() -> None:
    """What is not known, and what did not fail, is left out."""
    assert progress_line(START) == "wave 1: 0 of 10,000 tenants"
    later = Progress(2, 4_990, 10, 5_000, 4.0)
    assert (
        progress_line(later) == "wave 3: 5,000 of 10,000 tenants, 10 failed, 4.0 per second, 20 min 50 s left"
    )


def test_a_line_every_half_minute() -> None:
    """Not the first at once: most runs end before."""
    clock, lines = [0.0], list[str]()
    with FleetProgress(lines.append, bar=False, clock=lambda: clock[0]) as progress:
        for clock[0] in (1.0, 29.0, 31.0, 45.0, 61.5):
            progress.show(START)
    assert len(lines) == 2


def test_a_long_wait_is_reported_once_for_all_threads() -> None:
    """Under a rate limit, short waits are all the time."""
    clock, lines = [0.0], list[str]()
    progress = FleetProgress(lines.append, bar=False, clock=lambda: clock[0])
    for reason, seconds in (("the rate", 3), ("the\x1b rate", 60), ("the rate", 59)):
        progress.on_wait(reason, seconds)
    clock[0] = 40
    progress.on_wait("a server", 12)
    assert lines == ["waiting up to 1 min 0 s: the rate", "waiting up to 12.0 s: a server"]


def test_a_bar_replaces_the_lines() -> None:
    """They are not printed besides."""
    clock, lines = [0.0], list[str]()
    with FleetProgress(lines.append, bar=True, clock=lambda: clock[0]) as progress:
        clock[0] = 100
        progress.show(START)
    assert lines == []
