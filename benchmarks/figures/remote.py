"""The figures of a remote D1: the tests' stand-in for Cloudflare's API, with the real D1."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.lab import size
from benchmarks.measure import Command, in_turns, run
from benchmarks.table import Row, limited, megabytes, timed
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.lab import Lab
    from tests.runtime.cloudflare import Cloudflare

_NUMBERS = itertools.count(1)
_BARE = ("--no-lint", "measured", "--no-restore-point", "measured")


class Remote:
    """A remote database, and the command line on it."""

    def __init__(self, server: Cloudflare, program: str, folder: Path) -> None:
        self._server, self._folder = server, folder
        self.id = server.create(f"database-{next(_NUMBERS)}")
        self._program = (*with_server(server, program), "--database", f"d1:{self.id}", "--migrations")

    def argv(self, migrations: Path, *arguments: str) -> tuple[str, ...]:
        """Return the command line of a command."""
        return (*self._program, str(migrations), *arguments)

    def run(self, migrations: Path, *arguments: str) -> str:
        """Run a command and return its output."""
        return run(self.argv(migrations, *arguments), self._folder)

    def count(self, migrations: Path, *arguments: str) -> int:
        """Run a command, and return how many requests it made."""
        before = len(self._server.requests())
        self.run(migrations, *arguments)
        return len(self._server.requests()) - before


def requests(program: str, folder: Path, count: int) -> list[Row]:
    """Requests to a remote D1 whose history tables exist: the bar, and what `plan` announced."""
    files = list(data.small(1 + count))
    first, migrations = data.write(folder / "one", files[:1]), data.write(folder / "all", files)
    rows = []
    if why := missing_workerd():
        return [Row("requests to a remote D1", "-", theirs=why)]
    with _server() as open_:
        for name, bar, arguments in (
            (f"up of {count}", count + 2, _BARE),
            (f"up of {count}, --single-transaction", 3, ("--single-transaction", *_BARE)),
        ):
            database = open_(program, folder)
            database.run(first, "up", *_BARE)
            rows.append(
                limited(f"remote requests: {name}", database.count(migrations, "up", *arguments), bar, "")
            )
        for name in ("status", "up"):
            label = "no-op up" if name == "up" else name
            rows.append(limited(f"remote requests: {label}", database.count(migrations, name), 1, ""))
        database = open_(program, folder)
        database.run(first, "up", *_BARE)
        announced = json.loads(database.run(migrations, "plan", "--json"))["requests"]
        made = database.count(migrations, "up")
        rows.append(
            limited(f"remote requests: up of {count}, lint and bookmark, as announced", made, announced, "")
        )
    return rows


def imports(lab: Lab) -> list[Row]:
    """A data file of tens of megabytes and one of ten times the size: both should need the same memory."""
    folder, sizes = lab.folder / "import", (lab.sizes.rows // 5, lab.sizes.rows * 2)
    folder.mkdir()
    rows, peaks = [], []
    if why := missing_workerd():
        return [Row("import of a data file", "-", theirs=why)]
    with _server() as open_:
        for count in sizes:
            script = data.write_dump(folder / str(count) / "0001_load_events.sql", count)
            database = open_(lab.tools.d1migrate, folder)
            argv = database.argv(script.parent, "up", *_BARE)
            (timing,) = in_turns([Command("d1migrate", argv, folder)], 1)
            figure = f"import of {size(script)} into a remote D1"
            rows.append(timed(figure, timing, None))
            rows.append(limited(f"{figure}: peak memory", megabytes(timing.peak), 80, "MB"))
            peaks.append(timing.peak)
            script.unlink()
    ratio = peaks[1] / peaks[0]
    rows.append(
        Row(
            "import: memory of the larger file over the smaller's",
            f"{ratio:.2f} x",
            bar="≤ 1.5 x",
            ok=ratio <= 1.5,
        )
    )
    return rows


def with_server(server: Cloudflare, program: str) -> tuple[str, ...]:
    """Return the beginning of the command line of a program that takes this server for Cloudflare's."""
    settings = (f"{name}={value}" for name, value in server.environment.items())
    return ("env", *settings, program)


@contextmanager
def _server() -> Iterator[Callable[[str, Path], Remote]]:
    """Start the server; yield a function that opens databases."""
    from tests.runtime.cloudflare import Cloudflare

    with Cloudflare() as server:
        yield lambda program, folder: Remote(server, program, folder)
