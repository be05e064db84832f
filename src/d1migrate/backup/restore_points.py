"""Restore points of any database: copies of a local file, or the bookmarks of a remote D1."""

from __future__ import annotations

from d1migrate.backup import FOLDER, local_points, restore, time_travel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import RestorePreview, RestoreResult
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.table_choice import TableChoice


def listed(driver: Driver, choice: TableChoice, folder: str | None) -> list[RestorePoint]:
    """Return the restore points of a database, oldest first.

    Args:
        driver: the database.
        choice: how to choose its migrations table.
        folder: the folder of its copies, or of its saved log rows; `.d1migrate` by default.
    """
    if remote := driver.capabilities.time_travel:
        return time_travel.listed(remote, choice, folder or FOLDER)
    return local_points.listed(driver, folder)


def preview(driver: Driver, choice: TableChoice, to: str, folder: str | None) -> RestorePreview:
    """Return what a restore would change; arguments and errors as `restore_to`."""
    if remote := driver.capabilities.time_travel:
        found = time_travel.find(remote, choice, to, folder or FOLDER)
        return time_travel.preview(remote, choice, found, folder or FOLDER)
    return restore.preview(driver, choice, local_points.find(listed(driver, choice, folder), to))


def preview_before(
    driver: Driver, choice: TableChoice, name: str, folder: str | None
) -> RestorePreview | None:
    """Return what a restore to the newest point before a migration would change; None if there is none."""
    if remote := driver.capabilities.time_travel:
        point = time_travel.find_before(remote, choice, name, folder or FOLDER)
        return time_travel.preview(remote, choice, point, folder or FOLDER) if point else None
    for point in reversed(listed(driver, choice, folder)):
        seen = restore.preview(driver, choice, point)
        if name in seen.undone:
            return seen
    return None


def restore_to(
    driver: Driver,
    choice: TableChoice,
    to: str | RestorePoint,
    new_stamp: NewStamp,
    *,
    folder: str | None,
    began: Callable[[RestorePoint], None] | None,
) -> RestoreResult:
    """Restore a database to a point.

    Args:
        driver: the database.
        choice: how to choose its migrations table.
        to: a point's name, a migration or a time; or the point itself.
        new_stamp: makes the stamp of the restore's own log rows.
        folder: as for `listed`.
        began: called with the point that undoes it, before anything is done.

    Raises:
        UsageError: there is no such point.
        UnavailableError: nothing was done; or, for a remote D1, the log could not be written back.
    """
    if remote := driver.capabilities.time_travel:
        found = time_travel.find(remote, choice, to, folder or FOLDER) if isinstance(to, str) else to
        return time_travel.restore_to(remote, choice, found, new_stamp, folder=folder or FOLDER, began=began)
    found = local_points.find(listed(driver, choice, folder), to) if isinstance(to, str) else to
    return restore.restore(driver, choice, found, new_stamp, folder=folder, began=began)
