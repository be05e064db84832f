"""Times that people type: in every zone the moment that is meant, or an error that names the moments."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from d1migrate.backup import times
from d1migrate.errors import UsageError
from d1migrate.report import text

if TYPE_CHECKING:
    from collections.abc import Iterator

NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"
MOMENT = 1_795_352_345  # 2026-11-22 12:59:05 UTC


@pytest.fixture(params=["UTC", TOKYO, NEW_YORK])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is that of each of these zones."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def in_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let local time be that of a zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize(
    "typed",
    [
        "2026-11-22 13:59:05 +0100",
        "2026-11-22T13:59:05+01:00",
        "2026-11-22 13:59:05+01:00",
        "2026-11-22T07:59:05-0500",
        "2026-11-22 12:59:05 UTC",
        "2026-11-22T12:59:05Z",
        "2026-11-22t12:59:05z",
        "20261122T125905Z",
    ],
)
def test_a_zone_says_which_moment(typed: str) -> None:
    """Wherever it is read."""
    assert times.parse(typed) == MOMENT


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("at", [0, MOMENT, 1_772_953_200, 1_793_511_000, 1_793_514_600, 1_800_000_000])
def test_what_the_screen_shows_is_read_back(at: int) -> None:
    """On both sides of a clock change too."""
    assert times.parse(text.moment(at)) == at


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize(
    "typed",
    ["", "-", "3", "002_a", "2026-13-01Z", "2026-11-22T25:00Z", "2026-11-22 10:15 Europe/Berlin", "tomorrow"],
)
def test_all_else_is_no_time(typed: str) -> None:
    """It may be the name of a point or of a migration."""
    assert times.parse(typed) is None


@pytest.mark.parametrize("typed", ["2026-11-22T13:59+2500", "2026-11-22 +9999"])
def test_an_offset_of_more_than_a_day_is_no_time(typed: str) -> None:
    """No clock shows it."""
    assert times.parse(typed) is None


@pytest.mark.parametrize(
    ("zone", "typed", "problem"),
    [
        (
            TOKYO,
            "2026-11-22 21:59:05",
            "no time zone: it can be 2026-11-22 21:59:05 +0900 or 2026-11-22 21:59:05 +0000",
        ),
        (
            TOKYO,
            "2026-11-22",
            "no time zone: it can be 2026-11-22 00:00:00 +0900 or 2026-11-22 00:00:00 +0000",
        ),
        (
            NEW_YORK,
            "2026-07-01T10:15",
            "no time zone: it can be 2026-07-01 10:15:00 -0400 or 2026-07-01 10:15:00 +0000",
        ),
        (
            NEW_YORK,
            "2026-11-01 01:30",
            "no time zone: it can be 2026-11-01 01:30:00 -0400, 2026-11-01 01:30:00 -0500 or 2026-11-01 01:30:00 +0000",
        ),
        (
            NEW_YORK,
            "2026-03-08 02:30",
            "no time zone, and the clocks skipped it: it can be 2026-03-08 01:30:00 -0500, 2026-03-08 03:30:00 -0400 or 2026-03-08 02:30:00 +0000",
        ),
    ],
)
def test_a_time_without_a_zone_is_not_guessed(
    zone: str, typed: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each moment that it can be is named as the screen shows it."""
    with monkeypatch.context() as patched:
        in_zone(zone, patched)
        with pytest.raises(UsageError) as caught:
            times.parse(typed)
    time.tzset()
    assert str(caught.value) == f"{typed} has {problem}"
    first = problem.split("it can be ")[1][:25]
    assert caught.value.hint == f'add the offset of the one that is meant: `d1migrate restore --to "{first}"`'


def test_one_moment_is_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """If local time is UTC, it needs no zone."""
    with monkeypatch.context() as patched:
        for zone in ("UTC", "Europe/London"):
            in_zone(zone, patched)
            assert times.parse("2026-11-22 12:59:05") == MOMENT
    time.tzset()
