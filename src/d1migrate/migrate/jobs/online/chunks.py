"""The statements of each state. Each list is one transaction."""

from __future__ import annotations

from d1migrate.migrate.jobs.job import TOO_MANY_PARENTS, UNINDEXED
from d1migrate.migrate.jobs.online.plan import MOST_AT_CUT_OVER
from d1migrate.migrate.jobs.online.proofs import assert_same
from d1migrate.migrate.jobs.online.rows import (
    SIZE,
    assert_kept,
    copied,
    drain,
    pages_of,
    progress,
    refusal,
    whole,
)
from d1migrate.migrate.jobs.online.triggers import create_triggers, trigger_names
from d1migrate.migrate.jobs.online.unchanged import assert_unchanged
from d1migrate.migrate.jobs.pages import Pages
from d1migrate.schema.cost import REFERENCED
from d1migrate.sql.batch import Query
from d1migrate.sql.names import JOB_TABLE, quote_literal
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.migrate.jobs.online.plan import OnlinePlan


# --- the start, and its undoing ---


def start(plan: OnlinePlan, most: int, budget: int) -> list[Query]:
    """Return the statements that create the shadow, the log and the triggers, and set the size of chunks."""
    size = max(1, min(most, budget // (2 * plan.entries)))  # a chunk copies a page, and as many rows again
    limits = f"UPDATE {JOB_TABLE} SET most = max(1, min(most, {size})), size = max(1, min(size, {size}))"
    return [
        *whole([assert_unchanged(plan), *_assert_swap_fits(plan, budget)]),
        # Without IF NOT EXISTS: the file creates a table of the same name, so only one of the two can run.
        *whole([plan.create, *(index.on_shadow for index in plan.indexes), *_own_indexes(plan), _log(plan)]),
        *whole(create_triggers(plan)),
        pages_of(plan).mark(),
        Query(limits, whole=True),
    ]


def _assert_swap_fits(plan: OnlinePlan, budget: int) -> Iterator[str]:
    """Yield the assertions that the swap fits into a batch.

    DROP TABLE visits each row of a parent, and a child without an index on its foreign key gets one for that.
    """
    if plan.links:
        most = budget // (REFERENCED * plan.links)
        keys = f"{plan.links} foreign keys reference" if plan.links > 1 else "a foreign key references"
        message = f"{plan.table} has more than {most} rows, and {keys} it: {TOO_MANY_PARENTS}"
        yield _refuse_more(plan.table, most, message)
    for child, indexes in plan.children:
        if indexes:
            most = budget // len(indexes)
            message = f"{child} has more than {most} rows, {UNINDEXED}{plan.table}"
            yield _refuse_more(child, most, message)


def _refuse_more(table: str, most: int, message: str) -> str:
    rows = f"(SELECT count(*) FROM (SELECT 1 FROM {q(table)} LIMIT {most + 1}))"
    return refusal(quote_literal(message), f"WHERE {rows} > {most}")


def _own_indexes(plan: OnlinePlan) -> Iterator[str]:
    for number in plan.unindexed:
        columns = ", ".join(map(q, plan.parents[number].columns))
        yield f"CREATE INDEX {plan.helper(number)} ON {q(plan.shadow)} ({columns})"


def _log(plan: OnlinePlan) -> str:
    if not any(plan.collations):  # the rowid
        return f"CREATE TABLE {q(plan.log)} (k1 INTEGER PRIMARY KEY)"
    # Its order must be that of the table, which the cursor follows.
    pairs = zip(plan.log_key, plan.collations, strict=True)
    columns = ", ".join(f"{name} COLLATE {q(collation)}" for name, collation in pairs)
    return f"CREATE TABLE {q(plan.log)} ({columns}, PRIMARY KEY ({', '.join(plan.log_key)})) WITHOUT ROWID"


def cancel(plan: OnlinePlan) -> list[Query]:
    """Return the statements that remove everything; the table was never touched."""
    return whole(
        [
            "PRAGMA legacy_alter_table = OFF",  # a cut-over that failed may have left it on
            *(f"DROP TRIGGER IF EXISTS {name}" for name in trigger_names(plan)),
            f"DROP TABLE IF EXISTS {q(plan.shadow)}",
            f"DROP TABLE IF EXISTS {q(plan.log)}",
        ]
    )


# --- the states ---


def copy(plan: OnlinePlan) -> list[Query]:
    """Return the statements that copy the next page, and again what changed before it."""
    pages, log = pages_of(plan), Pages(plan.log, plan.log_key)
    return [
        *drain(plan, SIZE, before_cursor=True),
        pages.move(),
        *whole([copied(plan, pages.within())]),
        progress("iif(lo_1 IS NULL, 'drain', state)", rows="changes()"),
        *whole([*assert_kept(plan, pages.within()), f"DELETE FROM {q(plan.log)} WHERE {log.within()}"]),
    ]


def drain_log(plan: OnlinePlan) -> list[Query]:
    """Return the statements that copy what changed; when little is left, `verify` begins at the first row."""
    return [
        *whole([assert_unchanged(plan)]),
        *drain(plan, SIZE),
        pages_of(plan).rewind(),
        pages_of(plan).mark(),
        progress(f"iif({plan.backlog} > {MOST_AT_CUT_OVER}, state, 'verify')"),
    ]


def verify(plan: OnlinePlan) -> list[Query]:
    """Return the statements that compare the next page of both tables."""
    return [
        *drain(plan, SIZE),
        pages_of(plan).move(),
        *assert_same(plan),
        progress("iif(lo_1 IS NULL, 'verified', state)"),
    ]


def catch_up(plan: OnlinePlan) -> list[Query]:
    """Return the statements that copy what changed, and stay in the state."""
    return [*drain(plan, SIZE), progress("state")]


def build_index(plan: OnlinePlan, number: int) -> list[Query]:
    """Return the statements that build one index under its own name, and drop the one that replaced it."""
    found = plan.indexes[number]
    # Two runners may be at different indexes in the same state.
    moved = refusal("'the job is at another index'", f"FROM {JOB_TABLE} WHERE hi_1 <> {number}")
    return whole(
        [
            moved,
            found.create,
            f"DROP INDEX {q(found.temporary)}",
            f"UPDATE {JOB_TABLE} SET hi_1 = {number + 1}, chunks = chunks + 1, moved_at = unixepoch()",
            *(_drop_rest(plan) if number + 1 == len(plan.indexes) else ()),
        ]
    )


def _drop_rest(plan: OnlinePlan) -> Iterator[str]:
    yield from (f"DROP TABLE {q(name)}" for name in (plan.log, plan.shadow))
