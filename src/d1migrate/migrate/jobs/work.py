"""What one kind of job does. Everything here is decided from the file and the row; nothing is sent."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.sql.batch import Query
else:
    Protocol = object  # as in drivers/protocol

START_SIZE = 500
"""Rows of the first chunk; the next ones are as large as the pace allows."""


class Ending(NamedTuple):
    """What a chunk also does.

    Attributes:
        records: whether it records the migration.
        closes: whether it ends the job.
        is_whole: whether it does the same at any size, so that it must not be sent again after an overload.
    """

    records: bool = False
    closes: bool = False
    is_whole: bool = False


class Work(Protocol):
    """One kind of job, for one migration.

    Attributes:
        first_state: the state at the start.
        plan: JSON that is kept in the row, so that later chunks need not read the schema; None: not needed.
        backlog: SQL of the number of rows to copy again, counted up to a limit; "NULL" if there are none.
    """

    first_state: str
    plan: str | None
    backlog: str

    def start(self, most: int, budget: int) -> Sequence[Query]:
        """Return the statements of the first batch after the row was inserted.

        Args:
            most: the most rows of a chunk.
            budget: the most entries that a batch may write.
        """

    def chunk(self, job: Job) -> Sequence[Query]:
        """Return the statements of the next chunk: they move the cursor, count, and set the next state."""

    def ending(self, job: Job) -> Ending:
        """Return what the next chunk also does."""

    def cancel(self, job: Job) -> Sequence[Query]:
        """Return the statements that remove what the job created, except its row."""

    def may_be_one_row(self, job: Job, text: str) -> bool:
        """Whether a row of a chunk may be why it was refused, so that smaller chunks find the row.

        Args:
            job: the job as it was when the chunk was made.
            text: the error.
        """

    def refused(self, job: Job, text: str) -> Sequence[Query] | None:
        """Return a chunk to send instead of one that was refused; None if there is none.

        Args:
            job: the job as it was when the chunk was made.
            text: the error.
        """
