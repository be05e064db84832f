"""Applying migrations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from d1migrate import history as h
from d1migrate.batch import Batch
from d1migrate.errors import ApplyError, Error, QueryError
from d1migrate.flows.read import read_history, read_history_after, read_schema
from d1migrate.flows.steps import Report, StepResult, noted, stopped, take
from d1migrate.migration import Migration
from d1migrate.plan import Plan, plan_up
from d1migrate.recording import LOG_TABLE
from d1migrate.status import is_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.batch import Flow
    from d1migrate.flows.steps import Sign
    from d1migrate.mirror import Mirror
    from d1migrate.phases import Phase
    from d1migrate.schema.model import Schema

    Judge = Callable[[Sequence[Migration], Schema], None]
    Check = Callable[[Plan], Mapping[str, object]]


def plan(
    migrations: Sequence[Migration],
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    phase: Phase | None = None,
) -> Flow[Plan]:
    """Read history and plan an `up`; the arguments and errors are those of `up`.

    Among the requests is that for the schema, which the linter judges by.
    """
    history = yield from read_history()
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    todo = _of_phase(todo, phase)
    return todo._replace(reads=todo.reads + bool(todo.steps))


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
        judge: is shown what is about to run and the live schema, and may raise; without it the log says that
            nobody looked.
        check: is shown every plan before any of it is run, and may raise; what it returns goes to the log.
        known: the history, where it was read a moment ago.
        mirror: wrangler's table, to be kept in step.

    Raises:
        ApplyError: a migration failed; it says which were applied and which are pending.
        HistoryError, SourceError, UsageError: as `plan_up`; nothing was run.
        PlanError: as `phases.cut`; nothing was run.
    """
    before = history = known or (yield from read_history())
    done: list[StepResult] = []
    planned = partial(
        _planned,
        migrations,
        to=to,
        allow_out_of_order=allow_out_of_order,
        single=single,
        phase=phase,
        check=check,
    )
    todo, notes = planned(history)
    if judge and todo.steps:
        judge(
            [step.script for step in todo.steps if isinstance(step.script, Migration)],
            (yield from read_schema()),
        )
    while True:
        todo = noted(todo, {**({} if judge else {"lint": False}), **notes})
        taken, raced = yield from take(todo, sign, done, mirror)
        done += taken
        if raced is None:
            break
        rest = todo.steps[len(taken) :]
        try:
            history = yield from read_history()
            if set(history.versions) == {*todo.versions, *(step.version for step in taken)}:
                raise raced  # nothing changed meanwhile, so it was not another runner
            todo, notes = planned(history)
        except ApplyError:
            raise
        except Error as error:
            raise stopped(error, done, rest) from error
    ours = {step.version for step in done} | set(before.versions)
    return Report(tuple(done), tuple(row for row in history.applied if row.version not in ours))


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


def _planned(
    migrations: Sequence[Migration],
    history: h.History,
    *,
    to: int | None,
    allow_out_of_order: bool,
    single: bool,
    phase: Phase | None,
    check: Check | None,
) -> tuple[Plan, Mapping[str, object]]:
    """Plan, and have the plan checked; what that found for the log is returned too."""
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    todo = _of_phase(todo, phase)
    return todo, check(todo) if check else {}


def _of_phase(todo: Plan, phase: Phase | None) -> Plan:
    """Return the part of a plan that belongs to a phase."""
    if phase is None:
        return todo
    from d1migrate.phases import cut  # a Worker has no use for it

    return cut(todo, phase)
