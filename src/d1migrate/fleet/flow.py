"""Migrate one database of a fleet, as a flow: one request in the usual case, two if its state is not known.

The request asserts a state, applies what is pending from there, and returns the new state. If the assertion
refuses, its message has the state, from which the next request is planned. So nothing is read first, and a
request that arrives late or twice is refused, too.
"""

from __future__ import annotations

from d1migrate.errors import (
    AmbiguousError,
    ApplyError,
    Error,
    HistoryError,
    OverloadedError,
    QueryError,
    UnavailableError,
)
from d1migrate.fleet.plan import KnownState
from d1migrate.fleet.read import learn_or_read, read_schema, read_state
from d1migrate.fleet.state_text import assert_text, refusal_in, select_text, text_sql
from d1migrate.migrate.apply_error import apply_error
from d1migrate.migrate.assertions import DEFERRED_KEYS, ORPHANED, HistoryState
from d1migrate.migrate.flows.read import read_job
from d1migrate.migrate.flows.steps import Transaction, with_notes
from d1migrate.migrate.history_queries import EMPTY, Layout
from d1migrate.migrate.jobs.job import is_too_large
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from d1migrate.fleet.plan import Checked, FleetPlan
    from d1migrate.fleet.state_text import Refusal
    from d1migrate.migrate import log
    from d1migrate.migrate.flows.integrity import FindBroken
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.sql.batch import Flow, Query

_MOST = 6
"""How often it is tried: each time, the database was in another state than before, or did not answer."""
_AGAIN = "run it again: what is applied is not applied twice"


class Outcome(NamedTuple):
    """The outcome of `migrate_one` for a database.

    Attributes:
        applied: names of what was applied, oldest first; none if there was nothing to do. If an answer was
            lost, another process may have applied them.
        current: the name that is last in wrangler's order; None if nothing is applied.
        requests: how many batches were sent.
        created: whether it had no history tables.
        one_by_one: whether each migration was a batch of its own.
        problems: what an inspection found.
        waiting_for: the migration that has to run as a job before anything else; None if the target is
            reached.
    """

    applied: tuple[str, ...]
    current: str | None
    requests: int = 0
    created: bool = False
    one_by_one: bool = False
    problems: tuple[Problem, ...] = ()
    waiting_for: str | None = None


def migrate(plan: FleetPlan, new_stamp: NewStamp, find_broken: FindBroken | None = None) -> Flow[Outcome]:
    """Bring a database to the target of a plan, whatever state it is in.

    Args:
        plan: the plan.
        new_stamp: makes the token, time and user of every batch.
        find_broken: returns the views and triggers that do not compile. With it the database is inspected
            after something was applied.

    Raises:
        Error: as `Migrator.up`. Nothing of the migration that failed was applied; or, after AmbiguousError,
            it is unknown. The flow can be run again at any time.
    """
    outcome, requests = yield from _counted(_Tenant(plan, new_stamp, find_broken).migrate())
    return outcome._replace(requests=requests)


def _counted(flow: Flow[Outcome]) -> Flow[tuple[Outcome, int]]:
    """Run a flow, and count its batches."""
    sent = 0
    try:
        batch = next(flow)
        while True:
            sent += 1
            try:
                results = yield batch
            except BaseException as error:
                batch = flow.throw(error)
            else:
                batch = flow.send(results)
    except StopIteration as end:
        return end.value, sent


class _Tenant:
    """One database, on its way to the target."""

    def __init__(self, plan: FleetPlan, new_stamp: NewStamp, find_broken: FindBroken | None) -> None:
        self._plan, self._new_stamp, self._find_broken = plan, new_stamp, find_broken
        self._is_counted = self._is_created = self._is_apart = False
        self._failure: ApplyError | None = None
        """Why the batch of all steps was refused."""
        self._lost: tuple[Step, ...] = ()
        """The steps of a batch whose answer was lost."""

    def migrate(self) -> Flow[Outcome]:
        """Guess the state, and continue from the actual one until the target is reached."""
        plan = self._plan
        state, is_known = plan.guess(), False
        for _ in range(_MOST):
            if state is None or not (is_known or (state.plan.steps and state.together)):
                # A batch that asserts the state is one request; without such a batch, the state is read.
                state, is_known = (yield from read_state(plan, state.layout if state else None)), True
            if is_known:
                self._count(state)
                if state.refusal:
                    raise state.refusal.with_traceback(None)  # it is raised for each database
                if state.has_job:
                    job = yield from read_job()
                    if job is not None:
                        return _outcome(state, self._lost)._replace(waiting_for=job.name)
                    state, is_known = (yield from read_state(plan, state.layout)), True
                    continue
                if not state.plan.steps:
                    return _outcome(state, self._lost, created=self._is_created)
            checked = plan.checked(state)
            if checked is None:
                schema, found = yield from read_schema(plan, state.layout)
                if found is state:
                    plan.check(state, schema)
                state, is_known = found, True
                continue
            if self._is_apart or not state.together:
                return (yield from self._migrate_one_by_one(state, checked))
            answer = yield from self._send(state, checked)
            if answer.is_committed:
                self._count(state)
                outcome = _outcome(answer.state, state.plan.steps, created=_is_new(state))
                return (yield from self._inspected(outcome, state, checked))
            if answer.waiting_for:
                self._count(state)
                return _outcome(state, self._lost)._replace(waiting_for=answer.waiting_for)
            state, is_known = answer.state, answer.is_known
        raise UnavailableError(f"the database changed or did not answer {_MOST} times", hint=_AGAIN)

    def _count(self, state: KnownState) -> None:
        if not self._is_counted:
            self._is_counted = True
            self._plan.count(state)

    def _send(self, state: KnownState, checked: Checked) -> Flow[_Answer]:
        """Send the batch that leads from a state to the target."""
        plan = self._plan
        batch = _OneBatch(plan, state, checked, self._new_stamp())
        steps = state.plan.steps
        after: KnownState | None
        try:
            label = f"{steps[0].name} … {steps[-1].name}"
            (result,) = yield Batch(batch, label=label, last_rows=True)
        except QueryError as error:
            refusal = refusal_in(str(error))
            if not (refusal and refusal.repeated):
                return (yield from self._refused(state, batch, error, refusal))
            after = yield from learn_or_read(plan, state.layout, refusal.text)
        except AmbiguousError as error:
            return _Answer((yield from self._look(state, error)))
        else:
            text = result.rows[0][0]
            after = batch.after if text is None else (yield from learn_or_read(plan, batch.layout, str(text)))
        if after is None:
            raise HistoryError("the history after the batch is unknown", hint=_AGAIN)
        _refuse_other_end(after)
        plan.reached(state, after)
        return _Answer(after, is_committed=True)

    def _refused(
        self, state: KnownState, batch: _OneBatch, error: QueryError, refusal: Refusal | None
    ) -> Flow[_Answer]:
        """Return the state of a database that refused a batch."""
        if refusal:
            return (yield from _recognize(self._plan, state.layout, refusal.text))
        if _lacks_table(error, state.layout):
            return (yield from _guess_or_read(self._plan, EMPTY))
        if DEFERRED_KEYS in str(error):
            state.checks_keys = True
            return _Answer(state)
        self._failure = batch.failure(error)
        if _waits(state.plan.steps, error, self._failure):
            return _Answer(state, waiting_for=state.plan.steps[0].name)
        if len(state.plan.steps) == 1 and ORPHANED not in str(error):  # an orphan may be from before
            raise self._failure from error
        self._is_apart = True  # alone, each is applied, waited for, or named by its error
        return _Answer(state)

    def _look(self, state: KnownState, error: AmbiguousError) -> Flow[KnownState]:
        """Return the state of a database from which no answer came."""
        self._lost, self._is_created = state.plan.steps, _is_new(state)
        try:
            found = yield from read_state(self._plan, state.layout)
        except Error as unread:
            raise error from unread
        if isinstance(error, OverloadedError):
            if found is state and len(state.plan.steps) == 1:
                raise UnavailableError(
                    str(error), hint="nothing was done; it may be less busy later"
                ) from error
            self._is_apart = True
        return found

    def _migrate_one_by_one(self, state: KnownState, checked: Checked) -> Flow[Outcome]:
        """Apply what is pending as `up` does, which reads and asserts the history itself."""
        from d1migrate.migrate.flows.up import up

        plan = self._plan
        is_checked = "lint" not in checked.notes
        try:
            report = yield from up(
                plan.migrations,
                plan.choice,
                self._new_stamp,
                to=plan.to,
                allow_out_of_order=plan.allow_out_of_order,
                lint=(lambda _, schema, __: schema) if is_checked else None,
                check=_only_steps_of(state, checked.notes),
            )
        except ApplyError as error:
            if (reason := self._reason(error)) is error:
                raise
            raise reason from None
        after = yield from read_state(plan, state.layout)
        if report.waiting_for is None:
            _refuse_other_end(after)
        names = (*(step.name for step in self._lost), *(step.name for step in report.steps))
        outcome = _outcome(after, (), created=_is_new(state))._replace(
            applied=tuple(dict.fromkeys(names)), one_by_one=True, waiting_for=report.waiting_for
        )
        if report.waiting_for is not None:
            checked = checked._replace(expected=None)
        return (yield from self._inspected(outcome, state, checked))

    def _reason(self, error: ApplyError) -> Error:
        """Return the error for a migration that was refused alone, or to which no answer came."""
        cause, failure = error.__cause__, self._failure
        if not isinstance(cause, (UnavailableError, AmbiguousError)):
            return error
        # D1 reports a deferred key that is violated at the commit as an internal error (d1-facts §2.1).
        is_orphan = failure and ORPHANED in str(failure) and failure.migration == error.migration
        if failure and is_orphan and not error.unknown:
            failure.applied, failure.pending = error.applied, error.pending
            return failure
        return cause  # no migration failed: as in one batch, the database did not answer

    def _inspected(self, outcome: Outcome, before: KnownState, checked: Checked) -> Flow[Outcome]:
        """Return the outcome with the problems of the database now, if an inspection is asked for."""
        if self._find_broken is None:
            return outcome
        from d1migrate.migrate.flows import integrity

        try:
            found = yield from integrity.inspect(
                self._find_broken,
                table=before.history.table,
                rows=integrity.can_break_rows(before.plan.steps),
                full_text=checked.expected or integrity.NO_SCHEMA,
                expected=checked.expected,
            )
        except Error as error:  # what was applied still counts
            return outcome._replace(problems=(integrity.not_inspected(error),))
        return outcome._replace(problems=integrity.problems_after(None, found, checked.expected))


def _waits(steps: Sequence[Step], error: QueryError, failure: ApplyError) -> bool:
    """Return whether the first step of a refused batch certainly is the one that has to run as a job."""
    if not steps[0].job or not is_too_large(str(error)):
        return False
    if error.index is None:  # the API does not report which statement was refused
        return not any(step.job for step in steps[1:])
    return failure.migration == steps[0].name


def _only_steps_of(state: KnownState, notes: Mapping[str, object]) -> Callable[[Plan], Mapping[str, object]]:
    """Return a check that refuses other steps than those of a state: they were not checked."""
    expected = {step.name for step in state.plan.steps}

    def check(todo: Plan) -> Mapping[str, object]:
        if any(step.name not in expected for step in todo.steps):
            raise UnavailableError("the history was changed before the first migration", hint=_AGAIN)
        return notes

    return check


class _Answer(NamedTuple):
    """What is known of a database after a batch.

    Attributes:
        state: its state.
        is_known: whether it is in that state; otherwise it is in one with the same tables.
        is_committed: whether the batch led there.
        waiting_for: the migration that is too large for a batch.
    """

    state: KnownState
    is_known: bool = True
    is_committed: bool = False
    waiting_for: str | None = None


class _OneBatch:
    """The queries that lead from one state to the target; they can be iterated any number of times.

    The last one returns the new state, or NULL if it is the one to which another database was led. It may be
    a third: a trigger of the user on a history table, or on one that a step fills, changes the history of its
    database alone.

    Attributes:
        layout: the history tables after it.
        after: the new state that is expected, if one is known.
    """

    def __init__(self, plan: FleetPlan, state: KnownState, checked: Checked, stamp: log.Stamp) -> None:
        history = state.history
        steps = with_notes(state.plan, checked.notes).steps
        self._transaction = Transaction(
            steps,
            HistoryState.of(history),
            history.setup(),
            stamp,
            first=False,
            opens=False,
            ends_checked=True,
        )
        if state.checks_keys:
            self._transaction.check_keys()
        self.layout = Layout(history.table, LOG_TABLE) if history.missing else state.layout
        self.after = plan.after(state)
        self._first = assert_text(plan.choice, state.layout, state.text, stamp.token)
        expected = self.after.text if self.after else ""
        self._last = select_text(text_sql(plan.choice, self.layout), unless=expected)

    def __iter__(self) -> Iterator[Query]:
        yield self._first
        yield from self._transaction
        yield self._last

    def failure(self, error: QueryError) -> ApplyError:
        """Return the error of the file whose statement was refused."""
        parts = self._transaction.parts
        if error.index is not None:
            error = QueryError(str(error), index=max(0, error.index - 1), hint=error.hint)
        return apply_error(error, parts, (), [part.step.name for part in parts])


def _recognize(plan: FleetPlan, layout: Layout, text: str) -> Flow[_Answer]:
    """Return the state with a text, or, if other tables exist, perhaps a guess."""
    try:
        found = plan.learn(layout, text)
    except ValueError:  # it was cut
        return _Answer((yield from read_state(plan, layout)))
    return _Answer(found) if isinstance(found, KnownState) else (yield from _guess_or_read(plan, found))


def _guess_or_read(plan: FleetPlan, layout: Layout) -> Flow[_Answer]:
    """Return a state with these tables: the most common one if it leads anywhere, else the one it is in."""
    guess = plan.guess(layout)
    if guess and guess.plan.steps:
        return _Answer(guess, is_known=False)
    return _Answer((yield from read_state(plan, layout)))


def _refuse_other_end(after: KnownState) -> None:
    """Raise HistoryError if the history is not at the target after a batch that was committed."""
    if after.refusal:
        raise HistoryError(
            f"its history is refused after the migrations were applied: {after.refusal}",
            hint=after.refusal.hint,
        )
    if after.plan.steps:
        raise HistoryError("the history is not at the target after the batch", hint=_AGAIN)


def _outcome(after: KnownState, steps: Iterable[Step], *, created: bool = False) -> Outcome:
    current = after.history.current
    return Outcome(tuple(step.name for step in steps), current and current.name, created=created)


def _is_new(state: KnownState) -> bool:
    return state.history.table.name in state.history.missing


def _lacks_table(error: QueryError, layout: Layout) -> bool:
    """Whether an error is that of a database without one of the history tables, or with other columns."""
    text = str(error)
    names = (*(table.name for table in layout.tables), LOG_TABLE)
    is_first = error.index in (0, None)
    return is_first and "no such" in text and (error.index == 0 or any(name in text for name in names))
