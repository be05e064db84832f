"""The batches of a job, as values: what each asserts before it does anything."""

from __future__ import annotations

from d1migrate.migrate.jobs import batches
from d1migrate.migrate.jobs.job import Job
from d1migrate.migrate.jobs.work import Ending
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.sql.batch import Query

STAMP = Stamp("new", 1_790_000_000, "someone", "d1migrate")
FILE = Migration(11, "011_fill", "-- d1migrate: batch users\nUPDATE users SET a = 1 WHERE a IS NULL;")
JOB = Job.of(
    (
        *("011_fill", 11, "batch", "batch users", FILE.checksum, "token", "running", 0, "users"),
        *(None, 1, 1_001, 500, 5_000, 7, 2, 1_790_000_000, 1_790_000_000, "someone"),
    )
)
WORK = Query("UPDATE users SET a = 1")


def _chunk(job: Job, ending: Ending = Ending()) -> list[Query]:  # noqa: B008 - immutable
    batch = batches.chunk(
        job, VersionTable(), [WORK], ending, backlog="NULL", migration=FILE, stamp=STAMP, size=250
    )
    assert batch.last_rows
    return list(batch.queries)


def test_a_chunk_asserts_the_job_and_that_nobody_recorded_it() -> None:
    """Then it sets its size, does the work, and reads the row."""
    job, recorded, size, work, read = _chunk(JOB)
    assert job.params == ("token", FILE.checksum, "running")
    assert "schema_migrations" in recorded.sql
    assert recorded.params == ("11",)
    assert size.params == ("250",)
    assert work is WORK
    assert read.sql.endswith("FROM _d1m_job")


def test_the_last_chunk_records_and_drops_the_row() -> None:
    """In the same transaction."""
    *_, recorded, logged, dropped = _chunk(JOB._replace(state="filled"), Ending(records=True, closes=True))
    assert recorded.sql.startswith("INSERT INTO schema_migrations")
    assert '{"rows": 7, "chunks": 2}' in logged.params
    assert dropped.sql == "DROP TABLE _d1m_job"


def test_a_chunk_after_the_swap_does_not_assert_that_nobody_recorded_it() -> None:
    """Its own job did."""
    queries = _chunk(JOB._replace(kind="online", state="indexes"))
    assert not any("schema_migrations" in query.sql for query in queries)


def test_the_record_is_looked_for_where_the_history_is() -> None:
    """By the name with `.sql` in wrangler's table."""
    query = batches.assert_not_recorded(JOB, NameTable("d1_migrations"))
    assert "d1_migrations" in query.sql
    assert query.params == ("011_fill.sql",)


def test_what_people_do_to_a_job_is_logged() -> None:
    """With their reason."""
    for batch, action in (
        (batches.cancel(JOB, [WORK], stamp=STAMP, reason="a typo"), "cancel"),
        (batches.set_paused(JOB, paused=True, stamp=STAMP, reason="a typo"), "pause"),
        (batches.set_paused(JOB, paused=False, stamp=STAMP, reason="a typo"), "resume"),
    ):
        queries = list(batch.queries)
        assert queries[0].params == ("token", FILE.checksum)
        logged = next(query for query in queries if "d1migrate_log" in query.sql)
        assert action in logged.params
        assert any("a typo" in str(value) for value in logged.params)
