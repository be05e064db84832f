"""The saved run, and what the pages show of it."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks import results
from benchmarks.figures import FIGURES
from benchmarks.results import Results
from benchmarks.table import Row

ROOT = Path(__file__).parents[2]
RUN = Results(
    "2026-11-30",
    "2 processors",
    "d1migrate 0.1.0",
    480,
    {
        "status": (
            Row("cold status", "60 ms (58-71), 22 MB", 'python -c "import sqlite3"', "30 ms", "2.00 x"),
            Row("cold status", "60 ms (58-71), 22 MB", "dbmate status", "10 ms (9-11), 20 MB", "6.00 x"),
            Row("cold status", "60 ms (58-71), 22 MB", "yoyo list", "0.12 s (0.1-0.2), 30 MB", "0.50 x"),
            Row("cold status", "60 ms (58-71), 22 MB", "alembic current", "not installed: pip install"),
        ),
        "split": (Row("splitting", "90 MB/s", bar="≥ 60 MB/s", ok=True),),
    },
)


def test_pages_show_the_saved_run() -> None:
    """`python benchmarks/run.py --save` writes all three; none of them is edited by hand."""
    saved = results.read()
    readme = results.README.read_text(encoding="utf-8")
    assert results.with_speed(readme, saved) == readme
    assert results.PAGE.read_text(encoding="utf-8") == results.page(saved)


def test_saved_figures_exist() -> None:
    """A figure that is renamed needs a new run."""
    assert set(results.read().figures) <= set(FIGURES)


def test_missed_bars_are_explained() -> None:
    """Each figure that misses a bar has its reason in the page about the benchmarks, and no other one has."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    reasons = re.findall(r"^- `([\w-]+)`: ", text.partition("\n## Missed bars\n")[2], re.MULTILINE)
    missed = [name for name, rows in results.read().figures.items() if any(row.ok is False for row in rows)]
    assert reasons == missed


def test_section_has_one_line_for_each_figure_with_peers() -> None:
    """With the tools that were measured, without the limits of the benchmark."""
    assert results.with_speed(f"a\n{results.BEGIN}old\n{results.END}b\n", RUN) == (
        f"a\n{results.BEGIN}"
        "| | d1migrate | its time as a multiple of another tool's |\n"
        "|---|---|---|\n"
        "| cold status | 60 ms, 22 MB | 6.00 x dbmate (10 ms, 20 MB) · 0.50 x yoyo (0.12 s, 30 MB) |\n"
        "\n"
        "Below 1 x, d1migrate is faster. One run on 2 processors, 2026-11-30;\n"
        "[all figures](benchmarks/results.md), [what each tool does and does not do](benchmarks/README.md).\n"
        f"{results.END}b\n"
    )


def test_saved_run_is_read_as_it_was(tmp_path: Path) -> None:
    """Elsewhere than in the repository, no page is written."""
    pages = [path.read_bytes() for path in (results.README, results.PAGE)]
    results.save(RUN, tmp_path / "run.json")
    assert results.read(tmp_path / "run.json") == RUN
    assert [path.read_bytes() for path in (results.README, results.PAGE)] == pages


def test_earlier_run_is_a_column() -> None:
    """Its figure, with its ratio; a figure that it lacks has none."""
    figures = {"status": RUN.figures["status"][1:2]}
    lines = results.text(RUN, before=RUN._replace(figures=figures)).splitlines()
    column = [line.strip("|").rpartition("|")[2].strip() for line in lines[:4]]
    assert column == ["before", "-" * len(column[1]), "-", "60 ms (58-71), 22 MB, 6.00 x"]
