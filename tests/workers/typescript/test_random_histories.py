"""Random histories: whatever happened to a database, TypeScript answers what Python answers, and leaves the same.

Files are edited, renamed, removed and added; wrangler and people change the history tables; older code runs. After
each event both runtimes are called, Python on the embedded engine, TypeScript on D1 and in an object.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw
import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, Error
from d1migrate.migrate import source
from d1migrate.migrate.flows import ensure
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.project.actor import stamp
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import quote_identifier
from tests import inputs
from tests.runtime.answers import InsideError
from tests.runtime.typescript import TypeScriptWorkerd, compiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from d1migrate.migrate.table import MigrationsTable, Shape

    Files = dict[str, str]

EVENTS = 8
TABLES = [("schema_migrations", "d1_migrations"), ("Applied", 'wrangler\'s "Größe"')]
"""The names of the migrations table in either shape: the usual ones, and names that have to be quoted and folded."""
NAMES_IN_ORDER: dict[Shape, tuple[str, ...]] = {
    "versions": ("001_a.sql", "002_b.sql", "003_c.sql", "010_d.sql", "20240101_e.sql"),
    "names": ("0000_a.sql", "0001_b/migration.sql", "0001_c.sql", "2_d.sql", "later.sql"),
}
BODIES = [
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY, v TEXT);\nINSERT INTO {t} (v) VALUES ('a;b');\n-- Rollback:\n--   DROP TABLE {t};\n",
    "CREATE TABLE {t} (id INTEGER PRIMARY KEY AUTOINCREMENT);\nCREATE INDEX {t}_id ON {t} (id);\n",
    "-- nothing yet\n",
    "CREATE TABLE {t} (n);\nINSERT INTO {t} VALUES (1);\nINSERT INTO nosuch VALUES (1);\n",
    "CREATE TABLE {t} (n);\nSELEC 1;\n",
    "CREATE TABLE {t} (n);\nINSERT INTO {t} VALUES (1), (2);\nSELECT json_extract('{{}}', iif(n = 2, 'no', '$')) FROM {t};\n",
    "PRAGMA defer_foreign_keys = ON;\nCREATE TABLE {t} (id INTEGER PRIMARY KEY, p INTEGER REFERENCES {t});\nINSERT INTO {t} VALUES (1, 2);\nINSERT INTO {t} VALUES (2, 1);\n",
    "PRAGMA foreign_keys = OFF;\nCREATE TABLE {t} (p INTEGER REFERENCES nowhere);\n",
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);\n",
]


class World(NamedTuple):
    """The files as they are now, and a database for each runtime."""

    shape: Shape
    versions: str
    names: str
    files: Files
    typescript: TypeScriptWorkerd
    place: str
    driver: SqliteDriver

    @property
    def table(self) -> MigrationsTable:
        """The migrations table."""
        names = NameTable(self.names)
        return names if self.shape == "names" else VersionTable(self.versions, names)

    @property
    def choice(self) -> TableChoice:
        """The same, for Python."""
        return TableChoice(self.table.name, self.names)

    def execute(self, *statements: str) -> None:
        """Run statements past d1migrate on both databases; those that fail on both are skipped."""
        for sql in statements:
            failed = []
            for attempt in (
                lambda sql=sql: self.typescript.sql(self.place, sql),
                lambda sql=sql: self.driver.batch(Batch([Query(sql)])),
            ):
                try:
                    attempt()
                except (InsideError, Error) as error:
                    failed.append(error)
            assert len(failed) in (0, 2), failed


def outcome_of_python(world: World, to: str | None) -> Any:
    """What Python answers."""
    try:
        flow = ensure.ensure(
            source.load(world.files.items()),
            world.choice,
            lambda: stamp("worker"),
            to=to,
            accept_newer=True,
            notes_index="/" in world.place,
        )
        results = run(flow, world.driver).results
    except Error as error:
        return described(type(error).__name__, str(error), error.hint, vars(error))
    return [(step.name, step.action) for step in results]


def outcome_of_typescript(world: World, to: str | None) -> Any:
    """What TypeScript answers, or the compiler of the index."""
    options = {"maxMigrations": 1000, **({} if to is None else {"to": to})}
    try:
        index = compiled(world.files.items(), world.table)
        steps = world.typescript.call("runMigrations", index, options, database=world.place).results
    except Error as error:
        return described(type(error).__name__, str(error), error.hint, vars(error))
    except InsideError as error:
        return described(error.type, error.message, error.attributes["hint"], error.attributes)
    return [(step["name"], step["action"]) for step in steps]


def described(kind: str, message: str, hint: str | None, fields: Any) -> Any:
    """An error as the two can be compared: D1 does not say which statement failed."""
    kept = {name: list(fields[name]) for name in ("names", "applied", "pending") if name in fields}
    message = message.partition("\n")[0]  # without the excerpt of the file
    if kind == ApplyError.__name__:
        return kind, fields["migration"], re.sub(r"\.sql:\d+(?=: )", "", message), kept
    if hint and ("takes over from" in hint or hint.startswith("name another one in d1migrate.toml")):
        hint = None  # Python tells whose table it is
    return kind, message, hint, kept


def left(file: Path) -> Any:
    """All that a database holds, without tokens and times."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        schema = list(
            connection.execute(
                r"SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '\_cf\_%' ESCAPE '\' ORDER BY 1, 2"
            )
        )
        hidden = {"token", "at", "applied_at"}
        found = {}
        for name in [name for kind, name, _ in schema if kind == "table"]:
            cursor = connection.execute(f"SELECT * FROM {quote_identifier(name)} ORDER BY 1")
            rows = list(cursor)
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({quote_identifier(name)})")]
            found[name] = [
                [value for column, value in zip(columns, row, strict=True) if column not in hidden]
                for row in rows
            ]
        return schema, found
    finally:
        connection.close()


def difference(found: Any, expected: Any) -> list[Any]:
    """The rows that only one has, for a message that a person can read."""
    (schema, tables), (other_schema, other_tables) = found, expected
    pairs = [(schema, other_schema), *((tables[name], other_tables.get(name, [])) for name in tables)]
    return [(a, b) for one, other in pairs for a, b in zip_longest(one, other) if a != b]


# --- events ---


def body(random: Random) -> str:
    """The SQL of a file; mostly one that can be applied."""
    return random.choice(BODIES[:3] * 4 + BODIES).format(t=f"t{random.randrange(10_000)}")


def edit(random: Random, world: World) -> None:
    """Edit a file."""
    if world.files:
        world.files[random.choice(list(world.files))] = body(random)


def reformat(random: Random, world: World) -> None:
    """Add a comment to a file, which changes its bytes and not its meaning."""
    if world.files:
        name = random.choice(list(world.files))
        world.files[name] = f"-- more about it\n{world.files[name]}"


def remove(random: Random, world: World) -> None:
    """Remove a file: the last one, or any."""
    if len(world.files) > 1:
        world.files.pop(random.choice([list(world.files)[-1], random.choice(list(world.files))]))


def rename(random: Random, world: World) -> None:
    """Rename a file."""
    name = random.choice(list(world.files))
    number, _, rest = name.partition("_")
    world.files[f"{number}_{random.choice('xyz')}{rest}" if rest else f"{random.randrange(99)}_{name}"] = (
        world.files.pop(name)
    )


def add(random: Random, world: World) -> None:
    """Add a file, anywhere."""
    name = random.choice(NAMES_IN_ORDER[world.shape])
    new = random.choice([name, f"{random.randrange(1, 40):03}_new.sql"])
    numbers = [int(known.partition("_")[0]) for known in world.files if world.shape == "versions"]
    if (
        world.shape == "names" or int(new.partition("_")[0]) not in numbers
    ):  # the compiler refuses the same twice
        world.files.setdefault(new, body(random))


def by_wrangler(random: Random, world: World) -> None:
    """Record a file as wrangler does, in either table."""
    name = random.choice([*world.files, "099_unknown.sql"])
    number = int(re.match(r"\d*", name)[0] or 7)  # type: ignore[index]
    if random.random() < 0.7 or world.shape == "names":
        names = NameTable(world.names)
        world.execute(names.create, f"INSERT INTO {names.sql} (name) VALUES ('{name}')")
    if random.random() < 0.3 or world.shape == "versions":
        stem = name.removesuffix(".sql")
        versions = VersionTable(world.versions)
        world.execute(versions.create, f"INSERT INTO {versions.sql} VALUES ({number}, '{stem}', 1)")


def by_hand(random: Random, world: World) -> None:
    """Change the history by hand."""
    log = "INSERT INTO d1migrate_log (token, event, action, version, name, checksum, who, tool, at, format)"
    name = random.choice(list(world.files)).removesuffix(".sql")
    table = world.table.sql
    number = int(re.match(r"\d*", name)[0] or 7)  # type: ignore[index]
    begun = (
        f"{log} VALUES ('t{random.random()}', 'begun', 'up', {number}, '{name}', 'v1:x', 'me', 'it', 1, 1)"
    )
    world.execute(
        random.choice(
            [
                "DROP TABLE d1migrate_log",
                "DELETE FROM d1migrate_log",
                "DELETE FROM d1migrate_log WHERE id = (SELECT max(id) FROM d1migrate_log)",
                f"DROP TABLE {table}",
                f"DELETE FROM {table}",
                f"DELETE FROM {table} WHERE name = (SELECT max(name) FROM {table})",
                f"UPDATE {table} SET name = 'zzz.sql' WHERE name = (SELECT max(name) FROM {table})",
                "UPDATE d1migrate_log SET checksum = NULL",
                "UPDATE d1migrate_log SET checksum = 'v1:other' WHERE id = (SELECT max(id) FROM d1migrate_log)",
                "CREATE TABLE stranger (id INTEGER)",
                f"CREATE TABLE {table} (version VARCHAR(255) PRIMARY KEY)",
                f"CREATE TABLE {table} (id INTEGER, name TEXT)",
                begun,
            ]
        )
    )


def nothing(random: Random, world: World) -> None:
    """Only a call."""


HAPPENINGS: list[Callable[[Random, World], None]] = [
    *(edit, reformat, remove, rename, by_wrangler, by_hand),
    *([add] * 3 + [nothing] * 2),
]


@pytest.mark.parametrize("number", range(inputs.scaled(60)))
def test_both_runtimes_agree(
    typescript: TypeScriptWorkerd, place: str, shape: Shape, number: int, tmp_path: Path
) -> None:
    """After each event: the same answer, and the same database."""
    random = inputs.generator(f"histories {shape} {number}")
    path = tmp_path / "python.db"
    driver = SqliteDriver(str(path), url="sqlite:python.db")
    names = NAMES_IN_ORDER[shape]
    files = {name: body(random) for name in names[: random.randrange(1, len(names))]}
    world = World(shape, *TABLES[number % 2], files, typescript, place, driver)
    story = []
    try:
        for _ in range(EVENTS):
            event = random.choice(HAPPENINGS)
            event(random, world)
            to = random.choice([None, None, None, random.choice(list(files))])
            if "/" in place:
                to = None  # Python notes in the log that the files up to `to` are complete, too
            story.append((event.__name__, to, list(files)))
            expected, found = outcome_of_python(world, to), outcome_of_typescript(world, to)
            assert found == expected, story
            if path.exists() and typescript.file(place).exists():
                assert difference(left(typescript.file(place)), left(path)) == [], story
    finally:
        driver.close()
