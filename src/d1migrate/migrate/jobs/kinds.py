"""Which work a file or an open job is; each kind is imported only where there is such a job."""

from __future__ import annotations

from d1migrate.sql.batch import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.work import Work
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema


def work_of(migration: Migration, schema: Schema | None = None) -> Work:
    """Return the work of a migration that begins.

    Args:
        migration: the file, with a directive.
        schema: the live schema, which an online rebuild is made from.

    Raises:
        SourceError: its statement cannot run in chunks.
        PlanError: the database does not allow it.
    """
    directive = migration.job
    if directive is not None and directive.kind == "online":
        from d1migrate.migrate.jobs.online import OnlineWork

        return OnlineWork.derive(migration, schema)
    from d1migrate.migrate.jobs.batch import BatchWork

    return BatchWork.of(migration)


def size_check(migration: Migration) -> Query | None:
    """Return what refuses a migration as a whole because its table is too large; None if nothing does.

    Args:
        migration: the file, with a directive.

    Raises:
        SourceError: it cannot be read.
    """
    directive = migration.job
    if directive is not None and directive.kind == "batch":
        from d1migrate.migrate.jobs.batch import fits

        return fits(directive)
    from d1migrate.schema.rebuild_checks import is_budget_statement

    found = (one.sql for one in migration.statements() if is_budget_statement(one.sql))
    return next((Query(sql, assertion=True) for sql in found), None)


def work_of_job(migration: Migration | None, job: Job) -> Work:
    """Return the work of an open job: of a batch from its file, of an online rebuild from its row."""
    if job.kind == "online":
        from d1migrate.migrate.jobs.online import OnlineWork

        return OnlineWork.of(job)
    from d1migrate.migrate.jobs.batch import BatchWork

    if migration is None:
        raise ValueError(f"the file of {job.name} is needed")
    return BatchWork.of(migration)


def removal_of(job: Job) -> Sequence[Query]:
    """Return the statements that remove what an open job created, except its row; the file is not needed."""
    if job.kind == "online":
        from d1migrate.migrate.jobs.online import OnlineWork

        return OnlineWork.of(job).cancel(job)
    return ()
