"""The effects of the SQLite driver on files, and its errors."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError, UnavailableError
from d1migrate.sql import d1
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES = Batch([Query("SELECT name FROM sqlite_master ORDER BY 1")], reads=True)


def open_driver(path: Path | str, *, busy_timeout: float = 10.0) -> SqliteDriver:
    """A driver over a file."""
    return SqliteDriver(str(path), url=f"sqlite:{path}", busy_timeout=busy_timeout)


def write(driver: SqliteDriver, *statements: str) -> None:
    """Run statements as one batch."""
    driver.batch(Batch([Query(sql) for sql in statements]))


def create(path: Path, *, journal: str = "wal") -> None:
    """A database with one table and one row, made by plain SQLite."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", journal)
    connection.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    connection.close()


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Every file's bytes and time."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in directory.iterdir()
        if not path.name.endswith("-shm")  # shared memory: lock bytes come and go
    }


def read_and_close(path: Path) -> list[object]:
    """The table names, through a driver of its own."""
    driver = open_driver(path)
    try:
        (result,) = driver.batch(TABLES)
        return [name for (name,) in result.rows]
    finally:
        driver.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDriver]:
    """A driver over a file that does not exist yet."""
    driver = open_driver(tmp_path / "app.db")
    yield driver
    driver.close()


# --- reading leaves no trace ---


def test_reading_a_missing_file_creates_nothing(tmp_path: Path) -> None:
    """A file that does not exist reads as empty and is not created."""
    assert read_and_close(tmp_path / "nowhere.db") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reads", [True, False])
def test_a_missing_folder_is_an_error(tmp_path: Path, reads: bool) -> None:
    """Its name is probably wrong, so it is neither read as empty nor created."""
    driver = open_driver(tmp_path / "my data" / "app.db")
    with pytest.raises(UnavailableError, match=r"the folder .*my data does not exist") as caught:
        driver.batch(TABLES if reads else Batch([Query("CREATE TABLE t (a)")]))
    assert caught.value.hint
    assert f"mkdir -p '{tmp_path}/my data'" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_reading_changes_no_byte(tmp_path: Path, journal: str) -> None:
    """The file, its time and its directory are the same after a read."""
    create(tmp_path / "app.db", journal=journal)
    before, names = snapshot(tmp_path), os.listdir(tmp_path)
    assert read_and_close(tmp_path / "app.db") == ["t"]
    assert snapshot(tmp_path) == before
    assert os.listdir(tmp_path) == names


@pytest.mark.parametrize("copied", [("", "-wal"), ("", "-wal", "-shm")])
def test_reading_leaves_a_log_that_nobody_wrote_back(tmp_path: Path, copied: tuple[str, ...]) -> None:
    """Content that is only in the write-ahead log is read, and is left in the log."""
    writer = apsw.Connection(str(tmp_path / "live.db"))
    writer.pragma("journal_mode", "wal")
    writer.execute("CREATE TABLE t (a)")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in copied:
        (crashed / f"app.db{suffix}").write_bytes((tmp_path / f"live.db{suffix}").read_bytes())
    writer.close()
    before, names = snapshot(crashed), sorted(os.listdir(crashed))
    assert read_and_close(crashed / "app.db") == ["t"]
    assert snapshot(crashed) == before
    assert sorted(os.listdir(crashed)) == names


def test_reading_beside_a_writer_sees_what_is_committed(tmp_path: Path) -> None:
    """A read neither waits for another process's transaction nor sees it, and does not close its log."""
    create(tmp_path / "app.db")
    writer = apsw.Connection(str(tmp_path / "app.db"))
    writer.execute("BEGIN IMMEDIATE; CREATE TABLE u (a)")
    assert read_and_close(tmp_path / "app.db") == ["t"]
    writer.execute("COMMIT")
    assert read_and_close(tmp_path / "app.db") == ["t", "u"]
    assert (tmp_path / "app.db-wal").stat().st_size > 0
    writer.close()


@pytest.mark.parametrize("exists", [True, False])
def test_a_reading_batch_cannot_write(tmp_path: Path, exists: bool) -> None:
    """A statement that writes is refused, also if the file does not exist, and after a write."""
    if exists:
        create(tmp_path / "app.db")
    driver = open_driver(tmp_path / "app.db")
    refused = Batch([Query("CREATE TABLE x (a)")], reads=True)
    for _ in range(2):
        with pytest.raises(QueryError, match="attempt to write a readonly database: SQLITE_READONLY"):
            driver.batch(refused)
        write(driver, "CREATE TABLE IF NOT EXISTS t (a)")
    driver.close()
    assert read_and_close(tmp_path / "app.db") == ["t"]


def test_the_reads_of_a_batch_see_one_moment(tmp_path: Path) -> None:
    """What another process commits between two queries of a batch is not seen by the second."""
    create(tmp_path / "app.db")
    count = Query("SELECT count(*) FROM t")

    def queries() -> Iterator[Query]:
        yield count
        other = apsw.Connection(str(tmp_path / "app.db"))
        other.execute("INSERT INTO t VALUES (2)")
        other.close()
        yield count

    driver = open_driver(tmp_path / "app.db")
    assert [result.rows for result in driver.batch(Batch(queries(), reads=True))] == [((1,),), ((1,),)]
    driver.close()


# --- creating ---


def test_a_new_file_is_like_d1s(tmp_path: Path, database: SqliteDriver) -> None:
    """WAL, 4096-byte pages, UTF-8, no auto-vacuum."""
    write(database, "CREATE TABLE t (a)")
    database.close()
    connection = apsw.Connection(str(tmp_path / "app.db"))
    found = [connection.pragma(name) for name in ("journal_mode", "page_size", "encoding", "auto_vacuum")]
    connection.close()
    assert found == ["wal", 4096, "UTF-8", 0]


def test_directories_are_made_for_a_write(tmp_path: Path) -> None:
    """Those of wrangler's state are created with the file, as wrangler does."""
    path = str(tmp_path / "a" / "b" / "app.db")
    driver = SqliteDriver(path, url="wrangler:DB", makes_folder=True)
    write(driver, "CREATE TABLE t (a)")
    driver.close()
    assert read_and_close(tmp_path / "a" / "b" / "app.db") == ["t"]


def test_an_existing_journal_mode_is_left_alone(tmp_path: Path) -> None:
    """A database with a rollback journal keeps it."""
    create(tmp_path / "app.db", journal="delete")
    driver = open_driver(tmp_path / "app.db")
    write(driver, "CREATE TABLE u (a)")
    driver.close()
    connection = apsw.Connection(str(tmp_path / "app.db"))
    assert connection.pragma("journal_mode") == "delete"
    connection.close()


def test_no_log_is_left_after_a_write(tmp_path: Path, database: SqliteDriver) -> None:
    """Closing the last connection writes the log back, also when the first batch was a read."""
    create(tmp_path / "app.db")
    database.batch(TABLES)
    write(database, "CREATE TABLE u (a)")
    database.close()
    assert os.listdir(tmp_path) == ["app.db"]


def test_many_processes_may_create_one_file(tmp_path: Path) -> None:
    """Processes that start on one new file at the same instant all succeed."""
    program = (
        "import sys; from d1migrate.sql.batch import Batch, Query\n"
        "from d1migrate.drivers.sqlite import SqliteDriver\n"
        "driver = SqliteDriver(sys.argv[1], url='x'); sys.stdin.read()\n"
        "table = Query('CREATE TABLE IF NOT EXISTS t (a)')\n"
        "driver.batch(Batch([table, Query('INSERT INTO t VALUES (1)')]))\n"
        "driver.close()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "app.db")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    starters = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for _ in range(12)
    ]
    for starter in starters:
        assert starter.stdin
        starter.stdin.close()
        starter.stdin = None
    assert [starter.communicate()[1] for starter in starters] == [b""] * 12
    driver = open_driver(tmp_path / "app.db")
    (result,) = driver.batch(Batch([Query("SELECT count(*) FROM t")], reads=True))
    driver.close()
    assert result.rows == ((12,),)


# --- what is in the way ---


def test_a_busy_database_is_waited_for_then_named(tmp_path: Path) -> None:
    """A transaction that does not end in time raises UnavailableError, which names the file; later it succeeds."""
    create(tmp_path / "app.db")
    other = apsw.Connection(str(tmp_path / "app.db"))
    other.execute("BEGIN IMMEDIATE")
    driver = open_driver(tmp_path / "app.db", busy_timeout=0.05)
    with pytest.raises(UnavailableError, match=r"app\.db: database is locked"):
        write(driver, "CREATE TABLE u (a)")
    other.execute("COMMIT")
    write(driver, "CREATE TABLE u (a)")
    driver.close()
    other.close()


@pytest.mark.parametrize(("busy_timeout", "reports"), [(0.4, 0), (0.8, 1)])
def test_a_wait_that_people_notice_is_reported_once(
    tmp_path: Path, busy_timeout: float, reports: int
) -> None:
    """With the reason, and the longest time that it may still take."""
    create(tmp_path / "app.db")
    other = apsw.Connection(str(tmp_path / "app.db"))
    other.execute("BEGIN IMMEDIATE")
    heard: list[tuple[str, float]] = []
    driver = SqliteDriver(
        str(tmp_path / "app.db"),
        url="sqlite:app.db",
        busy_timeout=busy_timeout,
        on_wait=lambda reason, seconds: heard.append((reason, seconds)),
    )
    with pytest.raises(UnavailableError, match="database is locked"):
        write(driver, "CREATE TABLE u (a)")
    driver.close()
    other.close()
    assert [reason for reason, _ in heard] == ["another process holds a transaction"] * reports
    assert all(0 < seconds <= busy_timeout - 0.5 for _, seconds in heard)


def test_a_wait_can_be_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends it, although SQLite is waiting."""
    create(tmp_path / "app.db")
    other = apsw.Connection(str(tmp_path / "app.db"))
    other.execute("BEGIN IMMEDIATE")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    driver = SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db", on_wait=interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(driver, "CREATE TABLE u (a)")
    driver.close()
    other.close()


@pytest.mark.parametrize("reads", [True, False])
def test_a_file_that_is_not_a_database(tmp_path: Path, reads: bool) -> None:
    """Other content is never an empty database, and is not changed."""
    (tmp_path / "app.db").write_bytes(b"This is a letter, not a database. " * 50)
    driver = open_driver(tmp_path / "app.db")
    with pytest.raises(UnavailableError, match=r"app\.db: file is not a database"):
        driver.batch(Batch([Query("SELECT * FROM sqlite_master")], reads=reads))
    driver.close()
    assert (tmp_path / "app.db").read_bytes().startswith(b"This is a letter")


@pytest.mark.parametrize("reads", [True, False])
def test_a_directory_is_no_database(tmp_path: Path, reads: bool) -> None:
    """A directory is never an empty database."""
    with pytest.raises(UnavailableError, match="it is a folder, not a file"):
        open_driver(tmp_path).batch(TABLES._replace(reads=reads))


@pytest.mark.parametrize("reads", [True, False])
def test_a_path_through_a_file_is_no_database(tmp_path: Path, reads: bool) -> None:
    """A path that cannot exist is an error, not an empty database."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match=r"Not a directory|File exists"):
        open_driver(tmp_path / "file" / "app.db").batch(TABLES._replace(reads=reads))


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    """A file that was cut or overwritten raises a one-line error."""
    create(tmp_path / "app.db", journal="delete")
    content = bytearray((tmp_path / "app.db").read_bytes())
    content[100:4096] = b"\xff" * 3996
    (tmp_path / "app.db").write_bytes(content)
    with pytest.raises((QueryError, UnavailableError), match="malformed"):
        read_and_close(tmp_path / "app.db")


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_read_only_file_is_readable(unprivileged_folder: Path, journal: str) -> None:
    """Without permission to write, reading works and writing reports the missing permission."""
    path = unprivileged_folder / "app.db"
    create(path, journal=journal)
    path.chmod(stat.S_IRUSR)
    unprivileged_folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert read_and_close(path) == ["t"]
    with pytest.raises(UnavailableError, match="attempt to write a readonly database") as caught:
        write(open_driver(path), "CREATE TABLE u (a)")
    assert caught.value.hint == "check the permissions of the file and of its folder"


def test_a_log_whose_index_cannot_be_created(tmp_path: Path) -> None:
    """As on a read-only mount: without a log there is nothing in it to miss."""
    create(tmp_path / "app.db", journal="wal")
    (tmp_path / "app.db-shm").mkdir()
    assert read_and_close(tmp_path / "app.db") == ["t"]


def test_a_folder_whose_name_is_not_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path from there names the file."""
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system has no such names")
    monkeypatch.chdir(os.fsdecode(folder))
    driver = SqliteDriver("app.db", url="sqlite:app.db")
    driver.batch(Batch((Query("CREATE TABLE t (x)"),)))
    driver.close()
    reader = SqliteDriver("app.db", url="sqlite:app.db")
    found = reader.batch(Batch((Query("SELECT name FROM sqlite_master"),), reads=True))
    assert found[0].rows == (("t",),)
    reader.close()


def test_text_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    """A value that no string can hold is an error, not a traceback from the decoder."""
    create(tmp_path / "app.db")
    driver = open_driver(tmp_path / "app.db")
    with pytest.raises(QueryError, match="utf-8"):
        driver.batch(Batch([Query("SELECT CAST(x'ff' AS TEXT)")], reads=True))
    driver.close()


# --- D1's rules that need more than the authorizer ---


def test_after_an_assertion_everything_is_checked_again(database: SqliteDriver) -> None:
    """What a trigger on a history table does, too, and a statement that was prepared before."""
    insert = Query("INSERT INTO t VALUES (?1)", ("1",))
    create = [
        Query("CREATE TABLE t (a)"),
        insert,
        Query("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT sqlite_version(); END"),
    ]
    assertion = Query(
        "SELECT json_extract('{}', ?1) WHERE EXISTS (SELECT 1 FROM t)", ("rows",), True, 1, True
    )
    with pytest.raises(QueryError, match="bad JSON path: 'rows'"):
        database.batch(Batch([*create, assertion]))
    passing = assertion._replace(sql=assertion.sql.replace("EXISTS", "NOT EXISTS"))
    for asked in ([passing, insert], [passing, Query("PRAGMA user_version")]):
        with pytest.raises(QueryError, match="not authorized"):
            database.batch(Batch([*create, *asked]))


def test_statements_are_measured_in_bytes(database: SqliteDriver) -> None:
    """The limit is 100,000 bytes of UTF-8, not characters."""
    fits = "SELECT '" + "é" * ((100_000 - len("SELECT ''")) // 2) + "'"
    write(database, fits)
    with pytest.raises(QueryError, match=r"^statement too long: SQLITE_TOOBIG$") as caught:
        write(database, "SELECT 1", fits.replace("éé", "ééé", 1))
    assert caught.value.index == 1


def test_production_limits_values_to_two_megabytes(tmp_path: Path) -> None:
    """A value that local D1 accepts and production refuses is refused, unless the profile is local D1's."""
    statement = "SELECT length(zeroblob(2000001))"
    with pytest.raises(QueryError, match="string or blob too big"):
        write(open_driver(":memory:"), statement)
    write(SqliteDriver(":memory:", url="x", profile=d1.WORKERD), statement)


@pytest.mark.parametrize("analyze", ["ANALYZE", "ANALYZE t", "PRAGMA optimize(0x10002)", "ANALYZE; SELECT 1"])
def test_analyze_leaves_no_samples(tmp_path: Path, database: SqliteDriver, analyze: str) -> None:
    """Afterwards there is no sqlite_stat4, as on D1, but the statistics that D1 has."""
    write(
        database, "CREATE TABLE t (a)", "CREATE INDEX t_a ON t (a)", "INSERT INTO t VALUES (1), (2)", analyze
    )
    (result,) = database.batch(TABLES)
    assert result.rows == (("sqlite_stat1",), ("t",), ("t_a",))


def test_the_rows_of_a_writing_batch_are_not_kept(database: SqliteDriver) -> None:
    """Rows that are not needed are not kept in memory."""
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT i FROM n"
    write(database, "SELECT 1")
    gc.collect()
    before = len(gc.get_objects())
    write(database, numbers)
    assert len(gc.get_objects()) < before + 1000


def test_queries_are_read_one_at_a_time(database: SqliteDriver) -> None:
    """A query is run before the next one is read, so that a long file is never in memory."""
    alive: list[int] = []

    def queries() -> Iterator[Query]:
        for n in range(100):
            alive.append(n)
            yield Query("SELECT 1" if n < 50 else "nonsense")

    with pytest.raises(QueryError) as caught:
        database.batch(Batch(queries()))
    assert caught.value.index == 50
    assert alive[-1] == 50


def test_update_with_limit_is_refused_in_plain_words(database: SqliteDriver) -> None:
    """The error explains that D1 runs it and this engine cannot, with another way to write it."""
    with pytest.raises(QueryError, match="run on D1, but not in the embedded engine") as caught:
        write(database, "CREATE TABLE t (a)", "DELETE FROM t WHERE a > 1 ORDER BY a LIMIT 1")
    assert caught.value.hint
    assert "WHERE rowid IN" in caught.value.hint


def test_a_memory_database_lives_until_close() -> None:
    """`:memory:` is one private database for reads and writes."""
    driver = open_driver(":memory:")
    driver.batch(TABLES)
    write(driver, "CREATE TABLE t (a)")
    (result,) = driver.batch(TABLES)
    driver.close()
    assert result.rows == (("t",),)


SERIES = Query("INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);", whole=True, series=2)


@pytest.mark.parametrize("last", [Query("CREATE TABLE u (a)"), SERIES], ids=["statement", "series"])
def test_memory_of_a_closed_database_is_free_at_once(last: Query) -> None:
    """A command that opens thousands of files does not keep them until somebody looks for cycles."""
    driver = open_driver(":memory:")
    driver.batch(Batch([Query("CREATE TABLE t (a)"), last], size=1))
    assert driver._writer
    engine = weakref.ref(driver._writer)
    gc.disable()
    try:
        driver.close()
        assert engine() is None
    finally:
        gc.enable()
