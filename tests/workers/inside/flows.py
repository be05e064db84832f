"""What `d1migrate.workers` does to a database, checked where it runs. Each function gets an empty one."""

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
from d1migrate.sql.batch import Batch, Query
from d1migrate.workers import (
    get_current_version,
    get_history,
    get_pending,
    run_migrations,
    verify_schema,
)
from d1migrate.workers.async_migrator import AsyncMigrator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from d1migrate.sql.batch import Result

NOTES = [(1, "001_notes", "up", 1), (2, "002_first_note", "up", 1), (3, "003_tags", "up", 1)]


async def write(db: Any, *statements: str) -> None:
    """Run statements past d1migrate."""
    await BindingDriver(db).batch(Batch([Query(sql) for sql in statements]))


async def read(db: Any, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    (result,) = await BindingDriver(db).batch(Batch([Query(sql)], reads=True))
    return list(result.rows)


async def raised(awaitable: Awaitable[object], kind: type[Exception]) -> Any:
    """Return the error that it raises, which must be of that class."""
    try:
        value = await awaitable
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {value!r}")


def migrator(db: Any, *files: tuple[str, str], **options: Any) -> AsyncMigrator:
    """Return an AsyncMigrator of (name, SQL) pairs."""
    return AsyncMigrator(BindingDriver(db), source.load(files), **options)


async def apply(db: Any) -> None:
    """What is pending is applied once, with its cost; history and log tell of it."""
    assert await get_current_version(db) == 0
    assert await get_history(db) == ()
    results = await run_migrations(db, THREE, who="a deploy")
    assert [tuple(result[:4]) for result in results] == NOTES
    assert all(result.rows_read and result.rows_written for result in results), results
    assert await run_migrations(db, THREE) == []
    assert await get_current_version(db) == 3
    assert await read(db, "SELECT text FROM notes") == [("first",)]
    assert [(e.version, e.action, e.by, e.done, e.detail) for e in await get_history(db)] == [
        (n, "up", "a deploy", True, '{"lint": false}') for n in (1, 2, 3)
    ]


async def apply_to(db: Any) -> None:
    """`to` stops early, and again there is nothing to do; an unknown version is an error."""
    assert [r.version for r in await run_migrations(db, THREE, to=2)] == [1, 2]
    assert await run_migrations(db, THREE, to=2) == []
    assert await run_migrations(db, THREE, to=1) == []
    error = await raised(run_migrations(db, THREE, to=9), errors.UsageError)
    assert "there is no version 9" in str(error)
    assert [r.version for r in await run_migrations(db, THREE)] == [3]
    await raised(run_migrations(db, THREE, to=9), errors.UsageError)


async def rollback(db: Any) -> None:
    """`down` runs the rollbacks of the files, refuses to lose rows, and uses the log's SQL for a lost file."""
    whole, two = migrator(db, *THREE), migrator(db, *THREE[:2])
    await whole.up()
    assert [(step.version, step.action) for step in (await two.down()).steps] == [(3, "down")]
    error = await raised(whole.down(to=0), errors.DataLoss)
    assert error.rows == {"notes": 1}
    report = await whole.down(to=0, allow_loss=["notes"])
    assert [step.version for step in report.steps] == [2, 1]
    assert await get_current_version(db) == 0
    assert await read(db, "SELECT name FROM sqlite_schema WHERE name IN ('notes', 'tags')") == []
    assert [e.action for e in await get_history(db)] == ["up", "up", "up", "down", "down", "down"]
    assert len(await run_migrations(db, THREE)) == 3


async def without_statements(db: Any) -> None:
    """A file without a statement is recorded like any other: its batch holds only the history."""
    files = (("001_a.sql", ""), ("002_b.sql", "-- later"))
    assert [step.name for step in await run_migrations(db, files)] == ["001_a", "002_b"]
    assert await run_migrations(db, files) == []
    assert await get_pending(db, files) == ()


async def rollback_files(db: Any) -> None:
    """The log keeps a rollback that the index has from a file of its own, and `down` runs it."""
    index: Any = ModuleType("index")
    index.MIGRATIONS, index.ROLLBACKS = (
        (("001_a.sql", "CREATE TABLE a (x);\n"),),
        {"001_a.sql": "DROP TABLE a;\n"},
    )
    await run_migrations(db, index)
    assert [step.version for step in (await migrator(db).down()).steps] == [1]
    assert await read(db, "SELECT name FROM sqlite_schema WHERE name = 'a'") == []


async def out_of_order(db: Any) -> None:
    """What lies below the newest applied version is refused, unless it is asked for."""
    await run_migrations(db, (THREE[0], THREE[2]))
    error = await raised(run_migrations(db, THREE), errors.OutOfOrder)
    assert error.versions == (2,)
    assert [r.version for r in await run_migrations(db, THREE, allow_out_of_order=True)] == [2]
    assert await run_migrations(db, THREE) == []


async def failing_statement(db: Any) -> None:
    """A failure names the migration, what was applied and what is pending, and leaves nothing of it."""
    wrong = ("002_wrong.sql", "CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n")
    error = await raised(run_migrations(db, (THREE[0], wrong, THREE[2])), errors.ApplyError)
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
    assert [r.version for r in await run_migrations(db, THREE)] == [2, 3]


async def unreadable(db: Any) -> None:
    """A file that cannot be parsed stops everything before anything runs, with its place."""
    wrong = ("002_wrong.sql", "CREATE TABLE t (a);\nINSERT INTO t VALUES ('never closed);\n")
    error = await raised(run_migrations(db, (THREE[0], wrong)), errors.ParseError)
    assert (error.file, error.line) == ("002_wrong.sql", 2)
    assert await get_current_version(db) == 0


async def disagreement(db: Any) -> None:
    """An edited or a lost file is an error, also where nothing is pending."""
    await run_migrations(db, THREE)
    edited = (THREE[0], (THREE[1][0], "INSERT INTO notes (text) VALUES ('second');\n"), THREE[2])
    assert (await raised(run_migrations(db, edited), errors.ChecksumMismatch)).versions == (2,)
    assert (await raised(run_migrations(db, THREE[:2]), errors.MissingMigration)).versions == (3,)
    reworded = (
        THREE[0],
        (THREE[1][0], "-- A license\n" + THREE[1][1].replace(" (text)", "\n(text)")),
        THREE[2],
    )
    assert await run_migrations(db, reworded) == []


async def strangers(db: Any) -> None:
    """A database that d1migrate did not create, and a table of another tool, are not empty databases."""
    await write(db, "CREATE TABLE old (a)")
    error = await raised(run_migrations(db, THREE), errors.HistoryError)
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
        run_migrations(db, THREE),
        verify_schema(db, THREE),
    ):
        error = await raised(call, errors.HistoryError)
        assert "schema_migrations belongs to another tool" in str(error)


async def unreadable_history(db: Any) -> None:
    """An error while the version is read is an error, never version 0."""
    await write(db, "CREATE VIEW schema_migrations AS SELECT version, name, applied_at FROM gone")
    await raised(get_current_version(db), errors.Error)
    await raised(run_migrations(db, THREE), errors.Error)


async def lost_log(db: Any) -> None:
    """A log that tells of migrations without their table is an error, never version 0."""
    await run_migrations(db, THREE)
    await write(db, "DROP TABLE schema_migrations")
    error = await raised(get_current_version(db), errors.HistoryError)
    assert "is missing, yet" in str(error)


async def partial(db: Any) -> None:
    """A migration that began and did not finish stops the next run."""
    await run_migrations(db, THREE)
    await write(db, "DELETE FROM d1migrate_log WHERE version = 3 AND event = 'done'")
    assert (await raised(run_migrations(db, THREE), errors.PartiallyApplied)).versions == (3,)


async def recorded_by_wrangler(db: Any) -> None:
    """Files that wrangler ran, and that recorded themselves, are applied."""
    await write(
        db,
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        "INSERT INTO schema_migrations VALUES (1, '001_notes', 1), (2, '002_first_note', 2)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)",
    )
    assert await get_current_version(db) == 2
    assert await run_migrations(db, THREE[:2]) == []
    assert await run_migrations(db, THREE[:2]) == []
    assert [r.version for r in await run_migrations(db, THREE)] == [3]
    assert await run_migrations(db, THREE) == []


async def overtaken(db: Any, batch: int) -> list[tuple[int, str]]:
    """Run the migrations while another run does all of it before one batch; (version, action) of the results."""

    class Slow(BindingDriver):
        sent = 0

        async def batch(self, queries: Batch) -> Sequence[Result]:
            if self.sent == batch:
                await run_migrations(db, THREE)
            self.sent += 1
            return await super().batch(queries)

    report = await AsyncMigrator(Slow(db), source.load(THREE)).up()
    return [(s.version, s.action) for s in report.steps] + [
        (m.version, "meanwhile") for m in report.meanwhile
    ]


async def race(db: Any, runners: int) -> list[list[tuple[int, str]]]:
    """Run the migrations several times at once; (version, action) of each run's results."""
    runs = await asyncio.gather(*(run_migrations(db, THREE) for _ in range(runners)))
    return [[(result.version, result.action) for result in results] for results in runs]


async def delicate(db: Any) -> None:
    """Trigger bodies, 64-bit integers, NULL, blobs and names beyond ASCII survive."""
    await run_migrations(db, DELICATE)
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
    assert await run_migrations(db, DELICATE) == []
    assert len((await migrator(db, *DELICATE).down(allow_loss=["all"])).steps) == 1


async def sources(db: Any) -> None:
    """A module, pairs, Migrations, a folder, its name and the package itself are all the same."""
    index: Any = ModuleType("index")
    folder = next(iter(sql_package.__path__))
    index.MIGRATIONS = tuple(
        (f.name, f.read_bytes().decode("utf-8-sig")) for f in sorted(Path(folder).glob("*.sql"))
    )
    assert [r.version for r in await run_migrations(db, "sql_package")] == [1, 2]
    for migrations in (
        index,
        index.MIGRATIONS,
        list(index.MIGRATIONS),
        source.load(index.MIGRATIONS),
        sql_package,
        folder,
        Path(folder),
    ):
        assert await run_migrations(db, migrations) == [], migrations
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
        await raised(run_migrations(db, wrong), errors.UsageError)


async def remembered(db: Any) -> None:
    """What is remembered is the parsed text: other texts under the same names are other migrations."""
    await run_migrations(db, THREE)
    edited = (THREE[0], THREE[1], (THREE[2][0], "CREATE TABLE labels (name TEXT);\n"))
    await raised(run_migrations(db, edited), errors.ChecksumMismatch)
    assert await run_migrations(db, THREE) == []
    await write(
        db,
        "DELETE FROM d1migrate_log",
        "DELETE FROM schema_migrations",
        "DROP TABLE notes",
        "DROP TABLE tags",
    )
    assert len(await run_migrations(db, THREE)) == 3, "a database's state must not be remembered"


async def limits(db: Any) -> None:
    """A run ends between two migrations when its queries or its time are used, and says what is left."""
    error = await raised(run_migrations(db, MANY[:10], max_queries=8), errors.Unfinished)
    assert (len(error.applied), len(error.pending)) == (5, 5), error
    assert str(error) == "7 of the 8 queries of this call are used: 5 applied, 5 left"
    assert await get_current_version(db) == 5
    assert len(await run_migrations(db, MANY[:10], max_queries=8)) == 5
    error = await raised(run_migrations(db, MANY[:20], max_seconds=0), errors.Unfinished)
    assert (len(error.applied), len(error.pending)) == (0, 10), error
    assert await run_migrations(db, MANY[:10], max_queries=4) == []


async def history_of_200(db: Any) -> list[int]:
    """200 migrations, in as many calls as the free plan needs; the versions after each."""
    seen = []
    for _ in range(10):
        try:
            await run_migrations(db, MANY)
        except errors.Unfinished as error:
            seen.append(await get_current_version(db))
            assert len(error.pending) == 200 - seen[-1]
        else:
            break
    assert await get_current_version(db) == 200
    assert await run_migrations(db, MANY) == []
    assert len(await get_history(db)) == 200
    return seen


async def run_index(db: Any, index: str) -> Any:
    """Run the migrations of an index module, given as its text; whether the schema is as it says."""
    module = ModuleType("index")
    exec(index, module.__dict__)  # noqa: S102 - what an import does
    await run_migrations(db, module)
    found = await verify_schema(db, module)
    return [found.ok, found.differences, found.not_compared]


async def verify(db: Any, index: str) -> None:
    """The live schema is compared with the digests of a generated index."""
    module: Any = ModuleType("index")
    exec(index, module.__dict__)  # noqa: S102
    found = await verify_schema(db, module)
    assert (found.ok, found.version, len(found.pending)) == (True, 0, len(module.MIGRATIONS)), found
    await run_migrations(db, module)
    found = await verify_schema(db, module)
    assert (found.ok, found.version, found.pending, found.differences) == (True, 3, (), ()), found
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
    assert found.not_compared.startswith("no schema digests for version 1"), found


async def pending_and_schema(db: Any) -> None:
    """What is not applied, and the live schema with all its columns, indexes and keys."""
    assert await get_pending(db, THREE) == ("001_notes", "002_first_note", "003_tags")
    await run_migrations(db, (THREE[0], THREE[2]))
    assert await get_pending(db, THREE) == ("002_first_note",)
    await write(
        db, "CREATE UNIQUE INDEX tag ON tags (name)", "ALTER TABLE tags ADD note_id REFERENCES notes (id)"
    )
    schema = await migrator(db, *THREE).schema()
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
        await raised(run_migrations(wrong, THREE), errors.UsageError)
        await raised(get_current_version(wrong), errors.UsageError)
    empty: Any = ModuleType("empty")
    empty.MIGRATIONS = ()
    await raised(run_migrations(db, empty), errors.UsageError)
    await raised(run_migrations(db, THREE, to="2"), errors.UsageError)  # type: ignore[arg-type]
    await raised(run_migrations(db, THREE, max_queries=3), errors.UsageError)
    twice = [*source.load(THREE[:1]), *source.load(THREE[:1])]
    await raised(run_migrations(db, twice), errors.SourceError)
    assert await run_migrations(db, []) == []
    assert await get_current_version(db) == 0


async def one_query(db: Any) -> None:
    """With nothing to do: for the caller to count the calls."""
    assert await run_migrations(db, THREE) == []


async def prepared(db: Any) -> None:
    """Apply what `one_query` finds applied."""
    await run_migrations(db, THREE)


async def state(db: Any) -> dict[str, Any]:
    """Return all that a run leaves behind, without tokens and times."""
    return {
        "schema": await read(
            db, "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name"
        ),
        "rows": await read(db, "SELECT version, name FROM schema_migrations ORDER BY version"),
        "log": await read(
            db,
            "SELECT event, action, version, name, checksum, rollback_digest, rollback_sql FROM d1migrate_log ORDER BY id",
        ),
    }


async def notes(db: Any) -> list[tuple[Any, ...]]:
    """Return the rows of the table that a second run would have doubled."""
    return await read(db, "SELECT text FROM notes")


async def run_three(db: Any) -> list[int]:
    """Run the migrations; the versions applied."""
    return [result.version for result in await run_migrations(db, THREE)]
