"""The linter: as a part of `up`, alone, and beside others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.lab import FULL, Lab, beside, has_rows, has_tables, on_new_file
from benchmarks.measure import Command, Missing, in_turns
from benchmarks.table import timed

if TYPE_CHECKING:
    from benchmarks.table import Row


def lint(lab: Lab) -> list[Row]:
    """`up` compared with `up --no-lint`, and `lint --all`."""
    return [*_before_up(lab), *_alone(lab)]


def linters(lab: Lab) -> list[Row]:
    """Files beside the linters of SQL in general, which check layout and style and know no database."""
    folder, count = lab.folder / "linters", lab.sizes.linted
    migrations = data.write(folder / "migrations", data.altering(count))
    argv = (lab.tools.d1migrate, "lint", "--all", "--migrations", str(migrations))
    others = [
        Missing(name, tool)
        if isinstance(tool, str)
        else Command(
            f"{name} lint", (*tool, "lint", "--dialect", "sqlite", str(migrations)), folder, codes=(1,)
        )
        for name, tool in (("sqlfluff", lab.tools.sqlfluff), ("sqruff", lab.tools.sqruff))
    ]
    figure = f"lint {count} migrations, every third alters"
    return beside(figure, Command("d1migrate", argv, folder), others, lab.sizes.long)[0]


def _before_up(lab: Lab) -> list[Row]:
    rows: list[Row] = []
    count, inserts = lab.sizes.migrations, lab.sizes.rows
    for name, files, done, rounds in (
        (f"{count:,} migrations", data.small(count), partial(has_tables, count), lab.sizes.middle),
        (f"{inserts:,} INSERTs", data.loading(inserts), partial(has_rows, inserts), lab.sizes.long),
    ):
        folder = lab.folder / f"lint-{name.split()[1]}"
        migrations = data.write(folder / "migrations", files)
        linted, bare = folder / "linted.db", folder / "not.db"
        ours = on_new_file("d1migrate up", lab.up(migrations, linted), linted, done)
        unlinted = on_new_file("up --no-lint", lab.up(migrations, bare, "--no-lint"), bare, done, bar=1.5)
        rows += beside(f"up with lint, {name}", ours, [unlinted], rounds)[0]
    return rows


def _alone(lab: Lab) -> list[Row]:
    rows: list[Row] = []
    count = lab.sizes.migrations
    for name, files in (("", data.small(count)), (", every third alters", data.altering(count))):
        folder = lab.folder / f"lint-all{len(rows)}"
        migrations = data.write(folder / "migrations", files)
        argv = (lab.tools.d1migrate, "lint", "--all", "--json", "--migrations", str(migrations))
        (timing,) = in_turns([Command("d1migrate lint", argv, folder)], lab.sizes.middle)
        bar = 3.0 if count == FULL.migrations else None
        rows.append(timed(f"lint {count:,} migrations{name}", timing, bar))
    return rows
