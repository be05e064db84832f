"""The cut-over: the shadow takes the place of the table, in one short batch."""

from __future__ import annotations

from d1migrate.migrate.jobs.job import NOT_THE_SAME
from d1migrate.migrate.jobs.online.plan import MOST_AT_CUT_OVER
from d1migrate.migrate.jobs.online.rows import drain, refusal, whole
from d1migrate.migrate.jobs.online.triggers import column, trigger_names
from d1migrate.migrate.jobs.online.unchanged import assert_unchanged
from d1migrate.schema.rebuild import guard_statements
from d1migrate.sql.names import HELPER, JOB_TABLE, quote_literal
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.migrate.jobs.online.plan import OnlinePlan
    from d1migrate.sql.batch import Query

TOO_LONG = "too many rows are left to copy again"


def cut_over(plan: OnlinePlan) -> list[Query]:
    """Return the statements of the batch: all that it cannot refuse cheaply was proved before."""
    return [
        *whole([*_assert_short(plan), assert_unchanged(plan)]),
        *drain(plan, str(MOST_AT_CUT_OVER)),
        *whole([_assert_same_number(plan), *_swapped(plan), *plan.triggers]),
        *whole(_to_indexes(plan) if plan.indexes else [f"DROP TABLE {q(plan.log)}"]),
    ]


def _assert_short(plan: OnlinePlan) -> Iterator[str]:
    yield "PRAGMA legacy_alter_table = OFF"  # a batch that failed after ON has left it on
    yield refusal(quote_literal(TOO_LONG), f"WHERE {plan.backlog} > {MOST_AT_CUT_OVER}")


def _assert_same_number(plan: OnlinePlan) -> str:
    message = quote_literal(f"{plan.table} has another number of rows {NOT_THE_SAME}")
    counts = (f"(SELECT count(*) FROM {q(name)})" for name in (plan.table, plan.shadow))
    return refusal(message, f"WHERE {' <> '.join(counts)}")


def _swapped(plan: OnlinePlan) -> Iterator[str]:
    """Yield the DROP and the RENAME, and what keeps the rows of other tables as they are."""
    on, off = guard_statements(name for name, _ in plan.children)
    # The shadow references the table itself by its name, so it is one more child.
    own_on, own_off = guard_statements([plan.shadow] if plan.is_its_own_parent else ())
    note, check = _orphans(plan)
    helpers = [index for _, indexes in plan.children for index in indexes]
    yield from (*note, *(create for _, create in helpers), *on, *own_on)
    yield from (f"DROP TRIGGER {name}" for name in trigger_names(plan))
    if plan.links:  # an action of its own foreign key would fire them
        yield from (f"DROP TRIGGER IF EXISTS {q(name)}" for name in plan.old_triggers)
    yield from _counter(plan)
    # Views and triggers of other tables may name the table, which is missing for a moment.
    yield "PRAGMA legacy_alter_table = ON"
    yield f"DROP TABLE {q(plan.table)}"
    yield from own_off
    yield f"ALTER TABLE {q(plan.shadow)} RENAME TO {q(plan.table)}"
    yield "PRAGMA legacy_alter_table = OFF"
    yield from (*off, *(f"DROP INDEX {q(name)}" for name, _ in helpers))
    yield from (f"DROP INDEX {plan.helper(number)}" for number in plan.unindexed)
    yield from check


def _orphans(plan: OnlinePlan) -> tuple[list[str], list[str]]:
    """Return the statements that defer foreign keys and count orphans, and those that find no more of them.

    SQLite counts the rows that the DROP leaves without a parent, and only an INSERT would count them down.
    Turning the deferral off forgets the count, so the keys are checked here.
    """
    if not plan.links:
        return [], []
    kept = q(f"{HELPER}orphans_{plan.number}")
    note = ["PRAGMA defer_foreign_keys = ON", f"CREATE TABLE {kept} (name TEXT, n INTEGER)"]
    check = ["PRAGMA defer_foreign_keys = OFF"]
    for name in [*(name for name, _ in plan.children), *([plan.table] if plan.is_its_own_parent else [])]:
        literal, parent = quote_literal(name), quote_literal(plan.table)
        count = f"SELECT count(*) AS n FROM pragma_foreign_key_check({literal})"
        count = f"{count} WHERE parent = {parent} COLLATE NOCASE"
        note.append(f"INSERT INTO {kept} SELECT {literal}, n FROM ({count})")
        message = quote_literal(f"rows of {name} would reference missing rows of {plan.table}")
        before = f"(SELECT n FROM {kept} WHERE name = {literal})"
        check.append(refusal(message, f"FROM ({count}) AS now WHERE now.n > {before}"))
    return note, [*check, f"DROP TABLE {kept}"]


def _counter(plan: OnlinePlan) -> Iterator[str]:
    """Yield what sets the AUTOINCREMENT counter of the shadow: the rows with the highest ids may be gone."""
    if plan.counter:
        old, new = quote_literal(plan.table), quote_literal(plan.shadow)
        count = f"SELECT seq FROM sqlite_sequence WHERE name = {old} COLLATE NOCASE"
        yield (
            f"INSERT INTO sqlite_sequence (name, seq) SELECT {new}, 0"
            f" WHERE EXISTS ({count}) AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = {new})"
        )
        # Not its own count: rows were copied that have since been deleted, whose ids an UPDATE had set.
        highest = f"SELECT max({column(plan.shadow_key[0])}) FROM {q(plan.shadow)}"
        yield (
            f"UPDATE sqlite_sequence SET seq = max(coalesce(({count}), 0), coalesce(({highest}), 0))"
            f" WHERE name = {new}"
        )


def _to_indexes(plan: OnlinePlan) -> Iterator[str]:
    """Yield the next state. The log is kept, because the row is read with the backlog until the job ends."""
    yield f"CREATE TABLE {q(plan.shadow)} (placeholder)"  # the file must not run again before that
    cursor = ", ".join(f"lo_{n} = NULL, hi_{n} = NULL" for n in range(2, 5))
    yield (
        f"UPDATE {JOB_TABLE} SET state = 'indexes', chunks = chunks + 1, moved_at = unixepoch(),"
        f" first = 0, last = {len(plan.indexes)}, lo_1 = NULL, hi_1 = 0, {cursor}"
    )
