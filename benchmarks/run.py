"""Print the table of figures: `python benchmarks/run.py [--quick] [FIGURE …]`, or save it: `--save`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.results import Results

_QUICK = "--quick: small sizes, few repetitions. The bars are for the full sizes; no verdicts are given.\n\n"


def main() -> None:
    """Measure the named figures, or all of them, and print one table."""
    from benchmarks import results
    from benchmarks.figures import FIGURES

    parser = argparse.ArgumentParser(description="Measure d1migrate beside its peers, in one run.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=" ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions: no verdicts")
    parser.add_argument(
        "--install", action="store_true", help="measure the checkout, even if d1migrate is installed"
    )
    parser.add_argument(
        "--save", type=Path, nargs="?", const=results.SAVED, metavar="FILE", help="default: the repository's"
    )
    parser.add_argument("--compare", type=Path, metavar="FILE", help="show an earlier, saved run beside this")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.figures if name not in FIGURES]:
        parser.error(f"no figure {unknown[0]!r}; there are: {' '.join(FIGURES)}")
    if arguments.save and (arguments.quick or arguments.figures):
        parser.error("--save is for a whole run: neither --quick nor FIGURE")
    before = arguments.compare and results.read(arguments.compare)
    found = _measure(arguments.figures or list(FIGURES), quick=arguments.quick, install=arguments.install)
    if arguments.save:
        results.save(found, arguments.save)
    print(_QUICK * arguments.quick + results.text(found, verdicts=not arguments.quick, before=before))


def _measure(names: Sequence[str], *, quick: bool, install: bool) -> Results:
    from benchmarks import tools
    from benchmarks.figures import FIGURES
    from benchmarks.lab import FULL, QUICK, Lab
    from benchmarks.results import Results

    started, figures = time.perf_counter(), {}
    with tempfile.TemporaryDirectory(prefix="d1migrate-bench-") as folder:
        found = tools.find(Path(folder), install=install)
        lab = Lab(found, Path(folder), QUICK if quick else FULL)
        for name in names:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            figures[name] = tuple(FIGURES[name](lab))
        versions = tools.versions(found)
    date, seconds = datetime.now(tz=UTC).date().isoformat(), round(time.perf_counter() - started)
    return Results(date, tools.machine(), versions, seconds, figures)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main()
