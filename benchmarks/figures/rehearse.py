"""`rehearse --all`: its time, and how that grows with the number of migrations and of tables."""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING

from benchmarks import application, data
from benchmarks.measure import Command, in_turns
from benchmarks.table import growth, timed

if TYPE_CHECKING:
    from benchmarks.lab import Lab
    from benchmarks.table import Row

_SIZE = (215, 60)  # migrations, and the tables that they build
_DOUBLED = (((100, 60), (200, 60), (400, 60)), ((200, 30), (200, 60), (200, 120)))
_BAR = 6.0  # seconds
_GROWTH = 1.3  # times as long for each migration, if there are twice as many migrations or tables


def rehearse(lab: Lab) -> list[Row]:
    """An application's migrations on a scratch database with rows in every table, and their rollbacks."""
    part = 10 if lab.quick else 1
    whole, *doubled = [[(m // part, t // part) for m, t in sizes] for sizes in ((_SIZE,), *_DOUBLED)]
    sizes = list(dict.fromkeys(chain(whole, *doubled)))
    timings = dict(
        zip(sizes, in_turns([_rehearsal(lab, size) for size in sizes], lab.sizes.long), strict=True)
    )
    rows = [timed(_name(whole[0]), timings[whole[0]], None if lab.quick else _BAR)]
    for growing in doubled:
        for smaller, larger in pairwise(growing):
            each, before = (timings[size].median / size[0] for size in (larger, smaller))
            rows.append(growth(_name(larger), each, _name(smaller), before, _GROWTH))
    return rows


def _rehearsal(lab: Lab, size: tuple[int, int]) -> Command:
    folder = lab.folder / "rehearse-{}-{}".format(*size)
    data.write(folder / "migrations", application.growing(*size))
    return Command(_name(size), (lab.tools.d1migrate, "rehearse", "--all", "--json"), folder)


def _name(size: tuple[int, int]) -> str:
    return "rehearse --all, {} migrations, {} tables".format(*size)
