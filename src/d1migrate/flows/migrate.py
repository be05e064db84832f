"""Applying migrations and taking them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from d1migrate import history as h
from d1migrate.batch import Batch, Query
from d1migrate.errors import AmbiguousError, ApplyError, DataLoss, DriverError, QueryError
from d1migrate.explain import explain
from d1migrate.flows.read import count, first_column, read_history
from d1migrate.migration import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.plan import Plan, Step, StepQueries, choose_down, plan_down, plan_up
from d1migrate.sql.effects import Loss, losses
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Literal

    from d1migrate.batch import Flow
    from d1migrate.migration import Migration

    Sign = Callable[[], h.Signature]


class Report(NamedTuple):
    """What a run did: the steps it took, and the versions another runner applied meanwhile."""

    steps: tuple[Step, ...]
    meanwhile: tuple[h.AppliedMigration, ...] = ()


def plan(
    migrations: Sequence[Migration],
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
) -> Flow[Plan]:
    """Read history and plan an `up`; the arguments and errors are those of `plan_up`."""
    history = yield from read_history()
    return plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)


def up(
    migrations: Sequence[Migration],
    sign: Sign,
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
) -> Flow[Report]:
    """Apply what is pending, each migration exactly once.

    A second runner is noticed by the database, inside the batch; history is then read and planned anew.

    Args:
        migrations: the files.
        sign: gives every batch its token, time and user.
        to: the last version to apply; all without it.
        allow_out_of_order: also what lies below the newest applied version.
        single: all as one transaction.

    Raises:
        ApplyError: a migration failed; it says which were applied and which are pending.
        HistoryError, SourceError, UsageError: as `plan_up`; nothing was run.
    """
    before = yield from read_history()
    history, done = before, list[Step]()
    while True:
        todo = plan_up(migrations, history, to=to, allow_out_of_order=allow_out_of_order, single=single)
        taken, raced = yield from _take(todo, sign, done)
        done += taken
        if raced is None:
            break
        read = yield from read_history()
        expected = {*todo.versions, *(step.version for step in taken)}
        if set(read.versions) == expected:
            raise raced  # nothing changed meanwhile, so it was not another runner
        history = read
    ours = {step.version for step in done} | set(before.versions)
    return Report(tuple(done), tuple(row for row in history.applied if row.version not in ours))


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
    reads = (h.stored_rollbacks(kept), _TABLES, _LINKS) if kept else (_TABLES, _LINKS)
    *stored, tables, links = yield Batch(reads, reads=True)
    texts = {int(v): str(sql) for result in stored for v, sql, _ in result.rows}
    todo = plan_down(entries, history, texts, prefer=prefer)
    existing = {fold(name): name for name in first_column(tables.rows)}
    taken = [_taken_from(step, existing, links.rows) for step in todo.steps]  # in order: drops are noted
    names = sorted(set().union(*taken))
    counts: Sequence[int] = ()
    if names:
        results = yield Batch([count(name) for name in names], reads=True)
        counts = [int(result.rows[0][0]) for result in results]
    rows = dict(zip(names, counts, strict=True))
    allowed = {fold(name) for name in allow_loss}
    refused = {t: n for t, n in rows.items() if n and "all" not in allowed and fold(t) not in allowed}
    if refused:
        raise DataLoss(
            "the rollback would take rows: " + ", ".join(f"{t} holds {n}" for t, n in refused.items()),
            rows=refused,
            hint="back them up, then allow it: " + " ".join(f"--allow-loss {t}" for t in refused),
        )
    return todo._replace(
        steps=tuple(_guarded(step, t, rows) for step, t in zip(todo.steps, taken, strict=True))
    )


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
    todo: Plan, sign: Sign, earlier: Iterable[Step]
) -> Flow[tuple[tuple[Step, ...], ApplyError | None]]:
    """Run the steps; return those done, and an error where another runner changed the history first."""
    before, missing, done = h.Fingerprint.of(todo.versions), todo.missing, list[Step]()
    groups = [todo.steps] if todo.single and todo.steps else [(step,) for step in todo.steps]
    for group in groups:
        signature = sign()
        batch = _Group(group, before, missing, signature, first=not done)
        try:
            yield Batch(batch, label=_label(group), size=sum(s.size for s in group))
        except DriverError as error:
            applied = [step.name for step in (*earlier, *done)]
            pending = [step.name for step in todo.steps[len(done) :]]
            failure = explain(error, batch.parts, applied, pending)
            failure.__cause__ = error
            if any(text in str(error) for text in _RACES):
                return tuple(done), failure
            if not isinstance(error, AmbiguousError) or not (yield from _happened(signature.token, failure)):
                raise failure from error
        done += group
        before, missing = batch.after, ()
    return tuple(done), None


def _label(steps: Sequence[Step]) -> str:
    first, last = steps[0].name, steps[-1].name
    return first if len(steps) == 1 else f"{first} … {last} ({len(steps)} migrations)"


_RACES = (h.ALREADY_APPLIED, h.NOT_APPLIED, h.CHANGED_MEANWHILE)


class _Group:
    """The queries of the steps that go as one transaction; they can be walked any number of times."""

    def __init__(
        self,
        steps: Sequence[Step],
        before: h.Fingerprint,
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


def _happened(token: str, failure: ApplyError) -> Flow[bool]:
    """Ask whether the batch with this token was committed, after its answer was lost.

    Raises:
        ApplyError: the database cannot be asked; the failure, with its outcome unknown.
    """
    query = Query(f"SELECT count(*) FROM {LOG_TABLE} WHERE token = ?1 AND event = 'done'", (token,))
    try:
        (result,) = yield Batch((query,), reads=True)
    except QueryError as error:
        if "no such table" in str(error):
            return False
        raise failure.with_unknown_outcome() from error
    except DriverError as error:
        raise failure.with_unknown_outcome() from error
    return bool(result.rows[0][0])


_TABLES = Query(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
)
_LINKS = Query(
    'SELECT t.name, k."table" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k'
    " WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    " AND k.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
)


def _taken_from(step: Step, existing: dict[str, str], links: Iterable[Sequence[object]]) -> set[str]:
    """Return the tables a rollback takes rows from, by itself or through foreign keys.

    `existing` is {folded name: name}; what the step drops is taken out of it, for the steps after it.
    """
    found = {Loss(fold(loss.table), loss.how) for s in step.script.statements() for loss in losses(s.sql)}
    reached = {loss.table for loss in found if loss.how != "column"}
    children = [(fold(str(child)), fold(str(parent))) for child, parent in links]
    while more := {child for child, parent in children if parent in reached} - reached:
        reached |= more
    taken = (reached | {loss.table for loss in found}) - {MIGRATIONS_TABLE, LOG_TABLE}
    tables = {existing[name] for name in taken if name in existing}
    for loss in found:
        if loss.how == "drop":
            existing.pop(loss.table, None)
    return tables


def _guarded(step: Step, tables: set[str], rows: dict[str, int]) -> Step:
    """Return the step with its counts for the log, and tables seen empty guarded against new rows."""
    lost = {table: rows[table] for table in sorted(tables) if rows[table]}
    event = step.event._replace(detail=json.dumps({"rows": lost}) if lost else None)
    return step._replace(event=event, guarded={table: 0 for table in sorted(tables) if not rows[table]})
