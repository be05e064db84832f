"""An online rebuild as the work of a job: which statements its next chunk has."""

from __future__ import annotations

from d1migrate.errors import PlanError
from d1migrate.migrate.jobs.online import chunks, proofs, swap
from d1migrate.migrate.jobs.online.derive import derive
from d1migrate.migrate.jobs.online.plan import MOST_AT_CUT_OVER, OnlinePlan
from d1migrate.migrate.jobs.work import Ending
from d1migrate.schema.model import Schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Query


_REFUSED = ("constraint failed", "datatype mismatch", "cannot store")
"""How SQLite reports a row that it does not accept."""


class OnlineWork:
    """The work of one online rebuild, as `jobs.work.Work` describes it.

    A chunk does what its state is for: `copy` a page, `drain` the log until it is short, `verify` a page;
    `verified` is the cut-over, and `indexes` builds an index whose name was taken.

    Args:
        plan: what it does.
    """

    first_state = "copy"

    def __init__(self, plan: OnlinePlan) -> None:
        self._plan = plan
        self.plan: str | None = plan.dumps()
        self.backlog = plan.backlog

    @classmethod
    def derive(cls, migration: Migration, schema: Schema | None) -> OnlineWork:
        """Return the work of a file.

        Args:
            migration: the file, with an online directive.
            schema: the live schema.

        Raises:
            SourceError: the file is not a guarded rebuild of the table.
            PlanError: the table cannot be rebuilt online.
        """
        return cls(derive(migration, schema or Schema()))

    @classmethod
    def of(cls, job: Job) -> OnlineWork:
        """Return the work of an open job, from its row alone.

        Raises:
            PlanError: its plan cannot be read.
        """
        return cls(OnlinePlan.loads(job.plan or ""))

    def start(self, most: int, budget: int) -> Sequence[Query]:
        """Return the statements that create the shadow, the log and the triggers."""
        return chunks.start(self._plan, most, budget)

    def chunk(self, job: Job) -> Sequence[Query]:
        """Return the statements of the next chunk."""
        match job.state:
            case "copy":
                return chunks.copy(self._plan)
            case "drain":
                return chunks.drain_log(self._plan)
            case "verify":
                return chunks.verify(self._plan)
            case "verified":
                return chunks.catch_up(self._plan) if self._lags(job) else swap.cut_over(self._plan)
            case "indexes":
                return chunks.build_index(self._plan, job.at or 0)
        raise PlanError(f"{job.name}: its job is in the unknown state {job.state}", hint="update d1migrate")

    def ending(self, job: Job) -> Ending:
        """Return whether the next chunk records the migration or ends the job: see `chunk`."""
        last = len(self._plan.indexes) - 1
        if job.state == "indexes":
            return Ending(closes=(job.at or 0) >= last, is_whole=True)
        is_cut_over = job.state == "verified" and not self._lags(job)
        return Ending(records=is_cut_over, closes=is_cut_over and last < 0, is_whole=is_cut_over)

    def cancel(self, job: Job) -> Sequence[Query]:
        """Return the statements that leave the table as it was.

        Raises:
            PlanError: the swap was made.
        """
        if job.state == "indexes":
            raise PlanError(
                f"{job.name} is applied: only the names of its indexes are still to be changed",
                hint="`d1migrate up` continues",
            )
        return chunks.cancel(self._plan)

    def may_be_one_row(self, _job: Job, _text: str) -> bool:
        """Return False: `refused` finds the row at once."""
        return False

    def refused(self, job: Job, text: str) -> Sequence[Query] | None:
        """Return the chunk to send after one that was refused.

        A log that became too long is shortened. Otherwise the batch that finds the row, and always aborts.
        """
        if swap.TOO_LONG in text:
            return chunks.catch_up(self._plan)
        if any(refused in text for refused in _REFUSED):
            why = text.partition(": SQLITE_")[0]  # workerd appends the code
            return proofs.find_row(self._plan, why, before_cursor=job.state == "copy")
        return None

    @staticmethod
    def _lags(job: Job) -> bool:
        return (job.backlog or 0) > MOST_AT_CUT_OVER
