"""Applying migrations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import ApplyError, Error, Gate, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate.assertions import HistoryState, is_unchanged
from d1migrate.migrate.flows.read import read_history, read_history_after, read_leftovers
from d1migrate.migrate.flows.steps import Report, StepResult, noted, stopped, take
from d1migrate.migrate.history_guard import LOG_TABLE
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan import Plan, Step, plan_up
from d1migrate.migrate.status import is_up_to_date
from d1migrate.sql.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migrate.deploy_phase import Phase
    from d1migrate.migrate.flows.integrity import Broken, Seen
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow

    Judge = Callable[[Sequence[Migration], Schema], Schema]
    Prepare = Callable[[h.History], Flow["Prepared"]]
    Check = Callable[[Plan], Mapping[str, object]]


class Prepared(NamedTuple):
    """A plan that may be run: its history, the schema it was checked against, and the schema after it."""

    plan: Plan
    history: h.History
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
    new_stamp: NewStamp,
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
        new_stamp: gives every batch its token, time and user.
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
    before = known or (yield from read_history())
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
    first = yield from prepare(before)
    done, reached, last = yield from _run(first, prepare, new_stamp, mirror)
    ours = {step.version for step in done} | set(before.versions)
    meanwhile = tuple(row for row in last.history.applied if row.version not in ours)
    problems: tuple[Problem, ...] = ()
    if broken and first.plan.steps:
        steps = first.plan.steps if last is first else (*first.plan.steps, *last.plan.steps)
        problems = yield from _look_behind(steps, reached, first.seen, last.expected, broken)
    elif broken and last.history.leftovers:
        problems = yield from read_leftovers()
    return Report(tuple(done), meanwhile, problems)


def _run(
    prepared: Prepared, prepare: Prepare, new_stamp: NewStamp, mirror: Mirror | None
) -> Flow[tuple[list[StepResult], HistoryState, Prepared]]:
    """Run the steps, and plan again if another runner intervenes.

    Returns:
        The steps taken, the state of the history after them, and the last plan.
    """
    done: list[StepResult] = []
    while True:
        todo = prepared.plan
        taken = yield from take(todo, new_stamp, done, mirror)
        done += taken.steps
        if taken.failure is None:
            return done, taken.reached, prepared
        rest = todo.steps[len(taken.steps) :]
        try:
            history = yield from read_history(token=taken.token)
            if history.has_token:  # it was delayed, and arrived after the log was asked for it
                done += taken.results
            elif HistoryState.of(history.versions, history.head) == taken.reached:
                raise taken.failure  # nothing changed meanwhile, so it was not another runner
            prepared = yield from prepare(history)
        except ApplyError:
            raise
        except Error as error:
            raise stopped(error, done, rest) from error


def _look_behind(
    steps: Sequence[Step],
    reached: HistoryState,
    before: Seen | None,
    expected: Schema | None,
    broken: Broken,
) -> Flow[tuple[Problem, ...]]:
    """Report what is wrong after a run; if the database does not respond, the run still counts."""
    from d1migrate.migrate.flows import integrity

    try:
        seen = yield from integrity.look(
            broken,
            rows=integrity.can_hurt_rows(steps),
            searches=expected or integrity.NO_SCHEMA,
            expected=expected or (before.schema if before else None),
            unchanged=is_unchanged(reached, ()),
        )
    except Error as error:  # also where the token is refused by now
        return (integrity.unknown(error),)
    # What another run has changed since is not missing.
    return integrity.after(before, seen, None if seen.changed else expected)


def ensure(
    migrations: Sequence[Migration],
    new_stamp: NewStamp,
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
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
    report = yield from up(migrations, new_stamp, to=to, allow_out_of_order=allow_out_of_order, known=history)
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
    """Plan, and have the plan checked and judged; the notes for the log are in the plan then.

    The linter checks pending files against the schema from before them. So history and schema must be from
    the same moment: if the history has changed when the schema is read, everything is done again.
    """
    while True:
        todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
        todo = _of_phase(todo, phase)
        try:
            notes = check(todo) if check else {}
        except Gate as refusal:  # it may have judged by the schema, too
            history = yield from _moved_on(history, refusal)
            continue
        if not (todo.steps and judge):
            return Prepared(noted(todo, {**({} if judge else {"lint": False}), **notes}), history, None, None)
        from d1migrate.migrate.flows import integrity  # a Worker has no use for it

        seen = yield from integrity.look(
            broken,
            rows=integrity.can_hurt_rows(todo.steps),
            searches=integrity.NO_SCHEMA,
            unchanged=is_unchanged(HistoryState.of(history.versions, history.head), history.missing),
        )
        if not seen.changed:
            scripts = [step.script for step in todo.steps if isinstance(step.script, Migration)]
            return Prepared(noted(todo, notes), history, seen, judge(scripts, seen.schema))
        history = yield from read_history()


def _moved_on(history: h.History, refusal: Gate) -> Flow[h.History]:
    """Return the current history if it has changed since it was read; otherwise raise the refusal."""
    try:
        now = yield from read_history()
    except Error:
        raise refusal from None
    if (now.versions, now.head) == (history.versions, history.head):
        raise refusal
    return now


def _of_phase(todo: Plan, phase: Phase | None) -> Plan:
    """Return the part of a plan that belongs to a phase."""
    if phase is None:
        return todo
    from d1migrate.migrate.deploy_phase import cut  # a Worker has no use for it

    return cut(todo, phase)
