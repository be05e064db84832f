"""What a run did, as values."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.jobs.report import JobReport
    from d1migrate.migrate.table import MigrationsTable


class StepResult(NamedTuple):
    """A migration that was applied or rolled back, by this run or by another one meanwhile.

    Attributes:
        version, name: which.
        action: what was done.
        statements: how many statements its file has.
        rows_read, rows_written: what D1 bills for its transaction; None if the engine does not count them, or
            if several steps shared a transaction.
        deleted_rows: {table: rows} that a rollback deleted, as they were counted before; None if uncounted.
        deleted_values: {table.column: rows with a value} that it deleted from rows that stay.
    """

    version: int | None
    name: str
    action: Literal["up", "down", "applied meanwhile"]
    statements: int | None
    rows_read: int | None = None
    rows_written: int | None = None
    deleted_rows: Mapping[str, int | None] = {}
    deleted_values: Mapping[str, int | None] = {}


class Report(NamedTuple):
    """What a run did.

    Attributes:
        steps: the steps it took.
        meanwhile: what another runner applied meanwhile.
        problems: what is wrong with the database after the run, if it was inspected.
        table: the migrations table, of a rollback.
        waiting_for: the migration whose job must end before the run can continue; None if all is applied.
        job: how the job ended that this run drove last; None if it drove none.
    """

    steps: tuple[StepResult, ...]
    meanwhile: tuple[h.AppliedMigration, ...] = ()
    problems: tuple[Problem, ...] = ()
    table: MigrationsTable | None = None
    waiting_for: str | None = None
    job: JobReport | None = None

    def followed_by(self, job: JobReport, rest: Report) -> Report:
        """Return the report of a run that continued after a job."""
        ran = StepResult(job.job.version if job.job else None, job.name, "up", 1)
        steps = (*self.steps, ran) if job.end == "done" else self.steps
        return rest._replace(
            steps=(*steps, *rest.steps),
            meanwhile=(*self.meanwhile, *rest.meanwhile),
            problems=(*self.problems, *rest.problems),
            job=rest.job or job,
        )

    @property
    def ok(self) -> bool:
        """Whether there is no new problem."""
        return not any(problem.is_new for problem in self.problems)

    @property
    def results(self) -> tuple[StepResult, ...]:
        """The steps, and what was applied meanwhile, together: of an `up`, in wrangler's order."""
        if not self.meanwhile:
            return self.steps
        from d1migrate.migrate.order import in_order
        from d1migrate.migrate.table import SUFFIX

        others = (StepResult(row.version, row.name, "applied meanwhile", None) for row in self.meanwhile)
        return tuple(in_order((*self.steps, *others), lambda result: result.name + SUFFIX))
