"""Going back on a remote D1: by Time Travel, with the log kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from d1migrate.batch import Batch, Query
from d1migrate.errors import UnavailableError, UsageError
from d1migrate.migrator import Migrator
from tests.remote.test_faults import THREE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.conftest import Remote


def migrator(remote: Remote, folder: Path) -> Migrator:
    """Return one that takes restore points."""
    return Migrator(remote.open(), THREE, who="test", restore_points=str(folder / "points"))


def notes(remote: Remote) -> list[str]:
    """The rows of the table that migrations and users write to."""
    (result,) = remote.open().batch(Batch([Query("SELECT text FROM notes ORDER BY id")], reads=True))
    return [row[0] for row in result.rows]


def write(remote: Remote, text: str) -> None:
    """Add a row, as the application does."""
    remote.open().batch(Batch([Query("INSERT INTO notes (text) VALUES (?)", (text,))]))


def test_back_and_forth(remote: Remote, tmp_path: Path) -> None:
    """Rows come back, history and log know of both; undoing it brings the later rows back."""
    up = migrator(remote, tmp_path)
    up.up(to=2)
    write(remote, "a user's")
    up.up()
    write(remote, "later")
    first, second = up.restore_points()
    assert (first.version, second.version) == (0, 2)
    seen = up.plan_restore("2")
    assert (seen.version, seen.undone, seen.redone) == (3, ("003_tags",), ())

    done = up.restore("2")

    assert (done.point.name, done.version) == (second.name, 2)
    assert notes(remote) == ["first", "a user's"]
    assert [entry.state for entry in up.status()] == ["applied", "applied", "pending"]
    log = [(e.version, e.action) for e in up.history()]
    assert log[:3] == [(1, "up"), (2, "up"), (3, "up")]
    assert (0, "restore") in log
    assert (3, "rewind") in log
    assert not list((tmp_path / "points").glob("*.json"))

    assert done.undo
    up.restore(done.undo.name)
    assert notes(remote) == ["first", "a user's", "third", "later"]
    assert [entry.state for entry in up.status()] == ["applied"] * 3
    assert up.verify().ok
    assert up.up().steps == ()


def test_back_to_before_the_first_migration(remote: Remote, tmp_path: Path) -> None:
    """Where there was no history yet, the log is made again, and tells."""
    up = migrator(remote, tmp_path)
    up.up()
    done = up.restore("0")
    assert done.version == 0
    assert [entry.state for entry in up.status()] == ["pending"] * 3
    assert [(e.version, e.action) for e in up.history()][:3] == [(1, "up"), (2, "up"), (3, "up")]
    assert len(up.up().steps) == 3
    assert up.verify().ok


def test_an_answer_that_is_lost(remote: Remote, tmp_path: Path) -> None:
    """To the same bookmark again is no other place: it is sent again."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/restore", "nth": 1}, "do": "lose reply"})
    up.restore("0")
    assert [entry.state for entry in up.status()] == ["pending"] * 3


def test_a_log_that_cannot_be_written_back(remote: Remote, tmp_path: Path) -> None:
    """The error names the file that has it."""
    up = migrator(remote, tmp_path)
    up.up()
    remote.server.faults({"match": {"path": "/query$"}, "do": "503"})
    with pytest.raises(UnavailableError, match="its log could not be written back") as caught:
        up.restore("0")
    (kept,) = (tmp_path / "points").glob("*.json")
    assert str(kept) in str(caught.value.hint)
    found = json.loads(kept.read_text())
    assert [row[found["columns"].index("version")] for row in found["rows"]] == [1, 1, 2, 2, 3, 3]


def test_what_is_no_point(remote: Remote, tmp_path: Path) -> None:
    """A version that was never current, and a name that is none."""
    up = migrator(remote, tmp_path)
    up.up()
    for wrong in ("7", "no-such-point", "../etc/passwd"):
        with pytest.raises(UsageError):
            up.restore(wrong)
    assert up.current() == 3


def test_one_request_for_a_point(remote: Remote, tmp_path: Path) -> None:
    """It is taken when something is to be written, and only then."""
    up = migrator(remote, tmp_path)
    up.up()
    assert remote.paths().count(("GET", "bookmark")) == 1
    up.up()
    assert remote.paths().count(("GET", "bookmark")) == 1
