"""The real wrangler, one command after the other in one process: a process for each would take two seconds to start."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests.runtime.workerd import MODULES, node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLI = MODULES / "wrangler" / "wrangler-dist" / "cli.js"
SCRIPT = Path(__file__).with_name("wrangler_commands.cjs")
PATIENCE = 120  # seconds for a command, which takes one


class Ended(NamedTuple):
    """How a command ended, and all that it printed."""

    failed: bool
    output: str

    @property
    def names(self) -> list[str]:
        """The first column of the last table it printed."""
        table = self.output.rpartition("┌")[2] if "┌" in self.output else ""
        rows = [line.removeprefix("│ ") for line in table.splitlines() if line.startswith("│")]
        return [row.partition("│")[0].rstrip() for row in rows[1:]]


class Wrangler:
    """A process that runs commands of wrangler in any folder."""

    def __enter__(self) -> Self:
        if not CLI.is_file():
            raise FileNotFoundError(f"{CLI} is missing: run `npm install`")
        self._home = tempfile.TemporaryDirectory(prefix="wrangler-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [node(), SCRIPT, CLI],
            env=environment(Path(self._home.name)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._home.cleanup()

    def run(self, folder: Path, *command: str) -> Ended:
        """Run a command in a folder."""
        assert self._process.stdin
        assert self._process.stdout
        limit = threading.Timer(PATIENCE, self._process.kill)
        limit.start()
        print(json.dumps({"folder": str(folder), "command": command}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        limit.cancel()
        assert answer, f"wrangler ended, or took {PATIENCE} seconds: {command}"
        return Ended(**json.loads(answer))


class Dev:
    """A running `wrangler dev`."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        options = ["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"]
        self._process = subprocess.Popen(
            [*command, *options, "--show-interactive-dev-session=false"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.url = ""

    def __enter__(self) -> Self:
        seen = []
        while not self.url:
            try:
                seen.append(self._lines.get(timeout=PATIENCE))
            except queue.Empty:
                self.__exit__()
                raise AssertionError(f"wrangler dev is not ready: {seen}") from None
            if ready := re.search(r"Ready on (http://\S+)", seen[-1]):
                self.url = ready[1]
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(PATIENCE)
        assert self._process.stdout
        self._process.stdout.close()

    def get(self, path: str) -> Any:
        """Ask the Worker."""
        return self._send("GET", path, {})

    def post(self, path: str, headers: Mapping[str, str]) -> Any:
        """Ask the Worker to do something."""
        return self._send("POST", path, headers)

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> Any:
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers={**headers})  # noqa: S310
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return json.load(answer)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)


def command(*arguments: str) -> Sequence[str]:
    """A command line of wrangler, for a process of its own."""
    return [node(), str(CLI), *arguments]


def environment(home: Path) -> dict[str, str]:
    """Variables under which wrangler asks nothing, reports nothing and leaves the user's home alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDFLARE_")}
    own = {
        "CI": "1",
        "CLOUDFLARE_CF_FETCH_ENABLED": "false",
        "HOME": str(home),
        "NO_COLOR": "1",
        "WRANGLER_SEND_METRICS": "false",
        "XDG_CONFIG_HOME": str(home),
    }
    return kept | own
