"""Tables of wrangler's shape that wrangler did not create: they are read, and written if that is safe.

If it is not, `status` and `verify` have the SQL that makes it safe, and that SQL does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.run import run as run_flow
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import HistoryError
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = [
    Migration(number, f"000{number}_{name}", f"CREATE TABLE {name} (a);\n-- Rollback:\n--   DROP TABLE {name};\n")
    for number, name in enumerate("abc")
]  # fmt: skip
ROWS = "INSERT INTO d1_migrations (name, applied_at) VALUES ('0000_a.sql', '2026-01-01 00:00:00'), ({}, '2026-01-02 00:00:00');"
USUAL_COLUMNS = "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP"
SECOND = "'0001_b.sql'"

WRITTEN = {
    "no AUTOINCREMENT": "id INTEGER PRIMARY KEY, name TEXT UNIQUE, applied_at TIMESTAMP NOT NULL",
    "other types": "applied_at, name VARCHAR(100) NOT NULL UNIQUE, id INTEGER PRIMARY KEY",
    "more columns": f"{USUAL_COLUMNS}, who TEXT DEFAULT 'me'",
    "an index by hand": "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, applied_at TIMESTAMP); CREATE UNIQUE INDEX u ON d1_migrations(name",
}  # fmt: skip
ONLY_READ = {
    "no unique index": ("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, applied_at TIMESTAMP", SECOND),
    "an index on two columns": (
        "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, applied_at TIMESTAMP, UNIQUE (name, applied_at)",
        SECOND,
    ),
    "a partial index": (
        "id INTEGER PRIMARY KEY, name TEXT, applied_at TEXT); CREATE UNIQUE INDEX u ON d1_migrations(name) WHERE id > 1; SELECT (1",
        SECOND,
    ),
    "no id": ("name TEXT UNIQUE, applied_at TIMESTAMP", SECOND),
    "no id, and another key": ("name TEXT PRIMARY KEY, applied_at TIMESTAMP", SECOND),
    "no id, and no rowid": ("name TEXT PRIMARY KEY, applied_at TIMESTAMP) WITHOUT ROWID; SELECT (1", SECOND),
    "an id that is not a key": ("id INTEGER, name TEXT UNIQUE, applied_at TIMESTAMP", SECOND),
    "an id of text": ("id TEXT PRIMARY KEY, name TEXT UNIQUE, applied_at TIMESTAMP", SECOND),
    "NULL": (USUAL_COLUMNS, "NULL"),
    "twice": (
        "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, applied_at TIMESTAMP",
        f"{SECOND}, '2026-01-03 00:00:00'), ({SECOND}",
    ),
    "everything": ("name, applied_at", f"{SECOND}, '2026-01-03 00:00:00'), ({SECOND}, '2026-01-03 00:00:00'), (NULL, '2026-01-04 00:00:00'), (NULL"),
}  # fmt: skip


@pytest.fixture
def driver() -> Iterator[SqliteDriver]:
    """An empty database."""
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    yield driver
    driver.close()


def create(driver: SqliteDriver, columns: str, second: str = SECOND) -> Migrator:
    """Create the table with two rows, and what the two migrations create."""
    run(driver, f"CREATE TABLE d1_migrations ({columns}); CREATE TABLE a (a); {ROWS.format(second)}")
    if SECOND in second:
        run(driver, "CREATE TABLE b (a)")
    return Migrator(driver, FILES, wrangler_table="d1_migrations")


def run(driver: SqliteDriver, sql: str) -> None:
    """Run a script."""
    driver.batch(Batch([Query(piece.sql) for piece in split(sql) if piece.sql]))


def names(driver: SqliteDriver) -> list[object]:
    """The names that wrangler reads, in its order."""
    query = Query("SELECT id, name, applied_at FROM d1_migrations ORDER BY id")
    return [name for _, name, _ in driver.batch(Batch([query], reads=True))[0].rows]


def mends(migrator: Migrator) -> list[str]:
    """The SQL that mends what is wrong with the table."""
    return [sql for problem in migrator.verify().problems for sql in problem.fix]


def everything_is_read(migrator: Migrator, applied: int) -> None:
    """All commands that read, work."""
    states = [entry.state for entry in migrator.status()]
    assert states == ["applied"] * applied + ["pending"] * (3 - applied)
    assert [event.name for event in migrator.history()][:1] == ["0000_a"]
    current = migrator.current()
    assert current
    assert current.name == FILES[applied - 1].name
    assert migrator.verify().differences == ()
    assert not [found for found in migrator.lint() if found.severity == "error"]


@pytest.mark.parametrize("columns", WRITTEN.values(), ids=WRITTEN)
def test_written(driver: SqliteDriver, columns: str) -> None:
    """Wrangler's statements work on it, and so do ours."""
    migrator = create(driver, columns)
    everything_is_read(migrator, 2)
    assert [step.name for step in migrator.up().steps] == ["0002_c"]
    assert names(driver) == ["0000_a.sql", "0001_b.sql", "0002_c.sql"]
    migrator.down(to=0, rollback_from="file", allow_loss=["all"])
    assert [step.name for step in migrator.up().steps] == ["0001_b", "0002_c"]
    run(driver, "INSERT INTO d1_migrations (name, applied_at) VALUES ('0003_d.sql', CURRENT_TIMESTAMP)")
    assert [entry.state for entry in migrator.status()] == [*["applied"] * 3, "missing"]


@pytest.mark.parametrize(("columns", "second"), ONLY_READ.values(), ids=ONLY_READ)
def test_only_read_until_it_is_mended(driver: SqliteDriver, columns: str, second: str) -> None:
    """Every refusal has the SQL that mends what it names; then it is wrangler's table."""
    applied = 1 if second == "NULL" else 2
    migrator = create(driver, columns, second)
    everything_is_read(migrator, applied)
    for _ in range(4):
        with pytest.raises(HistoryError) as caught:
            migrator.up()
        for act in (migrator.down, lambda: migrator.baseline(to=2), lambda: migrator.accept(0, reason="x")):
            with pytest.raises(HistoryError):
                act()
        assert not [row for row in migrator.history() if row.token]
        assert caught.value.hint
        assert caught.value.hint.startswith("`d1migrate status` shows the SQL that mends it")
        assert mends(migrator), str(caught.value)
        for mend in mends(migrator):
            run(driver, mend)
        if not run_flow(read_history(migrator.choice), driver).problems:
            break
    everything_is_read(migrator, applied)
    migrator.up()
    assert names(driver) == ["0000_a.sql", "0001_b.sql", "0002_c.sql"]
    with pytest.raises(Exception, match="UNIQUE"):
        run(driver, "INSERT INTO d1_migrations (name) VALUES ('0002_c.sql')")


def test_a_name_that_needs_quotes(driver: SqliteDriver) -> None:
    """The SQL quotes it."""
    run(driver, 'CREATE TABLE "my migrations" (id INTEGER PRIMARY KEY, name TEXT, applied_at)')
    migrator = Migrator(driver, FILES, wrangler_table="my migrations")
    with pytest.raises(HistoryError):
        migrator.up()
    (mend,) = mends(migrator)
    run(driver, mend)
    assert len(migrator.up().steps) == 3


@pytest.mark.parametrize("name", ["'0001_b'", "x'00ff27'"])
def test_names_without_the_ending(driver: SqliteDriver, name: str) -> None:
    """Wrangler would run the file, since it compares whole names: which one is meant, only a person knows."""
    migrator = create(driver, USUAL_COLUMNS, name)
    with pytest.raises(HistoryError, match="1 of its rows do not name a file"):
        migrator.up()
    assert [entry.state for entry in migrator.status()] == ["applied", "pending", "pending"]
    (mend,) = mends(migrator)
    assert mend.endswith(f"WHERE name = {name};")
    run(driver, mend)
    assert len(migrator.up().steps) == 2


CREATED = {
    "as `wrangler d1 export` writes it": f"CREATE TABLE IF NOT EXISTS d1_migrations ({USUAL_COLUMNS});",
    "in another shape": "CREATE TABLE D1_Migrations (k TEXT);",
    "in the second file": "SELECT 1;",
}


@pytest.mark.parametrize("sql", CREATED.values(), ids=CREATED)
@pytest.mark.parametrize("single", [False, True], ids=["each in a transaction", "one transaction"])
def test_a_file_that_creates_the_table(driver: SqliteDriver, sql: str, *, single: bool) -> None:
    """Versions are recorded elsewhere, and the table that appears has no rows: nothing else changed."""
    second = "CREATE TABLE b (a);" if "d1_" in sql.lower() else CREATED["in another shape"]
    files = [
        Migration(1, "0001_init", sql),
        Migration(2, "0002_b", second),
        Migration(3, "0003_c", "SELECT 1"),
    ]
    migrator = Migrator(driver, files)
    assert migrator.choice.files.shape == "versions"
    assert len(migrator.up(single_transaction=single, lint=False).steps) == len(files)
    assert [entry.state for entry in Migrator(driver, files).status()] == ["applied"] * 3
