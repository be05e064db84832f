"""Read a time that a person typed for a restore, as d1migrate shows it or as other tools write it.

How a time is shown is `report/text.moment`. A restore removes what was written since, so a time that can be
two moments is an error.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from d1migrate.errors import UsageError

_FORM = re.compile(r"(?P<time>[-\d:.TW ]+?)\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE)
_SHOWN = "%Y-%m-%d %H:%M:%S %z"


def parse(text: str) -> float | None:
    """Return a time in epoch seconds; None for any other text.

    It is ISO 8601, with spaces allowed as in `2026-11-22 13:59:05 +0100`. A time without an offset, `Z` or
    `UTC` can be local time, which is twice an hour when the clocks are set back, or UTC.

    Raises:
        UsageError: it has no zone, and these are different moments.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        return None
    zone = (form["zone"] or "").upper().replace("UTC", "Z")
    try:
        time = datetime.fromisoformat(form["time"])
        if zone:
            return datetime.fromisoformat(time.isoformat() + zone).timestamp()
    except ValueError:
        return None
    return _only(_readings(time), text, time)


def _readings(time: datetime) -> dict[float, datetime]:
    """Return the moments that a time without a zone can be: one or two in local time, and one in UTC."""
    found: dict[float, datetime] = {}
    for fold in (0, 1):  # the clocks show an hour twice, or never: then these are an hour before and after it
        with suppress(OverflowError, OSError, ValueError):  # a year that the system cannot represent
            local = time.replace(fold=fold).astimezone()
            found.setdefault(local.timestamp(), local)
    utc = time.replace(tzinfo=UTC)
    found.setdefault(utc.timestamp(), utc)
    return found


def _only(readings: dict[float, datetime], text: str, time: datetime) -> float:
    """Return the one moment that a text can be.

    Raises:
        UsageError: there are several.
    """
    if len(readings) == 1:
        return next(iter(readings))
    *shown, last = (f"{reading:{_SHOWN}}" for reading in readings.values())
    is_skipped = not any(reading.replace(tzinfo=None) == time for reading in list(readings.values())[:-1])
    reason = "no time zone, and the clocks skipped it" if is_skipped else "no time zone"
    raise UsageError(
        f"{text} has {reason}: it can be {', '.join(shown)} or {last}",
        hint=f'add the offset of the one that is meant: `d1migrate restore --to "{shown[0]}"`',
    )
