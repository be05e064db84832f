"""Applying migrations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from d1migrate import history as h
from d1migrate.batch import Batch
from d1migrate.errors import ApplyError, Error, QueryError
from d1migrate.flows.read import read_history, read_history_after, read_leftovers
from d1migrate.flows.steps import Report, StepResult, noted, stopped, take
from d1migrate.migration import Migration
from d1migrate.plan import Plan, Step, plan_up
from d1migrate.recording import LOG_TABLE
from d1migrate.status import is_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.batch import Flow
    from d1migrate.flows.integrity import Broken, Seen
    from d1migrate.flows.leftovers import Problem
    from d1migrate.flows.steps import Sign
    from d1migrate.mirror import Mirror
    from d1migrate.phases import Phase
    from d1migrate.schema.model import Schema

    Judge = Callable[[Sequence[Migration], Schema], Schema]
    Prepare = Callable[[h.History], Flow["Prepared"]]
    Check = Callable[[Plan], Mapping[str, object]]


class Prepared(NamedTuple):
    """A plan that may be run: the schema it was judged by, and the one that will come of it."""

    plan: Plan
    seen: Seen | None
    expected: Schema | None


def plan(
    migrations: Sequence[Migration],
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    phase: Phase | None = None,
) -> Flow[Plan]:
    """Read history and plan an `up`; the arguments and errors are those of `up`.

    Among the requests are a look at the database before the run, which the linter judges by, and one behind.
    """
    history = yield from read_history()
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    todo = _of_phase(todo, phase)
    return todo._replace(reads=todo.reads + 2 * bool(todo.steps))


def up(
    migrations: Sequence[Migration],
    sign: Sign,
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    phase: Phase | None = None,
    judge: Judge | None = None,
    check: Check | None = None,
    known: h.History | None = None,
    mirror: Mirror | None = None,
    broken: Broken | None = None,
) -> Flow[Report]:
    """Apply what is pending, each migration exactly once.

    A second runner is noticed by the database, inside the batch; history is then read and planned anew.

    Args:
        migrations: the files.
        sign: gives every batch its token, time and user.
        to: the last version to apply; all without it.
        allow_out_of_order: also what lies below the newest applied version.
        single: all as one transaction.
        phase: only what comes before, or only what comes after the deploy of the code; both without it.
        judge: is shown what every plan is about to run and the live schema, and may raise; it returns the
            schema that comes of it. Without it the log says that nobody looked.
        check: is shown every plan before any of it is run, and may raise; what it returns goes to the log.
        known: the history, where it was read a moment ago.
        mirror: wrangler's table, to be kept in step.
        broken: returns the views and triggers that do not compile; with it the database is looked at behind
            the run, and before it where it is judged.

    Raises:
        ApplyError: a migration failed; it says which were applied and which are pending.
        HistoryError, SourceError, UsageError: as `plan_up`; nothing was run.
        PlanError: as `phases.cut`; nothing was run.
    """
    before = history = known or (yield from read_history())
    prepare = partial(
        _prepare,
        migrations,
        to=to,
        allow_out_of_order=allow_out_of_order,
        single=single,
        phase=phase,
        judge=judge,
        check=check,
        broken=broken,
    )
    first = yield from prepare(history)
    done, history, last = yield from _run(first, history, prepare, sign, mirror)
    ours = {step.version for step in done} | set(before.versions)
    meanwhile = tuple(row for row in history.applied if row.version not in ours)
    problems: tuple[Problem, ...] = ()
    if broken and first.plan.steps:
        steps = first.plan.steps if last is first else (*first.plan.steps, *last.plan.steps)
        problems = yield from _look_behind(steps, first.seen, last.expected, broken)
    elif broken and history.leftovers:
        problems = yield from read_leftovers()
    return Report(tuple(done), meanwhile, problems)


def _run(
    prepared: Prepared, history: h.History, prepare: Prepare, sign: Sign, mirror: Mirror | None
) -> Flow[tuple[list[StepResult], h.History, Prepared]]:
    """Take the steps, and plan anew where another runner comes between.

    Returns:
        The steps taken, the history that was read last, and the last plan.
    """
    done: list[StepResult] = []
    while True:
        todo = prepared.plan
        taken, raced = yield from take(todo, sign, done, mirror)
        done += taken
        if raced is None:
            return done, history, prepared
        rest = todo.steps[len(taken) :]
        try:
            history = yield from read_history()
            if set(history.versions) == {*todo.versions, *(step.version for step in taken)}:
                raise raced  # nothing changed meanwhile, so it was not another runner
            prepared = yield from prepare(history)
        except ApplyError:
            raise
        except Error as error:
            raise stopped(error, done, rest) from error


def _look_behind(
    steps: Sequence[Step], before: Seen | None, expected: Schema | None, broken: Broken
) -> Flow[tuple[Problem, ...]]:
    """Say what is wrong behind a run; that nobody answers does not undo it."""
    from d1migrate.flows import integrity

    try:
        seen = yield from integrity.look(
            broken,
            rows=integrity.can_hurt_rows(steps),
            searches=expected or integrity.NO_SCHEMA,
            expected=expected or (before.schema if before else None),
        )
    except Error as error:  # also where the token is refused by now
        return (integrity.unknown(error),)
    return integrity.after(before, seen, expected)


def ensure(
    migrations: Sequence[Migration], sign: Sign, *, to: int | None = None, allow_out_of_order: bool = False
) -> Flow[Report]:
    """Apply what is pending, where anything is: one query of one row tells.

    Arguments, result and errors are those of `up`.
    """
    wanted = [m for m in migrations if to is None or m.version <= to]
    try:
        (state,) = yield Batch((h.STATE,), reads=True)
    except QueryError as error:
        history = yield from read_history_after(error, reads=1)
    else:
        known = to is None or (bool(wanted) and wanted[-1].version == to)
        if known and is_up_to_date(wanted, *state.rows[0]):
            return Report(())
        history = yield from read_history(reads=2)
    report = yield from up(migrations, sign, to=to, allow_out_of_order=allow_out_of_order, known=history)
    if not report.steps and history.missing == (LOG_TABLE,):
        # Wrangler alone was here. With a log, one query tells the next time that there is nothing to do.
        yield Batch(h.create_tables(history.missing))
    return report


def _prepare(
    migrations: Sequence[Migration],
    history: h.History,
    *,
    to: int | None,
    allow_out_of_order: bool,
    single: bool,
    phase: Phase | None,
    judge: Judge | None,
    check: Check | None,
    broken: Broken | None,
) -> Flow[Prepared]:
    """Plan, and have the plan checked and judged; what that found for the log stands in it."""
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    todo = _of_phase(todo, phase)
    notes = check(todo) if check else {}
    seen = expected = None
    if todo.steps and judge:
        from d1migrate.flows import integrity  # a Worker has no use for it

        seen = yield from integrity.look(
            broken, rows=integrity.can_hurt_rows(todo.steps), searches=integrity.NO_SCHEMA
        )
        scripts = [step.script for step in todo.steps if isinstance(step.script, Migration)]
        expected = judge(scripts, seen.schema)
    return Prepared(noted(todo, {**({} if judge else {"lint": False}), **notes}), seen, expected)


def _of_phase(todo: Plan, phase: Phase | None) -> Plan:
    """Return the part of a plan that belongs to a phase."""
    if phase is None:
        return todo
    from d1migrate.phases import cut  # a Worker has no use for it

    return cut(todo, phase)
