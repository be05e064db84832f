"""Run a program of the project: a loader of its models, or its own command. It gets no Cloudflare token."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SECONDS = 60
"""How long a program may take to build a schema."""

_TAIL = 12  # lines of output in an error
_LOADERS = os.path.join(os.path.dirname(__file__), "loaders")


class Finished(NamedTuple):
    """A program that ended: its exit code, and what it printed."""

    code: int
    output: str

    @property
    def tail(self) -> str:
        """The last lines that it printed, indented; "" if it printed nothing."""
        return "".join(f"\n    {line}" for line in self.output.rstrip().splitlines()[-_TAIL:])


def run_program(words: Sequence[str], *, folder: str, name: str, stdin: str = "") -> Finished:
    """Run a program without a shell, and wait for it.

    Args:
        words: the program and its arguments.
        folder: the working directory.
        name: what to call the source in errors.
        stdin: what it can read.

    Raises:
        UsageError: it cannot be started, or takes longer than SECONDS.
    """
    try:
        # Not a shell: the words come from the project's configuration or its user.
        process = subprocess.Popen(  # noqa: S603
            words,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise UsageError(f"{name}: cannot run {words[0]}: {error.strerror}") from error
    try:
        output, _ = process.communicate(stdin.encode(), timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            f"{name}: no schema after {SECONDS} s; it was stopped",
            hint="importing the models must not wait for a network, a lock or an answer",
        ) from error
    finally:
        _kill(process)
    return Finished(process.returncode, output.decode(errors="replace"))


def run_loader(loader: str, request: Mapping[str, Any], *, python: str | None, folder: str, name: str) -> Any:
    """Run one of our loaders in an interpreter of the project, and return its answer.

    Args:
        loader: its module in `loaders`.
        request: what it is asked, as JSON; `answer` is the file that it writes.
        python: the interpreter; None for the one that runs d1migrate.
        folder: the project, from which it imports.
        name: what to call the source in errors.

    Raises:
        UsageError: it failed, or gave no answer; with the end of what it printed.
    """
    path = os.path.join(_LOADERS, f"{loader}.py")
    words = [python or sys.executable, path]
    finished = run_program(words, folder=folder, name=name, stdin=json.dumps(request))
    try:
        with open(request["answer"], encoding="utf-8") as file:
            answer = json.load(file)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{name}: the interpreter ended with exit code {finished.code}, without a schema{finished.tail}"
        ) from error
    if failure := answer.get("error"):
        raise UsageError(f"{name}: {failure['message']}", hint=failure.get("hint"))
    return answer


def _environment() -> dict[str, str]:
    """Return our environment without Cloudflare's tokens; Python writes no caches beside the models."""
    found = {
        key: value for key, value in os.environ.items() if not key.startswith(("CLOUDFLARE_", "CF_API_"))
    }
    found.pop("PYTHONSAFEPATH", None)  # the loaders import from their own folder
    return found | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a program, and what it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
