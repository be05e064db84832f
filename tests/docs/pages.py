"""Pages whose blocks are commands: how a page is written, and how it is run.

A reader pastes each block of a page into one shell, in order, and sees each output that the page shows. So:

- A ```` ```sh ```` block has commands and nothing else: no prompts, no output, no comments (zsh would run them).
  A file is written by a command, `cat > migrations/0002_vip.sql <<'SQL'`. No command may wait for input.
- A ```` ```text ```` block right after it, with only blank lines between, is the whole output of that block.
  A line `…` stands for any number of lines. Without a text block, the output is not shown.
- A command fails exactly if the output has a line that starts with `error:` or `error[`. To show another exit code:
  `d1migrate status --check || echo "exit code $?"`.
- The first block of a guide makes a folder and changes into it: `mkdir shop && cd shop`. Nothing else exists. d1migrate is
  on the PATH; other programs are listed as code in a paragraph that begins with "You need", e.g. "You need `npx`, …".
- Blocks that only install something (`pip install …`, `npm install …`) are not run: the environment of the tests has it.
  The two commands of the README that create `.venv` are run by .ci/run.
- Blocks whose preceding paragraph has the words "in your project" are not run: the doors of the README, which
  tests/docs/test_readme.py runs in projects of their kind.
- Blocks whose preceding paragraph has the words "needs a Cloudflare account" are run only if the page is run with an account:
  that of the stand-in for Cloudflare's API.
- A server listens on a port of localhost, e.g. `http://localhost:8787/`, and is ended by the block that starts it. Each run
  replaces the port by a free one.
- Times, dates and durations may differ from run to run. `python -m tests.docs.update` rewrites every other output.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.runtime.workerd import node

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ROOT = Path(__file__).parents[2]
ACCOUNT = "needs a Cloudflare account"
TOOLS = ("npx", "pip", "python", "python3", "sqlite3", "jq", "uv", "uvx", "curl", "wrangler")
"""Programs that a page has to name before it uses them."""

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
PROJECT = "in your project"
_INSTALL = re.compile(
    r"(?:pip|pipx|uv tool|npm) install |uvx --from \S+ d1migrate|python3? -m pip install |python3 -m venv "
)
# What differs from run to run. Each stays within its line.
_VOLATILE = [
    (re.compile(r"\d{8}T\d{6}\.\d{3}Z"), "MOMENT"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?"), "TIME"),
    (re.compile(r"(?<=TIME )[+-]\d{4}"), "OFFSET"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"\(just now\)|\(\d+ (?:seconds?|minutes?) ago\)"), "(AGO)"),
    (re.compile(r"\b\d+ ms\b|\b\d+\.\d s\b"), "DURATION"),
    (re.compile(r"\b\d+\.\d kB\b"), "SIZE"),  # of a dump, whose log has durations
    (re.compile(r"\b\d+ chunks\b"), "CHUNKS"),  # as large as the machine is fast
    (re.compile(r'"duration":\d+'), "DURATION"),  # wrangler's, in whole milliseconds
]


class Step(NamedTuple):
    """What is pasted at once, and the output that the page shows for it.

    `shown` is None if the page shows no output. `span` is where the page has the output; `indent` is that of its lines.
    """

    script: str
    shown: list[str] | None
    span: tuple[int, int]
    indent: str

    @property
    def fails(self) -> bool:
        """Whether the output shows that a command failed."""
        return any(line.startswith(("error:", "error[")) for line in self.shown or ())


class Ran(NamedTuple):
    """What a step printed, and the exit codes of its commands that failed; None if it was not reached."""

    printed: list[str]
    failed: list[str] | None


class PageError(AssertionError):
    """A page does not print what it shows."""


def steps(text: str, *, with_account: bool = False) -> list[Step]:
    """Return what a page runs, in order."""
    blocks = list(_BLOCK.finditer(text))
    found: list[Step] = []
    for number, block in enumerate(blocks):
        if block["language"] == "sh" and _is_run(text, block, with_account):
            following = blocks[number + 1] if number + 1 < len(blocks) else None
            found.append(_pasted(text, block, following))
    return found


def _pasted(text: str, block: re.Match[str], following: re.Match[str] | None) -> Step:
    script = "".join(_lines(block["body"], block["indent"]))
    if following is None or following["language"] != "text" or text[block.end() : following.start()].strip():
        return Step(script, None, (block.end(), block.end()), "")
    shown = [line.rstrip("\n") for line in _lines(following["body"], following["indent"])]
    return Step(script, shown, following.span("body"), following["indent"])


def _is_run(text: str, block: re.Match[str], with_account: bool) -> bool:
    before = " ".join(text[: block.start()].rstrip().rpartition("\n\n")[2].split())
    commands = block["body"].strip().split("\n")
    is_possible = (with_account or ACCOUNT not in before) and PROJECT not in before
    return is_possible and not all(_INSTALL.match(line.strip()) for line in commands)


def _lines(body: str, indent: str) -> list[str]:
    return [line.removeprefix(indent) for line in body.splitlines(keepends=True)]


def required(text: str) -> set[str]:
    """Return the programs that a page says the reader needs."""
    paragraphs = [p for p in text.split("\n\n") if p.startswith("You need")]
    return {word for p in paragraphs for word in re.findall(r"`([\w-]+)`", p)}


def environment(home: Path, tools: Collection[str] = TOOLS) -> dict[str, str]:
    """Return an environment with d1migrate and some other programs; the rest of TOOLS say that they are missing."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    kit, wrangler = "drizzle-kit/bin.cjs", "wrangler/bin/wrangler.js"
    npx = f'script={wrangler}; [ "$1" = drizzle-kit ] && script={kit}; '
    npx += f'shift; exec {node()} {ROOT}/node_modules/$script "$@"'
    python = f'exec {sys.executable} "$@"'
    known = {"npx": npx, "python": python, "python3": python, "pip": f'exec {sys.executable} -m pip "$@"'}
    for name in TOOLS:
        if name not in tools:
            _script(folder / name, f'echo "the page does not say that it needs {name}"; exit 127')
        elif name in known:
            _script(folder / name, known[name])
    _script(folder / "d1migrate", f'exec {sys.executable} -m d1migrate "$@"')
    variables = {name: value for name, value in os.environ.items() if not name.startswith("D1MIGRATE")}
    return variables | {
        "PATH": f"{folder}:{os.path.dirname(node())}:{os.environ['PATH']}",
        "CI": "1",
        "WRANGLER_SEND_METRICS": "false",
        "CLOUDFLARE_CF_FETCH_ENABLED": "false",
        "HOME": str(home),
        "COLUMNS": "80",
        "TZ": "UTC",
    }


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


def run_steps(found: Sequence[Step], folder: Path, variables: dict[str, str]) -> list[Ran]:
    """Run steps in one shell, as a reader does: a `cd` stays, and the next step runs if a command fails."""
    record = Path(variables["HOME"]) / "steps"
    record.mkdir()
    lines = ["""trap 'echo "$?" >> "$failed"' ERR"""]
    scripts = with_free_ports([step.script for step in found])
    for number, script in enumerate(scripts):
        (record / f"{number}.sh").write_text(script)
        at = shlex.quote(str(record / str(number)))
        lines.append(f"failed={at}.failed; : > $failed; . {at}.sh > {at}.out 2>&1 < /dev/null")
    (record / "page.sh").write_text("\n".join(lines) + "\n")
    subprocess.run(["bash", record / "page.sh"], cwd=folder, env=variables, timeout=600, check=False)
    return [_ran(record, number) for number in range(len(found))]


def with_free_ports(scripts: Sequence[str]) -> list[str]:
    """Return scripts with other ports of localhost, since another run may use the same page's."""
    with ExitStack() as stack:
        free: dict[str, str] = {}
        for port in re.findall(r"localhost:(\d+)", "".join(scripts)):
            if port not in free:
                listener = stack.enter_context(socket.create_server(("localhost", 0)))
                free[port] = str(listener.getsockname()[1])
    ports = re.compile(rf"\b({'|'.join(free)})\b")
    return [ports.sub(lambda match: free[match[0]], script) if free else script for script in scripts]


def _ran(record: Path, number: int) -> Ran:
    out, failed = record / f"{number}.out", record / f"{number}.failed"
    if not out.exists():
        return Ran([], None)
    printed = out.read_text().rstrip("\n")
    return Ran([line.rstrip() for line in printed.split("\n")] if printed else [], failed.read_text().split())


def check_commands(
    page: Path, folder: Path, variables: dict[str, str], *, with_account: bool = False
) -> None:
    """Run the commands of a page, and compare what they print.

    Raises:
        PageError: a command fails or succeeds unexpectedly, or prints something else.
    """
    found = steps(page.read_text(), with_account=with_account)
    for step, ran in zip(found, run_steps(found, folder, variables), strict=True):
        check_exit(step, ran)
        if step.shown is not None and not matches(settle(step.shown), settle(ran.printed)):
            raise PageError(f"{step.script}\nprints:\n" + "\n".join(ran.printed))


def check_exit(step: Step, ran: Ran) -> None:
    """Check that a step was reached, and that a command of it failed exactly if its output shows an error.

    Raises:
        PageError: it did not.
    """
    if ran.failed is None:
        raise PageError(f"{step.script}\nis not reached: the shell exited earlier")
    if bool(ran.failed) != step.fails:
        ended = f"fails with {', '.join(ran.failed)}" if ran.failed else "does not fail"
        raise PageError(f"{step.script}\n{ended}:\n" + "\n".join(ran.printed))


def settle(lines: Sequence[str]) -> list[str]:
    """Return lines with what differs from run to run made equal; a column is as wide as its widest time."""
    return [re.sub(r"(?<=\S) {2,}", "  ", without_times(line)).rstrip() for line in lines]


def without_times(line: str) -> str:
    """Return a line with words instead of times, dates and durations."""
    for pattern, name in _VOLATILE:
        line = pattern.sub(name, line)
    return line


def matches(written: list[str], printed: list[str]) -> bool:
    """Whether an output is what is written; a line `…` stands for any lines."""
    if not written:
        return not printed
    if written[0].strip() == "…":
        return any(matches(written[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    return printed[:1] == written[:1] and matches(written[1:], printed[1:])
