"""The restore point that a run takes before it writes.

Most runs have nothing to do, so what takes a point is imported with the first stamp.
"""

from __future__ import annotations

from d1migrate.drivers.protocol import unwatched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Driver, Working
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.log import Stamp
    from d1migrate.migrate.table_choice import TableChoice


def before_first_stamp(
    driver: Driver,
    choice: TableChoice,
    folder: str | None,
    new_stamp: NewStamp,
    working: Working = unwatched,
) -> NewStamp:
    """Return a maker of stamps that takes a restore point first; a run that stamps nothing takes none.

    Args:
        driver: the database; without a file or Time Travel, it has no restore points.
        choice: how to choose its migrations table.
        folder: the folder for copies; by default `.d1migrate` beside the file.
        new_stamp: makes the stamps.
        working: takes what is being done, and returns the context to do it in.
    """
    remote = driver.capabilities.time_travel
    taken: list[str | None] = []

    def stamp_with_point() -> Stamp:
        if not taken:
            with working("taking a restore point"):
                taken.append(remote.bookmark() if remote else _local_point())
        return new_stamp()._replace(restore_point=taken[0])

    def _local_point() -> str | None:
        from d1migrate.backup import local_points

        point = local_points.take(driver, choice, folder)
        return point.name if point else None

    return stamp_with_point
