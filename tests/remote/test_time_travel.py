"""Restoring a remote D1 by Time Travel, without losing the log."""

from __future__ import annotations

import io
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.time_travel import restore_to
from d1migrate.cli import main
from d1migrate.drivers import cloudflare as client
from d1migrate.drivers.rest import RestDriver
from d1migrate.errors import AmbiguousError, UnavailableError, UsageError
from d1migrate.migrate import log
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.remote.test_faults import THREE, number
from tests.unit.migrate.flows import test_carry_over as old

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.conftest import Remote


def migrator(remote: Remote, folder: Path, table: str | None = None) -> Migrator:
    """Return a migrator that takes restore points."""
    return Migrator(remote.open(), THREE, by="test", restore_points=str(folder / "points"), table=table)


either_table = pytest.mark.parametrize("table", ["schema_migrations", "d1_migrations"])


def new_stamp(point: str) -> log.Stamp:
    """A stamp of a run that had this point."""
    return log.Stamp(f"token of {point}", 1_800_000_000, "test", "test", point)


JOB_FILES = load([
    ("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);"),
    ("002_fill.sql", "-- d1migrate: batch users rows 50 pause 0\nUPDATE users SET norm = email WHERE norm IS NULL;"),
])  # fmt: skip


def test_a_backfill_goes_on_after_a_restore(remote: Remote, tmp_path: Path) -> None:
    """At its cursor then, under another token: chunks of before the restore do not count."""
    found = Migrator(remote.open(), JOB_FILES, by="test", restore_points=str(tmp_path / "points"))
    found.up(to=1)
    remote.server.sql(
        remote.id, "INSERT INTO users (email) SELECT value FROM json_each('[" + "1," * 299 + "1]')"
    )
    found.run_job(may_continue=lambda sent: sent < 5)
    found.pause_job()
    before = found.status()[1].job
    assert before is not None
    point = RestorePoint(remote.open().bookmark(), "", time.time(), "001_users", 0)
    found.resume_job()
    found.run_job()
    assert [entry.state for entry in found.status()] == ["applied", "applied"]
    folder = str(tmp_path / "points")
    restore_to(remote.open(), found.choice, point, lambda: new_stamp("p"), folder=folder)
    job = found.status()[1].job
    assert job is not None
    assert (job.rows, job.at, job.paused) == (before.rows, before.at, True)
    assert job.token != before.token
    found.resume_job()
    found.run_job()
    (rows,) = remote.server.sql(remote.id, "SELECT count(*) FROM users WHERE norm = email")
    assert rows == [[300]]


def notes(remote: Remote) -> list[str]:
    """The rows of the table that migrations and users write to."""
    (result,) = remote.open().batch(Batch([Query("SELECT text FROM notes ORDER BY id")], reads=True))
    return [row[0] for row in result.rows]


def write(remote: Remote, text: str) -> None:
    """Add a row, as the application does."""
    remote.open().batch(Batch([Query("INSERT INTO notes (text) VALUES (?)", (text,))]))


@either_table
def test_back_and_forth(remote: Remote, tmp_path: Path, table: str) -> None:
    """Rows are restored, and history and log record it; undoing it restores the later rows."""
    up = migrator(remote, tmp_path, table)
    up.up(to=2)
    write(remote, "a user's")
    up.up()
    write(remote, "later")
    first, second = up.restore_points()
    assert (first.current, second.current) == ("", "002_first")
    seen = up.plan_restore("2")
    assert (seen.current, seen.undone, seen.redone) == ("003_tags", ("003_tags",), ())

    done = up.restore("2")

    assert (done.point.name, done.current) == (second.name, "002_first")
    assert notes(remote) == ["first", "a user's"]
    assert [entry.state for entry in up.status()] == ["applied", "applied", "pending"]
    log = [(e.version, e.action) for e in up.history()]
    assert log[:3] == [(1, "up"), (2, "up"), (3, "up")]
    assert (None, "restore") in log
    assert (3, "rewind") in log
    assert not list((tmp_path / "points").glob("*.json"))

    assert done.undo
    up.restore(done.undo.name)
    assert notes(remote) == ["first", "a user's", "third", "later"]
    assert [entry.state for entry in up.status()] == ["applied"] * 3
    assert up.verify().ok
    assert up.up().steps == ()


@either_table
def test_back_to_before_the_first_migration(remote: Remote, tmp_path: Path, table: str) -> None:
    """If there was no history then, the log is created again with its rows."""
    up = migrator(remote, tmp_path, table)
    up.up()
    done = up.restore("0")
    assert done.current is None
    assert [entry.state for entry in up.status()] == ["pending"] * 3
    assert [(e.version, e.action) for e in up.history()][:3] == [(1, "up"), (2, "up"), (3, "up")]
    assert len(up.up().steps) == 3
    assert up.verify().ok


def test_a_lost_response(remote: Remote, tmp_path: Path) -> None:
    """A restore to the same bookmark has the same result: it is sent again."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/restore", "nth": 1}, "do": "lose reply"})
    up.restore("0")
    assert [entry.state for entry in up.status()] == ["pending"] * 3


def test_a_log_that_cannot_be_written_back(remote: Remote, tmp_path: Path) -> None:
    """The error names the file that holds it, and the next restore finishes from there."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/query$", "body": "begun"}, "do": "503"})
    with pytest.raises(UnavailableError, match="its log could not be written back") as caught:
        up.restore("0")
    (file,) = (tmp_path / "points").glob("*.json")
    assert str(file) in str(caught.value.hint)
    remote.server.faults()
    assert up.restore("0").log == 7
    assert (number(up), len(up.history())) == (0, 8)


def test_a_log_that_cannot_be_written(remote: Remote, tmp_path: Path) -> None:
    """The first write of a restore is to the log: unless it succeeds, nothing is restored."""
    up = migrator(remote, tmp_path)
    up.up()
    for what in ("503", "firewall"):
        remote.server.faults({"match": {"path": "/query$"}, "do": what})
        with pytest.raises((UnavailableError, UsageError)):
            up.restore("0")
        assert number(up) == 3
        assert not list((tmp_path / "points").glob("*.json"))


class Killed(BaseException):
    """The process ends here."""


class Mortal(httpx.BaseTransport):
    """Sends requests until the process is killed before one of them, that is after the previous one."""

    def __init__(self, at: int) -> None:
        self._to, self._left = httpx.HTTPTransport(), at

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, if the process lives."""
        self._left -= 1
        if not self._left:
            raise Killed
        return self._to.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._to.close()


def mortal(remote: Remote, folder: Path, at: int, table: str | None = None) -> Migrator:
    """Return a migrator whose process is killed before that request."""
    settings = client.settings(remote.server.environment)
    api = client.Api(settings, transport=Mortal(at), sleep=remote.wait, clock=remote.server.now)
    driver = RestDriver(remote.name, url=remote.url, api=api, database_id=remote.id)
    remote.opened.append(api)
    return Migrator(driver, THREE, by="test", restore_points=str(folder / "points"), table=table)


@pytest.mark.parametrize(
    ("table", "to"),
    [("schema_migrations", 0), ("schema_migrations", 2), ("schema_migrations", 3), ("d1_migrations", 2)],
)
def test_killed_before_each_request(remote: Remote, tmp_path: Path, table: str, to: int) -> None:
    """The next restore to the same point finishes it: no log row is lost or doubled, and the undo point is known."""
    ended, at = False, 0
    while not ended:
        at += 1
        shop, folder = remote.another(f"shop-{at}"), tmp_path / str(at)
        up = migrator(shop, folder, table)
        up.up(to=2)
        write(shop, "a user's")
        up.up()
        wanted = str(to)
        if to == 3:  # only rows are lost, and the log has not grown
            wanted = up.driver.bookmark()  # type: ignore[attr-defined]
            up.driver.batch(Batch([log.record("done", log.Event("note"), new_stamp(wanted))]))
            write(shop, "bad")
        before, rows = up.history(), notes(shop)
        try:
            mortal(shop, folder, at, table).restore(wanted)
            ended = True
        except Killed:
            assert migrator(shop, folder, table).restore(wanted).undo
        found = up.history()
        assert found[: len(before)] == before
        events = [(e.token, e.action, e.version) for e in found]
        assert len(events) == len(set(events))
        assert [e.state for e in up.status()] == ["applied"] * to + ["pending"] * (3 - to)
        assert len(list((folder / "points").glob("*.json"))) <= 1  # of what was killed before D1 went back
        undo = next(e.restore_point for e in found if e.action == "restore")
        assert undo
        up.restore(undo)
        assert (number(up), notes(shop)) == (3, rows)
        assert up.verify().ok
    assert at > 8


def test_an_interrupted_restore_is_not_done_twice(remote: Remote, tmp_path: Path) -> None:
    """Rows that users write after it stay; another restore finishes it first, and damage to its file is reported."""
    up = migrator(remote, tmp_path)
    up.up(to=2)
    up.up()
    for at in range(1, 20):  # killed after the restore, before the log is written back
        with suppress(Killed):
            mortal(remote, tmp_path / str(at), at).restore("2")
        if number(up) == 2:
            break
    up = migrator(remote, tmp_path / str(at))
    (file,) = (tmp_path / str(at) / "points").glob("*.json")
    write(remote, "a user's")
    assert len(up.restore_points()) >= 2  # those of the file, too
    text = file.read_text()
    file.write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        up.restore("2")
    file.write_text(text)
    up.restore("2")
    assert notes(remote) == ["first", "a user's"]
    assert not file.exists()
    undo = up.history()[-1].restore_point
    assert undo
    up.restore(undo)
    assert number(up) == 3


def test_what_is_not_a_point(remote: Remote, tmp_path: Path) -> None:
    """A version that was never current, and a text that is not a name."""
    up = migrator(remote, tmp_path)
    up.up()
    for wrong in ("7", "no-such-point", "../etc/passwd"):
        with pytest.raises(UsageError):
            up.restore(wrong)
    assert number(up) == 3


def test_a_restore_that_never_happened_is_not_finished(remote: Remote, tmp_path: Path) -> None:
    """The file of a process that still runs, or died before D1 went back, is neither finished nor an obstacle."""
    up = migrator(remote, tmp_path)
    up.up()
    at = 1
    while not list((tmp_path / "points").glob("*.json")):
        with suppress(Killed):
            mortal(remote, tmp_path, at).restore("0")
        at += 1
    assert number(up) == 3
    (file,) = (tmp_path / "points").glob("*.json")
    for _ in range(2):
        up.restore("0")
        up.up()
        assert file.exists()
    assert [(e.action, e.version) for e in up.history()].count(("restore", None)) == 2
    os.utime(file, (1, 1))
    up.restore("0")
    assert not file.exists()


def test_two_at_once(remote: Remote, tmp_path: Path) -> None:
    """However they interleave, the state is the point's, and no log row is doubled."""
    up = migrator(remote, tmp_path)
    up.up(to=2)
    up.up()
    before = up.history()

    def go_back(number: int) -> None:
        with suppress(UnavailableError):
            migrator(remote, tmp_path / str(number)).restore("2")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(go_back, range(4)))
    for place in range(4):  # what was cut short is finished
        for cut in (tmp_path / str(place)).glob("points/*.json"):
            assert migrator(remote, tmp_path / str(place)).restore("2"), cut
    found = up.history()
    events = [(e.token, e.action, e.version) for e in found]
    assert len(events) == len(set(events))
    assert set(found) >= set(before)
    rows = up.driver.batch(
        Batch([Query("SELECT token, event, action, version FROM d1migrate_log")], reads=True)
    )
    assert len(rows[0].rows) == len(set(rows[0].rows))
    assert [entry.state for entry in up.status()] == ["applied", "applied", "pending"]
    assert notes(remote) == ["first"]


def test_older_than_what_d1_keeps(remote: Remote, tmp_path: Path) -> None:
    """D1 refuses the bookmark: nothing is restored, and nothing is left to finish."""
    up = migrator(remote, tmp_path)
    up.up(to=2)
    up.up()
    remote.server.advance(31 * 86400)
    with pytest.raises(UsageError, match="is more than 30 days ago"):
        up.restore("2")
    assert number(up) == 3
    assert not list((tmp_path / "points").glob("*.json"))
    assert [(e.action, e.version) for e in up.history()][-1] == ("restoring", None)


def test_an_interrupt_says_what_may_have_happened(remote: Remote, tmp_path: Path) -> None:
    """The bookmark that undoes the restore is printed before, and how to finish it after."""
    up = migrator(remote, tmp_path)
    up.up()
    told: list[RestorePoint] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    up.driver.travel = interrupt  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt) as caught:
        up.restore("0", began=told.append)
    (note,) = caught.value.__notes__
    assert "finishes it" in note
    assert told[0].name in note


def test_an_interrupted_restore_to_a_time(remote: Remote, tmp_path: Path) -> None:
    """Its bookmark is not in the log, but in the file: the printed command finishes it."""
    up = migrator(remote, tmp_path)
    up.up(to=1)
    remote.server.advance(3600)
    write(remote, "between the time and the next bookmark")
    up.up()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1800))
    remote.server.faults({"match": {"path": "/query$", "body": "begun"}, "do": "503"})
    with pytest.raises(UnavailableError, match="its log could not be written back"):
        up.restore(stamp)
    remote.server.faults()
    (cut,) = (tmp_path / "points").glob("*.json")
    assert up.restore(json.loads(cut.read_text())["point"][0]).current == "001_notes"
    assert number(up) == 1


NESTED = load(
    [
        ("20240113_a/migration.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"),
        ("20240114_b/migration.sql", "INSERT INTO notes (text) VALUES ('b');"),
        ("20240114_c/migration.sql", "INSERT INTO notes (text) VALUES ('c');"),
        ("20240115_" + "long" * 50 + ".sql", "INSERT INTO notes (text) VALUES ('long');"),
    ]
)


def test_names_of_any_kind(remote: Remote, tmp_path: Path) -> None:
    """A point has the whole name of its last migration; what wrangler applied alone is found by its time."""
    up = Migrator(remote.open(), NESTED, restore_points=str(tmp_path), wrangler_table="d1_migrations")
    for migration in NESTED:
        up.up(to=migration.name, lint=False)
    assert [point.current for point in up.restore_points()] == ["", *[m.name for m in NESTED[:-1]]]
    with pytest.raises(UsageError, match="20240114_b/migration, 20240114_c/migration"):
        up.restore("20240114")
    seen = up.plan_restore_before(NESTED[2].name)
    assert seen
    assert seen.point.current == NESTED[1].name
    assert seen.undone == (NESTED[2].name, NESTED[3].name)
    assert up.restore("20240114_b/migration.sql").current == NESTED[1].name
    assert notes(remote) == ["b"]
    assert [e.state for e in up.status()] == ["applied", "applied", "pending", "pending"]
    write(remote, "a user's")
    remote.server.advance(3600)
    remote.open().batch(
        Batch(
            [
                *(Query(sql) for sql in NESTED[2].texts()),
                Query(
                    f"INSERT INTO d1_migrations (name, applied_at) VALUES ('{NESTED[2].name}.sql', datetime('now', '+1 hour'))"
                ),
            ]
        )
    )
    seen = up.plan_restore_before(NESTED[2].name)
    assert seen
    assert seen.point.current == NESTED[1].name
    up.restore(seen.point)
    assert notes(remote) == ["b", "a user's"]
    assert len(up.up(lint=False).steps) == 2


def test_back_to_the_log_of_an_older_version(remote: Remote, tmp_path: Path) -> None:
    """Its bookmarks are points; the log that it rewinds to is moved again, with no row lost or doubled."""
    driver = remote.open()
    driver.batch(Batch([Query(old.OLD), Query(old.OLD_LOG_TABLE), *old.applied_by_old(old.FILES[0], "t1")]))
    bookmark = driver.bookmark()
    driver.batch(Batch(old.applied_by_old(old.FILES[1], "t2")))
    driver.batch(
        Batch([Query("UPDATE schema_migrations_log SET restore_point = ?1 WHERE token = 't2'", (bookmark,))])
    )
    up = Migrator(remote.open(), old.FILES, restore_points=str(tmp_path))
    (point,) = up.restore_points()
    assert (point.name, point.current) == (bookmark, "001_a")
    assert up.plan_restore("1").undone == ("002_b",)
    before = up.history()
    up.up()
    done = up.restore(bookmark)
    assert done.current == "001_a"
    assert [e.state for e in up.status()] == ["applied", "pending", "pending"]
    assert up.history()[: len(before)] == before
    (rows,) = driver.batch(Batch([Query("SELECT token, event, action, name FROM d1migrate_log")], reads=True))
    assert (
        len(rows.rows) == len(set(rows.rows)) == 4 + 2 + 1 + 3
    )  # of 0.1, the up, the beginning, the restore
    assert done.undo
    assert up.restore(done.undo.name).current == "003_c"
    assert up.status()[0].checksum == old.FILES[0].checksum
    assert up.verify().ok


# --- late and repeated requests ---

RESTORE = {"path": "/time_travel/restore$"}


def test_a_lost_answer_to_a_write_of_the_log(remote: Remote, tmp_path: Path) -> None:
    """The log is read and has it: the restore continues."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/query$"}, "do": "lose reply"})
    assert up.restore("0").current is None
    remote.server.faults()
    assert [entry.state for entry in up.status()] == ["pending"] * 3


@pytest.mark.parametrize(
    "what", [{"do": "lose reply"}, {"do": "late", "past": 3}, {"do": "503", "after": True}]
)
def test_a_restore_without_a_response(remote: Remote, tmp_path: Path, what: dict[str, Any]) -> None:
    """It is sent once; the log is read until it shows that the database went back."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": RESTORE, **what})
    assert up.restore("0").current is None
    assert remote.paths().count(("POST", "restore")) == 1
    assert [(e.action, e.version) for e in up.history()][-3:] == [("rewind", v) for v in (1, 2, 3)]


@pytest.mark.parametrize("what", ["late", "drop", "503"])
def test_a_restore_whose_outcome_is_unknown(remote: Remote, tmp_path: Path, what: str) -> None:
    """It is sent once, and waited for longer than D1's limit for a request; then the error explains how to find out."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": RESTORE, "do": what})
    with pytest.raises(AmbiguousError, match="the outcome is unknown: the restore was sent once") as caught:
        up.restore("0")
    assert "`d1migrate status`" in str(caught.value.hint)
    assert remote.paths().count(("POST", "restore")) == 1
    assert sum(remote.waits) > 30
    assert number(up) == 3


def run_status(remote: Remote, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[dict[str, Any]]:
    """The problems in `status --json`."""
    for name, value in remote.server.environment.items():
        monkeypatch.setenv(name, value)
    (folder / "migrations").mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    assert main(["--database", f"d1:{remote.id}", "status", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(out.getvalue())["problems"]
    return found


def test_status_says_that_the_database_went_back(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second copy of a restore arrives after rows were written: nothing prevents it, but `status` reports it."""
    up = Migrator(remote.open(), THREE, by="test", restore_points=str(tmp_path / ".d1migrate"))
    up.up()
    point = up.restore("0").point.name
    up.up()
    write(remote, "acknowledged")
    assert run_status(remote, monkeypatch, tmp_path) == []
    remote.open().travel(point)
    (found,) = run_status(remote, monkeypatch, tmp_path)
    assert found["kind"] == "rewound"
    assert "the log lacks the row of the restore to" in found["message"]
    up.up()
    up.restore("0")
    before = len(remote.paths())
    assert run_status(remote, monkeypatch, tmp_path) == []
    assert len(remote.paths()) == before + 1


def test_a_restore_that_cannot_be_verified(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is done, and reported as done."""
    Migrator(remote.open(), THREE, by="test", restore_points=str(tmp_path / ".d1migrate")).up()
    for name, value in remote.server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("d1migrate.migrator.Migrator.verify", _unreachable)
    (tmp_path / "migrations").mkdir()
    assert main(["--database", f"d1:{remote.id}", "restore", "--to", "0", "--yes"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("restored to ")
    assert "warning: could not check whether files and database agree: no way there\n" in said.err


def _unreachable(_: Migrator) -> None:
    raise UnavailableError("no way there")


def test_status_says_that_a_restore_is_not_finished(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first copy arrives after the command stopped waiting."""
    up = Migrator(remote.open(), THREE, by="test", restore_points=str(tmp_path / ".d1migrate"))
    up.up()
    remote.server.faults({"match": RESTORE, "do": "late"})
    with pytest.raises(AmbiguousError) as caught:
        up.restore("0")
    remote.server.faults()
    assert run_status(remote, monkeypatch, tmp_path) == []
    remote.server.arrive()
    (found,) = run_status(remote, monkeypatch, tmp_path)
    assert "but its log was not written back yet" in found["message"]
    (point,) = re.findall(r"restore --to (\S+)` finishes", str(caught.value.hint))
    assert up.restore(point).current is None
    assert run_status(remote, monkeypatch, tmp_path) == []
    assert remote.paths().count(("POST", "restore")) == 1


def test_a_killed_restore_is_not_sent_again_while_it_may_arrive(remote: Remote, tmp_path: Path) -> None:
    """The process ended after sending it: the next one waits, finds that it arrived, and finishes it."""
    up = migrator(remote, tmp_path)
    up.up()

    def sent(_: str) -> None:
        raise KeyboardInterrupt

    travel, up.driver.travel = up.driver.travel, sent  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        up.restore("0")
    remote.server.faults({"match": RESTORE, "do": "late", "past": 4})
    with suppress(AmbiguousError):
        travel(up.restore_points()[0].name)
    assert migrator(remote, tmp_path).restore("0").current is None
    assert remote.paths().count(("POST", "restore")) == 1


def test_a_late_write_back_is_refused(remote: Remote, tmp_path: Path) -> None:
    """A restore writes the state of each version to the log; after another `up` that would be untrue."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/query$", "body": "rewind"}, "do": "late"})
    with pytest.raises(UnavailableError, match="its log could not be written back"):
        up.restore("0")
    remote.server.faults()
    up.up()
    assert set(remote.server.arrive()) == {400}
    assert [entry.state for entry in up.status()] == ["applied"] * 3


def test_one_request_for_a_point(remote: Remote, tmp_path: Path) -> None:
    """A bookmark is read only before something is written."""
    up = migrator(remote, tmp_path)
    up.up()
    assert remote.paths().count(("GET", "bookmark")) == 1
    up.up()
    assert remote.paths().count(("GET", "bookmark")) == 1
