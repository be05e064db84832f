"""A saved run, and the pages that are made from it: the whole table, and the README's section on speed."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import table
from benchmarks.table import Row
from benchmarks.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SAVED = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "benchmarks" / "results.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- speed: from `python benchmarks/run.py --save` -->\n", "<!-- end of speed -->\n"

_SHOWN = {
    "status": {
        "dbmate status": "dbmate",
        "yoyo list": "yoyo",
        "alembic current": "Alembic",
        "wrangler d1 migrations list --local": "wrangler",
    },
    "apply": {"dbmate up": "dbmate", "yoyo apply": "yoyo", "alembic upgrade": "Alembic"},
    "local": {"wrangler d1 migrations apply --local": "wrangler"},
    "load": {"sqlite3 shell, WAL": "the sqlite3 shell"},
    "diff": {"sqldiff --schema": "sqldiff", "drizzle-kit generate": "drizzle-kit"},
    "linters": {"sqlfluff lint": "sqlfluff", "sqruff lint": "sqruff"},
}
"""{figure: {what it is compared with: the name in the README}}"""


class Results(NamedTuple):
    """One run of all figures: `figures` is {name: its rows}."""

    date: str
    machine: str
    versions: str
    seconds: int
    figures: Mapping[str, tuple[Row, ...]]

    @property
    def rows(self) -> list[Row]:
        """The rows of all figures."""
        return [row for rows in self.figures.values() for row in rows]


def save(results: Results, path: Path = SAVED) -> None:
    """Write a run, and if it is the repository's, the pages that show it."""
    figures = {name: [row._asdict() for row in rows] for name, rows in results.figures.items()}
    document = results._asdict() | {"figures": figures}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if path == SAVED:
        PAGE.write_text(page(results), encoding="utf-8")
        README.write_text(with_speed(README.read_text(encoding="utf-8"), results), encoding="utf-8")


def read(path: Path = SAVED) -> Results:
    """Read a saved run."""
    document = json.loads(path.read_text(encoding="utf-8"))
    figures = {name: tuple(Row(**row) for row in rows) for name, rows in document["figures"].items()}
    return Results(**(document | {"figures": figures}))


def text(results: Results, *, verdicts: bool = True, before: Results | None = None) -> str:
    """Return the table, how to read it, and what was measured.

    Args:
        results: the run.
        verdicts: whether to compare with the bars.
        before: an earlier run, for a column with its figures.
    """
    earlier = before.rows if before else ()
    return f"""\
{table.render(results.rows, verdicts=verdicts, before=earlier)}

Times are medians (in brackets the fastest and slowest) of whole processes, taken in turns; MB is peak memory.
A ratio is d1migrate's median over the other's: below 1 d1migrate is faster.
{results.versions}; {results.machine}; {results.date}; {results.seconds} s in all.
"""


def page(results: Results) -> str:
    """Return the page with the whole table."""
    origin = "One run of `python benchmarks/run.py --save`; [what is measured](README.md)."
    return f"# Results\n\n{origin}\n\n{text(results)}"


def with_speed(readme: str, results: Results) -> str:
    """Return the README with the section on speed of these results."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "".join((before, BEGIN, *_speed(results), END, after))


def _speed(results: Results) -> Iterator[str]:
    yield "| | d1migrate | its time as a multiple of another tool's |\n|---|---|---|\n"
    for name, others in _SHOWN.items():
        for (figure, ours), rows in groupby(results.figures.get(name, ()), key=lambda row: row[:2]):
            ratios = [
                f"{row.ratio} {others[row.other]} ({_brief(row.theirs)})"
                for row in rows
                if row.other in others and row.ratio != "-"
            ]
            if ratios:
                yield f"| {figure} | {_brief(ours)} | {' · '.join(ratios)} |\n"
    yield f"\nBelow 1 x, d1migrate is faster. One run on {results.machine}, {results.date};\n"
    yield "[all figures](benchmarks/results.md), "
    yield "[what each tool does and does not do](benchmarks/README.md).\n"


def _brief(used: str) -> str:
    """Leave out the fastest and the slowest repetition."""
    return re.sub(r" \(.*?\)", "", used)
