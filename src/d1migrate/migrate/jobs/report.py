"""What a run of a job did, as a value."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.migrate.jobs.job import Job

    End = Literal["done", "elsewhere", "cancelled", "paused", "stopped", "none"]


class JobReport(NamedTuple):
    """What a run of a job did.

    Attributes:
        name: the migration; "" if there was no job to run.
        end: "done"; "elsewhere": it was recorded meanwhile, as by wrangler; "cancelled" or "paused" by
            somebody; "stopped": chunks are left; "none": there was nothing to run.
        job: the row as it was last read; None if it was never read.
        batches: how many batches this run sent.
    """

    name: str
    end: End
    job: Job | None = None
    batches: int = 0

    @property
    def waiting_for(self) -> str | None:
        """The migration whose job must still be done before later ones; None if there is none."""
        return None if self.end in ("done", "elsewhere", "none") else self.name
