"""A batch migration: its one statement, page by page."""

from __future__ import annotations

from d1migrate.migrate.jobs.job import TOO_MANY
from d1migrate.migrate.jobs.work import Ending
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration

FITS = 5_000
"""Rows of a table up to which the file runs as an ordinary migration."""


def fits(directive: JobDirective) -> Query:
    """Return the statement that aborts a batch if the table has more rows than one chunk."""
    most = min(FITS, directive.rows or FITS)
    message = f"{TOO_MANY}{directive.table} has more than {most}"
    rows = f"SELECT count(*) FROM (SELECT 1 FROM {quote_identifier(directive.table)} LIMIT {most + 1})"
    return Query(
        f"SELECT json_extract('{{}}', {quote_literal(message)}) WHERE ({rows}) > {most}", assertion=True
    )


class BatchWork:
    """The work of a batch migration."""

    first_state = "running"
    plan: str | None = None
    backlog = "NULL"

    @classmethod
    def of(cls, migration: Migration) -> BatchWork:
        """Return the work of a file.

        Raises:
            SourceError: its statement cannot be cut.
        """
        raise NotImplementedError

    def start(self, most: int, budget: int) -> Sequence[Query]:
        """Return the statements of the first batch after the row was inserted."""
        raise NotImplementedError

    def chunk(self, job: Job) -> Sequence[Query]:
        """Return the statements of the next chunk."""
        raise NotImplementedError

    def ending(self, job: Job) -> Ending:
        """Return what the next chunk does besides."""
        return Ending(records=job.state == "filled", closes=job.state == "filled")

    def cancel(self, _job: Job) -> Sequence[Query]:
        """Return nothing: it created nothing."""
        return ()

    def refused(self, _job: Job, _text: str) -> Sequence[Query] | None:
        """Return None: no other chunk would do better."""
        return None
