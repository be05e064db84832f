"""Random input, run through the command line, and what must hold whatever the input is.

A fuzzer is a function that prepares a project in a folder, by a random number generator of its own, and returns
the commands to run in it. The generator is made of the fuzzer's name and the number of the case, so a case is the
same on every machine: `python -m tests.fuzz history 4711` runs one again and prints what it does.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import traceback
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from d1migrate.cli import main
from d1migrate.drivers.plain import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Fuzzer = Callable[[random.Random, Path], Sequence[Sequence[str]]]

DEADLINE = 20  # seconds for one command
CODES = {0, 1, 2, 3}
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PROCESS_EVERY = 500  # cases: one of so many is run in a process of its own, too
_VARIABLES = {"D1MIGRATE_BY": "fuzz", "NO_COLOR": "1", "COLUMNS": "80"}
_VERBATIM = ("schema", "plan", "squash", "baseline", "diff", "rebuild", "verify", "completion")
"""Commands that can print SQL for a file, character by character."""
_READING = (
    "status",
    "history",
    "list",
    "current",
    "plan",
    "lint",
    "rehearse",
    "gate",
    "env",
    "verify",
    "schema",
)


class Fault(NamedTuple):
    """What must not be: the fuzzer, the number of the case, the command, and why."""

    fuzzer: str
    case: int
    arguments: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"python -m tests.fuzz {self.fuzzer} {self.case}: {self.arguments!a}: {self.what}"


class Ended(NamedTuple):
    """How a command ended; both streams as the bytes that were written."""

    code: int | None
    out: str
    err: str
    broken: str = ""


class TooLongError(Exception):
    """A command did not end in time."""


def fuzz(name: str, fuzzer: Fuzzer, count: int, *, first: int = 0) -> list[Fault]:
    """Run cases of a fuzzer, and return what was wrong."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="d1migrate-fuzz-") as root, _surroundings():
        for number in range(first, first + count):
            folder = Path(root) / str(number) / "project"
            (folder / "migrations").mkdir(parents=True)
            (folder / "d1migrate.toml").write_text('[env.local]\ndatabase = "sqlite:app.db"\n')
            os.chdir(folder)
            generator = random.Random(f"{name} {number}")  # noqa: S311 - not a secret
            commands = fuzzer(generator, folder)
            for arguments in commands:
                what = check(tuple(arguments), folder, process=number % _PROCESS_EVERY == 0)
                if what:
                    faults.append(Fault(name, number, tuple(arguments), what))
            os.chdir(root)
            shutil.rmtree(folder.parent)
    return faults


@contextmanager
def _surroundings() -> Iterator[None]:
    """Nothing of the machine's settings, statements that end soon, and the folder as it was afterwards."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("D1MIGRATE_", "CLOUDFLARE_"))}
    before = os.getcwd()
    with (
        mock.patch.dict(os.environ, {**kept, **_VARIABLES}, clear=True),
        mock.patch.object(Watchdog, "seconds", 1.0),
    ):
        try:
            yield
        finally:
            os.chdir(before)


def check(arguments: tuple[str, ...], folder: Path, *, process: bool = False) -> str:
    """Run one command, and return what was wrong with how it ended, or nothing."""
    before = content(folder / "app.db")
    ended = run(arguments)
    what = _wrong(arguments, ended)
    if not what and _did_nothing(arguments, ended) and before.is_lost(content(folder / "app.db")):
        what = "it changed the database, and says that it did not"
    if process and not what:
        alone = run_alone(arguments, folder)
        what = _wrong(arguments, alone)
        both = {ended.code, alone.code}
        if not what and len(both) > 1 and _did_nothing(arguments, ended):
            what = f"in a process of its own it ends with {alone.code}, not {ended.code}"
    return what and f"{what} [{ended.code}] {ended.err[-300:]!a}"


def _wrong(arguments: tuple[str, ...], ended: Ended) -> str:
    if ended.broken:
        return ended.broken
    if "Traceback" in ended.err or "Exception ignored" in ended.err:
        return f"a traceback: {ended.err[-1500:]}"
    if ended.code not in CODES:
        return f"exit code {ended.code}"
    fails = re.search(r"^(?:error|d1migrate.*: error): ", ended.err, re.MULTILINE) is not None
    if fails != (ended.code in (1, 2)) and not (ended.code == 1 and "error: " in ended.out):
        return "an error and its exit code do not agree"
    streams = (ended.err,) if _is_verbatim(arguments) else (ended.out, ended.err)
    for text in streams:
        if found := STEERS.search(text):
            return f"{found[0]!a} reaches the screen: {text[max(0, found.start() - 60) : found.end() + 60]!a}"
        if "github" not in arguments and any(line.strip().startswith("::") for line in text.split("\n")):
            return "a line is a command to a workflow"
    return ""


def _is_verbatim(arguments: tuple[str, ...]) -> bool:
    return any(command in arguments for command in _VERBATIM) and "--json" not in arguments


def _did_nothing(arguments: tuple[str, ...], ended: Ended) -> bool:
    """Whether a command must have left the database as it was: it only reads, or says that it failed."""
    if set(arguments) & set(_READING) and "--output" not in arguments:
        return True
    done_first = re.search(r"^(?:applied|rolled back|recorded) ", ended.out, re.MULTILINE)
    if done_first or "holds all of" in ended.err:  # and then something was found wrong
        return False
    done = re.search(r"^(?:applied|rolled back): (.*)$", ended.err, re.MULTILINE)
    return ended.code == 2 or (ended.code == 1 and (done is None or done[1] == "none"))


def run(arguments: Sequence[str]) -> Ended:
    """Run a command in this process, with a time limit."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
    code, broken = None, ""
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE)
    try:
        with redirect_stdout(out), redirect_stderr(err), mock.patch("sys.stdin", io.StringIO()):
            code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else None
    except TooLongError:
        broken = f"it did not end in {DEADLINE} s"
    except BaseException:  # whatever it is, it must not be
        broken = f"a traceback: {traceback.format_exc()[-1500:]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
    return Ended(code, texts[0], texts[1], broken)


def _stop(*_: object) -> None:
    raise TooLongError


def run_alone(arguments: Sequence[str], folder: Path) -> Ended:
    """Run a command in a process of its own; of arguments that no process can have, say what is expected."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "d1migrate", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=4 * DEADLINE,
        )
    except (ValueError, OSError):  # a NUL, or more than the system takes
        return Ended(2, "", "error: ")
    texts = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return Ended(done.returncode, *texts)


class Content(NamedTuple):
    """A database file: its bytes, and what SQLite reads there, if it can."""

    data: bytes
    rows: object

    def is_lost(self, later: Content) -> bool:
        """Whether it became another one: neither its bytes are the same, nor what they mean."""
        return self.data != later.data and (self.rows is None or self.rows != later.rows)


def content(path: Path) -> Content:
    """Read a database from a copy, so that nothing is left beside it."""
    if not path.exists() or not path.stat().st_size:
        return Content(b"", ([], []))
    look = path.parent.parent / "look"
    look.mkdir(exist_ok=True)
    copies = [
        Path(shutil.copy(found, look)) for found in path.parent.glob(f"{path.name}*") if found.is_file()
    ]
    try:
        with closing(sqlite3.connect(look / path.name)) as connection:
            connection.text_factory = bytes
            objects = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
            schema = connection.execute(objects).fetchall()
            names = [name.decode().replace('"', '""') for kind, name, *_ in schema if kind == b"table"]
            rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names]
            return Content(path.read_bytes(), (schema, [sorted(map(repr, found)) for found in rows]))
    except (sqlite3.Error, ValueError):
        return Content(path.read_bytes(), None)
    finally:
        for copy in [*copies, *look.iterdir()]:
            copy.unlink(missing_ok=True)
