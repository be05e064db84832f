"""What a restore would change, for commands that restore or that cannot roll back."""

from __future__ import annotations

import time
from contextlib import contextmanager

from d1migrate.errors import Error, Irreversible
from d1migrate.report.text import clean, clean_line, plural, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.backup.restore import RestorePreview
    from d1migrate.cli.output import Output
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes import backups

_DAY = 86400
_FREE, _PAID = 7, 30  # days of Time Travel, by plan

now = time.time


def show(seen: RestorePreview, output: Output) -> None:
    """Say what a restore would change: migrations, rows if known, and how long D1 keeps the point."""
    point = seen.point
    taken = when(int(point.at), now=now())
    if seen.damage:
        output.note(f"to {point.name}, taken {taken}: {_at(point.current)}")
        output.note(f"  the database cannot be read, so newer rows are lost: {clean(seen.damage)}")
        return
    output.note(f"to {point.name}, taken {taken}: {_at(seen.current)} → {_at(point.current)}")
    for name in seen.undone:
        output.note(f"  no longer applied: {clean_line(name)}")
    for name in seen.redone:
        output.note(f"  applied again: {clean_line(name)}")
    if seen.rows is None:
        output.note("  rows written since then cannot be listed: D1 shows a past state only by restoring it")
        output.note(f"  {retention(point.at)}")
        return
    for name, (here, there) in seen.rows.items():
        output.note(f"  {clean_line(name)}: {_rows(here)} → {_rows(there)}")
    if not seen.rows:
        output.note("  every table has as many rows now as then; their values may differ")


def retention(at: float) -> str:
    """Say whether D1 still keeps a moment. That depends on the plan, which D1 does not report."""
    days = (now() - at) / _DAY
    if days > _PAID:
        return f"it is {int(days)} days old, and D1 keeps {_PAID} days: it is gone; restore a backup instead"
    if days > _FREE:
        return f"it is {int(days)} days old: D1 keeps {_PAID} days on a paid plan, {_FREE} on the free plan"
    return f"D1 keeps it for {_FREE} days, or {_PAID} on a paid plan"


def value(seen: RestorePreview) -> backups.RestorePreview:
    """Return the JSON."""
    return {
        "restore_to": seen.point.name,
        "taken_at": int(seen.point.at),
        "current": seen.point.current or None,
        "no_longer_applied": list(seen.undone),
        "applied_again": list(seen.redone),
        "tables": None
        if seen.rows is None
        else [
            {"table": table, "rows_now": here, "rows_then": there}
            for table, (here, there) in seen.rows.items()
        ],
    }


@contextmanager
def shown_if_irreversible(migrator: Migrator, output: Output) -> Iterator[None]:
    """For migrations that turn out to have no rollback, show the restore points from before each of them."""
    try:
        yield
    except Irreversible as error:
        previews: dict[str, RestorePreview | None] = {}
        for name in error.names:
            seen = previews[name] = _preview_before(name, migrator, output)
            if seen:
                output.note(f"{clean_line(name)} can be undone with a restore point:")
                show(seen, output)
            else:
                output.note(f"there is no restore point from before {clean_line(name)}")
        error.restore_points = {name: seen and value(seen) for name, seen in previews.items()}
        first = previews[error.names[-1]]
        if first and (first.rows is not None or now() - first.point.at <= _PAID * _DAY):
            error.hint = (
                f"`d1migrate restore --to {first.point.name}` goes back to {_at(first.point.current)},"
                f" {when(int(first.point.at), now=now())}; rows written since then are lost"
            )
        raise


def _preview_before(name: str, migrator: Migrator, output: Output) -> RestorePreview | None:
    try:
        return migrator.plan_restore_before(name)
    except Error as error:  # the question was why a rollback cannot run
        output.warn(clean(str(error)))
        return None


def _at(current: str | None) -> str:
    return clean_line(current or "") or "no migration"


def _rows(count: int | None) -> str:
    return "no table" if count is None else plural(count, "row")
