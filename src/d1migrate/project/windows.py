"""Maintenance windows: `Sun 02:00-04:00 UTC; 0 2 1 * * for 2h Europe/Berlin`. The clock is an argument.

A weekly window is open while the wall clock of its zone shows a time inside it, so it follows daylight saving
time: an hour that the clocks skip is never inside, one that they repeat is inside twice. A window in cron's
form begins when cron would start a job, once on those days too, and lasts for its duration. That is why
cronsim cannot compute weekly windows: it moves a skipped start to the next hour and runs a repeated one once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKLY = re.compile(r"(?:(\S.*?)\s+)?(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s+(\S+)", re.ASCII)
_CRON = re.compile(r"(\S+(?:\s+\S+){4})\s+for\s+(?:(\d{1,3})h)?(?:(\d{1,4})m)?\s+(\S+)", re.ASCII)
_FORMS = (
    'write "Sun 02:00-04:00 UTC", or "0 2 * * SUN for 2h Europe/Berlin" as in cron; separate several with ";"'
)
_DAY = 24 * 60
_HORIZON = timedelta(days=15)  # the clocks may skip one weekly opening
_MINUTE = timedelta(minutes=1)


class Window(Protocol):
    """When an environment may be changed."""

    @property
    def zone(self) -> str:
        """The IANA name of its time zone."""
        ...

    def closes(self, moment: datetime) -> datetime | None:
        """Return when a window that is open at a moment closes; None if it is not open."""
        ...

    def opens(self, moment: datetime) -> datetime | None:
        """Return when a window that is closed at a moment opens; None if that is weeks away."""
        ...


class Weekly(NamedTuple):
    """Times of the week, on the wall clock of a zone.

    Attributes:
        days: the days on which it begins; Monday is 0.
        start, end: minutes of the day; if `end` is not above `start`, it ends on the next day.
        zone: its time zone.
    """

    days: frozenset[int]
    start: int
    end: int
    zone: str

    def closes(self, moment: datetime) -> datetime | None:
        """Return when it closes, as for Window."""
        return self._changes(moment) if self._holds(moment) else None

    def opens(self, moment: datetime) -> datetime | None:
        """Return when it opens, as for Window."""
        found = self._changes(moment)
        return found if self._holds(found) else None

    def _changes(self, moment: datetime) -> datetime:
        """Return the first moment after a given one at which it opens or closes, or one past the horizon."""
        minute, before = moment.replace(second=0, microsecond=0), self._holds(moment)
        while minute - moment <= _HORIZON:
            minute += _MINUTE  # windows begin and end on full minutes
            if self._holds(minute) != before:
                break
        return minute

    def _holds(self, moment: datetime) -> bool:
        there = moment.astimezone(ZoneInfo(self.zone))
        minute, today = there.hour * 60 + there.minute, there.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        yesterday = (today - 1) % 7
        return (today in self.days and minute >= self.start) or (yesterday in self.days and minute < self.end)


class Cron(NamedTuple):
    """Windows that begin when cron would start a job.

    Attributes:
        begins: cron's five fields.
        lasts: how long it is open.
        zone: its time zone.
    """

    begins: str
    lasts: timedelta
    zone: str

    def closes(self, moment: datetime) -> datetime | None:
        """Return when it closes, as for Window."""
        begun = self._begins(moment + timedelta(seconds=1), reverse=True)
        closing = begun + self.lasts if begun else moment
        return closing if closing > moment else None

    def opens(self, moment: datetime) -> datetime | None:
        """Return when it opens, as for Window."""
        return self._begins(moment)

    def _begins(self, moment: datetime, *, reverse: bool = False) -> datetime | None:
        """Return when it next begins after a moment, or last began before it."""
        from cronsim import CronSim

        there = moment.astimezone(ZoneInfo(self.zone))
        found = next(CronSim(self.begins, there, reverse=reverse), None)
        return found.astimezone(UTC) if found else None


class Opening(NamedTuple):
    """Whether any of several windows is open, and until when, or from when on.

    Attributes:
        is_open: whether one is open.
        changes: when it closes, or the next one opens, in epoch seconds; None if that is weeks away.
        zone: the time zone of that window.
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
    """Parse the setting `window`.

    Raises:
        UsageError: it is malformed, or there is no such time zone.
    """
    return tuple(_parse(part.strip()) for part in text.split(";"))


def look(windows: tuple[Window, ...], now: float) -> Opening:
    """Return whether a window is open at a time, and when that changes.

    Args:
        windows: one open window is enough.
        now: in epoch seconds.
    """
    moment = end = datetime.fromtimestamp(now, UTC)
    inside: Window | None = None
    while end - moment <= _HORIZON:  # adjacent windows count as one
        found = next(((window, closes) for window in windows if (closes := window.closes(end))), None)
        if found is None:
            break
        inside, end = found
    else:
        return Opening(True, None, (inside or windows[0]).zone)
    if inside:
        return Opening(True, int(end.timestamp()), inside.zone)
    openings = [(opens, window.zone) for window in windows if (opens := window.opens(moment))]
    first, zone = min(openings, default=(None, windows[0].zone))
    return Opening(False, int(first.timestamp()) if first else None, zone)


def _parse(text: str) -> Window:
    if cron := _CRON.fullmatch(text):
        return _cron(cron, text)
    match = _WEEKLY.fullmatch(text)
    if match is None:
        raise UsageError(f"window {text!r} is malformed", hint=_FORMS)
    days = _days(match[1] or "daily", text)
    start, end = (_minutes(match[i], match[i + 1], text) for i in (2, 4))
    if start in (_DAY, end):
        raise UsageError(f"window {text!r} is never open", hint='"daily 00:00-24:00 UTC" is always open')
    return Weekly(days, start, end, _zone(match[6], text))


def _cron(match: re.Match[str], text: str) -> Cron:
    from cronsim import CronSim, CronSimError

    lasts = timedelta(hours=int(match[2] or 0), minutes=int(match[3] or 0))
    try:
        begins = next(CronSim(match[1], datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise UsageError(f"window {text!r}: {str(error).lower()}", hint=_FORMS) from None
    if not (lasts and begins):
        raise UsageError(f"window {text!r} is never open", hint=_FORMS)
    return Cron(match[1], lasts, _zone(match[4], text))


def _zone(name: str, window: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an unknown name, or a path
        hint = _FORMS if available_timezones() else "this machine has no time zones: `pip install tzdata`"
        raise UsageError(f"window {window!r}: there is no time zone {name!r}", hint=hint) from None
    return name


def _days(text: str, window: str) -> frozenset[int]:
    if text.lower() == "daily":
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (name.strip().title() for name in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise UsageError(f"window {window!r}: {part.strip()!r} is not a day of the week", hint=_FORMS)
        begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        found |= {day % 7 for day in range(begin, end + (7 if end < begin else 0) + 1)}
    return frozenset(found)


def _minutes(hour: str, minute: str, window: str) -> int:
    at = int(hour) * 60 + int(minute)
    if int(minute) > 59 or at > _DAY:
        raise UsageError(f"window {window!r}: {hour}:{minute} is not a time", hint=_FORMS)
    return at
