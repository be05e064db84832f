"""What a request cannot carry is sent through D1's import, and the history shows the outcome."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.cli import main
from d1migrate.errors import ApplyError, HistoryError, QueryError, UnavailableError
from d1migrate.migrate.history import History
from d1migrate.migrate.plan import Plan, _step_up
from d1migrate.migrate.source import load
from d1migrate.migrate.table import VersionTable
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.report import values
from d1migrate.sql.batch import Batch, Query
from tests.cli.test_terminal import on_terminal
from tests.remote.test_faults import THREE
from tests.remote.test_rest import TRIGGER, read

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.migration import Migration
    from tests.remote.conftest import Remote


def large(folder: Path, last: str = "") -> tuple[Migration, ...]:
    """Write a migration of more than 1 MiB."""
    folder.mkdir()
    rows = "".join(f"INSERT INTO big VALUES ({n}, '{'x' * 1000}; -- {n}');\n" for n in range(1_200))
    text = f"CREATE TABLE big (n INTEGER, text TEXT);\n{rows}{last}-- Rollback:\n--   DROP TABLE big;\n"
    (folder / "001_big.sql").write_text(text)
    return load_migrations(str(folder))


def test_a_large_file_is_imported(remote: Remote, tmp_path: Path) -> None:
    """Its history is in the same file; the upload has no token, and its length is known."""
    migrator = Migrator(remote.open(), large(tmp_path / "m"))

    report = migrator.up(lint=False)

    assert [step.version for step in report.steps] == [1]
    assert read(remote.open(), "SELECT count(*) FROM big") == [(1_200,)]
    assert [(e.version, e.action, e.done) for e in migrator.history()] == [(1, "up", True)]
    (upload,) = [r for r in remote.server.requests() if r["method"] == "PUT"]
    assert "authorization" not in upload["headers"]
    assert int(upload["headers"]["content-length"]) == upload["size"] > 1_200_000
    assert migrator.up().steps == ()


@pytest.mark.parametrize("answer", ["text", "reset"])
def test_an_import_that_fails_leaves_nothing(remote: Remote, tmp_path: Path, answer: str) -> None:
    """Whether D1 reports the reason, or only that it was reset."""
    remote.server.settings(import_error=answer)
    migrator = Migrator(remote.open(), large(tmp_path / "m", "INSERT INTO nowhere VALUES (1);\n"))

    with pytest.raises(ApplyError) as caught:
        migrator.up(lint=False)

    assert not caught.value.unknown
    assert ("nowhere" in str(caught.value)) == (answer == "text")
    assert [entry.state for entry in migrator.status()] == ["pending"]
    assert read(remote.open(), "SELECT count(*) FROM sqlite_schema WHERE name = 'big'") == [(0,)]


@pytest.mark.parametrize("path", ["/import$", "/upload"])
@pytest.mark.parametrize("do", ["lose reply", "500", "503", "garbage"])
def test_an_import_whose_responses_are_lost(remote: Remote, path: str, do: str) -> None:
    """Wherever it broke: run again, it completes, and every row exists once."""
    migrations = load([("001_t.sql", TRIGGER.replace("big; really", "big;\nreally"))])
    for nth in (1, 2, 3):
        database = remote.another(f"import-{nth}")
        remote.server.faults({"match": {"path": path, "nth": nth}, "do": do})
        try:
            Migrator(database.open(), migrations).up(lint=False)
        except (ApplyError, QueryError):
            remote.server.faults()
            Migrator(database.open(), migrations).up(lint=False)
        remote.server.faults()
        assert read(database.open(), "SELECT count(*) FROM t") == [(2,)]


def test_the_plan_says_what_is_imported_and_why(tmp_path: Path) -> None:
    """A large file, and a trigger that no single line can hold; everything else is sent as a batch."""
    broken = TRIGGER.replace("big; really", "big;\nreally")
    files = load([("001_t.sql", TRIGGER), ("002_u.sql", broken.replace("TABLE t ", "TABLE u "))])
    steps = [_step_up(migration, VersionTable()) for migration in (*files, *large(tmp_path / "m"))]
    shown = values.plan(Plan(tuple(steps), History()), (), remote=True)["steps"]
    assert [step["transport"] for step in shown] == ["batch", "import", "import"]
    assert str(shown[1]["transport_reason"]).startswith("line 2: D1 would cut a trigger")
    assert "too many for one request" in str(shown[2]["transport_reason"])
    local = values.plan(Plan(tuple(steps), History()), (), remote=False)["steps"]
    assert {step["transport"] for step in local} == {"batch"}


SMALL = load([("001_t.sql", TRIGGER.replace("big; really", "big;\nreally"))])


def imported(remote: Remote) -> list[Any]:
    """The actions of the import, in order."""
    found = []
    for request in remote.server.requests():
        if request["path"].endswith("/import"):
            found.append(request["body"].split('"action": "')[1].split('"')[0])
        elif request["method"] == "PUT":
            found.append("upload")
    return found


def test_an_upload_that_breaks_is_sent_again(remote: Remote) -> None:
    """It is sent from its start, as often as any request that did nothing."""
    for what in ("drop", "lose reply", "503"):
        database = remote.another(what)
        before = len(imported(remote))
        remote.server.faults({"match": {"path": "/r2/", "nth": 1}, "do": what})
        assert len(Migrator(database.open(), SMALL).up(lint=False).steps) == 1
        assert imported(remote)[before:] == ["init", "upload", "upload", "ingest", "poll"]
        assert read(database.open(), "SELECT count(*) FROM t") == [(2,)]
    database = remote.another("broken")
    remote.server.faults({"match": {"path": "/r2/"}, "do": "503"})
    with pytest.raises(ApplyError, match="was not accepted unchanged") as caught:
        Migrator(database.open(), SMALL).up(lint=False)
    assert isinstance(caught.value.__cause__, UnavailableError)
    assert imported(remote)[-1] == "upload"


def test_an_ingest_whose_response_is_lost(remote: Remote) -> None:
    """Without polls D1 ends it after 15 seconds; the history is read after that, and does not have it."""
    remote.server.faults({"match": {"path": "/import$", "body": "ingest"}, "do": "lose reply"})
    with pytest.raises(ApplyError) as caught:
        Migrator(remote.open(), SMALL).up(lint=False)
    assert not caught.value.unknown
    assert imported(remote).count("ingest") == 1
    assert sum(remote.waits) >= 15
    remote.server.faults()
    Migrator(remote.open(), SMALL).up(lint=False)
    assert read(remote.open(), "SELECT count(*) FROM t") == [(2,)]


def test_polls_that_stay_away_too_long(remote: Remote) -> None:
    """D1 cancels an import that is not polled for 15 seconds; a rate limit that long is not reported as a success."""
    remote.server.settings(polls=3)
    slow = {"match": {"path": "/import$", "body": "poll", "nth": 2}, "do": "429", "retry_after": 20}
    remote.server.faults(slow)
    with pytest.raises(ApplyError, match="no poll") as caught:
        Migrator(remote.open(), SMALL).up(lint=False)
    assert not caught.value.unknown
    assert Migrator(remote.open(), SMALL).current() is None


def test_a_poll_has_less_patience(remote: Remote) -> None:
    """Within the 15 seconds there is time for a second poll."""
    from d1migrate.drivers import importing

    assert importing._PATIENCE + importing._POLL < 15


def test_a_token_that_is_revoked_while_it_runs(remote: Remote) -> None:
    """The poll is refused while the import is running: it must not be reported as not done."""
    refused = '{"success": false, "errors": [{"code": 10000, "message": "Authentication error"}]}'
    gone = {"do": "answer", "status": 401, "body": refused}
    remote.server.faults({"match": {"path": "/import$", "body": "poll"}, **gone})
    with pytest.raises(ApplyError, match="the import began, and then: ") as caught:
        Migrator(remote.open(), SMALL).up(lint=False)
    assert not caught.value.unknown
    nobody = {"match": {"path": "/raw$", "nth": 3}, **gone}
    remote.server.faults({"match": {"path": "/import$", "body": "poll"}, **gone}, nobody)
    with pytest.raises(ApplyError) as caught:
        Migrator(remote.open(), SMALL).up(lint=False)
    assert caught.value.unknown


def test_a_file_that_d1_has_seen(remote: Remote) -> None:
    """D1 does not import the same bytes twice, so the same batch is a different file each time."""
    remote.server.settings(known_etag="complete")
    driver = remote.open()
    driver.batch(Batch([Query("CREATE TABLE t (a)")]))
    for _ in range(2):
        with pytest.raises(Exception, match="D1 reports that the import is complete"):
            driver.batch(Batch([Query("INSERT INTO t VALUES (?)", ("a\0b\n",))], size=1))
    assert read(driver, "SELECT hex(a) FROM t") == [("6100620A",)] * 2


def test_nowhere_to_write(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the temporary file."""
    import tempfile

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(ApplyError, match="cannot write the file that is imported: No space left"):
        Migrator(remote.open(), SMALL).up(lint=False)


def test_a_bar_on_a_terminal(remote: Remote, tmp_path: Path) -> None:
    """The bar shows the upload, then the import while it runs; both are removed at the end."""
    row = f"INSERT INTO t VALUES ('{'x' * 900}');\n"
    (tmp_path / "001_t.sql").write_text("CREATE TABLE t (x);\n" + row * 9500)
    seen = on_terminal(
        "up",
        "--no-lint",
        "it is data",
        "--database",
        f"d1:{remote.id}",
        "--migrations",
        str(tmp_path),
        variables=remote.server.environment,
    )
    (upload,) = (r for r in remote.server.requests() if r["method"] == "PUT")
    shown = f"{upload['size'] / 1e6:.1f}"
    assert "001_t: upload" in seen
    assert f"{shown}/{shown} MB" in seen
    assert "001_t: import" in seen
    assert "applied 1 migration" in seen.splitlines()[-1]


@pytest.mark.parametrize("polls", [0, 2])
def test_the_plan_announces_the_requests_of_an_import(
    remote: Remote,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    polls: int,
) -> None:
    """All of them except the polls, one per second; looking up the name is included."""
    (tmp_path / "001_t.sql").write_text(SMALL[0].text)
    for name, value in remote.server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("d1migrate.drivers.importing._POLL", 0)
    remote.server.settings(polls=1 + polls)
    arguments = ["--database", remote.url, "--migrations", str(tmp_path)]
    assert main([*arguments, "plan"]) == 0
    assert "11 requests, plus one per second while D1's import runs" in capsys.readouterr().out
    before = len(remote.server.requests())
    assert main([*arguments, "up", "--no-lint", "a test"]) == 0
    without_lint = 1
    assert len(remote.server.requests()) - before == 11 - without_lint + polls
    capsys.readouterr()
    before = len(remote.server.requests())
    assert main([*arguments, "plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == len(remote.server.requests()) - before == 2


@pytest.mark.parametrize(
    ("what", "says"),
    [("503", "nothing had been recorded when the log was checked"), ("not atomic", ""), ("lose reply", "")],
)
def test_a_dump_whose_log_row_is_not_written(remote: Remote, tmp_path: Path, what: str, says: str) -> None:
    """The error reports that all rows were written; after a lost response the log is read."""
    source = Migrator(f"sqlite:{tmp_path / 'app.db'}", THREE)
    source.up()
    source.backup(str(tmp_path / "dump.sql"))
    source.close()
    target = Migrator(remote.open(), THREE)
    remote.server.faults({"match": {"path": "/query$"}, "do": what})
    if says:
        with pytest.raises(HistoryError, match=says) as caught:
            target.restore_file(str(tmp_path / "dump.sql"))
        assert "holds all of dump.sql: " in str(caught.value)
        assert "each unchanged; only the log row of the restore could not be written" in str(caught.value)
        assert "do not load it again" in str(caught.value.hint)
    else:
        target.restore_file(str(tmp_path / "dump.sql"))
    remote.server.faults()
    assert [entry.state for entry in target.status()] == ["applied"] * 3
    assert [event.action for event in target.history()].count("restore") == (0 if says else 1)


def test_a_dump_that_cannot_be_compared(remote: Remote, tmp_path: Path) -> None:
    """It was sent: the error does not claim that nothing was done."""
    source = Migrator(f"sqlite:{tmp_path / 'app.db'}", THREE)
    source.up()
    source.backup(str(tmp_path / "dump.sql"))
    source.close()
    remote.server.faults({"match": {"path": "/raw$", "nth": 2}, "do": "firewall"})
    with pytest.raises(HistoryError, match="was sent to d1:shop, and the outcome is unknown"):
        Migrator(remote.open(), THREE).restore_file(str(tmp_path / "dump.sql"))
