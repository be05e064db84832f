"""Migrations of a local D1, beside wrangler."""

from __future__ import annotations

import json
import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.lab import PROGRAMS, Lab, has_tables
from benchmarks.measure import Command, Missing, in_turns
from benchmarks.table import Row, compared
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = {
    "name": "shop",
    "compatibility_date": "2026-01-01",
    "d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "shop"}],
}


def local(lab: Lab) -> list[Row]:
    """The file of a local D1, which d1migrate opens itself; and the same migrations through the real engine.

    Wrangler starts workerd once for each file, so it runs in the first round only.
    """
    count, folder = lab.sizes.local, lab.folder / "local"
    figures = f"{count} migrations of a local D1", f"{count} migrations through workerd, with its start"
    commands = (
        _on_the_file(lab, folder / "file"),
        _through_workerd(lab, folder / "workerd"),
        _wrangler(lab, folder / "wrangler"),
    )
    timings = iter(in_turns([c for c in commands if isinstance(c, Command)], lab.sizes.long))
    *ours, wrangler = (c if isinstance(c, Missing) else next(timings) for c in commands)
    rows: list[Row] = []
    for figure, found in zip(figures, ours, strict=True):
        if isinstance(found, Missing):
            rows.append(Row(figure, "-", theirs=found.why))
        else:
            rows += compared(figure, found, [wrangler])
    return rows


def _on_the_file(lab: Lab, folder: Path) -> Command:
    return _on_new_state(
        lab, folder, "d1migrate", lab.tools.d1migrate, "up", "--no-lint", "--database", "wrangler:DB"
    )


def _through_workerd(lab: Lab, folder: Path) -> Command | Missing:
    if why := missing_workerd():
        return Missing("d1migrate", why)
    # This interpreter, not the one that is measured elsewhere: it has the tests' Node.
    program = str(PROGRAMS / "through_workerd.py")
    return _on_new_state(lab, folder, "d1migrate", sys.executable, program, ".wrangler", "migrations")


def _wrangler(lab: Lab, folder: Path) -> Command | Missing:
    label = "wrangler d1 migrations apply --local"
    if isinstance(lab.tools.wrangler, str):
        return Missing(label, lab.tools.wrangler)
    argv = (*lab.tools.wrangler, "d1", "migrations", "apply", "shop", "--local")
    return _on_new_state(lab, folder, label, *argv)._replace(every=lab.sizes.long)


def _on_new_state(lab: Lab, folder: Path, label: str, *argv: str) -> Command:
    """Return a command in a project of wrangler's, without a database before each repetition."""
    count, state = lab.sizes.local, folder / ".wrangler"
    data.write(folder / "migrations", data.small(count))
    (folder / "wrangler.json").write_text(json.dumps(_CONFIG), encoding="utf-8")

    def check() -> None:
        found = [path for path in state.rglob("*D1DatabaseObject/*.sqlite") if path.name != "metadata.sqlite"]
        has_tables(count, *found)

    return Command(label, argv, folder, before=partial(shutil.rmtree, state, ignore_errors=True), after=check)
