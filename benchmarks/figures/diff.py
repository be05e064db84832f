"""The migration that leads from one schema to another."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data, schemas
from benchmarks.lab import Lab, beside
from benchmarks.measure import Command, Missing, in_turns, run
from benchmarks.table import growth
from benchmarks.tools import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.table import Row

_BAR = 0.4
_GROWTH = 1.3  # times as long for each table, if there are twice as many


def diff(lab: Lab) -> list[Row]:
    """Of hundreds of tables, a few have a new column with an index, and as many are new.

    d1migrate replays the migrations and reads the desired schema in SQL, sqldiff reads two databases, and
    drizzle-kit compares TypeScript with its record of the last migration.
    """
    folder, tables = lab.folder / "diff", lab.sizes.tables
    ours = _d1migrate(lab, folder / "d1migrate", tables)
    others = [_sqldiff(lab, folder / "sqldiff"), _drizzle(lab, folder / "drizzle")]
    rows, _ = beside(_name(tables), ours, others, lab.sizes.middle)
    return rows + _growth(lab, (tables // 2, tables, tables * 2))


def _growth(lab: Lab, sizes: Sequence[int]) -> list[Row]:
    """Return the time for each table of a schema, compared with half as many."""
    commands = [_d1migrate(lab, lab.folder / f"diff-{tables}", tables) for tables in sizes]
    each = [t.median / size for t, size in zip(in_turns(commands, lab.sizes.middle), sizes, strict=True)]
    return [
        growth(_name(sizes[at]), each[at], _name(sizes[at - 1]), each[at - 1], _GROWTH)
        for at in range(1, len(sizes))
    ]


def _name(tables: int) -> str:
    return f"diff of {tables} tables"


def _d1migrate(lab: Lab, folder: Path, tables: int) -> Command:
    migrations = data.write(folder / "migrations", [data.File("0001_first.sql", schemas.before(tables).sql)])
    (folder / "schema.sql").write_text(schemas.after(tables).sql, encoding="utf-8")
    argv = (lab.tools.d1migrate, "diff", "--to", "schema.sql", "--migrations", "migrations", "--name", "next")
    written = migrations / "0002_next.sql"
    before, after = partial(written.unlink, missing_ok=True), partial(_check_file, tables, written)
    return Command("d1migrate", argv, folder, before=before, after=after)


def _sqldiff(lab: Lab, folder: Path) -> Command | Missing:
    label = "sqldiff --schema"
    if isinstance(lab.tools.sqldiff, str):
        return Missing(label, lab.tools.sqldiff)
    folder.mkdir()
    tables = lab.sizes.tables
    for name, schema in (("before.db", schemas.before(tables)), ("after.db", schemas.after(tables))):
        connection = sqlite3.connect(folder / name)
        connection.executescript(schema.sql)
        connection.close()
    argv = (*lab.tools.sqldiff, "--schema", "before.db", "after.db")
    _check(tables, run(argv, folder))
    return Command(label, argv, folder)


def _drizzle(lab: Lab, folder: Path) -> Command | Missing:
    label = "drizzle-kit generate"
    if isinstance(lab.tools.drizzle, str):
        return Missing(label, lab.tools.drizzle)
    folder.mkdir()
    tables, source = lab.sizes.tables, folder / "schema.ts"
    (folder / "node_modules").symlink_to(MODULES)
    argv = (*lab.tools.drizzle, "generate", "--dialect", "sqlite", "--schema", "schema.ts", "--name", "next")
    source.write_text(schemas.before(tables).typescript, encoding="utf-8")
    run(argv, folder)
    source.write_text(schemas.after(tables).typescript, encoding="utf-8")
    (folder / "drizzle").rename(folder / "first")

    def reset() -> None:
        shutil.rmtree(folder / "drizzle", ignore_errors=True)
        shutil.copytree(folder / "first", folder / "drizzle")

    after = partial(_check_file, tables, folder / "drizzle" / "0001_next.sql")
    return Command(label, argv, folder, before=reset, after=after, bar=None if lab.quick else _BAR)


def _check_file(tables: int, written: Path) -> None:
    _check(tables, written.read_text(encoding="utf-8"))


def _check(tables: int, sql: str) -> None:
    """Raise if a change is missing."""
    found = {words: sql.count(words) for words in (" ADD ", "CREATE INDEX", "CREATE TABLE")}
    if set(found.values()) != {schemas.changes(tables)}:
        raise RuntimeError(f"{found} instead of {schemas.changes(tables)} each, in:\n{sql}")
