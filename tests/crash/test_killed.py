"""A process that is killed at any moment, or finds the disk full: run again, nothing is lost or doubled."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import apsw
import pytest

from tests.crash.runs import every_action, file

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.killed import Killed, Where
    from tests.crash.runs import Expected


@every_action
def test_killed_at_every_query(tmp_path: Path, expected: Expected, killed: Killed, action: str) -> None:
    """A process killed before a batch, before or after any query, or after a commit."""
    assert _kill_everywhere(tmp_path, expected, killed, action, "query") > 40


@every_action
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_killed_at_every_write(
    tmp_path: Path, expected: Expected, killed: Killed, action: str, journal: str
) -> None:
    """A process killed at any write to the disk: while the file is made, in a commit, in a checkpoint.

    A file that exists keeps its rollback journal, and what a killed process left in it is undone.
    """
    assert _kill_everywhere(tmp_path, expected, killed, action, "disk", journal) > 15


@every_action
def test_a_disk_that_is_full(tmp_path: Path, expected: Expected, killed: Killed, action: str) -> None:
    """From any write on the disk is full: the command fails and says so, and nothing is half done."""
    assert _kill_everywhere(tmp_path, expected, killed, action, "full disk") > 30


def _kill_everywhere(
    folder: Path, expected: Expected, killed: Killed, action: str, where: Where, journal: str = "wal"
) -> int:
    for moment in expected.moments():
        path = folder / f"{moment}.db"
        if action.startswith("down"):
            shutil.copy(expected.applied, path)
        if journal != "wal":
            _set_journal(path, journal)
        if not killed.run(path, action, where, moment):
            return moment
        expected.check_again(file(path), action, moment)
        assert _journal(path) == journal
        for left in folder.glob(f"{moment}.db*"):
            left.unlink()
    raise AssertionError


def _set_journal(path: Path, journal: str) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", journal)
    connection.pragma("user_version", 1)  # a new file gets its first page by this
    connection.close()


def _journal(path: Path) -> object:
    connection = apsw.Connection(str(path))
    try:
        return connection.pragma("journal_mode")
    finally:
        connection.close()
