"""Restore points of local files: taken, pruned, restored and undone, without losing a log row.

A second connection in this process is APSW's too: another SQLite would not see the locks of this one.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.backup import local_points, restore
from d1migrate.drivers.connect import connect
from d1migrate.errors import ApplyError, UnavailableError, UsageError
from d1migrate.migrate.history import notes_of
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_choice import USUAL
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.flows import test_carry_over as old

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.backup.local_points import RestorePoint

FILES = {
    "001_users.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\n-- Rollback: DROP TABLE users;\n",
    "002_teams.sql": "CREATE TABLE teams (id INTEGER PRIMARY KEY);\n-- Rollback: DROP TABLE teams;\n",
    "003_drop.sql": "DROP TABLE users;\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three migrations."""
    place = tmp_path / "migrations"
    place.mkdir()
    for name, text in FILES.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def migrator(request: pytest.FixtureRequest, folder: Path) -> Migrator:
    """Its database, which keeps restore points; the parameter is the migrations table."""
    table = getattr(request, "param", None)
    return Migrator(
        f"sqlite:{folder.parent / 'app.db'}", folder, restore_points=True, by="tester", table=table
    )


either_table = pytest.mark.parametrize("migrator", ["schema_migrations", "d1_migrations"], indirect=True)


def new_stamp() -> Stamp:
    """A stamp."""
    return Stamp(os.urandom(8).hex(), 1_800_000_000, "tester", "d1migrate test")


def rows(migrator: Migrator, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    return list(migrator.driver.batch(Batch([Query(sql)], reads=True))[0].rows)


def last(migrator: Migrator) -> str | None:
    """The name of the last applied migration."""
    current = migrator.current()
    return current.name if current else None


def write(migrator: Migrator, *sql: str) -> None:
    """Run statements."""
    migrator.driver.batch(Batch([Query(s) for s in sql]))


@either_table
def test_up_and_down_take_one(migrator: Migrator) -> None:
    """One is taken before the first write of a run on a database with content; the log and history name it."""
    migrator.up(to=1)
    assert local_points.listed(migrator.driver) == []  # there was nothing
    migrator.up(to=2)
    (point,) = local_points.listed(migrator.driver)
    assert point.current == "001_users"
    assert [e.restore_point for e in migrator.history()] == [None, point.name]
    migrator.down()
    assert [p.current for p in local_points.listed(migrator.driver)] == ["001_users", "002_teams"]
    migrator.up(to=1)
    assert len(local_points.listed(migrator.driver)) == 2  # nothing was written
    place = Path(point.path).parent
    assert place.name == ".d1migrate"
    assert (place / ".gitignore").read_text() == "*\n"
    assert not list(place.glob("*-wal")) + list(place.glob("*.tmp"))


def test_switched_off(folder: Path) -> None:
    """The library takes none by default; a folder can be given; a database in memory has none."""
    plain = Migrator(f"sqlite:{folder.parent / 'app.db'}", folder)
    plain.up(to=1)
    plain.up(to=2)
    assert not (folder.parent / ".d1migrate").exists()
    other = str(folder.parent / "kept")
    Migrator(plain.driver, folder, restore_points=other).up()
    assert [p.current for p in local_points.listed(plain.driver, other)] == ["002_teams"]
    memory = Migrator("sqlite::memory:", folder, restore_points=True)
    memory.up(to=1)
    memory.up(to=2)
    assert last(memory) == "002_teams"


@either_table
def test_rows_are_restored_and_the_log_is_kept(migrator: Migrator) -> None:
    """A restore undoes later changes, keeps every log row, and can itself be undone."""
    migrator.up(to=2)
    write(migrator, "INSERT INTO users VALUES (1, 'a'), (2, 'b')")
    checksums = {e.version: e.checksum for e in migrator.status() if e.applied}
    migrator.up()
    write(migrator, "INSERT INTO teams VALUES (7)")
    point = local_points.find(local_points.listed(migrator.driver), "2")
    seen = restore.preview(migrator.driver, migrator.choice, point)
    assert (seen.undone, seen.redone) == (("003_drop",), ())
    assert seen.rows == {"teams": (1, 0), "users": (None, 2)}
    before = migrator.history()
    done = restore.restore(migrator.driver, migrator.choice, point, new_stamp)
    assert (done.current, done.log) == ("002_teams", 2)  # begun and done of the third
    assert rows(migrator, "SELECT * FROM users") == [(1, "a"), (2, "b")]
    assert [e.state for e in migrator.status()] == ["applied", "applied", "pending"]
    assert {e.version: e.checksum for e in migrator.status() if e.applied} == checksums
    after = migrator.history()
    assert after[: len(before)] == before
    assert [(e.action, e.name) for e in after[len(before) :]] == [("restore", ""), ("rewind", "003_drop")]
    assert done.undo
    assert after[-1].restore_point == done.undo.name
    assert notes_of(after[-2].detail)["point"] == point.name
    restore.restore(migrator.driver, migrator.choice, done.undo, new_stamp)
    assert last(migrator) == "003_drop"
    assert rows(migrator, "SELECT * FROM teams") == [(7,)]
    assert [e.state for e in migrator.status()] == ["applied"] * 3
    assert migrator.history()[: len(after)] == after
    assert [(e.action, e.name) for e in migrator.history()[len(after) :]] == [
        ("restore", ""),
        ("restore", "003_drop"),
    ]
    assert migrator.verify().ok


@either_table
def test_what_was_rolled_back_is_applied_again(migrator: Migrator) -> None:
    """After restoring a point from before a `down`, checksums, rollbacks and order are known again."""
    migrator.up(to=2)
    migrator.down()
    (point,) = local_points.listed(migrator.driver)
    before = migrator.status()
    restore.restore(migrator.driver, migrator.choice, point, new_stamp)
    entries = migrator.status()
    assert [e.state for e in entries] == ["applied", "applied", "pending"]
    assert entries[1].checksum
    assert before[1].state == "pending"
    assert migrator.verify().ok
    table = migrator.choice.configured
    (migrator_without_files := Migrator(migrator.driver, (), table=table)).plan_down(rollback_from="history")
    assert [s.name for s in migrator_without_files.down(steps=2).steps] == ["002_teams", "001_users"]


def test_a_point_without_history(folder: Path) -> None:
    """A point before the first migration: the history tables are created for the rows written back."""
    path = folder.parent / "app.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE old (a)")
    migrator = Migrator(f"sqlite:{path}", folder, restore_points=True)
    migrator.baseline(to=1)
    migrator.up(to=2)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE schema_migrations")
        raw.execute("DROP TABLE d1migrate_log")
        raw.execute("DROP TABLE teams")
    bare = local_points.take(migrator.driver, migrator.choice)
    assert bare
    assert bare.current == ""
    migrator.baseline(to=1)
    migrator.up(to=2)
    length = len(migrator.history())
    restore.restore(migrator.driver, migrator.choice, bare, new_stamp)
    assert last(migrator) is None
    assert len(migrator.history()) == length + 3
    assert {t.name for t in migrator.schema().tables} == {"old"}


@either_table
def test_what_wrangler_applies_later_is_seen(migrator: Migrator) -> None:
    """After a restore, a row that wrangler writes is its own, not the earlier run's."""
    migrator.up(to=1)
    migrator.up(to=2)
    restore.restore(migrator.driver, migrator.choice, local_points.listed(migrator.driver)[0], new_stamp)
    if migrator.choice.configured == "d1_migrations":
        write(migrator, "INSERT INTO d1_migrations (name) VALUES ('002_teams.sql')")
    else:
        write(migrator, "INSERT INTO schema_migrations VALUES (2, '002_teams', 1900000000)")
    last = migrator.history()[-1]
    assert (last.version, last.by, last.checksum) == (2, None, None)
    assert migrator.status()[1].checksum is None or migrator.status()[1].applied


@pytest.mark.parametrize(("to", "label"), [("2", "v2"), ("1", "v1"), ("0", "v0")])
def test_a_point_of_an_older_version(migrator: Migrator, to: str, label: str) -> None:
    """Its name has the number of the last migration; one with another content is still refused."""
    write(migrator, "CREATE TABLE other (a)")
    if to != "0":
        migrator.baseline(to="001_users")
    if to == "2":
        migrator.baseline(to="002_teams")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    named = point.path.partition("Z")[0] + "Z-{}.db"
    os.rename(point.path, named.format(label))
    (old_point,) = local_points.listed(migrator.driver)
    assert old_point.current == label
    write(migrator, "INSERT INTO other VALUES (1)")
    assert migrator.plan_restore(to).point == old_point
    migrator.restore(to)
    assert rows(migrator, "SELECT * FROM other") == []
    os.rename(old_point.path, named.format("v7"))
    with pytest.raises(UnavailableError, match="is damaged: it holds"):
        migrator.restore("7")


def test_columns_of_a_later_version_are_kept(migrator: Migrator) -> None:
    """Of the rows that are written back, too."""
    migrator.up(to=1)
    write(migrator, "ALTER TABLE d1migrate_log ADD COLUMN mood TEXT DEFAULT 'unknown'")
    migrator.up(to=2)
    write(migrator, "UPDATE d1migrate_log SET mood = 'fine', file_digest = 'abc' WHERE version = 2")
    kept = "SELECT mood, file_digest, format FROM d1migrate_log WHERE version = 2 AND action = 'up'"
    before = rows(migrator, kept)
    migrator.restore("1")
    assert rows(migrator, kept) == before == [("fine", "abc", 1)] * 2


def test_a_point_with_the_log_of_an_older_version(tmp_path: Path) -> None:
    """It is moved in the restored file, with the rows that are newer; undoing the restore loses none either."""
    migrator = Migrator(f"sqlite:{tmp_path / 'app.db'}", old.FILES, restore_points=True)
    done = [*old.applied_by_old(old.FILES[0], "t1"), *old.applied_by_old(old.FILES[1], "t2")]
    migrator.driver.batch(Batch([Query(old.OLD), Query(old.OLD_LOG_TABLE), *done]))
    before = migrator.history()
    migrator.up()
    (point,) = local_points.listed(migrator.driver)
    assert point.current == "002_b"
    undone = migrator.restore(point.name)
    assert [e.state for e in migrator.status()] == ["applied", "applied", "pending"]
    assert migrator.history()[: len(before)] == before
    assert [e.action for e in migrator.history()] == ["up"] * 3 + ["restore", "rewind"]
    assert migrator.status()[1].checksum == old.FILES[1].checksum
    assert undone.undo
    migrator.restore(undone.undo.name)
    assert migrator.history()[: len(before)] == before
    assert migrator.verify().ok


def test_ways_to_name_one(migrator: Migrator) -> None:
    """By name, by migration or by time; never by a path."""
    migrator.up(to=1)
    for day, version in ((1, None), (2, 2), (3, None)):
        if version:
            Migrator(migrator.driver, migrator.migrations).up(to=version)
        write(migrator, f"INSERT INTO users VALUES ({day}, 'a')")
        assert local_points.take(migrator.driver, migrator.choice, now=1_790_000_000 + day * 86400)
    found = local_points.listed(migrator.driver)
    assert [p.current for p in found] == ["001_users", "002_teams", "002_teams"]
    assert local_points.find(found, found[0].name) == found[0]
    assert local_points.find(found, "2") == found[2]
    assert local_points.find(found, "1") == found[0]
    assert local_points.find(found, "2026-09-23T20:00:00Z") == found[1]
    assert local_points.find(found, "2026-09-23 20:00 +0000") == found[1]
    assert local_points.find(found, "2026-09-23T22:00:00+10:00") == found[0]
    for wrong, why in (
        ("9", "no restore point has 9 as its last migration"),
        ("2020-01-01", "no restore point was taken before"),
        ("../" + found[0].name, "is not a restore point"),
        ("/etc/passwd", "is not a restore point"),
        (".hidden", "is not a restore point"),
        ("nothing", "is not a restore point, a migration or a time"),
    ):
        with pytest.raises(UsageError, match=why):
            local_points.find(found, wrong)


def points(*names: str) -> list[RestorePoint]:
    """Restore points at which these migrations were the last."""
    return [local_points.RestorePoint(f"point-{at}", "", at, name, 1) for at, name in enumerate(names)]


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        ("0", 0),
        ("2", 1),
        ("002_teams", 1),
        ("002_teams.sql", 1),
        ("002_t", 1),
        ("20240113/init", 2),
        ("20240113/", 2),
        ("5", 4),
    ],
)
def test_a_migration_that_was_the_last(wanted: str, at: int) -> None:
    """By number, name or beginning, as wrangler records it; 0 is the point without a migration, no beginning."""
    found = points("", "002_teams", "20240113/init", "005_a", "005_a")
    assert local_points.find(found, wanted).name == f"point-{at}"


def test_the_number_0_is_a_migrations() -> None:
    """If there is one of that number; and a number of two is refused with their names."""
    assert local_points.find(points("", "0000_init"), "0").name == "point-1"
    assert local_points.find(points("0000_init", "0001_a"), "0").name == "point-0"
    assert local_points.find(points("", "0000_init"), "none").name == "point-0"
    with pytest.raises(UsageError, match="005_a, 005_b"):
        local_points.find(points("005_a", "005_b", "006_c"), "5")


NAMES = (
    "20240113_init/migration",
    "20240114_init/migration",
    "20240114_init~migration",
    "0005_ünïcödé %2F",
    "0006_" + "long" * 60,
    "0006_" + "long" * 60 + "er",
)


def test_names_of_any_kind(tmp_path: Path) -> None:
    """A point has the whole name of its last migration, whatever a file name may contain; a very long one is cut."""
    files = load([(f"{name}.sql", f"CREATE TABLE t{at} (a);") for at, name in enumerate(NAMES)])
    migrator = Migrator(
        f"sqlite:{tmp_path / 'app.db'}", files, wrangler_table="d1_migrations", restore_points=True
    )
    names = [file.name for file in files]
    for name in names:
        migrator.up(to=name, lint=False)
        write(migrator, "CREATE TABLE IF NOT EXISTS x (a)", "INSERT INTO x VALUES (1)")
    local_points.take(migrator.driver, migrator.choice)
    found = local_points.listed(migrator.driver)
    short = [name for name in names if "long" not in name]
    assert [p.current for p in found if "long" not in p.current] == short
    cut = [p for p in found if p.current.endswith("~")]
    assert len(cut) == 2
    for name in short:
        assert migrator.plan_restore(name).point.current == name
        assert migrator.plan_restore(f"{name}.sql").point.current == name
    assert migrator.plan_restore(NAMES[-1]).point == cut[-1]
    assert migrator.plan_restore("20240113").point.current == "20240113_init/migration"
    with pytest.raises(UsageError, match="20240114_init/migration, 20240114_init~migration"):
        migrator.plan_restore("20240114")
    seen = migrator.plan_restore_before(NAMES[1])
    assert seen
    assert seen.point.current == NAMES[0]
    migrator.restore("20240113_init/migration")
    assert last(migrator) == "20240113_init/migration"
    assert [e.state for e in migrator.status()].count("pending") == 2
    write(migrator, "DROP TABLE x")
    assert migrator.verify().ok


def test_links_are_no_points(migrator: Migrator, tmp_path: Path) -> None:
    """A link in the folder may lead out of it, so it is not listed."""
    migrator.up(to=1)
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    moved = tmp_path / "elsewhere.db"
    os.rename(point.path, moved)
    os.symlink(moved, point.path)
    assert local_points.listed(migrator.driver) == []


def test_old_ones_are_removed(migrator: Migrator) -> None:
    """Ten are kept, and those asked for; files that a killed process left are removed too."""
    migrator.up(to=1)
    for i in range(14):
        write(migrator, f"INSERT INTO users VALUES ({i}, 'a')")
        local_points.take(migrator.driver, migrator.choice, now=1_790_000_000 + i)
    assert len(local_points.listed(migrator.driver)) == 10
    place = Path(local_points.folder_of(migrator.driver) or "")
    (left := place / ".app.d1migrate-01234567.tmp-journal").write_bytes(b"x")
    place.joinpath("app-notes.txt").write_text("mine")
    os.utime(left, (1, 1))
    kept = local_points.listed(migrator.driver)[0].name
    write(migrator, "DELETE FROM users")
    newest = local_points.take(migrator.driver, migrator.choice, now=1_790_000_015, keep=(kept,))
    assert newest
    assert [p.number for p in local_points.listed(migrator.driver)] == [5, *range(6, 16)]
    assert local_points.listed(migrator.driver)[0].name == kept
    assert min(os.listdir(place)) == ".gitignore"
    assert "app-notes.txt" in os.listdir(place)
    assert not left.exists()


YEAR = 365 * 86400


@pytest.mark.parametrize("wrong", [2 * 86400, YEAR, -YEAR])
def test_a_clock_that_was_wrong(migrator: Migrator, wrong: int) -> None:
    """A clock that was ahead or late for some runs: the newest ten are kept, in the order in which they were taken."""
    migrator.up(to=1)
    now = 1_790_000_000
    for number, off in enumerate([0] * 3 + [wrong] * 4 + [0] * 6, 1):
        write(migrator, f"INSERT INTO users VALUES ({number}, 'a')")
        assert local_points.take(migrator.driver, migrator.choice, now=now + number + off)
    found = local_points.listed(migrator.driver)
    assert [point.number for point in found] == list(range(4, 14))
    assert local_points.find(found, "1") == found[-1]
    by_time = local_points.find(found, "2026-09-21T14:13:29Z")  # as the clock showed it at number 9
    assert by_time.number == 9
    restore.restore(migrator.driver, migrator.choice, found[-3], new_stamp)
    assert rows(migrator, "SELECT max(id) FROM users") == [(11,)]


def test_a_log_without_its_index_locks_nobody_out(migrator: Migrator, tmp_path: Path) -> None:
    """A file and its -wal without a -shm, as a killed process leaves them, can be read and restored."""
    migrator.up(to=1)
    write(migrator, "INSERT INTO users VALUES (1, 'a')")
    assert local_points.take(migrator.driver, migrator.choice)
    write(migrator, "INSERT INTO users VALUES (2, 'b')")
    place = tmp_path / "crashed"
    place.mkdir()
    for end in ("", "-wal"):
        (place / f"app.db{end}").write_bytes((tmp_path / f"app.db{end}").read_bytes())
    (tmp_path / ".d1migrate").rename(place / ".d1migrate")
    first, second = (connect(f"sqlite:{place / 'app.db'}") for _ in range(2))
    for driver in (first, second):
        driver._busy_timeout = 0.0  # type: ignore[attr-defined]
    query = Batch([Query("SELECT count(*) FROM users")], reads=True)
    assert [d.batch(query)[0].rows for d in (first, second, first)] == [((2,),)] * 3
    assert not (place / "app.db-shm").exists()
    restore.restore(second, USUAL, local_points.listed(second)[0], new_stamp)
    assert first.batch(query)[0].rows == ((1,),)
    first.close()
    second.close()


def test_runs_that_fail_push_out_no_point(migrator: Migrator) -> None:
    """If nothing was written since the newest point, it is the point of the next run too."""
    migrator.up(to=1)
    first = local_points.take(migrator.driver, migrator.choice, now=1_790_000_000)
    assert first
    assert [
        local_points.take(migrator.driver, migrator.choice, now=1_790_000_000 + i) for i in range(1, 13)
    ] == [first] * 12
    broken = load(
        [("001_users.sql", FILES["001_users.sql"]), ("004_broken.sql", "DELETE FROM users WHERE f();")]
    )
    for _ in range(2):
        with pytest.raises(ApplyError):
            Migrator(migrator.driver, broken, restore_points=True).up(lint=False)
    assert local_points.listed(migrator.driver) == [first]


def test_files_of_one_folder_have_points_of_their_own(folder: Path) -> None:
    """They do not mix, whether names share a prefix, differ only in their ending, or share a folder."""
    place, shared = folder.parent, str(folder.parent / "shared")
    (place / "sub").mkdir()
    drivers = [
        connect(f"sqlite:{place / name}")
        for name in ("app.db", "app-2.db", "app.sqlite", "app", "a pp.db", "a_pp.db", "sub/app.db")
    ]
    for at, driver in enumerate(drivers):
        driver.batch(Batch([Query(f"CREATE TABLE t{at} (a)")]))
        for where in (None, shared):
            for second in (0, 1):
                driver.batch(Batch([Query(f"INSERT INTO t{at} VALUES (1)")]))
                assert local_points.take(driver, USUAL, where, now=1_790_000_000 + second)
    for driver in drivers:
        for where in (None, shared):
            assert len(local_points.listed(driver, where)) == 2
    assert len({p.path for driver in drivers for p in local_points.listed(driver, shared)}) == 2 * len(
        drivers
    )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (b"", "it holds nothing, expected 001_users"),
        (None, "is damaged: database disk image is malformed"),
        (b"no database" * 1000, "is damaged: file is not a database"),
    ],
)
def test_a_damaged_point_is_refused(migrator: Migrator, damage: bytes | None, why: str) -> None:
    """A point that was cut, emptied or overwritten is never restored; nothing is done, and no new point is left."""
    migrator.up(to=1)
    write(migrator, "INSERT INTO users VALUES (1, printf('%.*c', 20000, 'a'))")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    whole = Path(point.path).read_bytes()
    Path(point.path).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    write(migrator, "INSERT INTO users VALUES (2, 'b')")
    for act in (
        lambda: restore.preview(migrator.driver, migrator.choice, point),
        lambda: migrator.restore(point.name),
    ):
        with pytest.raises(UnavailableError, match=why) as caught:
            act()
        assert point.name in str(caught.value)
        assert caught.value.hint == "restore an earlier point, or a backup"
    assert rows(migrator, "SELECT id FROM users") == [(1,), (2,)]
    assert [p.name for p in local_points.listed(migrator.driver)] == [point.name]


def test_another_databases_point_is_refused(migrator: Migrator) -> None:
    """A copy whose last migration is not the one in its name is refused."""
    migrator.up(to=2)
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    Path(point.path).unlink()
    with closing(sqlite3.connect(point.path)) as raw:
        raw.execute("CREATE TABLE other (a)")
    with pytest.raises(UnavailableError, match="it holds no migration, expected 002_teams"):
        migrator.restore("2")
    assert last(migrator) == "002_teams"


_SMALL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from d1migrate.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_full_disk_loses_nothing(migrator: Migrator, tmp_path: Path) -> None:
    """If the disk fills up, in a copy or in the journal of the live file, it is reported and nothing has changed."""
    migrator.up(to=1)
    count = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i, i FROM n"
    write(migrator, f"INSERT INTO users {count}")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    write(migrator, "DELETE FROM users WHERE id = 9000")
    migrator.close()
    size = os.path.getsize(tmp_path / "app.db")
    for room in (1000, size // 2, size, size + 100):
        for command in (["restore", "--to", "1", "--yes"], ["backup", "--output", str(tmp_path / "a.sql")]):
            if command[0] == "backup" and room >= size:
                continue  # there is room for a dump
            database = f"sqlite:{tmp_path / 'app.db'}"
            ran = subprocess.run(
                [sys.executable, "-c", _SMALL_DISK, str(room), *command, "--database", database],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert ran.returncode == 1, ran
            assert "error: " in ran.stderr
            assert "not an error" not in ran.stderr
            assert "Traceback" not in ran.stderr
            assert [p.name for p in local_points.listed(migrator.driver)] == [point.name]
            assert len(rows(migrator, "SELECT id FROM users")) == 8999
            migrator.close()
    assert not (tmp_path / "a.sql").exists()


def test_a_copy_is_as_private_as_the_file(migrator: Migrator, tmp_path: Path) -> None:
    """Whoever may not read the database may not read the copy."""
    migrator.up(to=1)
    os.chmod(tmp_path / "app.db", 0o600)
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    assert stat.S_IMODE(os.stat(point.path).st_mode) == 0o600


def test_a_damaged_database_is_reported(migrator: Migrator, tmp_path: Path) -> None:
    """A run stops before it writes, because it has no usable restore point."""
    migrator.up(to=1)
    write(
        migrator,
        "INSERT INTO users WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i, i FROM n",
    )
    migrator.close()
    path = tmp_path / "app.db"
    with path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(UnavailableError, match="is damaged"):
        Migrator(f"sqlite:{path}", migrator.migrations, restore_points=True).up(to=2)
    assert local_points.listed(migrator.driver) == []


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_it_happens_in_the_live_file(migrator: Migrator, tmp_path: Path, journal: str) -> None:
    """The file keeps its inode and journal mode, and other connections see the rows at once."""
    migrator.up(to=1)
    write(migrator, "INSERT INTO users VALUES (1, 'a')")
    migrator.close()
    path = tmp_path / "app.db"
    with closing(apsw.Connection(str(path))) as raw:
        raw.execute(f"PRAGMA journal_mode = {journal}")
    migrator = Migrator(f"sqlite:{path}", migrator.migrations)
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    write(migrator, "DELETE FROM users")
    with closing(apsw.Connection(str(path))) as other:
        assert other.execute("SELECT count(*) FROM users").fetchall() == [(0,)]
        inode = path.stat().st_ino
        restore.restore(migrator.driver, migrator.choice, point, new_stamp)
        assert other.execute("SELECT name FROM users").fetchall() == [("a",)]
        assert other.execute("PRAGMA journal_mode").fetchall() == [(journal,)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert path.stat().st_ino == inode


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_row_written_meanwhile_is_not_lost(
    migrator: Migrator, tmp_path: Path, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows written between the point that undoes it and the lock are not overwritten: nothing is done."""
    migrator.up(to=1)
    migrator.close()
    path = tmp_path / "app.db"
    with closing(apsw.Connection(str(path))) as raw:
        raw.execute(f"PRAGMA journal_mode = {journal}")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    write_back: Callable[..., int] = restore._write_back

    def disturbed(*arguments: object) -> int:
        with closing(apsw.Connection(str(path))) as other:
            other.execute("INSERT INTO users VALUES (5, 'late')")
        return write_back(*arguments)

    monkeypatch.setattr(restore, "_write_back", disturbed)
    with pytest.raises(UnavailableError, match="another process wrote to it meanwhile"):
        restore.restore(migrator.driver, migrator.choice, point, new_stamp)
    monkeypatch.undo()
    assert rows(migrator, "SELECT name FROM users") == [("late",)]
    assert local_points.listed(migrator.driver) == [
        point
    ]  # else `--to 1` would now mean the state of just before
    assert restore.restore(migrator.driver, migrator.choice, point, new_stamp).current == "001_users"
    assert rows(migrator, "SELECT name FROM users") == []


def test_a_busy_file_is_left_alone(migrator: Migrator, tmp_path: Path) -> None:
    """The restore waits for another process's open transaction, then reports it."""
    migrator.up(to=1)
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    migrator.close()
    driver = connect(f"sqlite:{tmp_path / 'app.db'}")
    driver._busy_timeout = 0.1  # type: ignore[attr-defined]
    with closing(apsw.Connection(str(tmp_path / "app.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match=r"locked|busy"):
            restore.restore(driver, USUAL, point, new_stamp)
        other.execute("ROLLBACK")
    restore.restore(driver, USUAL, point, new_stamp)


def test_a_file_that_is_gone_is_restored(migrator: Migrator, tmp_path: Path) -> None:
    """The points still exist; there is nothing to undo."""
    migrator.up(to=1)
    write(migrator, "INSERT INTO users VALUES (1, 'a')")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    migrator.close()
    for file in tmp_path.glob("app.db*"):
        file.unlink()
    done = restore.restore(migrator.driver, migrator.choice, point, new_stamp)
    assert done.undo is None
    assert rows(migrator, "SELECT name FROM users") == [("a",)]


@pytest.mark.parametrize("damage", ["pages", "header", "no database", "empty"])
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_damaged_database_is_restored(
    migrator: Migrator, tmp_path: Path, damage: str, journal: str
) -> None:
    """Its file is kept unchanged, and the point replaces it."""
    migrator.up(to=1)
    numbers = "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i, i FROM n"
    write(migrator, f"INSERT INTO users {numbers}")
    point = local_points.take(migrator.driver, migrator.choice)
    assert point
    migrator.up(to=2)
    migrator.close()
    path = tmp_path / "app.db"
    with closing(apsw.Connection(str(path))) as raw:
        raw.execute(f"PRAGMA journal_mode = {journal}")
    whole = path.read_bytes()
    ruined = {
        "pages": whole[: 4096 * 5] + b"\xff" * 4096 * 4 + whole[4096 * 9 :],
        "header": b"\0" * 100 + whole[100:],
        "no database": b"hello" * 3000,
        "empty": b"",
    }[damage]
    path.write_bytes(ruined)
    migrator.plan_restore("1")
    done = migrator.restore("1")
    assert done.undo is None
    assert (done.aside is None) == (damage == "empty")
    if done.aside:
        assert Path(done.aside).read_bytes() == ruined
        assert stat.S_IMODE(os.stat(done.aside).st_mode) == stat.S_IMODE(path.stat().st_mode)
    assert last(migrator) == "001_users"
    assert rows(migrator, "SELECT count(*) FROM users") == [(9000,)]
    assert [p.name for p in local_points.listed(migrator.driver)] == [point.name]


def test_only_local_files(tmp_path: Path) -> None:
    """A database that is not a file has no points."""
    memory = connect("sqlite::memory:")
    assert local_points.listed(memory) == []
    point = local_points.RestorePoint("a", str(tmp_path / "a"), 0.0, "", 0)
    with pytest.raises(UsageError, match="is not a local file"):
        restore.restore(memory, USUAL, point, new_stamp)


_CHILD = """
import sys, time
from d1migrate.backup import local_points, restore
from d1migrate.drivers.connect import connect
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.table_choice import USUAL
driver = connect(f"sqlite:{sys.argv[2]}")
found = local_points.listed(driver)
print("go", flush=True)
if sys.argv[1] == "take":
    local_points.take(driver, USUAL)
else:
    restore.restore(driver, USUAL, found[0], lambda: Stamp("t", 1, "w", "x"))
"""


def test_what_wrangler_recorded_is_restored_with_the_database(migrator: Migrator) -> None:
    """Its table is in the point, beside ours: rows, ids and the counter; the log gets what happened since."""
    write(migrator, VersionTable().create, NameTable().create)
    write(
        migrator,
        *migrator.migrations[0].texts(),
        "INSERT INTO schema_migrations VALUES (1, '001_users', 1700000000)",
        "INSERT INTO d1_migrations (name) VALUES ('001_users.sql')",
    )
    migrator = Migrator(migrator.driver, migrator.migrations, restore_points=True, table="schema_migrations")
    both = "SELECT id, name, (SELECT seq FROM sqlite_sequence) FROM d1_migrations"
    before = rows(migrator, both)
    migrator.up(to=2)
    assert [name for _, name, _ in rows(migrator, both)] == ["001_users.sql", "002_teams.sql"]
    done = migrator.restore("1")
    assert done.current == "001_users"
    assert rows(migrator, both) == before
    assert [e.state for e in migrator.status()] == ["applied", "pending", "pending"]
    assert [e.action for e in migrator.history()][-2:] == ["restore", "rewind"]
    migrator.up(to=2)
    assert [name for _, name, _ in rows(migrator, both)] == ["001_users.sql", "002_teams.sql"]


@pytest.mark.slow
@pytest.mark.parametrize("action", ["take", "restore"])
def test_killed_at_any_moment(migrator: Migrator, tmp_path: Path, action: str) -> None:
    """After kill -9 the file is complete, unchanged or restored, and no partial point is listed."""
    migrator.up(to=1)
    count = 60_000
    write(
        migrator,
        "INSERT INTO users WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        f" WHERE i < {count}) SELECT i, hex(randomblob(40)) FROM n",
    )
    point = local_points.take(migrator.driver, migrator.choice, now=1_790_000_000)
    assert point
    write(migrator, "DELETE FROM users WHERE id > 10")
    migrator.close()
    states = set()
    for delay in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 10):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, action, str(tmp_path / "app.db")], stdout=subprocess.PIPE
        )
        assert child.stdout
        child.stdout.readline()
        try:
            child.wait(delay)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.communicate()
        with closing(sqlite3.connect(tmp_path / "app.db")) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ((there,),) = raw.execute("SELECT count(*) FROM users").fetchall()
            restored = raw.execute("SELECT count(*) FROM d1migrate_log WHERE action = 'restore'")
            assert (restored.fetchall() != [(0,)]) == (there == count)
        states.add(there)
        for listed in local_points.listed(migrator.driver):
            with closing(sqlite3.connect(listed.path)) as raw:
                assert raw.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    assert states == ({10} if action == "take" else {10, count})
