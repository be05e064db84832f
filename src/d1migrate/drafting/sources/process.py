"""Run a program of the project: a loader of its models, or its own command. It gets no Cloudflare token."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.schema_settings import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

SECONDS = 60
"""How long a program may take to build a schema."""

_TAIL = 12  # lines of output in an error
_MOST = 1 << 16  # bytes of output that are read
_OLDEST = (3, 9)
_NAME_A_PYTHON = "name an interpreter, such as .venv/bin/python, with --python or with `python` in [schema]"
_LOADERS = os.path.join(os.path.dirname(__file__), "loaders")


class Finished(NamedTuple):
    """A program that ended: its exit code, and what it printed."""

    code: int
    output: str

    @property
    def how(self) -> str:
        """How it ended: its exit code, or the signal that ended it."""
        if self.code >= 0:
            return f"exit code {self.code}"
        known = {int(one): one.name for one in signal.Signals}
        return known.get(-self.code, f"signal {-self.code}")

    @property
    def tail(self) -> str:
        """The last lines that it printed, indented; "" if it printed nothing."""
        return "".join(f"\n    {line}" for line in self.output.rstrip().splitlines()[-_TAIL:])


def run_program(words: Sequence[str], *, folder: str, name: str, stdin: str = "") -> Finished:
    """Run a program without a shell, and wait for it; what it started and left running is ended.

    Args:
        words: the program and its arguments.
        folder: the working directory.
        name: what to call the source in errors.
        stdin: what it can read.

    Raises:
        UsageError: it cannot be started, or takes longer than SECONDS.
    """
    # Files, not pipes: a child that the program leaves running would keep a pipe open.
    with TemporaryFile() as given, TemporaryFile() as printed:
        given.write(stdin.encode())
        given.seek(0)
        try:
            # Not a shell: the words come from the project's configuration or its user.
            process = subprocess.Popen(  # noqa: S603
                words,
                cwd=folder,
                env=_environment(),
                stdin=given,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise UsageError(f"{name}: cannot run {words[0]}: {error.strerror}") from error
        try:
            with _ending_with_us():
                code = process.wait(SECONDS)
        except subprocess.TimeoutExpired as error:
            raise UsageError(
                f"{name}: no schema after {SECONDS} s; it was stopped",
                hint="neither models nor a command may wait for a network, a lock or an answer",
            ) from error
        finally:
            _kill(process)
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - _MOST))
        return Finished(code, printed.read().decode(errors="replace"))


def run_loader(loader: str, request: Mapping[str, Any], *, python: str | None, folder: str, name: str) -> Any:
    """Run one of our loaders in an interpreter of the project, and return its answer.

    Args:
        loader: its module in `loaders`.
        request: what it is asked, as JSON; `answer` is the file that it writes.
        python: the interpreter, as a person wrote it; None for the one that runs d1migrate.
        folder: the project, from which it imports.
        name: what to call the source in errors.

    Raises:
        UsageError: it failed, or gave no answer; with the end of what it printed.
    """
    program = interpreter(python) if python else sys.executable
    if shutil.which(program) is None:
        raise UsageError(f"{name}: there is no interpreter {program}", hint=_NAME_A_PYTHON)
    words = [program, os.path.join(_LOADERS, f"{loader}.py")]
    finished = run_program(words, folder=folder, name=name, stdin=json.dumps({**request, "seconds": SECONDS}))
    try:
        with open(request["answer"], encoding="utf-8") as file:
            answer = json.load(file)
    except (OSError, ValueError) as error:
        _check_interpreter(program, folder, name)
        raise UsageError(
            f"{name}: the interpreter ended while it loaded the models ({finished.how}){finished.tail}",
            hint="importing the models must not end the process, as `os._exit` and a crash do",
        ) from error
    if failure := answer.get("error"):
        raise _error(failure, name)
    return answer


def _error(failure: Mapping[str, Any], name: str) -> UsageError:
    """Return the error that a loader reports: a message, or the traceback of the models."""
    if "traceback" not in failure:
        return UsageError(f"{name}: {failure['message']}", hint=failure["hint"])
    return UsageError(f"while loading {name}:{failure['traceback']}", hint=failure["hint"])


def _check_interpreter(program: str, folder: str, name: str) -> None:
    """Find out why an interpreter gave no answer.

    Raises:
        UsageError: it is not Python, or too old for the loaders.
    """
    code = "import sys; print('Python %d.%d' % sys.version_info[:2])"
    printed = run_program([program, "-c", code], folder=folder, name=name).output
    found = re.search(r"^Python (\d+)\.(\d+)$", printed.rstrip(), re.MULTILINE)
    if found is None:
        raise UsageError(f"{name}: {program} is not a Python interpreter", hint=_NAME_A_PYTHON)
    if (int(found[1]), int(found[2])) < _OLDEST:
        raise UsageError(
            f"{name}: {program} is {found[0]}, but models need Python 3.9 or later",
            hint=_NAME_A_PYTHON,
        )


def _environment() -> dict[str, str]:
    """Return our environment without Cloudflare's tokens; Python writes no caches beside the models."""
    found = {
        key: value for key, value in os.environ.items() if not key.startswith(("CLOUDFLARE_", "CF_API_"))
    }
    found.pop("PYTHONSAFEPATH", None)  # the loaders import from their own folder
    return found | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


@contextmanager
def _ending_with_us() -> Iterator[None]:
    """Let what ends us raise an exception: a program in a session of its own gets no signal of ours."""
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers if is_main}
    defaults = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in defaults:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in defaults:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _: object) -> None:
    sys.exit(128 + number)  # as a shell reports it


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program, and what it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows
        process.kill()
    process.wait()
