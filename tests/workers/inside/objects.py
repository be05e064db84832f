"""What `d1migrate.workers` does in a SQLite-backed Durable Object, checked where it runs: each gets its `ctx`."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import flows  # type: ignore[import-not-found]
from flows import index, migrate, raised
from pyodide import ffi
from sql_files import MANY, THREE  # type: ignore[import-not-found]

from d1migrate import errors
from d1migrate.drivers.storage import StorageDriver
from d1migrate.sql.batch import Batch, Query
from d1migrate.workers import (
    get_current_version,
    get_history,
    get_pending,
    objects,
    run_migrations_sync,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.sql.batch import Value

CHILDREN = (
    "001_tables.sql",
    """CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (parent REFERENCES parents (id));
INSERT INTO parents VALUES (1), (2);
INSERT INTO children VALUES (1), (2);
""",
)
ORPHAN = "INSERT INTO children VALUES (9);\n"
DEFERRED = "PRAGMA defer_foreign_keys = ON;\n"
BY_RENAME = (
    "CREATE TABLE copied (id INTEGER PRIMARY KEY);\nINSERT INTO copied SELECT id FROM parents;\n"
    "DROP TABLE parents;\nALTER TABLE copied RENAME TO parents;\n"
)


def migrate_sync(storage: Any, migrations: Any, **options: Any) -> list[Any]:
    """Run migrations without waiting, and return their results."""
    return list(run_migrations_sync(storage, migrations, **options).results)


async def flow(ctx: Any, name: str, **arguments: Any) -> Any:
    """Run a function of flows.py over the storage instead of a D1 binding."""
    return await getattr(flows, name)(ctx.storage, **arguments)


async def batch(ctx: Any, queries: list[tuple[str, list[Any]]], reads: bool, last_rows: bool) -> list[Any]:
    """Run one batch; (rows, rows read, rows written) of every Result."""
    asked = Batch([Query(sql, tuple(params)) for sql, params in queries], reads=reads, last_rows=last_rows)
    return [tuple(result) for result in StorageDriver(ctx.storage).batch(asked)]


def rows(ctx: Any, sql: str, *params: Value) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    (result,) = StorageDriver(ctx.storage).batch(Batch([Query(sql, params)], reads=True))
    return list(result.rows)


def fails(call: Callable[[], object], kind: type[Exception]) -> Any:
    """Return the error that a call raises, which must be of that class."""
    try:
        value = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {value!r}")


# --- the synchronous form ---


class Tenant:
    """A class as users write it, but for the base of the Workers SDK."""

    def __init__(self, ctx: Any, _: Any) -> None:
        self.ctx = ctx
        self.applied = [result.name for result in migrate_sync(self.ctx.storage, three(), by="tenant")]

    async def state(self) -> Any:
        """What this instance applied, and what is applied."""
        return self.applied, await get_current_version(self.ctx.storage)


class Broken(Tenant):
    """A class whose second migration fails."""

    tries = 0

    def __init__(self, ctx: Any, _: Any) -> None:
        Broken.tries += 1
        migrate_sync(ctx.storage, [THREE[0], ("002_wrong.sql", "-- A line.\nINSERT INTO nope VALUES (1);")])


async def tries(_: Any) -> int:
    """How often an instance of Broken was made."""
    return Broken.tries


def three() -> Any:
    """Return the index of three files."""
    return index(THREE, "versions")


async def without_waiting(ctx: Any) -> None:
    """The synchronous form applies, in order, and once; `to`, pending, edited, missing, newer files as on D1."""
    storage, run = ctx.storage, migrate_sync
    assert [result.name for result in run(storage, three(), to=2)] == ["001_notes", "002_first_note"]
    assert run(storage, three(), to="002") == []
    assert await get_pending(storage, three()) == ("003_tags",)
    assert [tuple(result[:4]) for result in run(storage, three())] == flows.NOTES[2:]
    assert run(storage, three()) == []
    assert run(storage, index(THREE[:2], "versions")) == [], "the database is newer"
    fails(lambda: run(storage, index(THREE[:2], "versions"), accept_newer=False), errors.MissingMigration)
    edited = index([THREE[0], (THREE[1][0], "SELECT 1;"), THREE[2]], "versions")
    fails(lambda: run(storage, edited), errors.ChecksumMismatch)
    fails(lambda: run(storage, index([THREE[0], THREE[2]], "versions")), errors.MissingMigration)
    late = index([*THREE, ("0021_late.sql", "SELECT 1;")], "versions")
    assert [result.name for result in run(storage, late)] == ["0021_late"]
    early = index([("000_early.sql", "SELECT 1;"), *THREE, ("0021_late.sql", "SELECT 1;")], "versions")
    fails(lambda: run(storage, early), errors.OutOfOrder)
    assert [result.name for result in run(storage, early, allow_out_of_order=True)] == ["000_early"]
    assert run(storage, early) == []


async def failing(ctx: Any, at: int) -> Any:
    """A statement that fails is named by its file and line; earlier migrations stay, and the rest comes later."""
    files = [list(file) for file in THREE]
    files[at][1] = f"-- A comment.\nCREATE TABLE lost (x);\nINSERT INTO nope VALUES (1);\n{files[at][1]}"
    wrong = index([tuple(file) for file in files], "versions")
    error = fails(lambda: migrate_sync(ctx.storage, wrong), errors.ApplyError)
    assert (error.line, error.statement, error.unknown) == (3, "INSERT INTO nope VALUES (1)", False), error
    assert str(error).startswith(f"{THREE[at][0]}:3: no such table: nope"), error
    assert len(error.applied) == at
    assert len(error.pending) == 3 - at
    assert rows(ctx, "SELECT name FROM sqlite_schema WHERE name = 'lost'") == []
    assert len(migrate_sync(ctx.storage, three())) == 3 - at


async def race(ctx: Any, sync: bool) -> list[list[str]]:
    """20 calls at once; the names that each applied, or found applied meanwhile."""

    async def one() -> list[str]:
        if sync:
            found = migrate_sync(ctx.storage, index(MANY[:30], "versions"))
        else:
            found = await migrate(ctx.storage, index(MANY[:30], "versions"))
        return [result.name for result in found if result.action == "up"]

    return await asyncio.gather(*[one() for _ in range(20)])


# --- what an object does otherwise than D1 ---


async def undrained(ctx: Any) -> None:
    """Every statement runs to its end: one that fails on its second row fails, and what returns rows is undone."""
    second = "SELECT json_extract(column1, '$') FROM (VALUES ('{}'), ('{'));"
    error = fails(lambda: migrate_sync(ctx.storage, [("001_a.sql", second)]), errors.ApplyError)
    assert "malformed JSON" in str(error)
    returning = (
        "CREATE TABLE t (x);\nINSERT INTO t VALUES (1), (2), (3) RETURNING x;\nEXPLAIN SELECT * FROM t;\n"
        "ANALYZE;\nINSERT INTO nope VALUES (1);"
    )
    fails(lambda: migrate_sync(ctx.storage, [("001_a.sql", returning)]), errors.ApplyError)
    assert rows(ctx, "SELECT name FROM sqlite_schema WHERE name = 't'") == []
    right = returning.replace("INSERT INTO nope VALUES (1);", "")
    assert len(migrate_sync(ctx.storage, [("001_a.sql", right)])) == 1
    assert rows(ctx, "SELECT sum(x) AS total FROM t") == [(6,)]


async def deferred_violation(ctx: Any, deferrable: bool) -> None:
    """It is that migration's own error, at its line; what was applied before stays."""
    tables, second = CHILDREN, DEFERRED + ORPHAN
    if deferrable:
        tables = (tables[0], tables[1].replace("(id));", "(id) DEFERRABLE INITIALLY DEFERRED);"))
        second = ORPHAN
    files = [tables, ("002_orphan.sql", f"CREATE TABLE later (x);\n{second}"), ("003_more.sql", "SELECT 1;")]
    error = fails(lambda: migrate_sync(ctx.storage, files), errors.ApplyError)
    assert "FOREIGN KEY constraint failed" in str(error), error
    assert "children" in error.hint
    assert error.line == (None if deferrable else 2)
    assert (error.applied, error.pending) == (("001_tables",), ("002_orphan", "003_more"))


async def after_violation(ctx: Any) -> Any:
    """What is applied, and how many children there are."""
    return [entry.name for entry in await get_history(ctx.storage)], rows(
        ctx, "SELECT count(*) AS n FROM children"
    )


async def by_rename(ctx: Any, deferrable: bool) -> None:
    """A table that is copied and renamed leaves no violation, though SQLite counts one; and nothing leaks."""
    tables, second = CHILDREN, DEFERRED + BY_RENAME
    if deferrable:
        tables = (tables[0], tables[1].replace("(id));", "(id) DEFERRABLE INITIALLY DEFERRED);"))
        second = BY_RENAME
    files = [tables, ("002_copy.sql", second)]
    assert len(migrate_sync(ctx.storage, files)) == 2
    assert rows(ctx, "PRAGMA defer_foreign_keys") == [(0,)]
    more = [*files, ("003_orphan.sql", ORPHAN)]
    if not deferrable:
        error = fails(lambda: migrate_sync(ctx.storage, more), errors.ApplyError)
        assert error.line == 1, "the key is checked at once again"


async def old_violations(ctx: Any) -> None:
    """Violations from before are not the migration's; it may also correct them."""
    sql = ctx.storage.sql
    migrate_sync(ctx.storage, [CHILDREN])
    await ctx.storage.sync()
    sql.exec("PRAGMA foreign_keys = OFF")
    sql.exec("INSERT INTO children VALUES (7), (8)")
    await ctx.storage.sync()
    files = [CHILDREN, ("002_some.sql", f"{DEFERRED}DELETE FROM children WHERE parent = 7;")]
    assert len(migrate_sync(ctx.storage, files)) == 1
    files += [("003_other.sql", f"{DEFERRED}INSERT INTO children VALUES (9);")]
    fails(lambda: migrate_sync(ctx.storage, files), errors.ApplyError)
    await ctx.storage.sync()
    assert rows(ctx, "SELECT parent FROM children ORDER BY parent") == [(1,), (2,), (8,)]


async def keys_left_off(ctx: Any) -> None:
    """Foreign keys that other code left off are switched on; if the event has written, that is not possible."""
    sql = ctx.storage.sql
    files = [CHILDREN, ("002_orphan.sql", ORPHAN)]
    sql.exec("PRAGMA foreign_keys = OFF")
    error = fails(lambda: migrate_sync(ctx.storage, files), errors.ApplyError)
    assert error.migration == "002_orphan"
    assert "FOREIGN KEY" in str(error)

    await ctx.storage.sync()
    sql.exec("PRAGMA foreign_keys = OFF")
    sql.exec("CREATE TABLE written (x)")
    refused = fails(lambda: migrate_sync(ctx.storage, [CHILDREN, THREE[1]]), errors.UsageError)
    assert "foreign_keys is OFF" in str(refused), refused
    found = await raised(migrate(ctx.storage, files), errors.ApplyError)
    assert "FOREIGN KEY" in str(found), "what was written is committed first"


async def locked(ctx: Any) -> None:
    """An open cursor of other code is a refusal that names the statement; it is no lost response."""
    sql = ctx.storage.sql
    migrate_sync(ctx.storage, three())
    sql.exec("INSERT INTO notes (text) VALUES ('second')")
    cursor = sql.exec("SELECT * FROM notes")
    cursor.next()
    more = [*THREE, ("004_drop.sql", "DROP TABLE notes;")]
    error = fails(lambda: migrate_sync(ctx.storage, more), errors.ApplyError)
    assert isinstance(error.__cause__, errors.QueryError), error.__cause__
    assert (error.line, error.unknown) == (1, False)
    assert "locked" in str(error)
    fails(cursor.toArray, ffi.JsException)  # the rollback ended it
    assert len(migrate_sync(ctx.storage, more)) == 1


async def values(ctx: Any) -> None:
    """What is bound is that value, and never its text; what is read is plain."""
    found = rows(ctx, "SELECT typeof(?1) AS a, typeof(?2) AS b, typeof(?3) AS c, typeof(?4) AS d, typeof(?5) AS e",
                 b"\x00\xff", True, None, 2**60, 2.5)  # fmt: skip
    assert found == [("blob", "integer", "null", "integer", "real")], found
    sql = "SELECT ?1 AS a, ?2 AS b, ?3 AS c, CAST(?4 AS TEXT) AS d, ?5 AS e, x'' AS f, ?6 AS g"
    assert rows(ctx, sql, b"\x00\xff", False, None, 2**60, 2.5, "a\0b🙂") == [
        (b"\x00\xff", 0, None, str(2**60), 2.5, b"", "a\0b🙂")
    ]
    assert type(rows(ctx, "SELECT x'01' AS a")[0][0]) is bytes


async def after_delete_all(ctx: Any) -> None:
    """`deleteAll()` takes the history too: the next call applies everything, in the same instance."""
    for _ in range(3):
        assert len(migrate_sync(ctx.storage, three())) == 3
        assert migrate_sync(ctx.storage, three()) == []
        await ctx.storage.deleteAll()
    assert await get_current_version(ctx.storage) == 0
    assert len(await migrate(ctx.storage, three())) == 3


async def keys_are_no_tables(ctx: Any) -> None:
    """What the object keeps by key, and its alarm, are no tables of somebody else."""
    await ctx.storage.put("a", 1)
    await ctx.storage.setAlarm(4_000_000_000_000)
    assert len(migrate_sync(ctx.storage, three())) == 3
    deferring = [*THREE, ("004_defers.sql", DEFERRED)]
    assert len(migrate_sync(ctx.storage, deferring)) == 1


async def callbacks_are_released(ctx: Any) -> None:
    """JavaScript keeps no function of a transaction alive, whether it passed or failed."""
    made = []

    def create_proxy(function: Any) -> Any:
        made.append(ffi.create_proxy(function))
        return made[-1]

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return create_proxy if name == "create_proxy" else getattr(ffi, name)

    driver = StorageDriver(ctx.storage)
    driver._ffi = Watched()
    driver.batch(Batch([Query("CREATE TABLE t (x)")]))
    fails(lambda: driver.batch(Batch([Query("INSERT INTO nope VALUES (1)")])), errors.QueryError)
    assert len(made) == 2
    for proxy in made:
        fails(proxy, Exception)  # a destroyed proxy cannot be called


async def wrong_storage(ctx: Any) -> None:
    """Each says what to pass instead, and nothing is written."""
    asked = ctx.storage.get("a")
    cases = [
        (None, "pass self.ctx.storage"),
        (ctx, "pass self.ctx.storage"),
        (SimpleNamespace(TENANT=1), "pass self.ctx.storage"),
        (SimpleNamespace(prepare=1, batch=1), "await run_migrations(env.DB"),
        (asked, "await it first"),
    ]
    for wrong, hint in cases:
        error = fails(partial(migrate_sync, wrong, three()), errors.UsageError)
        assert hint in error.hint, (wrong, error.hint)
    await asked
    for wrong in (None, ctx, SimpleNamespace(TENANT=1)):
        error = await raised(migrate(wrong, three()), errors.UsageError)
        assert "self.ctx.storage" in error.hint, error.hint
    assert rows(ctx, "SELECT name FROM sqlite_schema") == []


async def stub(env: Any) -> None:
    """The stub of an object seems to have every method; nothing is called."""
    found = env.OBJECTS.get(env.OBJECTS.idFromName("an object"))
    refused = fails(partial(migrate_sync, found, three()), errors.UsageError)
    assert "an object migrates itself" in refused.hint
    for function in (migrate, get_pending):
        error = await raised(function(found, three()), errors.UsageError)
        assert "an object migrates itself" in error.hint


async def without_sql(ctx: Any) -> None:
    """A class with key-value storage only: the error says what to change in wrangler's configuration."""
    error = fails(lambda: migrate_sync(ctx.storage, three()), errors.UsageError)
    assert "SQL is not enabled" in str(error)
    assert "new_sqlite_classes" in error.hint
    found = await raised(migrate(ctx.storage, three()), errors.UsageError)
    assert str(found) == str(error)


# --- limits, time and restore points ---


async def counts(ctx: Any, sync: bool) -> None:
    """A run ends between two migrations when an event has done enough, and the next one goes on."""

    async def run(**limits: Any) -> Any:
        many = index(MANY[:12], "versions")
        if sync:
            return migrate_sync(ctx.storage, many, **limits)
        return await migrate(ctx.storage, many, **limits)

    error = await raised(run(max_migrations=5), errors.Unfinished)
    assert str(error) == "this event has applied 5 migrations: 5 applied, 7 left", error
    assert (len(error.applied), len(error.pending)) == (5, 7)
    error = await raised(run(max_rows_written=12), errors.Unfinished)
    assert error.reason.startswith("this event has written "), error
    assert len(error.applied) == 3, error.applied
    assert len(await run(max_migrations=4)) == 4
    assert await run(max_migrations=0) == []


async def frozen_clock(ctx: Any) -> None:
    """Time passes only while the code waits. So a run looks at it after it has waited, and not after each step."""
    now = 0.0

    def tick() -> None:
        nonlocal now
        now += 1.0
        ticking = asyncio.get_running_loop().call_later(0.001, tick)
        timers.append(ticking)

    timers: list[Any] = []
    module: Any = objects
    real, module.time = module.time, SimpleNamespace(monotonic=lambda: now)
    tick()
    try:
        error = await raised(migrate(ctx.storage, index(MANY, "versions"), max_seconds=2), errors.Unfinished)
        assert error.reason == "the 2 seconds of this call are used", error
        assert len(error.applied) % 10 == 0
        assert 0 < len(error.applied) < 200
        assert await get_current_version(ctx.storage) == len(error.applied)
        module.time = SimpleNamespace(monotonic=lambda: 0.0)
        assert len(await migrate(ctx.storage, index(MANY, "versions"))) == 200 - len(error.applied)
    finally:
        timers[-1].cancel()
        module.time = real


async def history_of_200(ctx: Any, sync: bool) -> None:
    """All of it in one event."""
    many = index(MANY, "versions")
    found = migrate_sync(ctx.storage, many) if sync else await migrate(ctx.storage, many)
    assert len(found) == 200


async def finish_200(ctx: Any, left: int) -> None:
    """Apply what is left of them."""
    assert len(await migrate(ctx.storage, index(MANY, "versions"))) == left


async def nothing_to_do(ctx: Any, count: int, sync: bool) -> None:
    """Call it when `applied` was called, for the caller to count the queries."""
    many = three() if count == 3 else index(MANY[:count], "versions")
    found = migrate_sync(ctx.storage, many) if sync else await migrate(ctx.storage, many)
    assert found == []


async def run_three(ctx: Any, sync: bool) -> list[str]:
    """Apply three migrations; the names of those that were applied."""
    found = migrate_sync(ctx.storage, three()) if sync else await migrate(ctx.storage, three())
    return [result.name for result in found]


async def lost_error(ctx: Any) -> None:
    """Pyodide loses the error of a statement: a read is repeated, and a transaction is rolled back."""

    class Losing:
        def __init__(self) -> None:
            self.lost = False

        def exec(self, *arguments: Any) -> Any:
            if not self.lost and "lost" in arguments[0]:
                self.lost = True
                raise SystemError("error return without exception set")
            return sql.exec(*arguments)

    driver = StorageDriver(ctx.storage)
    sql = driver._sql
    driver._sql = Losing()
    (found,) = driver.batch(Batch((Query("SELECT 'lost'"),), reads=True))
    assert found.rows == (("lost",),)
    driver._sql = Losing()
    create = Query("CREATE TABLE kept (id INTEGER)")
    try:
        driver.batch(Batch((create, Query("SELECT 'lost'"))))
    except errors.AmbiguousError as error:
        assert "error return" in str(error)
    else:
        raise AssertionError("no error")
    (tables,) = driver.batch(
        Batch((Query("SELECT name FROM sqlite_master WHERE name = 'kept'"),), reads=True)
    )
    assert tables.rows == ()


async def applied(ctx: Any, count: int) -> None:
    """Apply so many migrations."""
    migrate_sync(ctx.storage, three() if count == 3 else index(MANY[:count], "versions"))


async def restore_points(ctx: Any, sync: bool) -> list[str | None]:
    """Apply two of three, then the third: the restore point that the log has of each."""
    for to in (2, 3):
        if sync:
            migrate_sync(ctx.storage, three(), to=to)
        else:
            await migrate(ctx.storage, three(), to=to)
    return [entry.restore_point for entry in await get_history(ctx.storage)]


async def failing_in_a_block(ctx: Any) -> None:
    """Fail in `blockConcurrencyWhile`, which resets the object."""

    async def block() -> None:
        await migrate(ctx.storage, [THREE[0], ("002_wrong.sql", "INSERT INTO nope VALUES (1);")])

    raw = isinstance(ctx.storage, ffi.JsProxy)
    await ctx.blockConcurrencyWhile(ffi.create_proxy(block) if raw else block)


async def names(ctx: Any) -> list[str]:
    """What is applied."""
    return [entry.name for entry in await get_history(ctx.storage)]
