"""Jobs from the cron of a Python Worker, checked where it runs, on D1 and in an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows import index, migrator, read, write  # type: ignore[import-not-found]

from d1migrate.workers import run_jobs, run_migrations

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape

ROWS = 6_000
CREATE = (
    "001_users.sql",
    """CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
CREATE TABLE writes (id INTEGER);
CREATE TRIGGER count_writes AFTER UPDATE ON users BEGIN INSERT INTO writes VALUES (old.id); END;
""",
)
FILL = (
    "002_fill.sql",
    "-- d1migrate: batch users rows 1500\nUPDATE users SET norm = lower(email) WHERE norm IS NULL;\n",
)
AFTER = ("003_after.sql", "CREATE INDEX users_norm ON users (norm);\n")
FILES = (CREATE, FILL, AFTER)
REPORT = ("name", "end", "batches", "waiting_for")


async def prepare(given: Any, table: Shape = "versions", rows: int = ROWS) -> None:
    """Create the table and its rows."""
    db = _database(given)
    await run_migrations(db, index(FILES[:1], table))
    numbers = f"WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n LIMIT {rows})"
    await write(db, f"{numbers} INSERT INTO users (email) SELECT 'A' || i FROM n")


async def cron(given: Any, table: Shape = "versions", max_queries: int = 4) -> dict[str, Any]:
    """One invocation: what its report says."""
    report = await run_jobs(_database(given), index(FILES, table), max_queries=max_queries)
    found = {name: getattr(report, name) for name in REPORT}
    if report.job:
        found |= {"rows": report.job.rows, "size": report.job.size, "share": report.job.share}
    return found


async def size(given: Any) -> int:
    """How many rows the next chunk has, by the row of the job."""
    ((found,),) = await read(_database(given), "SELECT size FROM _d1m_job")
    return int(found)


async def by_a_cron(given: Any, table: Shape = "versions") -> None:
    """`run_migrations` waits, the cron does what four queries allow, and then `run_migrations` goes on."""
    db, files = _database(given), index(FILES, table)
    await prepare(given, table)
    for _ in range(2):
        waiting = await run_migrations(db, files)
        assert (waiting.results, waiting.waiting_for) == ((), "002_fill"), waiting
        report = await cron(given, table)
        assert (report["end"], report["waiting_for"]) == ("stopped", "002_fill"), report
    await finish(given, table)
    last = await run_migrations(db, files)
    assert [step.name for step in last.results] == ["003_after"]
    assert last.waiting_for is None
    log = "SELECT event, action FROM d1migrate_log WHERE name = '002_fill' ORDER BY id"
    assert await read(db, log) == [("done", "start"), ("done", "up")]


async def wait(given: Any) -> str | None:
    """What `run_migrations` waits for."""
    report = await run_migrations(_database(given), index(FILES, "versions"))
    waiting: str | None = report.waiting_for
    return waiting


async def finish(given: Any, table: Shape = "versions", rows: int = ROWS) -> None:
    """Invoke the cron until nothing waits: every row is done once, and the job has left nothing."""
    shares = []
    for _ in range(30):
        report = await cron(given, table)
        assert report["batches"] <= 4, report
        shares.append(report.get("share") or 0)
        if report["waiting_for"] is None:
            break
    assert report["end"] in ("done", "none"), report
    assert shares[:-1] == sorted(shares[:-1]), shares
    await filled(given, rows)


async def filled(given: Any, rows: int = ROWS) -> None:
    """Every row is done once, and the job has left nothing."""
    db = _database(given)
    assert await read(db, "SELECT count(*) FROM users WHERE norm = lower(email)") == [(rows,)]
    assert await read(db, "SELECT count(*), count(DISTINCT id) FROM writes") == [(rows, rows)]
    left = "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'"
    assert await read(db, left) == []


async def small(given: Any, table: Shape = "versions") -> None:
    """A table that fits one batch needs no job."""
    await prepare(given, table, 1_000)
    report = await run_migrations(_database(given), index(FILES, table))
    assert [step.name for step in report.results] == ["002_fill", "003_after"]
    await filled(given, 1_000)
    assert (await cron(given, table))["end"] == "none"


async def by_people(given: Any, table: Shape = "versions") -> None:
    """A paused job waits; a cancelled one is begun again by `run_job`, and not by the cron."""
    await prepare(given, table)
    await cron(given, table)
    people = migrator(_database(given), table, *FILES)
    await people.pause_job(reason="lunch")
    assert (await cron(given, table))["end"] == "paused"
    await people.resume_job()
    await people.cancel_job()
    for _ in range(2):
        report = await cron(given, table)
        assert (report["end"], report["waiting_for"]) == ("cancelled", "002_fill"), report
    assert (await people.run_job()).end == "done"
    await filled(given)


def _database(given: Any) -> Any:
    """Return the binding, or the storage of an object's `ctx`."""
    return given.storage if hasattr(given, "storage") else given


async def online(given: Any, rebuild: str, rows: int) -> list[int]:
    """An online rebuild of a table that is over the budget; the number of queries of each invocation."""
    db = _database(given)
    await prepare(given, rows=rows)
    files = index([CREATE, ("002_rebuild.sql", rebuild)], "versions")
    assert (await run_migrations(db, files)).waiting_for == "002_rebuild"
    queries = []
    for _ in range(60):
        report = await run_jobs(db, files, max_queries=4)
        queries.append(report.batches)
        if report.waiting_for is None:
            break
    assert report.end == "done", report
    assert await read(db, "SELECT count(*), sum(norm = 'new') FROM users") == [(rows, rows)]
    left = "SELECT name FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'"
    assert await read(db, left) == []
    assert (await run_migrations(db, files)).waiting_for is None
    return queries
