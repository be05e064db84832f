"""Apply pending migrations: plan, check the plan, run it; and all again if another runner intervenes."""

from __future__ import annotations

from d1migrate.errors import ApplyError, Error, Gate, QueryError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.assertions import HistoryState, is_same_history, is_same_state
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.read_status import read_leftovers
from d1migrate.migrate.flows.report import Report, StepResult
from d1migrate.migrate.flows.steps import run_steps, with_notes, with_progress
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.plan import Plan, plan_up
from d1migrate.migrate.up_to_date import index_digest
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.migrate.deploy_phase import Phase
    from d1migrate.migrate.flows.integrity import FindBroken, Inspection
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow

    Lint = Callable[[Sequence[Migration], Schema, MigrationsTable], Schema]
    Check = Callable[[Plan], Mapping[str, object]]


def plan(
    migrations: Sequence[Migration],
    choice: TableChoice,
    *,
    to: Selector | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    phase: Phase | None = None,
    accept_newer: bool = False,
) -> Flow[Plan]:
    """Read history and plan an `up`; the arguments and errors are those of `up`.

    The plan counts the two requests that inspect the database: one before the run, for the linter, and one
    after it.
    """
    planner = _Planner(migrations, choice, to, allow_out_of_order, accept_newer, single, phase)
    todo = planner.plan((yield from read_history(choice)))
    return todo._replace(reads=todo.reads + (2 if todo.steps else 0))


def up(
    migrations: Sequence[Migration],
    choice: TableChoice,
    new_stamp: NewStamp,
    *,
    to: Selector | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    phase: Phase | None = None,
    accept_newer: bool = False,
    lint: Lint | None = None,
    check: Check | None = None,
    notes_index: bool = False,
    known: h.History | None = None,
    find_broken: FindBroken | None = None,
) -> Flow[Report]:
    """Apply what is pending, each migration exactly once.

    The database itself notices a second runner, inside the batch; then history is read and planned again.

    Args:
        migrations: the files.
        choice: how to choose the migrations table.
        new_stamp: makes the token, time and user of every batch.
        to: the last migration to apply; all without it.
        allow_out_of_order: whether to apply migrations that come before an applied one, too.
        single: whether to run all of them in one transaction.
        phase: apply only the migrations before, or only those after the deploy of the code.
        accept_newer: whether there is nothing to do if the database is newer than the files.
        lint: gets the migrations to run, the live schema and the migrations table, may raise, and returns
            the schema after them. Without it, the log says that the run was not linted.
        check: gets every plan before any of it runs, and may raise; what it returns is logged.
        notes_index: whether the log notes the digest of the files, in the row of the step after which exactly
            these are applied.
        known: the history, if it was just read.
        find_broken: returns the views and triggers that do not compile. With it the database is inspected
            after the run, and before it if it is linted.

    Raises:
        ApplyError: a migration failed; it has what was applied and what is pending.
        HistoryError, SourceError, UsageError: as `plan_up`; nothing was run.
        PlanError: as `deploy_phase.steps_of_phase`; nothing was run.
    """
    planner = _Planner(
        migrations,
        choice,
        to,
        allow_out_of_order,
        accept_newer,
        single,
        phase,
        lint,
        check,
        find_broken,
        notes_index,
    )
    before = known or (yield from read_history(choice))
    first = yield from planner.prepare(before)
    if first.plan.waiting_for:
        return Report((), waiting_for=first.plan.waiting_for)
    run = yield from _run(first, planner, new_stamp)
    key_of = run.last.history.table.key_of
    ours = set(map(key_of, run.done)) | before.keys
    meanwhile = tuple(row for row in run.last.history.applied if key_of(row) not in ours)
    problems = (yield from _problems(first, run, find_broken)) if find_broken else ()
    return Report(tuple(run.done), meanwhile, problems, waiting_for=run.waiting_for)


class _Prepared(NamedTuple):
    """A checked plan, and what it was checked against.

    Attributes:
        plan: the plan, with the notes for the log.
        history: the history it rests on.
        inspection: the database before the run; None if it was not linted.
        expected: the schema after the run, as far as it is known.
    """

    plan: Plan
    history: h.History
    inspection: Inspection | None = None
    expected: Schema | None = None


class _Planner(NamedTuple):
    """Plans from a history, as often as it takes; the fields are arguments of `up`."""

    migrations: Sequence[Migration]
    choice: TableChoice
    to: Selector | None
    allow_out_of_order: bool
    accept_newer: bool
    single: bool
    phase: Phase | None
    lint: Lint | None = None
    check: Check | None = None
    find_broken: FindBroken | None = None
    notes_index: bool = False

    def plan(self, history: h.History) -> Plan:
        """Return the plan for a history."""
        todo = plan_up(
            self.migrations,
            history,
            to=self.to,
            allow_out_of_order=self.allow_out_of_order,
            accept_newer=self.accept_newer,
            single=self.single,
        )
        if self.notes_index:
            todo = self._noting(todo)
        if self.phase is None:
            return todo
        from d1migrate.migrate.deploy_phase import steps_of_phase

        return steps_of_phase(todo, self.phase)

    def _noting(self, todo: Plan) -> Plan:
        """Return the plan whose last step notes the index, if exactly its files are applied then."""
        files, key_of = self.migrations, todo.history.table.key_of
        if not todo.steps or todo.history.keys | set(map(key_of, todo.steps)) != set(map(key_of, files)):
            return todo
        *steps, last = todo.steps
        return todo._replace(steps=(*steps, last._replace(completes=index_digest(files))))

    def prepare(self, history: h.History) -> Flow[_Prepared]:
        """Plan, have the plan checked and linted, and note in it for the log what was found.

        The linter checks pending files against the schema before them. So history and schema must be from the
        same moment: if the history has changed when the schema is read, everything is done again.
        """
        while True:
            todo = self.plan(history)
            try:
                notes = self.check(todo) if self.check else {}
            except Gate as refusal:  # the gate may depend on the schema, too
                history = yield from _reread(history, self.choice, refusal)
                continue
            if not (todo.steps and self.lint):
                not_linted = {} if self.lint else {"lint": False}
                return _Prepared(with_notes(todo, {**not_linted, **notes}), history)
            inspection = yield from self._inspect(todo, history)
            if not inspection.changed:
                scripts = [step.script for step in todo.steps if isinstance(step.script, Migration)]
                expected = self.lint(scripts, inspection.schema, history.table)
                return _Prepared(with_notes(todo, notes), history, inspection, expected)
            history = yield from read_history(self.choice)

    def _inspect(self, todo: Plan, history: h.History) -> Flow[Inspection]:
        from d1migrate.migrate.flows import integrity

        return integrity.inspect(
            self.find_broken,
            table=history.table,
            rows=integrity.can_break_rows(todo.steps),
            full_text=integrity.NO_SCHEMA,
            unchanged=is_same_history(history),
        )


def _reread(history: h.History, choice: TableChoice, refusal: Gate) -> Flow[h.History]:
    """Return the current history if it has changed since it was read; otherwise raise the refusal."""
    try:
        now = yield from read_history(choice)
    except Error:
        raise refusal from None
    if HistoryState.of(now) == HistoryState.of(history):
        raise refusal
    return now


class _Run(NamedTuple):
    """The steps taken, the state of the history after them, the last plan, and what runs as a job."""

    done: list[StepResult]
    reached: HistoryState
    last: _Prepared
    waiting_for: str | None = None


def _run(prepared: _Prepared, planner: _Planner, new_stamp: NewStamp) -> Flow[_Run]:
    """Run the steps, and plan again if another runner intervenes."""
    done: list[StepResult] = []
    while True:
        todo = prepared.plan
        outcome = yield from run_steps(todo, new_stamp, done)
        done += outcome.steps
        if outcome.failure is None:
            return _Run(done, outcome.reached, prepared, outcome.waiting_for or todo.waiting_for)
        rest = todo.steps[len(outcome.steps) :]
        try:
            history = yield from read_history(planner.choice, token=outcome.token)
            if history.has_token:  # the request was delayed, and arrived after the log was checked for it
                done += outcome.results
            elif HistoryState.of(history) == outcome.reached:
                raise outcome.failure  # nothing has changed, so there was no other runner
            prepared = yield from planner.prepare(history)
        except ApplyError:
            raise
        except Error as error:
            raise with_progress(error, done, rest) from error


def _problems(first: _Prepared, run: _Run, find_broken: FindBroken) -> Flow[tuple[Problem, ...]]:
    """Report what is wrong after a run; if the database does not respond, the run still counts."""
    steps, expected = first.plan.steps, None if run.waiting_for else run.last.expected
    if not steps:
        return (yield from read_leftovers()) if run.last.history.leftovers else ()
    if run.last is not first:
        steps += run.last.plan.steps
    before = first.inspection
    from d1migrate.migrate.flows import integrity

    try:
        after = yield from integrity.inspect(
            find_broken,
            table=run.reached.table,
            rows=integrity.can_break_rows(steps),
            full_text=expected or integrity.NO_SCHEMA,
            expected=expected or (before.schema if before else None),
            unchanged=is_same_state(run.reached, ()),
        )
    except Error as error:  # also if the API token has expired by now
        return (integrity.not_inspected(error),)
    # What another run has changed since is not missing.
    return integrity.problems_after(before, after, None if after.changed else expected)


def create_log(history: h.History) -> Flow[None]:
    """Create the log, or move an old one, unless another run is faster."""
    try:
        yield Batch(history.setup())
    except QueryError as error:
        if not any(race in str(error) for race in log.RACES):
            raise
