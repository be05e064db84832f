"""The objects of an open job, which are left out of a schema. Without a job they are leftovers."""

from __future__ import annotations

from d1migrate.errors import PlanError
from d1migrate.sql.names import HELPER, fold, is_helper, is_job_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from d1migrate.migrate.jobs.job import Job
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import Schema


def owns(job: Job, name: str) -> bool:
    """Whether a helper belongs to the open job; any other is a leftover of an interrupted rebuild."""
    if is_job_table(name):
        return True
    if job.kind != "online" or not is_helper(name):
        return False
    kind, _, rest = fold(name).removeprefix(HELPER).partition("_")
    return kind in _KINDS and _number(job) in (None, rest.partition("_")[0])


_KINDS = ("hold", "log", "sync", "new", "index")
"""Of the objects of an online rebuild: the shadow, the change log, the triggers, the indexes."""


def _number(job: Job) -> str | None:
    """Return the number of the helpers of an online rebuild, `1` of `_d1m_hold_1`; None: unknown."""
    if job.plan is None:
        return "1"
    from d1migrate.migrate.jobs.online.plan import OnlinePlan

    try:
        return OnlinePlan.loads(job.plan).number
    except PlanError:
        return None


def has_job(schema: Schema) -> bool:
    """Whether a live schema has the table of a job."""
    return any(is_job_table(table.name) for table in schema.tables)


def without_job(schema: Schema, job: Job | None) -> Schema:
    """Return a live schema without what an open job created; None: no job is open."""
    return without(schema, lambda name: owns(job, name)) if job else schema


def without(schema: Schema, is_left_out: Callable[[str], bool]) -> Schema:
    """Return a schema without the tables, indexes and triggers with certain names."""
    tables = (
        table._replace(
            triggers=tuple(t for t in table.triggers if not is_left_out(t.name)),
            indexes=tuple(i for i in table.indexes if not is_left_out(i.name)),
        )
        for table in schema.tables
        if not is_left_out(table.name)
    )
    triggers = tuple(t for t in schema.triggers if not is_left_out(t.name))
    return schema._replace(tables=tuple(tables), triggers=triggers)


def without_awaited(
    differences: Iterable[Difference], expected: Schema, job: Job | None
) -> tuple[Difference, ...]:
    """Return differences without the indexes that an online rebuild has still to build after its swap.

    Args:
        differences: how a live schema differs from `expected`.
        expected: what the applied files build.
        job: the open job; None if there is none.
    """
    if job is None or not job.is_recorded:
        return tuple(differences)
    rebuilt = (table for table in expected.tables if fold(table.name) == fold(job.table))
    awaited = {fold(index.name) for table in rebuilt for index in table.indexes}
    return tuple(
        one
        for one in differences
        if not (one.kind == "index" and one.problem == "missing" and fold(one.name) in awaited)
    )
