"""What `d1migrate.workers` does to a database, checked where it runs. Each function gets an empty one.

`table` is the shape of the migrations table, which the index of the files has.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sql_package  # type: ignore[import-not-found]
from sql_files import DELICATE, MANY, THREE  # type: ignore[import-not-found]

from d1migrate import errors
from d1migrate.drivers.binding import BindingDriver
from d1migrate.migrate import source
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.sql.batch import Batch, Query
from d1migrate.workers import (
    get_current,
    get_current_version,
    get_history,
    get_pending,
    run_migrations,
    verify_schema,
)
from d1migrate.workers.async_migrator import AsyncMigrator
from d1migrate.workers.objects import AsyncStorage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from d1migrate.drivers.protocol import AsyncDriver
    from d1migrate.migrate.table import Shape
    from d1migrate.sql.batch import Result

TABLES: dict[Shape, str] = {"versions": "schema_migrations", "names": "d1_migrations"}
NOTES = [(1, "001_notes", "up", 1), (2, "002_first_note", "up", 1), (3, "003_tags", "up", 1)]


def driver(db: Any) -> AsyncDriver:
    """Return the driver of a D1 binding, or of an object's storage."""
    return AsyncStorage(db) if hasattr(db, "transactionSync") else BindingDriver(db)


async def write(db: Any, *statements: str) -> None:
    """Run statements past d1migrate."""
    await driver(db).batch(Batch([Query(sql) for sql in statements]))


async def read(db: Any, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    (result,) = await driver(db).batch(Batch([Query(sql)], reads=True))
    return list(result.rows)


async def raised(awaitable: Awaitable[object], kind: type[Exception]) -> Any:
    """Return the error that it raises, which must be of that class."""
    try:
        value = await awaitable
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {value!r}")


def index(files: Sequence[tuple[str, str]], table: Shape, **more: Any) -> ModuleType:
    """Return an index of (name, SQL) pairs."""
    module = ModuleType("index")
    module.__dict__.update(MIGRATIONS=tuple(files), TABLE=table, **more)
    return module


async def migrate(db: Any, migrations: Any, **options: Any) -> list[Any]:
    """Run migrations, and return their results."""
    return list((await run_migrations(db, migrations, **options)).results)


def migrator(db: Any, table: Shape, *files: tuple[str, str]) -> AsyncMigrator:
    """Return an AsyncMigrator of (name, SQL) pairs."""
    return AsyncMigrator(driver(db), source.load(files), choice=TableChoice(TABLES[table]))


async def apply(db: Any, table: Shape) -> None:
    """What is pending is applied once, with its cost; history and log have it."""
    assert await get_current(db) is None
    assert await get_current_version(db) == 0
    assert await get_history(db) == ()
    three = index(THREE, table)
    results = await migrate(db, three, by="a deploy")
    assert [tuple(result[:4]) for result in results] == NOTES
    assert all(result.rows_read and result.rows_written for result in results), results
    assert await migrate(db, three) == []
    assert await get_current(db) == "003_tags"
    assert await get_current_version(db) == 3
    assert await read(
        db, "SELECT name FROM sqlite_schema WHERE name IN ('schema_migrations', 'd1_migrations')"
    ) == [(TABLES[table],)]
    assert await read(db, "SELECT text FROM notes") == [("first",)]
    assert [(e.version, e.action, e.by, e.done, e.detail) for e in await get_history(db)] == [
        (n, "up", "a deploy", True, '{"lint": false}') for n in (1, 2, 3)
    ]


async def apply_to(db: Any, table: Shape) -> None:
    """`to` stops early, and again there is nothing to do; an unknown migration is an error."""
    three = index(THREE, table)
    assert [r.version for r in await migrate(db, three, to=2)] == [1, 2]
    assert await migrate(db, three, to="002_first_note") == []
    assert await migrate(db, three, to="001") == []
    for unknown in (9, "009", "00"):
        error = await raised(migrate(db, three, to=unknown), errors.UsageError)
        assert str(unknown) in str(error)
    assert [r.version for r in await migrate(db, three, to="003_tags.sql")] == [3]
    await raised(migrate(db, three, to=9), errors.UsageError)


async def rollback(db: Any, table: Shape) -> None:
    """`down` runs the rollbacks of the files, refuses to lose rows, and uses the log's SQL for a lost file."""
    whole, two = migrator(db, table, *THREE), migrator(db, table, *THREE[:2])
    await whole.up()
    assert [(step.version, step.action) for step in (await two.down()).steps] == [(3, "down")]
    error = await raised(whole.down(to=0), errors.DataLoss)
    assert error.rows == {"notes": 1}
    report = await whole.down(to=0, allow_loss=["notes"])
    assert [step.version for step in report.steps] == [2, 1]
    assert await get_current_version(db) == 0
    assert await read(db, "SELECT name FROM sqlite_schema WHERE name IN ('notes', 'tags')") == []
    assert [e.action for e in await get_history(db)] == ["up", "up", "up", "down", "down", "down"]
    assert len(await migrate(db, index(THREE, table))) == 3


async def without_statements(db: Any, table: Shape) -> None:
    """A file without a statement is recorded like any other: its batch holds only the history."""
    files = index((("001_a.sql", ""), ("002_b.sql", "-- later")), table)
    assert [step.name for step in await migrate(db, files)] == ["001_a", "002_b"]
    assert await migrate(db, files) == []
    assert await get_pending(db, files) == ()


async def rollback_files(db: Any, table: Shape) -> None:
    """The log keeps a rollback that the index has from a file of its own, and `down` runs it."""
    files = [("001_a.sql", "CREATE TABLE a (x);\n")]
    await migrate(db, index(files, table, ROLLBACKS={"001_a.sql": "DROP TABLE a;\n"}))
    assert [step.version for step in (await migrator(db, table).down()).steps] == [1]
    assert await read(db, "SELECT name FROM sqlite_schema WHERE name = 'a'") == []


async def out_of_order(db: Any, table: Shape) -> None:
    """What is before an applied migration is refused, unless it is asked for."""
    three = index(THREE, table)
    await migrate(db, index((THREE[0], THREE[2]), table))
    error = await raised(migrate(db, three), errors.OutOfOrder)
    assert error.names == ("002_first_note",)
    assert [r.version for r in await migrate(db, three, allow_out_of_order=True)] == [2]
    assert await migrate(db, three) == []


async def failing_statement(db: Any, table: Shape) -> None:
    """A failure names the migration, what was applied and what is pending, and leaves nothing of it."""
    wrong = ("002_wrong.sql", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n")
    error = await raised(migrate(db, index((THREE[0], wrong, THREE[2]), table)), errors.ApplyError)
    assert (error.migration, error.applied, error.pending, error.unknown) == (
        "002_wrong",
        ("001_notes",),
        ("002_wrong", "003_tags"),
        False,
    )
    assert "no such table: nowhere" in str(error), error
    assert isinstance(error.__cause__, errors.QueryError)
    assert await get_current_version(db) == 1
    assert await read(db, "SELECT name FROM sqlite_schema WHERE name = 'half'") == []
    assert [r.version for r in await migrate(db, index(THREE, table))] == [2, 3]


async def unreadable(db: Any) -> None:
    """A file that cannot be parsed stops everything before anything runs, with its place."""
    wrong = ("002_wrong.sql", "CREATE TABLE t (a);\nINSERT INTO t VALUES ('never closed);\n")
    error = await raised(migrate(db, (THREE[0], wrong)), errors.ParseError)
    assert (error.file, error.line) == ("002_wrong.sql", 2)
    assert await get_current_version(db) == 0


async def disagreement(db: Any, table: Shape) -> None:
    """An edited or a lost file is an error, also where nothing is pending."""
    await migrate(db, index(THREE, table))
    edited = (THREE[0], (THREE[1][0], "INSERT INTO notes (text) VALUES ('second');\n"), THREE[2])
    error = await raised(migrate(db, index(edited, table)), errors.ChecksumMismatch)
    assert error.names == ("002_first_note",)
    assert await migrate(db, index(THREE[:2], table)) == []
    refused = migrate(db, index(THREE[:2], table), accept_newer=False)
    error = await raised(refused, errors.MissingMigration)
    assert error.names == ("003_tags",)
    error = await raised(migrate(db, index((THREE[0], THREE[2]), table)), errors.MissingMigration)
    assert error.names == ("002_first_note",)
    reworded = (
        THREE[0],
        (THREE[1][0], "-- A license\n" + THREE[1][1].replace(" (text)", "\n(text)")),
        THREE[2],
    )
    assert await migrate(db, index(reworded, table)) == []


async def strangers(db: Any) -> None:
    """A database that d1migrate did not create, and a table of another tool, are not empty databases."""
    await write(db, "CREATE TABLE old (a)")
    error = await raised(migrate(db, THREE), errors.HistoryError)
    assert "was not created by d1migrate" in str(error)
    assert await get_current_version(db) == 0
    await write(
        db,
        "CREATE TABLE schema_migrations (version VARCHAR PRIMARY KEY)",
        "INSERT INTO schema_migrations VALUES ('20240101')",
    )
    for call in (
        get_current_version(db),
        get_history(db),
        migrate(db, THREE),
        verify_schema(db, THREE),
    ):
        error = await raised(call, errors.HistoryError)
        assert "schema_migrations is not d1migrate's" in str(error)


async def unreadable_history(db: Any) -> None:
    """An error while history is read is an error, never "nothing is applied"."""
    await write(
        db,
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '001_notes', 1)",
        "CREATE TABLE d1migrate_log (message)",
    )
    for call in (get_current(db), get_current_version(db), migrate(db, THREE)):
        await raised(call, errors.HistoryError)


async def lost_log(db: Any, table: Shape) -> None:
    """A log of migrations without their table is an error, never "nothing is applied"."""
    await migrate(db, index(THREE, table))
    await write(db, f"DROP TABLE {TABLES[table]}")
    for call in (get_current(db), get_current_version(db), get_pending(db, index(THREE, table))):
        assert "is missing, but" in str(await raised(call, errors.HistoryError))


async def partial(db: Any, table: Shape) -> None:
    """A migration that began and did not finish stops the next run."""
    three = index(THREE, table)
    await migrate(db, three)
    await write(db, "DELETE FROM d1migrate_log WHERE version = 3 AND event = 'done'")
    for call in (migrate(db, three), get_pending(db, three)):
        assert (await raised(call, errors.PartiallyApplied)).names == ("003_tags",)


async def recorded_by_wrangler(db: Any) -> None:
    """Files that wrangler ran with `d1 execute`, and that recorded themselves, are applied."""
    await write(
        db,
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '001_notes', 1), (2, '002_first_note', 2)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)",
    )
    assert await get_current_version(db) == 2
    assert await migrate(db, index(THREE[:2], "versions")) == []
    assert await migrate(db, index(THREE[:2], "versions")) == []
    assert [r.version for r in await migrate(db, index(THREE, "versions"))] == [3]
    assert await migrate(db, index(THREE, "versions")) == []


WRANGLERS = (
    "CREATE TABLE {}(\n\t\tid         INTEGER PRIMARY KEY AUTOINCREMENT,\n\t\tname       TEXT UNIQUE,\n"
    "\t\tapplied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL\n)"
)
LAYOUT = [
    ("0000_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);"),
    ("0001_a/migration.sql", "CREATE TABLE a (id);"),
    ("0001_b.sql", "CREATE TABLE b (id);"),
    ("0x10_first.sql", "-- only a comment"),
    ("2024-01-13-it's a patch.sql", "CREATE TABLE c (id);"),
    ("seed.sql", "INSERT INTO users VALUES (1);"),
]
"""Names in the order in which wrangler lists them here, which is not its order."""


async def applied_by_wrangler(db: Any) -> None:
    """`wrangler d1 migrations apply` ran some files; the rest of any folder continues in its table."""
    applied = ["0000_users.sql", "0x10_first.sql", "0001_a/migration.sql"]
    await write(
        db,
        WRANGLERS.format("d1_migrations"),
        *(f"INSERT INTO d1_migrations (name) VALUES ('{name}')" for name in applied),
        *(sql for name, sql in LAYOUT[:2]),
    )
    files = index(LAYOUT, "names")
    assert (await get_current(db), await get_current_version(db)) == ("0001_a/migration", 1)
    rest = ("0001_b", "2024-01-13-it's a patch", "seed")
    assert await get_pending(db, files) == rest
    assert tuple(r.name for r in await migrate(db, files)) == rest
    assert await migrate(db, files) == []
    assert (await get_current(db), await get_current_version(db)) == ("seed", 2024)
    rows = await read(db, "SELECT id, name, typeof(applied_at) FROM d1_migrations ORDER BY id")
    assert rows == [
        (n, f"{name.removesuffix('.sql')}.sql", "text") for n, name in enumerate([*applied, *rest], 1)
    ]
    for wrong in ("0001", "0"):
        await raised(migrate(db, files, to=wrong), errors.UsageError)


async def names_of_tables(db: Any, table: Shape) -> None:
    """The name of the migrations table is an argument; without it, the history is not found."""
    three = index(THREE, table)
    assert len(await migrate(db, three, table="done by us")) == 3
    assert await migrate(db, three, table="done by us") == []
    assert await get_pending(db, three, table="done by us") == ()
    assert await get_current(db, table="done by us") == "003_tags"
    assert await get_current_version(db, table="done by us") == 3
    assert len(await get_history(db, table="done by us")) == 3
    assert (await verify_schema(db, three, table="done by us")).current == "003_tags"
    await raised(migrate(db, three), errors.HistoryError)
    assert len(await read(db, 'SELECT * FROM "done by us"')) == 3


async def wranglers_table_beside(db: Any) -> None:
    """Wrangler's table, if it has rows, gets the same records as that of files that record themselves."""
    await write(
        db, WRANGLERS.format("w"), "INSERT INTO w (name) VALUES ('001_notes.sql')", THREE[0][1].split(";")[0]
    )
    await write(
        db,
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '001_notes', 1)",
    )
    three = index(THREE, "versions")
    assert [r.version for r in await migrate(db, three, wrangler_table="w")] == [2, 3]
    assert await read(db, "SELECT name FROM w ORDER BY id") == [(name,) for name, _ in THREE]
    await write(db, "DELETE FROM w WHERE name = '003_tags.sql'")
    assert await get_current_version(db) == 3
    assert await migrate(db, three, wrangler_table="w") == []


async def other_table(db: Any, table: Shape) -> None:
    """A history in the table of the other shape is an error, and nothing is written."""
    other: Shape = "names" if table == "versions" else "versions"
    await migrate(db, index(THREE[:2], other))
    before = await read(db, "SELECT type, name, sql FROM sqlite_schema"), await get_history(db)
    three = index(THREE, table)
    for call in (migrate(db, three), get_pending(db, three)):
        error = await raised(call, errors.HistoryError)
        assert f"{TABLES[table]}: it is empty, and {TABLES[other]} is not" in str(error)
    assert not (await verify_schema(db, three)).ok
    assert (await read(db, "SELECT type, name, sql FROM sqlite_schema"), await get_history(db)) == before
    assert await get_current(db) == "002_first_note"


async def own_table(db: Any) -> None:
    """An application's own table that is called schema_migrations is left alone."""
    files = index(
        [
            ("001_own.sql", "CREATE TABLE schema_migrations (version TEXT, checksum TEXT NOT NULL);"),
            ("002_rows.sql", "INSERT INTO schema_migrations VALUES ('1', 'x');"),
        ],
        "names",
    )
    assert len(await migrate(db, files)) == 2
    assert await migrate(db, files) == []
    assert await read(db, "SELECT * FROM schema_migrations") == [("1", "x")]
    assert (await get_current(db), await get_pending(db, files)) == ("002_rows", ())
    edited = index(
        [files.MIGRATIONS[0], ("002_rows.sql", "INSERT INTO schema_migrations VALUES ('2', 'x');")], "names"
    )
    await raised(migrate(db, edited), errors.ChecksumMismatch)


async def overtaken(db: Any, table: Shape, batch: int) -> list[tuple[int | None, str]]:
    """Run the migrations while another run does all of it before one batch; (version, action) of the results."""

    class Slow(BindingDriver):
        sent = 0

        async def batch(self, queries: Batch) -> Sequence[Result]:
            if self.sent == batch:
                await migrate(db, index(THREE, table))
            self.sent += 1
            return await super().batch(queries)

    slow = AsyncMigrator(Slow(db), source.load(THREE), choice=TableChoice(TABLES[table]))
    report = await slow.up()
    steps = ((step.version, step.action) for step in report.steps)
    return [*steps, *((row.version, "meanwhile") for row in report.meanwhile)]


async def race(db: Any, table: Shape, runners: int) -> list[list[tuple[int | None, str]]]:
    """Run the migrations several times at once; (version, action) of each run's results."""
    runs = await asyncio.gather(*(migrate(db, index(THREE, table)) for _ in range(runners)))
    return [[(result.version, result.action) for result in results] for results in runs]


async def delicate(db: Any, table: Shape) -> None:
    """Trigger bodies, 64-bit integers, NULL, blobs and names beyond ASCII survive."""
    await migrate(db, index(DELICATE, table))
    rows = await read(
        db,
        'SELECT CAST("größe" AS TEXT) AS g, typeof("größe") AS tg, "a\'b" AS t, hex(data) AS d, price, remark'
        ' FROM "naïve 表" ORDER BY rowid',
    )
    assert rows == [
        ("9223372036854775807", "integer", 'it\'s\ntwo lines; "quoted" 🙂', "00FF10", 1.5, None),
        ("-9223372036854775808", "integer", "", "", 1e300, "dear; really"),
        (None, "null", None, "00FF", None, None),
    ], rows
    assert await migrate(db, index(DELICATE, table)) == []
    assert len((await migrator(db, table, *DELICATE).down(allow_loss=["all"])).steps) == 1


async def sources(db: Any) -> None:
    """A module, pairs, Migrations, a folder, its name and the package itself are all the same."""
    folder = next(iter(sql_package.__path__))
    files = tuple((f.name, f.read_bytes().decode("utf-8-sig")) for f in sorted(Path(folder).glob("*.sql")))
    old: Any = ModuleType("migrations_index")
    old.MIGRATIONS, old.SCHEMAS = files, {}
    error = await raised(migrate(db, old), errors.UsageError)
    assert "run `d1migrate index`" in str(error.hint)
    assert await get_current(db) is None
    assert [r.version for r in await migrate(db, "sql_package")] == [1, 2]
    for migrations in (
        index(files, "versions"),
        files,
        list(files),
        list(reversed(files)),
        source.load(files),
        sql_package,
        folder,
        Path(folder),
    ):
        assert await migrate(db, migrations) == [], migrations
    wrongs: list[Any] = [
        dict,
        ModuleType("no_index"),
        "no_such_package",
        "no.such",
        "no/such/folder",
        7,
        None,
    ]
    wrongs += [[1], [("001_a.sql",)], [{"name": "sql"}], [("001_a.sql", b"SELECT 1")]]
    for wrong in wrongs:
        await raised(migrate(db, wrong), errors.UsageError)


async def remembered(db: Any, table: Shape) -> None:
    """What is remembered is the parsed text: other texts under the same names are other migrations."""
    three = index(THREE, table)
    await migrate(db, three)
    edited = (THREE[0], THREE[1], (THREE[2][0], "CREATE TABLE labels (name TEXT);\n"))
    await raised(migrate(db, index(edited, table)), errors.ChecksumMismatch)
    assert await migrate(db, three) == []
    await write(
        db,
        "DELETE FROM d1migrate_log",
        f"DELETE FROM {TABLES[table]}",
        "DROP TABLE notes",
        "DROP TABLE tags",
    )
    assert len(await migrate(db, three)) == 3, "a database's state must not be remembered"


async def limits(db: Any, table: Shape) -> None:
    """A run ends between two migrations when its queries or its time are used, and says what is left."""
    error = await raised(migrate(db, index(MANY[:10], table), max_queries=8), errors.Unfinished)
    assert (len(error.applied), len(error.pending)) == (5, 5), error
    assert str(error) == "7 of the 8 queries of this call are used: 5 applied, 5 left"
    assert await get_current_version(db) == 5
    assert len(await migrate(db, index(MANY[:10], table), max_queries=8)) == 5
    error = await raised(migrate(db, index(MANY[:20], table), max_seconds=0), errors.Unfinished)
    assert (len(error.applied), len(error.pending)) == (0, 10), error
    assert await migrate(db, index(MANY[:10], table), max_queries=4) == []


async def history_of_200(db: Any, table: Shape) -> list[int]:
    """200 migrations, in as many calls as the free plan needs; the versions after each."""
    seen = []
    for _ in range(10):
        try:
            await migrate(db, index(MANY, table))
        except errors.Unfinished as error:
            seen.append(await get_current_version(db))
            assert len(error.pending) == 200 - seen[-1]
        else:
            break
    assert await get_current_version(db) == 200
    assert await migrate(db, index(MANY, table)) == []
    assert len(await get_history(db)) == 200
    return seen


def module_of(index: str) -> ModuleType:
    """Return an index module, given as its text."""
    module = ModuleType("index")
    exec(index, module.__dict__)  # noqa: S102 - what an import does
    return module


async def run_index(db: Any, index: str, wrangler_table: str | None = None) -> Any:
    """Run the migrations of an index; whether the schema is as it says, and what is pending."""
    module = module_of(index)
    await migrate(db, module, wrangler_table=wrangler_table)
    table = wrangler_table if module.TABLE == "names" else None
    found = await verify_schema(db, module, table=table)
    return [found.ok, found.differences, found.not_compared, await get_pending(db, module, table=table)]


async def verify(db: Any, index: str) -> None:
    """The live schema is compared with the digests of a generated index."""
    module: Any = module_of(index)
    found = await verify_schema(db, module)
    assert (found.ok, found.current, len(found.pending)) == (True, None, len(module.MIGRATIONS)), found
    await migrate(db, module)
    found = await verify_schema(db, module)
    assert (found.ok, found.current, found.pending, found.differences) == (
        *(True, "003_add_users_table", (), ()),
    ), found
    await write(
        db,
        "DROP INDEX idx_users_role",
        "ALTER TABLE users ADD COLUMN nick TEXT",
        "CREATE VIEW extra AS SELECT 1 AS one",
        "CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY)",
    )
    found = await verify_schema(db, module)
    assert not found.ok
    assert {(d.kind, d.name, d.problem) for d in found.differences} == {
        ("index", "idx_users_role", "missing"),
        ("table", "users", "different"),
        ("view", "extra", "extra"),
    }, found.differences
    found = await verify_schema(db, module.MIGRATIONS)
    assert not found.ok
    assert found.not_compared
    assert found.not_compared.startswith("no schema digests for 001_initial_schema"), found


async def pending_and_schema(db: Any, table: Shape) -> None:
    """What is not applied, and the live schema with all its columns, indexes and keys."""
    assert await get_pending(db, index(THREE, table)) == ("001_notes", "002_first_note", "003_tags")
    await migrate(db, index((THREE[0], THREE[2]), table))
    assert await get_pending(db, index(THREE, table)) == ("002_first_note",)
    await write(
        db, "CREATE UNIQUE INDEX tag ON tags (name)", "ALTER TABLE tags ADD note_id REFERENCES notes (id)"
    )
    schema = await migrator(db, table, *THREE).schema()
    notes, tags = schema.tables
    assert [(c.name, c.type, c.primary_key) for c in notes.columns] == [
        ("id", "INTEGER", 1),
        ("text", "TEXT", 0),
    ]
    assert [(i.name, i.unique, i.columns) for i in tags.indexes] == [("tag", True, ("name",))]
    assert [(k.columns, k.table) for k in tags.foreign_keys] == [(("note_id",), "notes")]


async def wrong_calls(db: Any) -> None:
    """What is no D1, no version, no number of queries, or holds no migration, is a usage error."""
    for wrong in (None, "DB", 7, object()):
        await raised(migrate(wrong, THREE), errors.UsageError)
        await raised(get_current_version(wrong), errors.UsageError)
    await raised(migrate(db, index((), "names")), errors.UsageError)
    await raised(migrate(db, THREE, to=2.0), errors.UsageError)
    await raised(migrate(db, THREE, max_queries=3), errors.UsageError)
    twice = [*source.load(THREE[:1]), *source.load(THREE[:1])]
    await raised(migrate(db, twice), errors.SourceError)
    assert await migrate(db, []) == []
    assert await get_current_version(db) == 0


async def one_query(db: Any, table: Shape) -> None:
    """With nothing to do: for the caller to count the calls."""
    assert await migrate(db, index(THREE, table)) == []


async def prepared(db: Any, table: Shape) -> None:
    """Apply what `one_query` finds applied."""
    await migrate(db, index(THREE, table))


async def state(db: Any, table: Shape) -> dict[str, Any]:
    """Return all that a run leaves behind, without tokens and times."""
    return {
        "schema": await read(
            db, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name"
        ),
        "rows": await read(
            db, f"SELECT {'id' if table == 'names' else 'version'}, name FROM {TABLES[table]} ORDER BY 1"
        ),
        "log": await read(
            db,
            "SELECT event, action, version, name, checksum, rollback_digest, rollback_sql FROM d1migrate_log ORDER BY id",
        ),
    }


async def notes(db: Any) -> list[tuple[Any, ...]]:
    """Return the rows of the table that a second run would have doubled."""
    return await read(db, "SELECT text FROM notes")


async def run_three(db: Any, table: Shape) -> list[int | None]:
    """Run the migrations; the versions applied."""
    return [result.version for result in await migrate(db, index(THREE, table))]
