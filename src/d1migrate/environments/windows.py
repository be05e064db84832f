"""Maintenance windows: `Sun 02:00-04:00 UTC; Mon-Fri 22:00-06:00 Europe/Berlin`. The clock is an argument.

A window is open while the wall clock of its zone shows a time inside it, so it follows daylight saving time:
an hour that the clocks skip is never inside, one that they repeat is inside twice.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from d1migrate.errors import UsageError

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(r"(?:(\S.*?)\s+)?(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s+(\S+)")
_FORMS = '"Sun 02:00-04:00 UTC", "Mon-Fri 22:00-06:00 Europe/Berlin"; several are separated by ";"'
_DAY = 24 * 60
_HORIZON = 15 * _DAY  # minutes; one opening a week can fall into an hour that the clocks skip
_MINUTE = timedelta(minutes=1)


class Window(NamedTuple):
    """Times of the week, on the wall clock of a zone.

    Attributes:
        days: on which it begins; Monday is 0.
        start, end: in minutes of the day; where `end` is not above `start` it ends on the next day.
        zone: an IANA name.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: str

    def holds(self, moment: datetime) -> bool:
        """Whether it is open at a moment."""
        there = moment.astimezone(ZoneInfo(self.zone))
        minute, today = there.hour * 60 + there.minute, there.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        yesterday = (today - 1) % 7
        return (today in self.days and minute >= self.start) or (yesterday in self.days and minute < self.end)


class Opening(NamedTuple):
    """Whether any of several windows is open, and until when, or from when on.

    Attributes:
        is_open: whether it is.
        changes: when it closes, or opens next, in epoch seconds; None where that is weeks away.
        zone: the zone of the window that is meant.
    """

    is_open: bool
    changes: int | None
    zone: str

    def shown(self) -> str:
        """Return when it changes: `Sun 2026-11-29 02:00 UTC`, in its zone and in UTC."""
        if self.changes is None:
            return "further notice"
        moment = datetime.fromtimestamp(self.changes, UTC)
        there = moment.astimezone(ZoneInfo(self.zone))
        text = f"{_DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M} {self.zone}"
        return text if self.zone == "UTC" else f"{text} ({_DAYS[moment.weekday()]} {moment:%H:%M} UTC)"


def parse(text: str) -> tuple[Window, ...]:
    """Read what `window` says.

    Raises:
        UsageError: it cannot be understood, or there is no such zone.
    """
    return tuple(_parse(part.strip()) for part in text.split(";"))


def look(windows: tuple[Window, ...], now: float) -> Opening:
    """Return whether a window is open at a time, and when that changes.

    Args:
        windows: any of them will do.
        now: in epoch seconds.
    """
    moment = datetime.fromtimestamp(now, UTC)
    inside = next((window for window in windows if window.holds(moment)), None)
    minute = moment.replace(second=0, microsecond=0)  # windows begin and end with one
    for _ in range(_HORIZON):
        minute += _MINUTE
        found = next((window for window in windows if window.holds(minute)), None)
        if (found is None) != (inside is None):
            zone = (inside or found or windows[0]).zone
            return Opening(inside is not None, int(minute.timestamp()), zone)
        inside = found if inside is not None else None
    return Opening(inside is not None, None, (inside or windows[0]).zone)


def _parse(text: str) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise UsageError(f"window {text!r} cannot be understood", hint=_FORMS)
    days, zone = _days(match[1] or "daily", text), match[6]
    start, end = (_minutes(match[i], match[i + 1], text) for i in (2, 4))
    if start in (_DAY, end):
        raise UsageError(f"window {text!r} is never open", hint='"daily 00:00-24:00 UTC" is always open')
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # of no such zone, and of a name that is a path
        raise UsageError(f"window {text!r}: there is no time zone {zone!r}", hint=_FORMS) from None
    return Window(days, start, end, zone)


def _days(text: str, window: str) -> frozenset[int]:
    if text.lower() == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (name.strip().title() for name in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise UsageError(f"window {window!r}: {part.strip()!r} is no day of the week", hint=_FORMS)
        begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
    return frozenset(found)


def _minutes(hour: str, minute: str, window: str) -> int:
    at = int(hour) * 60 + int(minute)
    if int(minute) > 59 or at > _DAY:
        raise UsageError(f"window {window!r}: there is no {hour}:{minute}", hint=_FORMS)
    return at
