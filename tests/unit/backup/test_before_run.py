"""A run takes one restore point, before it writes; a run that writes nothing takes none."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from d1migrate.backup.before_run import before_first_stamp
from d1migrate.drivers.connect import connect
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.table_choice import USUAL
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAMP = Stamp("token", 5, "tester", "d1migrate test")


def points(folder: Path) -> list[str]:
    """The files in a folder of restore points."""
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def test_one_point_before_the_first_stamp(tmp_path: Path) -> None:
    """Every stamp of the run names it."""
    folder, done = tmp_path / "points", list[str]()

    @contextmanager
    def working(what: str) -> Iterator[None]:
        done.append(what)
        yield

    with closing(connect(f"sqlite:{tmp_path / 'app.db'}")) as driver:
        driver.batch(Batch([Query("CREATE TABLE a (id)")]))
        new_stamp = before_first_stamp(driver, USUAL, str(folder), lambda: STAMP, working)
        assert points(folder) == []
        first, second = new_stamp(), new_stamp()
    assert done == ["taking a restore point"]
    assert first.restore_point
    assert first.restore_point in "\n".join(points(folder))
    assert first == second == STAMP._replace(restore_point=first.restore_point)
