"""The tenants of a fleet: their migrations, databases that some of them are applied to, and what each one holds in the end.

Tenants are checked with the standard library's SQLite, on their files, by queries of this module alone: nothing here
depends on how d1migrate reads a history.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from d1migrate import Migrator, connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate import Driver

# A migration that ran twice is not refused but counted: each run leaves a row.
_FIRST = "CREATE TABLE IF NOT EXISTS ran (name TEXT NOT NULL);\n"
_FILE = """\
CREATE TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT);
CREATE INDEX IF NOT EXISTS {name}_a ON {name} (a);
INSERT INTO ran (name) VALUES ('{name}');
"""
_HISTORY = ("schema_migrations", "d1migrate_log")
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
_RAN = "SELECT name FROM ran ORDER BY rowid"
_APPLIED = "SELECT version, name FROM schema_migrations ORDER BY version"
_LOG = "SELECT token, version, event FROM d1migrate_log WHERE action = 'up' ORDER BY id"
_BAD_PAGES = "PRAGMA quick_check"


def names(count: int) -> list[str]:
    """Return the names of so many migrations."""
    return [f"{number:03}_add_t{number}" for number in range(1, count + 1)]


def write(folder: Path, count: int) -> Path:
    """Write so many migrations; each creates a table with an index, and leaves a row whenever it runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names(count), 1):
        text = _FIRST * (number == 1) + _FILE.format(name=f"t{number}")
        folder.joinpath(f"{name}.sql").write_text(text, encoding="utf-8")
    return folder


def apply(driver: Driver, migrations: Path) -> None:
    """Apply a folder of migrations, and close the driver."""
    with Migrator(driver, migrations) as migrator:
        migrator.up(lint=False, single_transaction=True)


def template(path: Path, migrations: Path) -> Path:
    """Create a file that these migrations are applied to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    apply(connect(f"sqlite:{path}"), migrations)
    return path


def copies(original: Path, folder: Path, count: int) -> list[Path]:
    """Copy a file so often, in folders of a hundred."""
    paths = [folder / f"{number // 100:03}" / f"t{number:05}.db" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, path)
    return paths


class Contents(NamedTuple):
    """What a tenant holds.

    Attributes:
        schema: everything in it, with its SQL.
        ran: the table of each migration that ran, as often as it ran.
        applied: version and name of those that are recorded.
        log: token, version and event of each line of the log about an `up`.
        damage: what SQLite finds wrong with the file.
    """

    schema: tuple[tuple[str, str, str, str | None], ...]
    ran: tuple[str, ...]
    applied: tuple[tuple[int, str], ...]
    log: tuple[tuple[str, int, str], ...]
    damage: str


def look(file: Path) -> Contents:
    """Read a tenant from a copy of its file and log, so that no lock affects who has it open."""
    with tempfile.TemporaryDirectory(prefix="tenant-") as folder:
        copy = Path(folder, "copy.db")
        shutil.copyfile(file, copy)
        log = file.with_name(f"{file.name}-wal")
        if log.exists():
            shutil.copyfile(log, copy.with_name("copy.db-wal"))
        with closing(sqlite3.connect(copy)) as connection:
            schema = tuple(connection.execute(_SCHEMA))
            existing = {name for _, name, *_ in schema}
            ran = tuple(name for (name,) in connection.execute(_RAN)) if "ran" in existing else ()
            recorded = existing.issuperset(_HISTORY)
            applied = tuple(connection.execute(_APPLIED)) if recorded else ()
            log_rows = tuple(connection.execute(_LOG)) if recorded else ()
            ((damage,),) = connection.execute(_BAD_PAGES)
    return Contents(schema, ran, applied, log_rows, damage)


def wrong(contents: Contents, count: int) -> str | None:
    """Return what is wrong with a tenant that should be at migration `count`, or None."""
    numbers = list(range(1, count + 1))
    expected = [f"t{number}" for number in numbers]
    if contents.damage != "ok":
        return contents.damage
    if list(contents.ran) != expected:
        return f"the migrations ran as {contents.ran}"
    if list(contents.applied) != list(zip(numbers, names(count), strict=True)):
        return f"the table records {contents.applied}"
    events = Counter((version, event) for _, version, event in contents.log)
    if events != {(number, event): 1 for number in numbers for event in ("begun", "done")}:
        return f"the log has {contents.log}"
    pairs = Counter((token, version) for token, version, _ in contents.log)
    if set(pairs.values()) != {2}:
        return f"what began did not end: {contents.log}"
    tables = {name for kind, name, *_ in contents.schema if kind == "table"}
    if tables != {"ran", *expected, *_HISTORY}:
        return f"the tables are {sorted(tables)}"
    return None


def check(files: Iterable[Path], count: int) -> None:
    """Check that all tenants are at migration `count`: each ran once, none is cut in half, one schema everywhere.

    Raises:
        AssertionError: with the first few that are not.
    """
    complaints: list[str] = []
    schemas: Counter[tuple[object, ...]] = Counter()
    for file in files:
        contents = look(file)
        schemas[contents.schema] += 1
        if complaint := wrong(contents, count):
            complaints.append(f"{file}: {complaint}")
    assert not complaints, f"{len(complaints)} tenants:\n" + "\n".join(complaints[:5])
    assert len(schemas) <= 1, f"{len(schemas)} schemas: {_differing(list(schemas))}"


def _differing(schemas: Sequence[tuple[object, ...]]) -> object:
    return set(schemas[0]) ^ set(schemas[1])
