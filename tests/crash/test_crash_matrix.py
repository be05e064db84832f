"""Whatever goes wrong and whenever: run the command again, and the database is as if nothing had.

A run is cut at every point of it: a batch that fails or whose answer is lost, or an interrupt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.cli import main
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import AmbiguousError, Error, UnavailableError
from tests.crash.conftest import new_file
from tests.crash.runs import ACTIONS, Cut, Faulty, Watched, every_action, file, start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Batch, Result
    from tests.crash.runs import Expected, Fault, Open


# --- (a) and (b): batches ---


@every_action
@pytest.mark.parametrize("fault", ["unavailable", "request lost"])
def test_a_batch_that_never_arrives(
    fresh: Callable[[], Open], expected: Expected, action: str, fault: Fault
) -> None:
    """Whichever batch does not get there, the command fails, says so, and the next run makes up for it."""
    k = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        faulty = Faulty(open_(), k, k, fault)
        try:
            expected.act(faulty, action)
        except Error as error:
            assert "could not be reached" in str(error) or "connection broke" in str(error)
            assert error.exit_code == 1
        else:
            assert faulty.batches == k, "a fault was swallowed"
            break
        expected.check_again(open_, action, k)
        k += 1
    assert k >= (3 if "single" in action else 6)


@every_action
def test_a_lost_answer(fresh: Callable[[], Open], expected: Expected, action: str) -> None:
    """A batch that ran and whose answer was lost is found in the history; only lost reads stop the command."""
    k = found = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        faulty = Faulty(open_(), k, k, "answer lost")
        try:
            expected.act(faulty, action)
        except AmbiguousError:  # of a read: there is nothing to look for
            pass
        else:
            if faulty.batches == k:
                break
            found += 1
            assert expected.state_of(open_) == expected.ends[action]
        expected.check_again(open_, action, k)
        k += 1
    assert found == (1 if "single" in action else 4)


@every_action
def test_all_answers_lost_from_one_on(fresh: Callable[[], Open], expected: Expected, action: str) -> None:
    """With the answer and all later ones lost the outcome is unknown; no error calls it not done."""
    k = 0
    while True:
        open_ = fresh()
        start_of(action, open_, expected)
        driver = Cut(open_(), k)
        try:
            expected.act(driver, action)
        except Error as error:
            if driver.wrote:
                assert not isinstance(error, UnavailableError), f"{k}: something was done: {error!r}"
                assert "response" in str(error) or isinstance(error, AmbiguousError)
        else:
            break
        expected.check_again(open_, action, k)
        k += 1


# --- interrupts ---


@every_action
def test_an_interrupt_at_every_moment(tmp_path: Path, expected: Expected, action: str) -> None:
    """An interrupt between any two queries leaves whole migrations; the driver itself can go on."""
    for moment in expected.moments():
        open_ = new_file(tmp_path)
        start_of(action, open_, expected)
        driver = open_()
        watched = Watched(driver, _interrupter(moment))
        migrator = expected.migrator(watched)
        try:
            ACTIONS[action](migrator)
        except KeyboardInterrupt:
            pass
        else:
            migrator.close()
            break
        ACTIONS[action](expected.migrator(driver))
        migrator.close()
        assert (moment, expected.state_of(open_)) == (moment, expected.ends[action])
        expected.check_again(open_, action, moment)
    assert moment > 40


def _interrupter(at: int) -> Callable[[int], None]:
    def interrupt(moment: int) -> None:
        if moment == at:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("expected", ["versions"], indirect=True)
@pytest.mark.parametrize("behind_commit", [False, True])
def test_what_the_command_says_of_an_interrupt(
    tmp_path: Path,
    expected: Expected,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    behind_commit: bool,
) -> None:
    """Interrupted, the command exits with 130 and does not call undone what was committed."""
    path = tmp_path / "app.db"

    class Interrupted(SqliteDriver):
        def batch(self, batch: Batch) -> Sequence[Result]:
            if batch.label != "002_add_api_keys_table":
                return super().batch(batch)
            if behind_commit:
                super().batch(batch)
            raise KeyboardInterrupt

    def connect(url: str, **_: object) -> Driver:
        return Interrupted(str(path), url=url)

    monkeypatch.setattr("d1migrate.drivers.connect.connect", connect)
    arguments = ["--database", f"sqlite:{path}", "--migrations", str(expected.folder), "up"]
    assert main(arguments) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    open_ = file(path)
    migrator = expected.migrator(open_())
    assert [e.state for e in migrator.status()].count("applied") == (2 if behind_commit else 1)
    migrator.close()
    assert f"002_add_api_keys_table {'was' if behind_commit else 'had not been'} applied" in said
    assert "done before: 001_initial_schema" in said
    expected.check_again(open_, "up", behind_commit)
