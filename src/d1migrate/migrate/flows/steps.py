"""Run the steps of a plan, one transaction after the other."""

from __future__ import annotations

from d1migrate.errors import AmbiguousError, ApplyError, DriverError, Error, QueryError, Unfinished
from d1migrate.migrate import assertions, log
from d1migrate.migrate.flows.read_log import is_committed
from d1migrate.migrate.flows.report import StepResult
from d1migrate.migrate.plan import Plan, Step, StepQueries, too_large_together
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from d1migrate.sql.batch import Flow, Query

    NewStamp = Callable[[], log.Stamp]


class Outcome(NamedTuple):
    """How far the steps of a plan were run.

    Attributes:
        steps: the steps that are done.
        reached: the state of the history after them.
        failure: why the next transaction is not done: another runner changed the history first, or the
            response was lost and the log does not have the transaction. None if all are done.
        token: the token of that transaction.
        results: what its steps would have reported; a delayed request may still arrive.
        waiting_for: the migration that is too large for one batch, and runs as a job; or None.
    """

    steps: tuple[StepResult, ...]
    reached: assertions.HistoryState
    failure: ApplyError | None = None
    token: str = ""
    results: tuple[StepResult, ...] = ()
    waiting_for: str | None = None


def run_steps(todo: Plan, new_stamp: NewStamp, earlier: Iterable[StepResult]) -> Flow[Outcome]:
    """Run the steps until all are done or another runner intervenes.

    Args:
        todo: the plan.
        new_stamp: makes the token, time and user of every transaction.
        earlier: the steps that this run did before, for errors.

    Raises:
        ApplyError: a step failed, or its outcome is unknown.
    """
    before, setup = assertions.HistoryState.of(todo.history), todo.history.setup()
    done: list[StepResult] = []
    for group in _transactions(todo):
        stamp = new_stamp()
        batch = Transaction(group, before, setup, stamp, first=not done)
        cost = Result()
        try:
            cost = yield from _send(batch, group)
        except DriverError as error:
            if job := _needs_job(error, group):
                return Outcome(tuple(done), before, waiting_for=job)
            failure = _failure(error, batch, (*earlier, *done), todo.steps[len(done) :])
            if not _may_be_done(error):
                raise failure from error
            if not (yield from _is_done(stamp.token, failure)):
                return Outcome(tuple(done), before, failure, stamp.token, _results(group, Result()))
        except Error as error:  # a large file was changed during the run, or a Worker's limit was reached
            raise with_progress(error, (*earlier, *done), todo.steps[len(done) :]) from error
        except BaseException as error:
            yield from _add_notes(error, (*earlier, *done), group, stamp.token)
            raise
        done += _results(group, cost)
        before, setup = batch.after, []
    return Outcome(tuple(done), before)


def _send(batch: Transaction, steps: Sequence[Step]) -> Flow[Result]:
    """Send a transaction; again, with checks of all keys, if some are checked only at the commit."""
    label, size = _label(steps), sum(step.size for step in steps)
    try:
        (cost,) = yield Batch(batch, label=label, size=size)
    except QueryError as error:
        if assertions.DEFERRED_KEYS not in str(error):
            raise
        batch.check_keys()
        (cost,) = yield Batch(batch, label=label, size=size)
    return cost


def _needs_job(error: DriverError, steps: Sequence[Step]) -> str | None:
    """Return the migration that is too large for one batch, if that is why it was refused.

    Raises:
        LimitExceeded: it shares the transaction with others.
    """
    if not any(step.job for step in steps):
        return None
    from d1migrate.migrate.jobs.job import is_too_large

    if not is_too_large(str(error)):
        return None
    if len(steps) > 1:
        from d1migrate.migrate.apply_error import asserted

        raise too_large_together(next(s for s in steps if s.job), asserted(str(error))) from error
    return steps[0].name


def _transactions(todo: Plan) -> list[tuple[Step, ...]]:
    """Return the steps of each transaction."""
    return [todo.steps] if todo.single and todo.steps else [(step,) for step in todo.steps]


def _failure(
    error: DriverError, batch: Transaction, done: Sequence[StepResult], pending: Sequence[Step]
) -> ApplyError:
    from d1migrate.migrate.apply_error import apply_error

    failure = apply_error(error, batch.parts, [s.name for s in done], [s.name for s in pending])
    failure.__cause__ = error
    return failure


def _may_be_done(error: DriverError) -> bool:
    """Whether a batch may be committed despite an error.

    A lost response proves nothing. Nor does the refusal of an assertion: a proxy may have repeated the
    request, and then the second copy is refused because the first one was committed.
    """
    return isinstance(error, AmbiguousError) or any(text in str(error) for text in _RACES)


def with_notes(todo: Plan, notes: Mapping[str, object]) -> Plan:
    """Return the plan with notes for the log, added to those of its steps."""
    if not notes:
        return todo
    own = {step.event.detail for step in todo.steps}  # an `up` has none before
    details = {detail: log.with_notes(detail, notes) for detail in own}
    steps = (s._replace(event=s.event._replace(detail=details[s.event.detail])) for s in todo.steps)
    return todo._replace(steps=tuple(steps))


def _results(group: Sequence[Step], cost: Result) -> tuple[StepResult, ...]:
    """Return what the steps of a transaction report; its cost is known only if it has one step."""
    cost = cost if len(group) == 1 else Result()
    return tuple(
        StepResult(
            *(step.version, step.name, step.direction, step.statement_count),
            *(cost.rows_read, cost.rows_written),
            *(step.deletes_rows, step.deletes_values),
        )
        for step in group
    )


def _label(steps: Sequence[Step]) -> str:
    first, last = steps[0].name, steps[-1].name
    return first if len(steps) == 1 else f"{first} … {last} ({len(steps)} migrations)"


_RACES = (
    assertions.ALREADY_APPLIED,
    assertions.NOT_APPLIED,
    assertions.CHANGED_MEANWHILE,
    *log.RACES,
)


class Transaction:
    """The queries of the steps in one transaction; they can be iterated any number of times.

    Args:
        steps: the steps.
        before: the state of the history that they expect.
        setup: the statements that create what the history lacks.
        stamp: the token, time and user.
        first: whether it is the first transaction of a run.
        opens: whether it asserts that state; otherwise the caller does.
        ends_checked: whether deferred keys are checked after the last step, too. The commit does so, but D1
            reports what it finds as an internal error.

    Attributes:
        parts: the queries of each step.
        after: the state of the history after them.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        before: assertions.HistoryState,
        setup: Sequence[Query],
        stamp: log.Stamp,
        *,
        first: bool,
        opens: bool = True,
        ends_checked: bool = False,
    ) -> None:
        self._arguments = steps, before, setup, stamp, first, opens, ends_checked
        self.parts: list[StepQueries] = []
        self.after = before
        self._plan(deferrable=None)

    def check_keys(self) -> None:
        """Check the keys after each step: the database has some that are checked only at the commit."""
        self._plan(deferrable=True)

    def _plan(self, *, deferrable: bool | None) -> None:
        steps, before, setup, stamp, first, opens, ends_checked = self._arguments
        self.parts = []
        for place, step in enumerate(steps, 1):
            shared = place < len(steps)
            part = StepQueries(
                *(step, before, setup, stamp),
                first=first,
                opens=opens and place == 1,
                shared=shared,
                ends_checked=ends_checked,
                deferrable=deferrable if len(steps) > 1 else False,
            )
            self.parts.append(part)
            before, setup, first = part.after, (), False
            deferrable = bool(deferrable) or (shared and step.defers)
        self.after = before

    def __iter__(self) -> Iterator[Query]:
        for part in self.parts:
            yield from part


def _is_done(token: str, failure: ApplyError) -> Flow[bool]:
    """Check the log for a batch that was refused, or whose response was lost.

    Raises:
        ApplyError: the log cannot be read: the failure, with its outcome unknown.
    """
    try:
        return (yield from is_committed(token))
    except Error as error:  # also if the API token has expired by now
        raise failure.with_unknown_outcome() from error


def _add_notes(
    error: BaseException, done: Sequence[StepResult], steps: Sequence[Step], token: str
) -> Flow[None]:
    """Add to an interrupt what was done before, and whether the steps it interrupted were."""
    error.add_note(f"done before: {', '.join(step.name for step in done) or 'none'}")
    if isinstance(error, KeyboardInterrupt):  # perhaps between the commit and the response
        error.add_note((yield from _outcome(steps, token)))


def _outcome(steps: Sequence[Step], token: str) -> Flow[str]:
    """Return whether a batch was committed, as text for the user; the request may still be on its way."""
    done = "applied" if steps[0].direction == "up" else "rolled back"
    try:
        committed = yield from is_committed(token)
    except Error as error:
        return f"it is unknown whether {_label(steps)} was {done}: {error}"
    return (
        f"{_label(steps)} was {done}"
        if committed
        else f"{_label(steps)} had not been {done} when the log was checked"
    )


def with_progress(error: Error, done: Sequence[StepResult], pending: Sequence[Step]) -> Error:
    """Return the error that ends a run, with what was done before it and what is pending."""
    if isinstance(error, Unfinished):
        return Unfinished(
            error.reason, applied=[step.name for step in done], pending=[step.name for step in pending]
        )
    if not done:
        return error
    return ApplyError(
        str(error),
        migration=pending[0].name,
        direction=pending[0].direction,
        applied=[step.name for step in done],
        pending=[step.name for step in pending],
        hint=error.hint,
    )
