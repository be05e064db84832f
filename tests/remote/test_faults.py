"""Faults between here and a remote D1: messages are true, and the next run completes the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import ApplyError, Error, PartiallyApplied, UnavailableError, UsageError
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator

if TYPE_CHECKING:
    from d1migrate.drivers.rest import RestDriver
    from tests.remote.conftest import Remote

THREE = load(
    [
        ("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);\n"),
        (
            "002_first.sql",
            "INSERT INTO notes (text) VALUES ('first');\n-- Rollback:\n--   DELETE FROM notes;\n",
        ),
        ("003_tags.sql", "CREATE TABLE tags (name TEXT);\nINSERT INTO notes (text) VALUES ('third');\n"),
    ]
)
NOT_DONE: list[dict[str, Any]] = [
    {"do": "drop"},
    {"do": "500"},
    {"do": "503"},
    {"do": "bare"},
    {"do": "timeout"},
    {"do": "firewall"},
    {"do": "413"},
    {"do": "answer", "status": 502, "body": "<html>Bad gateway</html>"},
    {"do": "answer", "status": 200, "body": "[]"},
    {"do": "answer", "status": 302, "headers": {"location": "https://example.com/"}},
]
DONE: list[dict[str, Any]] = [
    {"do": "lose reply"},
    {"do": "cut reply"},
    {"do": "garbage"},
    {"do": "500", "after": True},
    {"do": "503", "after": True},
]


def migrator(driver: RestDriver) -> Migrator:
    """Return a migrator that writes the same log rows as all others here."""
    return Migrator(driver, THREE, by="test")


def number(run: Migrator) -> int | None:
    """The number of the last applied migration; 0 if none is applied."""
    current = run.current()
    return current.version if current else 0


def state(remote: Remote) -> dict[str, Any]:
    """Everything that the runs left, except tokens and times."""
    from d1migrate.sql.batch import Batch, Query

    queries = (
        "SELECT version, name FROM schema_migrations ORDER BY version",
        "SELECT event, action, version, checksum FROM d1migrate_log ORDER BY id",
        "SELECT type, name, sql FROM sqlite_schema ORDER BY name",
        "SELECT text FROM notes ORDER BY id",
    )
    results = remote.open().batch(Batch([Query(sql) for sql in queries], reads=True))
    return dict(zip(queries, (list(result.rows) for result in results), strict=True))


@pytest.fixture(scope="module")
def untroubled() -> dict[str, Any]:
    """Filled by the first test that finishes without a fault in its way."""
    return {}


def check_end(remote: Remote, untroubled: dict[str, Any]) -> None:
    """A run without faults completes the work, in the same state as if there had been no faults."""
    remote.server.faults()
    migrator(remote.open()).up()
    if not untroubled:
        fresh = remote.another("untroubled")
        migrator(fresh.open()).up()
        untroubled |= state(fresh)
    assert state(remote) == untroubled


def fault(number: int, what: dict[str, Any]) -> dict[str, Any]:
    """The fault at the write of that number, counted from 1."""
    return {"match": {"path": "/query$", "nth": number}, **what}


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("what", NOT_DONE, ids=lambda what: f"{what['do']} {what.get('status', '')}")
def test_a_write_that_did_not_happen(
    remote: Remote, untroubled: dict[str, Any], what: dict[str, Any], number: int
) -> None:
    """The error names what was applied before, and that this one was not."""
    remote.server.faults(fault(number, what))

    with pytest.raises(Error) as caught:
        migrator(remote.open()).up()

    error = caught.value
    if isinstance(error, ApplyError):
        assert not error.unknown
        assert error.applied == tuple(m.name for m in THREE[: number - 1])
        assert error.pending == tuple(m.name for m in THREE[number - 1 :])
    else:
        assert isinstance(error, UsageError)
        assert number == 1
    check_end(remote, untroubled)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("what", DONE, ids=lambda what: f"{what['do']}")
def test_a_write_whose_response_is_lost(
    remote: Remote, untroubled: dict[str, Any], what: dict[str, Any], number: int
) -> None:
    """The history shows that it happened: the run continues to its end, and nothing is sent twice."""
    remote.server.faults(fault(number, what))

    report = migrator(remote.open()).up()

    assert [step.version for step in report.steps] == [1, 2, 3]
    assert remote.paths().count(("POST", "query")) == 3
    check_end(remote, untroubled)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("before_the_next_run", [True, False])
def test_a_write_that_arrives_late(
    remote: Remote, untroubled: dict[str, Any], number: int, before_the_next_run: bool
) -> None:
    """It arrives after the history was read without it: it is applied once, by it or by the next run."""
    remote.server.faults(fault(number, {"do": "late"}))
    with pytest.raises(ApplyError, match="no response") as caught:
        migrator(remote.open()).up()
    assert "run the command again" in str(caught.value.hint)
    remote.server.faults()
    if before_the_next_run:
        assert remote.server.arrive() == [200]
        states = [entry.state for entry in migrator(remote.open()).status()]
        assert states == ["applied"] * number + ["pending"] * (3 - number)
        check_end(remote, untroubled)
    else:
        check_end(remote, untroubled)
        assert remote.server.arrive() == [400]
        check_end(remote, untroubled)


def test_the_rate_limit_is_waited_out(remote: Remote, untroubled: dict[str, Any]) -> None:
    """A request refused for its rate did not happen: it is sent again, as late as the server asks."""
    remote.server.faults(fault(2, {"do": "429", "retry_after": 7}))

    report = migrator(remote.open()).up()

    assert len(report.steps) == 3
    assert [wait for wait in remote.waits if wait >= 7] == [7]
    assert [seconds for _, seconds in remote.told] == remote.waits
    check_end(remote, untroubled)


@pytest.mark.parametrize("what", [*NOT_DONE[:4], *DONE[:3]], ids=lambda what: f"{what['do']}")
def test_reads_are_repeated(remote: Remote, what: dict[str, Any]) -> None:
    """A read that fails is sent again, with growing pauses; one that always fails is an error."""
    migrator(remote.open()).up()
    remote.server.faults({"match": {"path": "/raw$", "nth": 1}, **what})
    assert [entry.state for entry in migrator(remote.open()).status()] == ["applied"] * 3

    remote.waits.clear()
    remote.server.faults({"match": {"path": "/raw$"}, **what})
    with pytest.raises(UnavailableError):
        migrator(remote.open()).status()
    assert len(remote.waits) == 4
    assert remote.waits == sorted(remote.waits)


def test_a_batch_that_is_not_atomic_is_partial(remote: Remote) -> None:
    """Should D1 ever run half a batch, the log shows that it is partial, and nothing more is run."""
    broken = load([("001_half.sql", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n")])
    remote.server.faults(fault(1, {"do": "not atomic"}))

    with pytest.raises(ApplyError):
        Migrator(remote.open(), broken).up(lint=False)

    remote.server.faults()
    assert [entry.state for entry in Migrator(remote.open(), broken).status()] == ["partial"]
    with pytest.raises(PartiallyApplied):
        Migrator(remote.open(), broken).up(lint=False)
