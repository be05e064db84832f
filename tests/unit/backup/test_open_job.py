"""A job that is open when a backup or a restore point is taken: a batch goes on after it, a rebuild is cancelled."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.backup import dump, load, local_points
from d1migrate.drivers.connect import connect
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError
from d1migrate.migrate.jobs import batches, work
from d1migrate.migrate.jobs.kinds import work_of_job
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load as load_files
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.jobs.online.running import drafted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Capabilities, Driver
    from d1migrate.sql.batch import Result

ROWS = 6_000
INSERT = f"""INSERT INTO users SELECT value, 'A' || value, NULL FROM (WITH RECURSIVE n(value) AS (
  SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT {ROWS}) SELECT value FROM n)"""
FILES = load_files([
    ("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);"),
    ("002_fill.sql", "-- d1migrate: batch users rows 800\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;"),
    ("003_next.sql", "CREATE TABLE next (id);"),
])  # fmt: skip


def migrator(path: Path, driver: Driver | None = None) -> Migrator:
    """A migrator of a file."""
    return Migrator(
        driver or connect(f"sqlite:{path}"), FILES, by="test", restore_points=str(path.parent / "points")
    )


def sql(path: Path, text: str) -> list[Any]:
    """The rows of a statement."""
    with closing(SqliteDriver(str(path), url="sqlite:test")) as driver:
        return [tuple(row) for row in driver.batch(Batch([Query(text)], last_rows=True))[0].rows]


def half_filled(path: Path) -> Migrator:
    """A database in the middle of a backfill."""
    found = migrator(path)
    found.up(to="001")
    sql(path, INSERT)
    found.run_job(may_continue=lambda sent: sent < 6)
    job = found.status()[1].job
    assert job is not None
    assert 0 < job.rows < ROWS
    return found


def check_filled(path: Path) -> None:
    """Every row is filled, and the job has ended."""
    assert sql(path, "SELECT count(*) FROM users WHERE norm IS NOT lower(email)") == [(0,)]
    assert [entry.state for entry in migrator(path).status()] == ["applied"] * 3


class Paged(SqliteDriver):
    """A database that cannot be copied, as a remote D1; `between` is called before each page of rows."""

    between: Callable[[str], None] = staticmethod(lambda _: None)

    @property
    def capabilities(self) -> Capabilities:
        """Without a copy."""
        return super().capabilities._replace(copy_to=None, file=None)

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        queries = list(batch.queries)
        self.between(" ".join(query.sql for query in queries))
        return super().batch(batch)


@pytest.mark.parametrize("is_paged", [False, True])
def test_a_backfill_goes_on_after_a_backup(tmp_path: Path, *, is_paged: bool) -> None:
    """At its cursor, under another token; the source goes on, too."""
    source, copy, file = tmp_path / "a.db", tmp_path / "b.db", str(tmp_path / "a.sql")
    half_filled(source)
    old = sql(source, "SELECT token, hi_1, rows FROM _d1m_job")
    with closing((Paged if is_paged else SqliteDriver)(str(source), url="sqlite:a")) as driver:
        dump.write(driver, file)
        assert load.verify(file, source=driver) == []
    restored = migrator(copy)
    load.restore(file, restored.driver, restored.choice, lambda: Stamp("restore", 1, "test", "test"))
    new = sql(copy, "SELECT token, hi_1, rows FROM _d1m_job")
    assert new == [("restore", *old[0][1:])]
    entry = restored.status()[1]
    assert (entry.state, entry.job and entry.job.rows) == ("running", old[0][2])
    for path in (copy, source):
        migrator(path).up()
        check_filled(path)


def test_chunks_while_a_backup_is_read(tmp_path: Path) -> None:
    """The cursor is read before the rows: some are filled twice after the restore, and none is missed."""
    source, copy, file = tmp_path / "a.db", tmp_path / "b.db", str(tmp_path / "a.sql")
    half_filled(source)
    with closing(Paged(str(source), url="sqlite:a")) as driver:

        def go_on(text: str) -> None:
            if '"users"' in text and "LIMIT" in text:
                driver.between = staticmethod(lambda _: None)
                migrator(source).run_job(may_continue=lambda sent: sent < 4)

        driver.between = staticmethod(go_on)
        dump.write(driver, file)
    restored = migrator(copy)
    load.load(file, restored.driver)
    ((then,),), ((now,),) = (sql(path, "SELECT rows FROM _d1m_job") for path in (copy, source))
    assert then < now
    restored.up()
    check_filled(copy)


def test_a_chunk_from_before_a_restore(tmp_path: Path) -> None:
    """It is refused, as its token is that of the job before."""
    path = tmp_path / "a.db"
    found = half_filled(path)
    job = found.status()[1].job
    assert job is not None
    work_now = work_of_job(FILES[1], job)
    late = batches.chunk(
        job,
        found.choice.guess,
        work_now.chunk(job),
        work.Ending(),
        backlog="NULL",
        migration=FILES[1],
        stamp=Stamp("late", 1, "test", "test"),
        size=10,
    )
    taken = _point(found, path)
    found.up()
    found.restore(taken)
    before = sql(path, "SELECT hi_1, rows FROM _d1m_job")
    with pytest.raises(QueryError, match="the job is"):
        found.driver.batch(late)
    assert sql(path, "SELECT hi_1, rows FROM _d1m_job") == before


def test_a_restore_point_with_a_backfill(tmp_path: Path) -> None:
    """It goes on at its cursor, under another token."""
    path = tmp_path / "a.db"
    found = half_filled(path)
    before = sql(path, "SELECT token, hi_1 FROM _d1m_job")
    sql(path, "CREATE TABLE other (id)")
    taken = _point(found, path)
    found.up()
    check_filled(path)
    found.restore(taken)
    after = sql(path, "SELECT token, hi_1 FROM _d1m_job")
    assert after[0][1] == before[0][1]
    assert after[0][0] != before[0][0]
    assert [entry.state for entry in found.status()] == ["applied", "running", "pending"]
    found.up()
    check_filled(path)


def _point(found: Migrator, path: Path) -> str:
    point = local_points.take(found.driver, found.choice, str(path.parent / "points"))
    assert point is not None
    return point.name


# --- an online rebuild ---

OLD = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT); CREATE INDEX users_norm ON users (norm);"
NEW = OLD.replace("norm TEXT", "norm TEXT CHECK (norm <> '')")
REBUILD = load_files([("001_users.sql", OLD), ("002_job.sql", drafted(OLD, NEW, "users"))])


def rebuilder(path: Path) -> Migrator:
    """A migrator of the file."""
    return Migrator(connect(f"sqlite:{path}"), REBUILD, by="test", restore_points=str(path.parent / "points"))


@pytest.fixture
def rebuilt(tmp_path: Path) -> Path:
    """A database with an open rebuild of `users`."""
    path = tmp_path / "a.db"
    found = rebuilder(path)
    found.up(to="001")
    sql(path, INSERT)
    found.run_job(may_continue=lambda sent: sent < 6)
    assert {"_d1m_job", "_d1m_hold_1", "_d1m_log_1", "_d1m_sync_1_insert"} <= objects(path)
    assert found.verify().ok
    return path


def objects(path: Path) -> set[str]:
    """The names of the helpers of a database."""
    return {
        name for (name,) in sql(path, "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'")
    }


@pytest.mark.parametrize("is_paged", [False, True])
def test_a_rebuild_is_cancelled_in_a_backup(rebuilt: Path, *, is_paged: bool) -> None:
    """Its objects and its row are left out; the table is as it is, and the source goes on."""
    copy, file = rebuilt.parent / "b.db", str(rebuilt.parent / "a.sql")
    before = objects(rebuilt)
    with closing((Paged if is_paged else SqliteDriver)(str(rebuilt), url="sqlite:a")) as driver:
        written = dump.write(driver, file)
        assert load.verify(file, source=driver) == []
    assert not [name for name in written.rows if name.startswith("_d1m")]
    found = rebuilder(copy)
    load.restore(file, found.driver, found.choice, lambda: Stamp("restore", 1, "test", "test"))
    assert [entry.state for entry in found.status()] == ["applied", "pending"]
    assert objects(copy) == set()
    assert objects(rebuilt) == before
    for path in (rebuilt, copy):
        rebuilder(path).run_job()
        check_rebuilt(path)


def test_a_rebuild_is_cancelled_by_a_restore(rebuilt: Path) -> None:
    """Of a point that has it: its shadow, its log and its triggers are gone, and the log says so."""
    found = rebuilder(rebuilt)
    taken = _point(found, rebuilt)
    found.run_job()
    check_rebuilt(rebuilt)
    found.restore(taken)
    assert objects(rebuilt) == set()
    assert [event.action for event in found.history()][-1] == "cancel"
    assert found.verify().ok
    assert [entry.state for entry in found.status()] == ["applied", "pending"]
    found.run_job()
    check_rebuilt(rebuilt)


def test_a_rebuild_that_builds_its_indexes_goes_on(rebuilt: Path) -> None:
    """Its table is replaced already: without the job, the final indexes would be missing."""
    found, copy, file = rebuilder(rebuilt), rebuilt.parent / "b.db", str(rebuilt.parent / "a.sql")
    states = list[str]()

    def may_continue(_: int) -> bool:
        job = found.status()[1].job
        states.append(job.state if job else "")
        return states[-1] != "indexes"

    found.run_job(may_continue=may_continue)
    assert states[-1] == "indexes"
    assert found.verify().ok
    found.backup(file)
    restored = rebuilder(copy)
    load.restore(file, restored.driver, restored.choice, lambda: Stamp("restore", 1, "test", "test"))
    assert restored.verify().ok
    for path in (copy, rebuilt):
        rebuilder(path).run_job()
        check_rebuilt(path)


def check_rebuilt(path: Path) -> None:
    """The table has its check, its index and its rows, and nothing is left."""
    assert objects(path) == set()
    assert sql(path, "SELECT count(*) FROM users") == [(ROWS,)]
    found = rebuilder(path)
    assert [entry.state for entry in found.status()] == ["applied", "applied"]
    assert found.verify().ok
    assert "CHECK" in found.schema().tables[0].sql
