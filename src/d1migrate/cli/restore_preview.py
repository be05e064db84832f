"""What going back to a restore point would change, for commands that go back or could."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from d1migrate.errors import Error, Irreversible
from d1migrate.report.text import clean, clean_line, plural, when

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.backup.restore import RestorePreview
    from d1migrate.cli.project import Context

_DAY = 86400
_FREE, _PAID = 7, 30  # days that D1 keeps, by plan

now = time.time


def tell(context: Context, seen: RestorePreview) -> None:
    """Say what going back would change: migrations, rows where they can be known, how long D1 keeps it."""
    point = seen.point
    taken = when(int(point.at), now=now())
    if seen.damage:
        context.say(f"to {point.name}, taken {taken}: version {point.version}")
        context.say(f"  the database cannot be read, so what was written since is lost: {clean(seen.damage)}")
        return
    context.say(f"to {point.name}, taken {taken}: version {seen.version} → {point.version}")
    for name in seen.undone:
        context.say(f"  no longer applied: {clean_line(name)}")
    for name in seen.redone:
        context.say(f"  applied again: {clean_line(name)}")
    if seen.rows is None:
        context.say(
            "  which rows were written since is not known: D1 shows the past only by going back to it"
        )
        context.say(f"  {window(point.at)}")
        return
    for name, (here, there) in seen.rows.items():
        context.say(f"  {clean_line(name)}: {_rows(here)} → {_rows(there)}")
    if not seen.rows:
        context.say("  every table has as many rows now as then; what they hold may differ")


def window(at: float) -> str:
    """Say whether D1 still keeps a moment; how long it does depends on the plan, which it does not tell."""
    days = (now() - at) / _DAY
    if days > _PAID:
        return f"it is {int(days)} days old: D1 keeps {_PAID} days, so it is gone; a backup is the way back"
    if days > _FREE:
        return f"it is {int(days)} days old: D1 keeps {_PAID} days on a paid plan, {_FREE} on the free one"
    return f"D1 keeps it until it is {_FREE} days old, {_PAID} on a paid plan"


def values(seen: RestorePreview) -> dict[str, Any]:
    """Return what --json prints of it; `rows` is {table: [now, then]}, null where it cannot be known."""
    rows = None if seen.rows is None else {table: list(counts) for table, counts in seen.rows.items()}
    return {
        "restore_to": seen.point.name,
        "taken": int(seen.point.at),
        "version": seen.point.version,
        "no_longer_applied": list(seen.undone),
        "applied_again": list(seen.redone),
        "rows": rows,
    }


@contextmanager
def other_ways_back(context: Context) -> Iterator[None]:
    """Where migrations have no rollback, tell of the restore point from before each of them."""
    try:
        yield
    except Irreversible as error:
        ways: dict[str, Any] = {}
        for version in error.versions:
            seen = _way_back(context, version)
            ways[str(version)] = seen and values(seen)
            if seen:
                context.say(f"the way back of version {version} is a restore point")
                tell(context, seen)
            else:
                context.say(f"there is no restore point from before version {version}")
        error.restore_points = ways
        first = ways[str(min(error.versions))]
        if first and (first["rows"] is not None or now() - first["taken"] <= _PAID * _DAY):
            error.hint = (
                f"`d1migrate restore --to {first['restore_to']}` goes back to version {first['version']},"
                f" {when(first['taken'], now=now())}; rows written since are lost"
            )
        raise


def _way_back(context: Context, version: int) -> RestorePreview | None:
    try:
        return context.migrator.plan_restore_before(version)
    except Error as error:  # what is asked is why a rollback cannot be run
        context.say(f"warning: {clean(str(error))}")
        return None


def _rows(count: int | None) -> str:
    return "none" if count is None else plural(count, "row")
