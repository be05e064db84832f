"""Restore points of any database: copies of a local file, or the bookmarks of a remote D1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.backup import FOLDER, local_points, restore, time_travel

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import Restored, RestorePreview
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.history import Stamp


def listed(driver: Driver, folder: str | None) -> list[RestorePoint]:
    """Return the restore points of a database, oldest first.

    Args:
        driver: the database.
        folder: where its copies are, or what is kept of its log; `.d1migrate` without it.
    """
    if remote := driver.capabilities.time_travel:
        return time_travel.listed(remote, folder or FOLDER)
    return local_points.listed(driver, folder)


def outlook(driver: Driver, to: str, folder: str | None) -> RestorePreview:
    """Say what going back would change; arguments and errors as `go_back`."""
    if remote := driver.capabilities.time_travel:
        found = time_travel.find(remote, to, folder or FOLDER)
        return time_travel.outlook(remote, found, folder or FOLDER)
    return restore.preview(driver, local_points.find(listed(driver, folder), to))


def before(driver: Driver, version: int, folder: str | None) -> RestorePreview | None:
    """Say what going back to the newest point from before a version changes; None where there is none."""
    if remote := driver.capabilities.time_travel:
        point = time_travel.before(remote, version, folder or FOLDER)
        return time_travel.outlook(remote, point, folder or FOLDER) if point else None
    found = [point for point in listed(driver, folder) if point.version < version]
    return restore.preview(driver, found[-1]) if found else None


def go_back(
    driver: Driver,
    to: str | RestorePoint,
    new_stamp: NewStamp,
    *,
    folder: str | None,
    began: Callable[[RestorePoint], None] | None,
) -> Restored:
    """Make a database what it was at a point.

    Args:
        driver: the database.
        to: a point's name, a version or a time; or a point that was found before.
        new_stamp: makes the stamp of the restore's own log rows.
        folder: as for `listed`.
        began: is told the point that undoes it, before anything is done.

    Raises:
        UsageError: there is no such point.
        UnavailableError: nothing was done; or of a remote D1, the log could not be written back.
    """
    if remote := driver.capabilities.time_travel:
        found = time_travel.find(remote, to, folder or FOLDER) if isinstance(to, str) else to
        return time_travel.go_back(remote, found, new_stamp, folder=folder or FOLDER, began=began)
    found = local_points.find(listed(driver, folder), to) if isinstance(to, str) else to
    return restore.restore(driver, found, new_stamp, folder=folder, began=began)


def before_first_stamp(driver: Driver, folder: str | None, new_stamp: NewStamp) -> NewStamp:
    """Return a maker of stamps that takes a restore point first; a run that stamps nothing takes none.

    Args:
        driver: the database; one that can neither be copied nor has bookmarks has no restore points.
        folder: where copies are kept; `.d1migrate` beside the file without it.
        new_stamp: makes the stamps.
    """
    remote = driver.capabilities.time_travel
    taken: list[str | None] = []

    def stamp_with_point() -> Stamp:
        if not taken and remote:
            taken.append(remote.bookmark())
        if not taken:
            point = local_points.take(driver, folder)
            taken.append(point.name if point else None)
        return new_stamp()._replace(restore_point=taken[0])

    return stamp_with_point
