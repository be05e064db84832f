"""Print the table of figures: `python benchmarks/run.py [--quick] [FIGURE …]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Measure the named figures, or all of them, and print one table."""
    from benchmarks import table, tools
    from benchmarks.figures import FIGURES
    from benchmarks.lab import FULL, QUICK, Lab

    parser = argparse.ArgumentParser(description="Measure d1migrate beside its peers, in one run.")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=" ".join(FIGURES))
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repetitions: no verdicts")
    parser.add_argument(
        "--install", action="store_true", help="measure the checkout, even if d1migrate is installed"
    )
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.figures if name not in FIGURES]:
        parser.error(f"no figure {unknown[0]!r}; there are: {' '.join(FIGURES)}")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="d1migrate-bench-") as folder:
        found = tools.find(Path(folder), install=arguments.install)
        lab = Lab(found, Path(folder), QUICK if arguments.quick else FULL)
        rows: list[table.Row] = []
        for name in arguments.figures or FIGURES:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += FIGURES[name](lab)
        versions = tools.versions(found)
    if arguments.quick:
        print(
            "--quick: small sizes, few repetitions. The bars are for the full sizes; no verdicts are given.\n"
        )
    print(table.render(rows, verdicts=not arguments.quick))
    print("\nTimes are medians (in brackets the fastest and slowest) of whole processes, taken in turns.")
    print("A ratio is d1migrate's median over the other's: below 1 d1migrate is faster.")
    print(f"{versions}; {time.perf_counter() - started:.0f} s in all.")


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main()
