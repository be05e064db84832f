"""Migrations of the real D1 on this machine, beside wrangler."""

from __future__ import annotations

import json
import shutil
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.figures import remote
from benchmarks.lab import Lab, has_tables
from benchmarks.measure import Command, Missing, in_turns
from benchmarks.table import Row, compared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UNTIMED = ("--no-lint", "measured")


def local(lab: Lab) -> list[Row]:
    """The file of a local D1, which d1migrate opens itself; and the engine in workerd, through the API of D1.

    Wrangler starts workerd for every file, so it runs in the first round only. The stand-in for the API has
    workerd running for both tools.
    """
    count = lab.sizes.local
    figures = f"{count} migrations of a local D1", f"{count} migrations through workerd"
    with remote.server() as open_:
        if open_ is None:
            return [Row(figure, "-", theirs=remote.MISSING) for figure in figures]
        database = open_(lab.tools.d1migrate, lab.folder)
        folder = lab.folder / "local"
        projects = [
            _project(folder / name, count, database.id) for name in ("file", "engine", "local", "remote")
        ]
        file, engine = _ours(lab, projects[0], count), _through_workerd(database, projects[1], count)
        wrangler = _wrangler(lab, projects[2:], database, count, every=lab.sizes.middle)
        commands = [command for command in wrangler if isinstance(command, Command)]
        first, second, *others = in_turns([file, engine, *commands], lab.sizes.middle)
    missing = [command for command in wrangler if isinstance(command, Missing)]
    return [
        *compared(figures[0], first, [*others[:1], *missing[:1]]),
        *compared(figures[1], second, [*others, *missing]),
    ]


def _project(folder: Path, count: int, database: str) -> Path:
    """Make a project of wrangler's with a binding to a database."""
    data.write(folder / "migrations", data.small(count))
    binding = {"binding": "DB", "database_name": "shop", "database_id": database}
    config = {"name": "shop", "compatibility_date": "2026-01-01", "d1_databases": [binding]}
    (folder / "wrangler.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def _ours(lab: Lab, project: Path, count: int) -> Command:
    argv = (lab.tools.d1migrate, "up", "--database", "wrangler:DB", *_UNTIMED)
    return _on_new_state("d1migrate", argv, project, count)


def _through_workerd(database: remote.Remote, project: Path, count: int) -> Command:
    argv = database.argv(project / "migrations", "up", *remote.BARE)
    done = partial(database.has_tables, count)
    return Command("d1migrate", argv, project, before=database.renew, after=done)


def _wrangler(
    lab: Lab, projects: Sequence[Path], database: remote.Remote, count: int, every: int
) -> list[Command | Missing]:
    labels = "wrangler d1 migrations apply --local", "wrangler d1 migrations apply --remote"
    if isinstance(lab.tools.wrangler, str):
        return [Missing(label, lab.tools.wrangler) for label in labels]
    apply = (*lab.tools.wrangler, "d1", "migrations", "apply", "shop")
    done = partial(database.has_tables, count)
    return [
        _on_new_state(labels[0], (*apply, "--local"), projects[0], count)._replace(every=every),
        Command(
            labels[1],
            ("env", *database.settings, *apply, "--remote"),
            projects[1],
            before=database.renew,
            after=done,
            every=every,
        ),
    ]


def _on_new_state(label: str, argv: tuple[str, ...], project: Path, count: int) -> Command:
    state = project / ".wrangler"

    def check() -> None:
        (file,) = (f for f in state.rglob("*D1DatabaseObject/*.sqlite") if f.name != "metadata.sqlite")
        has_tables(count, file)

    return Command(
        label, argv, project, before=partial(shutil.rmtree, state, ignore_errors=True), after=check
    )
