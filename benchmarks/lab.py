"""What figures share: the tools, the sizes, and the commands that work on a database of their own."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.measure import Command, Missing, Timing, in_turns
from benchmarks.table import Row, compared, megabytes
from benchmarks.tools import ROOT, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROGRAMS = ROOT / "benchmarks"
_WAL = "PRAGMA journal_mode = WAL"


class Sizes(NamedTuple):
    """How much of everything.

    Attributes:
        migrations: small ones, on a new file.
        applied: how many are applied when nothing is to be done.
        rows: of the dump.
        local: migrations of a local D1.
        linted: migrations that several linters read.
        tables: of the schemas that are compared.
        tenants: of a fleet.
        short: repetitions of commands that take a moment; `middle` and `long`, of those that take longer.
    """

    migrations: int
    applied: tuple[int, ...]
    rows: int
    local: int
    linted: int
    tables: int
    tenants: int
    short: int
    middle: int
    long: int


FULL = Sizes(
    migrations=1000,
    applied=(1000, 10_000),
    rows=500_000,
    local=200,
    linted=200,
    tables=300,
    tenants=10_000,
    short=21,
    middle=5,
    long=3,
)
QUICK = Sizes(
    migrations=30,
    applied=(30, 100),
    rows=5_000,
    local=3,
    linted=5,
    tables=10,
    tenants=20,
    short=2,
    middle=1,
    long=1,
)


class Lab(NamedTuple):
    """What a figure needs: the tools, an empty folder, and the sizes."""

    tools: Tools
    folder: Path
    sizes: Sizes

    @property
    def quick(self) -> bool:
        """Whether only to show that everything works."""
        return self.sizes == QUICK

    def up(self, migrations: Path, database: Path, *options: str) -> tuple[str, ...]:
        """Return the `up` of d1migrate on a file."""
        where = ("--database", f"sqlite:{database}", "--migrations", str(migrations))
        return (self.tools.d1migrate, "up", *where, *options)

    def bare(self, what: str, database: Path, path: Path) -> tuple[str, ...]:
        """Return a bare APSW loop."""
        return (self.tools.python, str(PROGRAMS / "bare.py"), what, str(database), str(path))

    def import_sqlite3(self, *, bar: float | None) -> Command:
        """Return what every command in Python that opens SQLite does at least."""
        argv = (self.tools.python, "-c", "import sqlite3")
        return Command('python -c "import sqlite3"', argv, self.folder, bar=bar)

    def shells(
        self, folder: Path, script: Path, done: Callable[[Path], None], bar: float
    ) -> list[Command | Missing]:
        """Return the sqlite3 shell reading a file in one transaction, in WAL and with its defaults."""
        if isinstance(self.tools.shell, str):
            return [Missing("sqlite3 shell", self.tools.shell)]
        wal, journal = folder / "shell-wal.db", folder / "shell.db"
        shell, steps = (*self.tools.shell, "-bail"), ("BEGIN", f".read '{script}'", "COMMIT")
        return [
            on_new_file("sqlite3 shell, WAL", (*shell, str(wal), _WAL, *steps), wal, done, bar),
            on_new_file("sqlite3 shell, rollback journal", (*shell, str(journal), *steps), journal, done),
        ]


def beside(
    figure: str, ours: Command, others: Sequence[Command | Missing], rounds: int
) -> tuple[list[Row], list[Timing]]:
    """Time d1migrate and others in turns; return a row for each of the others, and the timings."""
    timings = in_turns([ours, *(other for other in others if isinstance(other, Command))], rounds)
    missing = [other for other in others if isinstance(other, Missing)]
    return compared(figure, timings[0], [*timings[1:], *missing]), timings


def on_new_file(
    label: str,
    argv: tuple[str, ...],
    database: Path,
    done: Callable[[Path], None],
    bar: float | None = None,
) -> Command:
    """Return a command that starts without a database, and whose work is checked afterward."""
    return Command(
        label,
        argv,
        database.parent,
        before=partial(_remove, database),
        after=partial(done, database),
        bar=bar,
    )


def has_tables(expected: int, database: Path) -> None:
    """Raise if not all of the small migrations are applied."""
    check(database, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'idx_t0%'", expected)


def has_rows(expected: int, database: Path) -> None:
    """Raise if not all rows of the dump are in the database."""
    check(database, "SELECT count(*) FROM events", expected)


def check(database: Path, query: str, expected: int) -> None:
    """Raise if a query does not return this number."""
    connection = sqlite3.connect(database)
    (found,) = connection.execute(query).fetchone()
    connection.close()
    if found != expected:
        raise RuntimeError(f"{database.name}: {query} is {found}, not {expected}")


def hummbl(folder: Path) -> Path:
    """Copy HUMMBL's project, without the state that tools left in it."""
    shutil.copytree(ROOT / "workers", folder / "workers", ignore=shutil.ignore_patterns(".wrangler"))
    shutil.copy(ROOT / "d1migrate.toml", folder)
    return folder


def size(path: Path) -> str:
    """Return the size of a file as it is shown."""
    return f"{megabytes(path.stat().st_size):.0f} MB"


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
