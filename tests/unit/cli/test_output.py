"""The two streams of a command: data on stdout, talk on stderr, and questions on a terminal only."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from io import StringIO

import pytest

from d1migrate.cli.output import Output, is_yes
from d1migrate.errors import ApplyError, QueryError, UsageError
from d1migrate.migrate.flows.leftovers import Problem


def test_data_and_talk(capsys: pytest.CaptureFixture[str]) -> None:
    """--quiet silences talk and warnings, but neither data nor problems."""
    for quiet, talk in ((False, "hello\nwarning: careful\n"), (True, "")):
        output = Output(quiet=quiet)
        output.print(["one", "two"])
        output.print([])
        output.note("hello")
        output.warn("careful")
        output.warn_of_problems([Problem("broken", "v", "view v does not compile", ("DROP VIEW v;",))])
        problem = "error: view v does not compile\n    DROP VIEW v;\n"
        assert capsys.readouterr() == ("one\ntwo\n", talk + problem)


def test_a_failed_run(capsys: pytest.CaptureFixture[str]) -> None:
    """The error says what was applied and what is pending; with --json stdout has it too."""
    error = ApplyError("002_b: no such table: t", migration="002_b", applied=["001_a"], pending=["002_b"])
    error.__cause__ = QueryError("no such table: t")
    Output(as_json=True).fail(error)
    found = capsys.readouterr()
    assert found.err.splitlines()[1:4] == ["no part of 002_b was applied", "applied: 001_a", "pending: 002_b"]
    assert '"type": "ApplyError"' in found.out


@pytest.mark.parametrize(
    ("typed", "says"), [(None, "no terminal"), ("", "not confirmed"), ("n", "not confirmed")]
)
def test_no_confirmation(monkeypatch: pytest.MonkeyPatch, typed: str | None, says: str) -> None:
    """Without a yes the action is refused, with the flags that would help if nobody can be asked."""
    output = Output()
    monkeypatch.setattr(output, "ask", lambda _: typed)
    with pytest.raises(UsageError, match=says):
        output.confirm("rewrite 2 files")


def test_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The action is the question."""
    output, answers = Output(), {"rewrite 2 files? [y/N] ": "Yes"}
    monkeypatch.setattr(output, "ask", answers.__getitem__)
    output.confirm("rewrite 2 files")
    assert [is_yes(answer) for answer in ("y", "YES", "no", "", None)] == [True, True, False, False, False]


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("-5", 72), ("0", 72), ("wide", 72), ("", 72)])
def test_the_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    """COLUMNS wins over what the terminal says, if it is a width."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 72, 0, 0))
    monkeypatch.setenv("COLUMNS", columns)
    with open(terminal, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        found = Output().width
        monkeypatch.undo()
    os.close(controller)
    assert found == width


class Terminal(StringIO):
    """A stream of a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@pytest.mark.parametrize(
    ("typed", "answer", "shown"), [("\n", "it", "? "), ("x\n", "x", "? "), ("", "", "? \n")]
)
def test_the_end_of_the_input_ends_the_line(
    typed: str, answer: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal shows a typed line with its end, but nothing for Ctrl-D: the next line would continue it."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    assert Output().ask("? ", default="it") == answer
    assert screen.getvalue() == shown
