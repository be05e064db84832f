"""Two runners on one database: every migration is applied once, and the slower one says who was faster."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, QueryError, UnsafeMigration
from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate import assertions
from d1migrate.migrate.flows.verify import verify_by_digests
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.schema.digest import changes_of_each
from d1migrate.sql.batch import Batch, Query
from tests.unit.migrate.flows import test_carry_over as old

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.report import Report
    from d1migrate.sql.batch import Result
    from tests.remote.conftest import Remote

    Open = Callable[[], Driver]
    Act = Callable[[Migrator], Report]

ROUNDS, REMOTE_ROUNDS = 50, 4

# Each can be applied twice without an error, and then leaves a row too many.
FILES = {
    "001_items": "CREATE TABLE IF NOT EXISTS items (version INTEGER);\nINSERT INTO items VALUES (1);",
    "002_self": "INSERT INTO items VALUES (2);\n"
    "INSERT INTO schema_migrations VALUES (2, '002_self', 0) ON CONFLICT DO NOTHING;",
    "003_more": "INSERT INTO items VALUES (3);\nCREATE TABLE IF NOT EXISTS more (a);",
    "004_last": "INSERT INTO items VALUES (4);",
}
# The same in wrangler's table: a number is there twice, so no table of versions could hold them.
NAMES = {
    "0001_items": FILES["001_items"],
    "0001_self": FILES["002_self"].partition("\n")[0],
    "0003_more": FILES["003_more"],
    "0004_last": FILES["004_last"],
}
SHAPES = {"versions": FILES, "names": NAMES}
UNDO = "DELETE FROM items WHERE version = {}; INSERT INTO items VALUES (-{});"


@pytest.fixture(scope="module", params=SHAPES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The migrations, whose numbers decide on the table."""
    path = tmp_path_factory.mktemp(request.param)
    for number, (name, sql) in enumerate(SHAPES[request.param].items(), 1):
        undo = "".join(f"--   {part.strip()};\n" for part in UNDO.format(number, number).split(";")[:-1])
        (path / f"{name}.sql").write_text(f"{sql}\n\n-- Rollback:\n{undo}")
    return path


@pytest.fixture
def migrations(folder: Path) -> Sequence[Migration]:
    """The migrations, read."""
    return load_migrations(str(folder))


def read(driver: Driver, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    (result,) = driver.batch(Batch([Query(sql)], reads=True))
    return list(result.rows)


def number(migrator: Migrator) -> int | None:
    """The number of the last applied migration."""
    current = migrator.current()
    return current.version if current else None


def check_applied_once(driver: Driver) -> None:
    """Every migration left its one row, in the tables, in history, and twice in the log."""
    assert read(driver, "SELECT version FROM items ORDER BY rowid") == [(1,), (2,), (3,), (4,)]
    log = read(driver, "SELECT name, event FROM d1migrate_log ORDER BY id")
    files = FILES if log[0][0] in FILES else NAMES
    assert log == [(name, event) for name in files for event in ("begun", "done")]
    if files is FILES:
        rows = read(driver, "SELECT version, name FROM schema_migrations ORDER BY version")
        assert rows == list(enumerate(FILES, 1))
    else:
        rows = read(driver, "SELECT id, name FROM d1_migrations ORDER BY id")
        assert rows == [(number, f"{name}.sql") for number, name in enumerate(NAMES, 1)]


def places(rows: Iterable[Any]) -> list[int]:
    """The positions of migrations in their folder, from 1."""
    return [((row.name in FILES and [*FILES]) or [*NAMES]).index(row.name) + 1 for row in rows]


# --- true processes, at the same instant ---

# `python -m d1migrate`, with the interpreter up before its standard input ends.
RUNNER = """import runpy, sys
import d1migrate.cli.project, d1migrate.cli.up, d1migrate.cli.parser, d1migrate.migrator
import d1migrate.drivers.sqlite, d1migrate.project.files, d1migrate.report.progress
print("ready", flush=True)
sys.stdin.buffer.read()
runpy.run_module("d1migrate", run_name="__main__", alter_sys=True)
"""


class Ended(NamedTuple):
    """How a runner ended."""

    who: str
    code: int
    out: str
    err: str

    @property
    def lost(self) -> int:
        """How many of its batches another runner had been faster than: those sent, less those done."""
        sent = self.err.count(f"'{assertions.ALREADY_APPLIED}'")
        return sent - sum(f"  {name}  " in self.err for name in FILES | NAMES)


def run_together(url: str, folder: Path, **variables: str) -> list[Ended]:
    """Start two `d1migrate up --verbose`, and let both go at once."""
    gate, opener = os.pipe()
    database = ["--database", url, "--migrations", str(folder)]
    runners = [
        subprocess.Popen(
            [sys.executable, "-c", RUNNER, "up", "--verbose", *database],
            stdin=gate,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path)))}
            | {"D1MIGRATE_BY": who, **variables},
        )
        for who in ("one", "two")
    ]
    os.close(gate)
    for runner in runners:
        assert runner.stdout
        assert runner.stdout.readline() == "ready\n"
    os.close(opener)
    ended = []
    for who, runner in zip(("one", "two"), runners, strict=True):
        out, err = runner.communicate(timeout=60)
        ended.append(Ended(who, runner.returncode, out, err))
    return ended


def test_two_processes_at_the_same_instant(tmp_path: Path, folder: Path) -> None:
    """In 50 rounds, half of them on a new file, nothing is applied twice, lost or called an error."""
    told = 0
    for round_ in range(ROUNDS if folder.name.startswith("versions") else ROUNDS // 5):
        path = tmp_path / f"{round_}.db"
        before = 0
        if round_ % 2:
            first = Migrator(f"sqlite:{path}", str(folder), by="before")
            UP_TO[1](first)
            first.close()
            before = 1
        ended = run_together(f"sqlite:{path}", folder)
        driver = SqliteDriver(str(path), url="sqlite:app.db")
        told += check_both(ended, driver, before)
        driver.close()
    assert told, "in no round one was faster than the other: the gate is not one"


def test_two_processes_on_a_remote_database(new_remote: Callable[[], Remote], folder: Path) -> None:
    """The same in front of a remote D1, where a request is the transaction."""
    for _ in range(REMOTE_ROUNDS):
        remote = new_remote()
        ended = run_together(f"d1:{remote.id}", folder, **remote.server.environment)
        check_both(ended, remote.open(), 0)


def check_both(ended: list[Ended], driver: Driver, before: int) -> int:
    """Check what two runners did and said; return how many of them had to say that the other was faster."""
    assert [(e.code, e.err if e.code else "") for e in ended] == [(0, ""), (0, "")]
    check_applied_once(driver)
    counts = dict(read(driver, "SELECT who, count(DISTINCT name) FROM d1migrate_log GROUP BY 1"))
    assert sum(counts.values()) == len(FILES)
    told = 0
    for runner in ended:
        applied = counts.get(runner.who, 0)
        meanwhile = runner.out.count("applied meanwhile by another run: ")
        assert (f"applied {applied} migration" in runner.out) == bool(applied)
        assert ("nothing to do" in runner.out) == (not applied and not meanwhile)
        assert meanwhile or not runner.lost, runner
        assert applied + meanwhile <= len(FILES) - before
        told += bool(meanwhile)
    return told


# --- the same races, one step after the other ---


class Race:
    """A driver that lets another runner go first, before its batch number `at`."""

    def __init__(self, driver: Driver, at: int, other: Callable[[], object]) -> None:
        self.url, self.capabilities, self.batches = driver.url, driver.capabilities, 0
        self._driver, self._at, self._other = driver, at, other

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it after the other's."""
        number, self.batches = self.batches, self.batches + 1
        if number == self._at:
            self._other()
        return self._driver.batch(batch)

    def close(self) -> None:
        """Close the driver."""
        self._driver.close()


@pytest.fixture
def open_(fresh: Callable[[], Open]) -> Open:
    """Opens the same fresh database again and again."""
    return fresh()


UP_TO: dict[int, Act] = {
    1: lambda migrator: migrator.up(to=migrator.migrations[0].name),
    2: lambda migrator: migrator.up(to=migrator.migrations[1].name),
    3: lambda migrator: migrator.up(to=migrator.migrations[2].name),
    4: lambda migrator: migrator.up(),
}


def take_back_two(migrator: Migrator) -> Report:
    """Roll back the two newest migrations."""
    return migrator.down(steps=2, allow_loss=["all"])


def other_run(open_: Open, migrations: Sequence[Migration], act: Act) -> None:
    """What another process does in between."""
    other = Migrator(open_(), migrations, by="other")
    act(other)
    other.close()


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("to", [1, 2, 4])
def test_another_run_before_each_batch(
    fresh: Callable[[], Open], migrations: Sequence[Migration], start: int, single: bool, to: int
) -> None:
    """Whenever the other applies the same migrations, the report tells which, and nothing is doubled."""
    for at in range(4 if single else 6):
        open_ = fresh()
        if start:
            other_run(open_, migrations, UP_TO[1])
        race = Race(open_(), at, functools.partial(other_run, open_, migrations, UP_TO[to]))
        migrator = Migrator(race, migrations, by="us")
        report = migrator.up(single_transaction=single)
        ours = [step.name for step in report.steps]
        assert not {row.name for row in report.meanwhile} & set(ours)
        done = read(race, "SELECT name, who FROM d1migrate_log WHERE event = 'done' ORDER BY id")
        assert [name for name, who in done if who == "us"] == ours
        check_applied_once(race)
        migrator.close()


def test_applied_between_the_reading_and_the_batch(open_: Open, migrations: Sequence[Migration]) -> None:
    """The report has the other's migrations as `meanwhile` and the rest as its own."""
    other_run(open_, migrations, UP_TO[1])
    race = Race(open_(), 1, lambda: other_run(open_, migrations, UP_TO[3]))
    migrator = Migrator(race, migrations)
    report = migrator.up()
    assert places(report.meanwhile) == [2, 3]
    assert places(report.steps) == [4]
    check_applied_once(race)
    migrator.close()


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("to", [2, 4])
@pytest.mark.parametrize("at", range(5))
def test_files_that_cannot_run_on_the_schema_they_build(
    fresh: Callable[[], Open], start: int, to: int, at: int
) -> None:
    """History and schema are read by two requests: another run in between is no error of the linter."""
    open_ = fresh()
    files = [Migration(1, "001_t", "CREATE TABLE t (a);")]
    files += [
        Migration(n, f"00{n}_c", f"ALTER TABLE t ADD COLUMN c{n};\nCREATE TABLE t{n} (a);") for n in (2, 3, 4)
    ]
    if start:
        other_run(open_, files, UP_TO[1])
    race = Race(open_(), at, lambda: other_run(open_, files, UP_TO[to]))
    migrator = Migrator(race, files)
    report = migrator.up()
    assert report.ok, report.problems
    assert len({result.version for result in report.results}) == len(report.results)
    assert number(migrator) == 4
    migrator.close()


@pytest.mark.parametrize(
    "read_",
    [
        lambda m: m.lint(),
        lambda m: m.rehearse().ok,
        lambda m: m.verify().ok,
        lambda m: (
            run(
                verify_by_digests(m.migrations, m.choice, changes_of_each(schemas_after(m.migrations))),
                m.driver,
            ).ok
        ),
    ],
    ids=["lint", "rehearse", "verify", "verify by digests"],
)
def test_what_only_reads_sees_one_moment(open_: Open, read_: Callable[[Migrator], object]) -> None:
    """Another run between history and schema does not make it find what is not so."""
    files = [
        Migration(1, "001_t", "CREATE TABLE t (a);"),
        Migration(2, "002_c", "ALTER TABLE t ADD COLUMN c;"),
    ]
    other_run(open_, files, UP_TO[1])
    race = Race(open_(), 1, lambda: other_run(open_, files, UP_TO[2]))
    migrator = Migrator(race, files)
    assert read_(migrator) in ((), True)
    assert race.batches > 2
    migrator.close()


def test_applied_between_the_two_readings_of_a_new_database(
    open_: Open, migrations: Sequence[Migration]
) -> None:
    """A database that gets its history between the first look and the second is read as it is then."""
    race = Race(open_(), 1, lambda: other_run(open_, migrations, UP_TO[2]))
    migrator = Migrator(race, migrations)
    assert [(entry.state, bool(entry.applied and entry.checksum)) for entry in migrator.status()] == [
        ("applied", True),
        ("applied", True),
        ("pending", False),
        ("pending", False),
    ]
    migrator.up()
    check_applied_once(race)
    migrator.close()


@pytest.mark.parametrize(("at", "ours"), [(1, 0), (2, 0), (3, 0), (4, 1)])
def test_taken_back_between_the_reading_and_the_batch(
    open_: Open, migrations: Sequence[Migration], at: int, ours: int
) -> None:
    """A rollback that another run was faster with is an error that says so, and nothing is undone twice."""
    other_run(open_, migrations, UP_TO[4])
    race = Race(open_(), at, lambda: other_run(open_, migrations, take_back_two))
    migrator = Migrator(race, migrations)
    with pytest.raises(ApplyError) as caught:
        take_back_two(migrator)
    assert any(
        text in str(caught.value.__cause__) for text in (assertions.NOT_APPLIED, assertions.CHANGED_MEANWHILE)
    )
    assert caught.value.applied == (migrations[3].name,)[:ours]
    gone = range(4, 4 - ours - 2, -1)
    assert [(-v,) for v in gone] == read(race, "SELECT version FROM items WHERE version < 0 ORDER BY rowid")
    log = "SELECT name FROM d1migrate_log WHERE (event, action) = ('done', 'down') ORDER BY id"
    assert [(migrations[v - 1].name,) for v in gone] == read(race, log)
    migrator.up()
    assert [entry.state for entry in migrator.status()] == ["applied"] * 4
    migrator.close()


def test_taken_back_while_up_runs(open_: Open, migrations: Sequence[Migration]) -> None:
    """What another run rolls back before our batch is applied again, in order."""
    other_run(open_, migrations, UP_TO[3])
    race = Race(open_(), 1, lambda: other_run(open_, migrations, take_back_two))
    migrator = Migrator(race, migrations)
    report = migrator.up()
    assert places(report.steps) == [2, 3, 4]
    assert report.meanwhile == ()
    assert read(race, "SELECT version FROM items ORDER BY rowid") == [(1,), (-3,), (-2,), (2,), (3,), (4,)]
    migrator.close()


def test_what_another_run_took_back_is_judged(open_: Open) -> None:
    """A file that was applied unjudged, and is pending again, does not slip past the linter."""
    files = {
        "001_users": "CREATE TABLE users (id INTEGER PRIMARY KEY);"
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, lead REFERENCES users(id) ON DELETE CASCADE);",
        "002_drop": "DROP TABLE users;\n-- Rollback:\n--   CREATE TABLE users (id INTEGER PRIMARY KEY);",
        "003_more": "CREATE TABLE more (id INTEGER PRIMARY KEY);",
    }
    migrations = [Migration(version, name, sql) for version, (name, sql) in enumerate(files.items(), 1)]
    other_run(open_, migrations, lambda other: other.up(to=2, lint=False))
    race = Race(open_(), 2, lambda: other_run(open_, migrations, lambda other: other.down()))
    migrator = Migrator(race, migrations)
    with pytest.raises(UnsafeMigration, match=r"nothing was run\n002_drop"):
        migrator.up()
    assert number(migrator) == 1
    migrator.close()


@pytest.mark.parametrize(
    "claim", [f"{assertions.ALREADY_APPLIED}2", assertions.CHANGED_MEANWHILE, f"{assertions.NOT_APPLIED}1"]
)
def test_a_race_that_nobody_won(open_: Open, migrations: Sequence[Migration], claim: str) -> None:
    """A batch that claims a change of history where there is none fails, and is not tried for ever."""

    def refuse() -> None:
        raise QueryError(f"bad JSON path: '{claim}': SQLITE_ERROR")

    other_run(open_, migrations, UP_TO[1])
    race = Race(open_(), 1, refuse)
    migrator = Migrator(race, migrations)
    with pytest.raises(ApplyError) as caught:
        migrator.up(lint=False)
    assert claim in str(caught.value.__cause__)
    assert (caught.value.migration, caught.value.applied) == (migrations[1].name, ())
    assert race.batches == 4  # the reading, the batch, its token, and the reading that shows no change
    migrator.up(lint=False)
    check_applied_once(race)
    migrator.close()


@pytest.mark.parametrize("at", range(1, 5))
def test_both_move_the_log_of_an_older_version(open_: Open, at: int) -> None:
    """The slower one finds it moved, on every driver: no row is lost or doubled, and no file runs twice."""
    driver = open_()
    driver.batch(Batch([Query(old.OLD), Query(old.OLD_LOG_TABLE), *old.applied_by_old(old.FILES[0], "t1")]))
    driver.close()
    race = Race(open_(), at, lambda: other_run(open_, old.FILES, lambda other: other.up()))
    migrator = Migrator(race, old.FILES)
    report = migrator.up()
    assert {row.name for row in report.results} <= {"002_b", "003_c"}
    assert read(race, "SELECT n FROM t ORDER BY n") == [(2,), (3,)]
    log = read(race, "SELECT name, event, checksum FROM d1migrate_log ORDER BY id")
    assert log == [(m.name, event, m.checksum) for m in old.FILES for event in ("begun", "done")]
    migrator.close()


def test_a_file_that_claims_a_race(open_: Open, migrations: Sequence[Migration]) -> None:
    """SQL of a file that fails with the very words of a lost race is the file's failure, and ends the run."""
    bad = type(migrations[0])(5, "005_bad", f"SELECT json_extract('{{}}', '{assertions.ALREADY_APPLIED}5');")
    migrator = Migrator(open_(), [*migrations, bad])
    with pytest.raises(ApplyError, match="the database has a newer history") as caught:
        migrator.up()
    assert caught.value.applied == tuple(migration.name for migration in migrations)
    check_applied_once(migrator.driver)
    migrator.close()
