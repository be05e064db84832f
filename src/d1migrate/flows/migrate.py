"""Applying migrations and taking them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from d1migrate import assertions, losses
from d1migrate import history as h
from d1migrate.batch import Batch, Result
from d1migrate.errors import (
    AmbiguousError,
    ApplyError,
    DataLoss,
    DriverError,
    Error,
    QueryError,
    Unfinished,
    UsageError,
)
from d1migrate.explain import explain
from d1migrate.flows.read import count, happened, read_history, read_history_after, read_schema
from d1migrate.migration import Migration
from d1migrate.plan import Plan, Step, StepQueries, choose_down, plan_down, plan_up
from d1migrate.recording import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.sql.names import fold
from d1migrate.status import is_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Literal

    from d1migrate.batch import Flow, Query
    from d1migrate.schema.model import Schema

    Sign = Callable[[], h.Signature]
    Judge = Callable[[Sequence[Migration], Schema], None]


class StepResult(NamedTuple):
    """A migration that was applied, or taken back; by this run, or by another one meanwhile.

    `statements` counts those of its file. `rows_read` and `rows_written` are what D1 bills for its
    transaction; None where the engine does not count them, or several steps shared one.
    """

    version: int
    name: str
    action: Literal["up", "down", "applied meanwhile"]
    statements: int | None
    rows_read: int | None = None
    rows_written: int | None = None


class Report(NamedTuple):
    """What a run did: the steps it took, and the versions another runner applied meanwhile."""

    steps: tuple[StepResult, ...]
    meanwhile: tuple[h.AppliedMigration, ...] = ()


def plan(
    migrations: Sequence[Migration],
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
) -> Flow[Plan]:
    """Read history and plan an `up`; the arguments and errors are those of `plan_up`.

    Among the requests is that for the schema, which the linter judges by.
    """
    history = yield from read_history()
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    return todo._replace(reads=todo.reads + bool(todo.steps))


def up(
    migrations: Sequence[Migration],
    sign: Sign,
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
    judge: Judge | None = None,
    known: h.History | None = None,
) -> Flow[Report]:
    """Apply what is pending, each migration exactly once.

    A second runner is noticed by the database, inside the batch; history is then read and planned anew.

    Args:
        migrations: the files.
        sign: gives every batch its token, time and user.
        to: the last version to apply; all without it.
        allow_out_of_order: also what lies below the newest applied version.
        single: all as one transaction.
        judge: is shown what is about to run and the live schema, and may raise; without it the log says that
            nobody looked.
        known: the history, where it was read a moment ago.

    Raises:
        ApplyError: a migration failed; it says which were applied and which are pending.
        HistoryError, SourceError, UsageError: as `plan_up`; nothing was run.
    """
    before = history = known or (yield from read_history())
    done: list[StepResult] = []
    todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
    if judge and todo.steps:
        judge(
            [step.script for step in todo.steps if isinstance(step.script, Migration)],
            (yield from read_schema()),
        )
    while True:
        todo = todo if judge else _not_linted(todo)
        taken, raced = yield from _take(todo, sign, done)
        done += taken
        if raced is None:
            break
        rest = todo.steps[len(taken) :]
        try:
            history = yield from read_history()
            if set(history.versions) == {*todo.versions, *(step.version for step in taken)}:
                raise raced  # nothing changed meanwhile, so it was not another runner
            todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
        except ApplyError:
            raise
        except Error as error:
            raise _stopped(error, done, rest) from error
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
    return (yield from up(migrations, sign, to=to, allow_out_of_order=allow_out_of_order, known=history))


def _not_linted(todo: Plan) -> Plan:
    """Return the plan with a note for the log."""
    steps = (step._replace(event=step.event._replace(detail=h.NOT_LINTED)) for step in todo.steps)
    return todo._replace(steps=tuple(steps))


def _stopped(error: Error, done: Sequence[StepResult], pending: Sequence[Step]) -> Error:
    """Return an error that stops a run in its middle, so that it says what was done before."""
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


def choose(
    migrations: Sequence[Migration],
    *,
    to: int | None = None,
    steps: int | None = None,
    prefer: Literal["file", "history"] | None = None,
    allow_loss: Collection[str] = (),
) -> Flow[Plan]:
    """Read history and plan a `down`, with the rows of every table it would take rows from counted.

    Args:
        migrations: the files; the log replaces those that are gone.
        to: take back every version above this one.
        steps: take back this many, 1 without either.
        prefer: which rollback to take where the file's and the log's differ.
        allow_loss: tables that may lose rows; "all" for any.

    Raises:
        DataLoss: tables that hold rows would lose them; it names them with their counts.
        Irreversible, PlanError, HistoryError, UsageError, SourceError: as `choose_down` and `plan_down`.
    """
    history = yield from read_history()
    entries = choose_down(migrations, history, to=to, steps=steps)
    kept = [e.version for e in entries if e.applied and e.applied.keeps_rollback]
    stored: dict[int, str] = {}
    there = yield Batch((*losses.QUERIES, *((h.stored_rollbacks(kept),) if kept else ())), reads=True)
    if kept:
        *there, texts = there
        stored = {version: sql for version, sql, _ in texts.rows}
    todo = plan_down(entries, history, stored, prefer=prefer)
    risks = losses.risks((step.script.texts() for step in todo.steps), losses.Ground(there))
    names = sorted({risk.table for found in risks for risk in found} - {MIGRATIONS_TABLE, LOG_TABLE})
    requests = todo.reads + 1
    rows = yield from _count_rows(names)
    requests += bool(names)
    allowed = _allowed(names, allow_loss)
    refused = {table: n for table, n in rows.items() if n != 0 and table not in allowed}
    if refused:
        held = (f"{t} cannot be counted" if n is None else f"{t} holds {n}" for t, n in refused.items())
        raise DataLoss(
            "the rollback would take rows: " + ", ".join(held),
            rows=refused,
            hint="back them up, then allow it: " + " ".join(f"--allow-loss {_argument(t)}" for t in refused),
        )
    guarded = tuple(_guarded(s, r, rows, allowed) for s, r in zip(todo.steps, risks, strict=True))
    return todo._replace(steps=guarded, reads=requests)


def _count_rows(names: Sequence[str]) -> Flow[dict[str, int | None]]:
    """Count the rows of tables; None for one that cannot be counted, as some virtual tables."""
    if not names:
        return {}
    try:
        results = yield Batch([count(name) for name in names], reads=True)
    except QueryError:
        if len(names) == 1:
            return {names[0]: None}
        rows: dict[str, int | None] = {}
        for name in names:
            rows |= yield from _count_rows([name])
        return rows
    return {name: result.rows[0][0] for name, result in zip(names, results, strict=True)}


def _allowed(names: Sequence[str], allow_loss: Collection[str]) -> set[str]:
    """Return the tables that may lose rows; a name that is none of those at stake is a mistake."""
    wanted = {fold(name) for name in allow_loss}
    if "all" in wanted:
        return set(names)
    if unknown := sorted(wanted - {fold(name) for name in names}):
        raise UsageError(
            f"--allow-loss {unknown[0]}: the rollback takes no rows from such a table",
            hint=f"it takes rows from: {', '.join(names) or 'none'}",
        )
    return {name for name in names if fold(name) in wanted}


def _argument(table: str) -> str:
    """Return a table name as a shell takes it."""
    return table if table.isidentifier() else "'" + table.replace("'", "'\\''") + "'"


def down(todo: Plan, sign: Sign) -> Flow[Report]:
    """Take back what `choose` planned; every step is one transaction.

    Raises:
        ApplyError: a step failed, or the database changed since it was planned.
    """
    taken, raced = yield from _take(todo, sign, ())
    if raced is not None:
        raise raced
    return Report(taken)


def _take(
    todo: Plan, sign: Sign, earlier: Iterable[StepResult]
) -> Flow[tuple[tuple[StepResult, ...], ApplyError | None]]:
    """Run the steps; return those done, and an error where another runner changed the history first."""
    before, missing, done = assertions.Fingerprint.of(todo.versions), todo.missing, list[StepResult]()
    groups = [todo.steps] if todo.single and todo.steps else [(step,) for step in todo.steps]
    for group in groups:
        signature = sign()
        batch = _Group(group, before, missing, signature, first=not done)
        cost = Result()
        try:
            (cost,) = yield Batch(batch, label=_label(group), size=sum(s.size for s in group))
        except DriverError as error:
            applied = [step.name for step in (*earlier, *done)]
            pending = [step.name for step in todo.steps[len(done) :]]
            failure = explain(error, batch.parts, applied, pending)
            failure.__cause__ = error
            if any(text in str(error) for text in _RACES):
                return tuple(done), failure
            if not isinstance(error, AmbiguousError) or not (yield from _settled(signature.token, failure)):
                raise failure from error
        except Error as error:  # a large file was changed while it ran, or a limit was reached before it
            raise _stopped(error, (*earlier, *done), todo.steps[len(done) :]) from error
        except BaseException as error:
            error.add_note(f"done before: {', '.join(s.name for s in (*earlier, *done)) or 'none'}")
            raise
        shared = len(group) > 1
        done += [_result(step, Result() if shared else cost) for step in group]
        before, missing = batch.after, ()
    return tuple(done), None


def _result(step: Step, cost: Result) -> StepResult:
    done = (step.version, step.name, step.direction, step.statement_count)
    return StepResult(*done, cost.rows_read, cost.rows_written)


def _label(steps: Sequence[Step]) -> str:
    first, last = steps[0].name, steps[-1].name
    return first if len(steps) == 1 else f"{first} … {last} ({len(steps)} migrations)"


_RACES = (assertions.ALREADY_APPLIED, assertions.NOT_APPLIED, assertions.CHANGED_MEANWHILE)


class _Group:
    """The queries of the steps that go as one transaction; they can be walked any number of times."""

    def __init__(
        self,
        steps: Sequence[Step],
        before: assertions.Fingerprint,
        missing: Sequence[str],
        signature: h.Signature,
        *,
        first: bool,
    ) -> None:
        self.parts: list[StepQueries] = []
        for step in steps:
            self.parts.append(StepQueries(step, before, missing, signature, first=first))
            before, missing, first = step.after(before), (), False
        self.after = before

    def __iter__(self) -> Iterator[Query]:
        for part in self.parts:
            yield from part


def _settled(token: str, failure: ApplyError) -> Flow[bool]:
    """Ask whether a batch whose answer was lost was committed.

    Raises:
        ApplyError: the database cannot be asked; the failure, with its outcome unknown.
    """
    try:
        return (yield from happened(token))
    except DriverError as error:
        raise failure.with_unknown_outcome() from error


def _guarded(
    step: Step, risks: Iterable[losses.Risk], rows: dict[str, int | None], allowed: Collection[str]
) -> Step:
    """Return the step with its counts for the log, and tables seen empty guarded against new rows."""
    lost = {risk.table: rows[risk.table] for risk in risks if rows.get(risk.table, 0) != 0}
    empty = [
        r.name_then for r in risks if rows.get(r.table) == 0 and r.table not in allowed and not r.written
    ]
    event = step.event._replace(detail=json.dumps({"rows": lost}) if lost else None)
    return step._replace(event=event, guarded=tuple(empty))
