"""The journal of a fleet: a question about a million tenants takes as long as one about a thousand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.lab import PROGRAMS, Lab
from benchmarks.measure import Command, in_turns, run
from benchmarks.table import Row, limited, megabytes

if TYPE_CHECKING:
    from pathlib import Path

_STATUS = 2.0
_MEMORY = 1.5  # the index of the log that SQLite maps, and its cache, are full only with the large one


def fleet_journal(lab: Lab) -> list[Row]:
    """Two journals are filled, then asked in turns."""
    folder, sizes = lab.folder / "fleet-journal", (1_000, 5_000 if lab.quick else 1_000_000)
    folder.mkdir()
    files = [folder / f"{size}.sqlite" for size in sizes]
    small, large = in_turns([_fill(lab, file, size) for file, size in zip(files, sizes, strict=True)], 1)
    argv = (lab.tools.python, str(PROGRAMS / "journal_times.py"), "measure", *map(str, files))
    few, many = json.loads(run(argv, folder))
    figure, other = f"fleet journal of {sizes[1]:,} tenants", f"of {sizes[0]:,} tenants"
    rows = [
        _beside(f"{figure}: {name}", many[what] * 1000, other, few[what] * 1000, "ms", bar)
        for what, name, bar in (
            ("status", "status", _STATUS),
            ("claim", "a claim of 50", None),
            ("finish", "50 outcomes", None),
        )
    ]
    memory = (megabytes(large.peak), other, megabytes(small.peak), "MB", _MEMORY)
    size = megabytes(files[1].stat().st_size)
    return [
        *rows,
        limited(f"{figure}: listing them", large.median, None, "s"),
        _beside(f"{figure}: peak memory of listing them", *memory),
        limited(f"{figure}: the file", size, None, "MB"),
    ]


def _fill(lab: Lab, file: Path, size: int) -> Command:
    program = str(PROGRAMS / "journal_times.py")
    return Command(file.name, (lab.tools.python, program, "fill", str(file), str(size)), file.parent)


def _beside(figure: str, ours: float, other: str, theirs: float, unit: str, bar: float | None) -> Row:
    ratio, shown = ours / theirs, [f"{value:.2f} {unit}" for value in (ours, theirs)]
    verdict = None if bar is None else ratio <= bar
    return Row(figure, shown[0], other, shown[1], f"{ratio:.2f} x", f"≤ {bar:g} x" if bar else "-", verdict)
