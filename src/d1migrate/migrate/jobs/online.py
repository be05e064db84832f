"""An online rebuild: the table is copied beside itself, and replaced at the end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.jobs.work import Ending
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Query


class OnlineWork:
    """The work of an online migration."""

    first_state = "copy"
    plan: str | None = None
    backlog = "NULL"

    @classmethod
    def derive(cls, migration: Migration, schema: Schema | None) -> OnlineWork:
        """Return the work of a file that is a guarded rebuild.

        Raises:
            SourceError: it is not one.
            PlanError: the table cannot be rebuilt online.
        """
        raise NotImplementedError

    @classmethod
    def of(cls, job: Job) -> OnlineWork:
        """Return the work of an open job, from its row."""
        raise NotImplementedError

    def start(self, most: int, budget: int) -> Sequence[Query]:
        """Return the statements of the first batch after the row was inserted."""
        raise NotImplementedError

    def chunk(self, job: Job) -> Sequence[Query]:
        """Return the statements of the next chunk."""
        raise NotImplementedError

    def ending(self, job: Job) -> Ending:
        """Return what the next chunk does besides."""
        raise NotImplementedError

    def cancel(self, job: Job) -> Sequence[Query]:
        """Return the statements that remove what it created."""
        raise NotImplementedError

    def refused(self, job: Job, text: str) -> Sequence[Query] | None:
        """Return a chunk to send instead of one that was refused."""
        raise NotImplementedError
