"""The requests that a command sends: to a file, where each is a batch, and to a remote D1."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.figures import remote
from benchmarks.lab import PROGRAMS, Lab
from benchmarks.measure import run
from benchmarks.table import limited

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.table import Row


def requests(lab: Lab) -> list[Row]:
    """Batches sent to a database whose history tables exist."""
    folder, count = lab.folder / "requests", 10
    files = list(data.small(1 + count))
    first = data.write(folder / "first", files[:1])
    migrations = data.write(folder / "migrations", files)
    rows = []
    for table in ("schema_migrations", "d1_migrations"):
        send, suffix = partial(sent, lab, table), f", {table}"
        for what, bar in (("up", count + 2), ("single", 3)):
            database = folder / f"{what}-{table}.db"
            send("up", database, first)
            name = f"up of {count}" + (", --single-transaction" if what == "single" else "")
            rows.append(limited(f"requests: {name}{suffix}", send(what, database, migrations), bar, ""))
        database = folder / f"linted-{table}.db"
        send("up", database, first)
        figure = f"requests: up of {count}, with lint{suffix}"
        rows.append(limited(figure, send("linted", database, migrations), count + 3, ""))
        for what, name in (("status", "status"), ("up", "no-op up")):
            database = folder / f"up-{table}.db"
            rows.append(limited(f"requests: {name}{suffix}", send(what, database, migrations), 1, ""))
    return rows + remote.requests(lab.tools.d1migrate, folder / "remote", count)


def sent(lab: Lab, table: str, what: str, database: Path, migrations: Path) -> int:
    """Call the library in a process of its own; return how many batches it sent."""
    script = str(PROGRAMS / "count_requests.py")
    return int(run((lab.tools.python, script, what, str(database), str(migrations), table), lab.folder))
