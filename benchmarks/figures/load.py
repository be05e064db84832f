"""One data migration of a hundred megabytes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.lab import PROGRAMS, Lab, beside, has_rows, on_new_file, size
from benchmarks.measure import Command, in_turns
from benchmarks.table import limited, megabytes

if TYPE_CHECKING:
    from benchmarks.table import Row


def load(lab: Lab) -> list[Row]:
    """Single-row INSERTs, applied."""
    folder, rows = lab.folder / "load", lab.sizes.rows
    script = data.write_dump(folder / "migrations" / "0001_load_events.sql", rows)
    done = partial(has_rows, rows)
    database, whole = folder / "d1.db", folder / "bare.db"
    ours = on_new_file("d1migrate", lab.up(script.parent, database, "--no-lint"), database, done)
    bare = on_new_file("bare APSW, whole file", lab.bare("script", whole, script), whole, done)
    others = [*lab.shells(folder, script, done, bar=0.9), bare]
    figure = f"data migration, {rows:,} INSERTs, {size(script)}"
    table, timings = beside(figure, ours, others, lab.sizes.long)
    return [*table, limited(f"{figure}: peak memory", megabytes(timings[0].peak), 64, "MB")]


def split(lab: Lab) -> list[Row]:
    """The same file split into statements, streaming, without running it."""
    folder, rows = lab.folder / "split", lab.sizes.rows
    script = data.write_dump(folder / "dump.sql", rows)
    argv = (lab.tools.python, str(PROGRAMS / "split_file.py"), str(script), str(rows + 1))
    (timing,) = in_turns([Command("split", argv, folder)], lab.sizes.middle)
    speed = megabytes(script.stat().st_size) / timing.median
    figure = f"splitting a dump of {size(script)}"
    return [
        limited(figure, speed, 60, "MB/s", at_least=True),
        limited(f"{figure}: peak memory", megabytes(timing.peak), None, "MB"),
    ]
