"""The batches of a job, as values: its start, its chunks, its end; and to pause, resume and cancel it."""

from __future__ import annotations

import json

from d1migrate.migrate import assertions, log
from d1migrate.migrate.jobs import job as row
from d1migrate.migrate.jobs.work import START_SIZE
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import JOB_TABLE, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.pace import Pace
    from d1migrate.migrate.jobs.work import Ending, Work
    from d1migrate.migrate.log import Event, Stamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable


def begin(
    migration: Migration,
    directive: JobDirective,
    history: h.History,
    work: Work,
    *,
    stamp: Stamp,
    pace: Pace,
    notes: Mapping[str, object] = {},
) -> Batch:
    """Return the batch that opens a job. It asserts the history, so a late copy of it opens nothing.

    `notes` are logged with it.
    """
    before = assertions.HistoryState.of(history)
    most = min(pace.most, directive.rows or pace.most)
    size = min(START_SIZE, most)
    queries = (
        *history.setup(),
        assertions.assert_ready(migration, "up", before, full=True),
        row.CREATE,
        row.insert(migration, directive, stamp, state=work.first_state, size=size, most=most, plan=work.plan),
        *work.start(most, pace.budget),
        _log(log.START, migration, migration.checksum, stamp, {"table": directive.table, **notes}),
    )
    return Batch(queries, label=migration.name)


def chunk(
    job: Job,
    table: MigrationsTable,
    statements: Sequence[Query],
    ending: Ending,
    *,
    backlog: str,
    migration: Migration | None,
    stamp: Stamp,
    size: int,
) -> Batch:
    """Return a chunk. Its last rows are those of `job.read`, unless it ends the job.

    Args:
        job: the job as it was read; the chunk asserts its token, its file and its state.
        table: the migrations table.
        statements: what it does, of `Work.chunk`.
        ending: what it also does.
        backlog: that of the work.
        migration: the file, or None if it is missing.
        stamp: who, and when, if it records the migration.
        size: the most rows.
    """
    queries = [row.assert_job(job, state=job.state)]
    if not job.is_recorded:
        queries.append(assert_not_recorded(job, table))
    queries += [row.set_size(size), *statements]
    if ending.records:
        event = log.event_of("up", migration) if migration else _event("up", job, job.checksum)
        detail = json.dumps({"rows": job.rows, "chunks": job.chunks})
        queries += [*table.insert(job, stamp.at), log.record("done", event._replace(detail=detail), stamp)]
    # After the swap of an online rebuild, the change log is dropped.
    left = "NULL" if ending.records or job.is_recorded else backlog
    queries.append(row.DROP if ending.closes else row.read(left))
    return Batch(queries, label=job.name, last_rows=True)


def assert_not_recorded(job: Job, table: MigrationsTable) -> Query:
    """Abort the batch if the migration of a job is recorded: wrangler ran its file meanwhile."""
    return Query(
        f"SELECT json_extract('{{}}', {quote_literal(assertions.ALREADY_APPLIED)} || ?1)"
        f" WHERE EXISTS (SELECT 1 FROM {table.sql} WHERE {table.column} = ?1)",
        (str(table.key_of(job)),),
        assertion=True,
    )


def close(job: Job, statements: Sequence[Query], *, stamp: Stamp) -> Batch:
    """Return the batch that ends a job whose migration was recorded meanwhile."""
    detail = {"applied": "elsewhere", "rows": job.rows, "chunks": job.chunks}
    return _end(job, statements, stamp, detail)


def cancel(job: Job, statements: Sequence[Query], *, stamp: Stamp, reason: str | None) -> Batch:
    """Return the batch that cancels a job; what it did stays.

    Args:
        job: the job.
        statements: those of `Work.cancel`.
        stamp: who, and when.
        reason: why, for the log.
    """
    detail = {"rows": job.rows, "chunks": job.chunks, **({"reason": reason} if reason else {})}
    return _end(job, statements, stamp, detail)


def _end(job: Job, statements: Sequence[Query], stamp: Stamp, detail: dict[str, object]) -> Batch:
    logged = _log(log.CANCEL, job, job.checksum, stamp, detail)
    # A runner may have replaced the table since the job was read; its indexes must still be built.
    asserted = row.assert_job(job, before_swap=True)
    return Batch((asserted, *statements, logged, row.DROP), label=job.name)


def restored(job: Job, statements: Sequence[Query], *, stamp: Stamp) -> Batch:
    """Return the batch that lets the job of a restored database continue, or cancels it.

    A job that continues gets another token, so that no chunk that was sent before the restore counts.

    Args:
        job: the job as it was restored.
        statements: those of `Work.cancel`.
        stamp: who, and when; its token is the new one.
    """
    if not job.is_portable:
        return cancel(job, statements, stamp=stamp, reason="restore")
    token = Query(f"UPDATE {JOB_TABLE} SET token = ?1", (stamp.token,))
    return Batch((row.assert_job(job), token), label=job.name)


def set_paused(job: Job, *, paused: bool, stamp: Stamp, reason: str | None) -> Batch:
    """Return the batch that pauses a job, or lets it continue."""
    queries = (
        row.assert_job(job),
        Query(f"UPDATE {JOB_TABLE} SET paused = {int(paused)}"),
        _log(
            log.PAUSE if paused else log.RESUME,
            job,
            job.checksum,
            stamp,
            {"reason": reason} if reason else {},
        ),
    )
    return Batch(queries, label=job.name)


def resize(job: Job, size: int) -> Batch:
    """Return the batch that sets how many rows the next chunk may have."""
    return Batch((row.assert_job(job), row.set_size(size)), label=job.name)


def _log(
    action: str, what: Migration | Job, checksum: str | None, stamp: Stamp, detail: dict[str, object]
) -> Query:
    event = _event(action, what, checksum)
    return log.record("done", event._replace(detail=json.dumps(detail) if detail else None), stamp)


def _event(action: str, what: Migration | Job, checksum: str | None) -> Event:
    return log.Event(action, what.version, what.name, checksum)
