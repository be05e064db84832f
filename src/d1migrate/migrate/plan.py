"""Decide what to run: migrations and history in, an immutable Plan out.

Dry run, review, apply and rollback use the same Plan. A Step is one Batch and one transaction: the statements
of a migration and their history. A Plan has no token, time or user: the shell adds them when it runs.
"""

from __future__ import annotations

import json

from d1migrate.errors import LimitExceeded, OutOfOrder
from d1migrate.migrate import assertions, log, up_to_date
from d1migrate.migrate.migration import LARGE, Migration
from d1migrate.migrate.refusals import (
    LATE,
    names,
    refuse_disagreement,
    refuse_edited,
    refuse_unmanaged,
    refuse_unwritable,
    refuse_without_key,
)
from d1migrate.migrate.selector import Selector, up_to
from d1migrate.migrate.status import Entry, compare
from d1migrate.migrate.table import NameTable
from d1migrate.migrate.up_to_date import is_newer
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Query
from d1migrate.sql.deferred_keys import DEFER_OFF, defers, may_orphan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from d1migrate.migrate import history as h
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.rollback import Rollback
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.sql.split import Statement

    Direction = Literal["up", "down"]


class Step(NamedTuple):
    """One migration in one direction, as one transaction.

    Attributes:
        direction: "up" or "down".
        version, name: the migration.
        script: the source of the statements: the migration, or the rollback.
        statement_count: how many statements it has.
        event: what to log.
        guarded: what must still be empty when a rollback begins: (table, None), or (table, column).
        completes: the digest of the index after whose last migration the log is to note it; or None.
        job: what its file declares about a job. The step is the whole migration in one transaction, which is
            refused if its table is too large for that; then it runs as a job.
    """

    direction: Direction
    version: int | None
    name: str
    script: Migration | Rollback
    statement_count: int
    event: log.Event
    guarded: tuple[tuple[str, str | None], ...] = ()
    completes: str | None = None
    job: JobDirective | None = None

    @property
    def done(self) -> log.Event:
        """What to log at the end of its transaction."""
        if self.completes is None:
            return self.event
        notes = {up_to_date.INDEX: self.completes}
        return self.event._replace(detail=log.with_notes(self.event.detail, notes))

    @property
    def size(self) -> int:
        """The size in bytes of a file that is streamed, otherwise 0."""
        return self.script.size if isinstance(self.script, Migration) and self.script.is_large else 0

    @property
    def defers(self) -> bool:
        """Whether it may defer the check of foreign keys, or create tables that do."""
        return any(defers(statement.sql) for statement in self.script.statements())

    @property
    def deletes_rows(self) -> dict[str, int | None]:
        """The rows that a rollback deletes, {table: rows}; None for a table that cannot be counted."""
        return self._noted("rows")

    @property
    def deletes_values(self) -> dict[str, int | None]:
        """The values that a rollback deletes from rows that stay, {table.column: rows with a value}."""
        return self._noted("values")

    def _noted(self, key: str) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        if self.direction == "down" and self.event.detail:
            found = json.loads(self.event.detail).get(key, {})
        return found

    @property
    def import_reason(self) -> str | None:
        """Why a remote D1 needs its import API for it; None if a query request can carry it."""
        if self.size:
            return f"{self.size} bytes are too many for one request"
        from d1migrate.sql.triggers import is_carried

        cut = next((s for s in self.script.statements() if not is_carried(s.sql)), None)
        cause = "D1 would cut a trigger with a line break in a literal, or a column named end, in two"
        return f"line {cut.line}: {cause}" if cut else None

    def after(self, before: assertions.HistoryState, token: str) -> assertions.HistoryState:
        """Return the state of the history after the step, done by the batch with this token."""
        moved = before.plus if self.direction == "up" else before.minus
        return moved(self, token)._replace(table=self._table_after(before.table))

    def _table_after(self, table: MigrationsTable) -> MigrationsTable:
        """Return the migrations table; a file may create wrangler's beside it, as a dump of a D1 does."""
        if isinstance(table, NameTable) or table.exists or not isinstance(self.script, Migration):
            return table
        return table._replace(named_alike=table.named_alike or self.script.creates(table.beside.name))


class Plan(NamedTuple):
    """What a run does to a database.

    Attributes:
        steps: the steps, in the order in which they run.
        history: the history; the first step creates the tables that it lacks.
        single: whether all steps run in one transaction.
        reads: how many requests read the database, for the plan and for the run.
        waiting_for: the migration whose open job must end before anything is applied; None if none is open.
    """

    steps: tuple[Step, ...]
    history: h.History
    single: bool = False
    reads: int = 1
    waiting_for: str | None = None

    @property
    def requests(self) -> int:
        """How many requests a run makes: those that read, and one per transaction."""
        return self.reads + (min(1, len(self.steps)) if self.single else len(self.steps))


class StepQueries:
    """The queries of one step, in order; they can be iterated any number of times.

    The first step of a run compares the whole history with the one that was read. Later steps compare only
    its size and maximum; a rollback changes the maximum, so it compares the whole again. Nothing can change
    it between two steps of one transaction.

    Args:
        step: the step.
        before: the state of the history that the step expects.
        setup: the statements that create what the history lacks.
        stamp: the token, time and user of the batch.
        first: whether it is the first step of a run.
        opens: whether it is the first step of its transaction.
        shared: whether another step follows it in its transaction. Then the commit, which checks deferred
            keys, is not its own: they are checked at its end, and no longer deferred for the next step.
        ends_checked: whether deferred keys are checked at its end though no step follows it.
        deferrable: whether there are tables whose keys only the commit checks, without a pragma. If None, the
            batch is aborted if there are.

    Attributes:
        after: the state of the history after the step.
    """

    def __init__(
        self,
        step: Step,
        before: assertions.HistoryState,
        setup: Iterable[Query],
        stamp: log.Stamp,
        *,
        first: bool,
        opens: bool,
        shared: bool = False,
        ends_checked: bool = False,
        deferrable: bool | None = False,
    ) -> None:
        self.step, self.after = step, step.after(before, stamp.token)
        up, table = step.direction == "up", before.table
        self.opening = (
            *setup,
            *([assertions.assert_ready(step, step.direction, before, full=first or not up)] if opens else []),
            *([assertions.assert_not_deferrable()] if deferrable is None else ()),
            *(assertions.assert_empty(*guarded) for guarded in step.guarded),
            *([_assert_fits(step.job)] if step.job and step.job.kind == "batch" else ()),
            log.record("begun", step.event._replace(rollback_sql=None, file_digest=None), stamp),
        )
        # A rollback could delete any row.
        full = not isinstance(step.script, Migration) or step.script.touches(table)
        self.closing = (
            *(table.insert(step, stamp.at) if up else table.delete(step)),
            assertions.assert_result(self.after, full=full),
            log.record("done", step.done, stamp),
            *(_check_keys(step, deferrable=bool(deferrable)) if shared or ends_checked else ()),
            *([Query(DEFER_OFF)] if shared and step.defers else ()),
        )

    def __iter__(self) -> Iterator[Query]:
        yield from self.opening
        yield from self.step.script.queries()
        yield from self.closing

    def statement_at(self, index: int) -> Statement | None:
        """Return the file's statement at a position of the batch; None for a query of the history."""
        position = index - len(self.opening)
        if position < 0:
            return None
        return next((s for i, s in enumerate(self.step.script.statements()) if i == position), None)

    def __len__(self) -> int:
        return len(self.opening) + self.step.statement_count + len(self.closing)


def _assert_fits(job: JobDirective) -> Query:
    """Abort the batch if the table of a batch migration has more rows than one chunk."""
    from d1migrate.migrate.jobs.batch import fits

    return fits(job)


def _check_keys(step: Step, *, deferrable: bool) -> Iterator[Query]:
    """Yield what checks keys as the commit of a step would, if it may be needed."""
    if step.defers or (deferrable and any(may_orphan(one.sql) for one in step.script.statements())):
        yield assertions.assert_keys()


def plan_up(
    migrations: Sequence[Migration],
    history: h.History,
    *,
    to: Selector | None = None,
    allow_out_of_order: bool = False,
    accept_newer: bool = False,
    single: bool = False,
) -> Plan:
    """Plan to apply pending migrations; all of them are parsed before anything runs.

    Args:
        migrations: the files.
        history: the history of the database.
        to: the last migration to apply; all of them without it.
        allow_out_of_order: whether to apply migrations that come before an applied one, too.
        accept_newer: whether there is nothing to do if all files are applied, unedited, and all that is
            applied besides comes after the last of them. Otherwise a file is missing.
        single: whether to run everything in one transaction.

    Raises:
        UsageError: there is no migration `to`, or several.
        HistoryError: the database was not created by d1migrate, or (a subclass) files and history disagree.
        SourceError: a file to be applied cannot be parsed, or another one replaces it.
    """
    entries = compare(migrations, history)
    wanted = up_to(entries, to)
    refuse_unwritable(history, entries)
    refuse_unmanaged(entries, history)
    if accept_newer and is_newer(history, migrations):
        return Plan((), history, single, history.reads)
    refuse_disagreement(entries)
    todo = [entry for entry in wanted if entry.is_pending]
    if history.job and any(entry.job or entry.is_pending for entry in wanted):
        refuse_edited(next((entry.migration for entry in entries if entry.job), None), history.job)
        return Plan((), history, single, history.reads, history.job.name)
    _refuse_late(entries, [e for e in todo if e.state == "out_of_order" and not allow_out_of_order])
    refuse_without_key(todo, entries, history.table)
    if todo:
        from d1migrate.migrate.squash import refuse_both

        refuse_both([entry.migration for entry in todo if entry.migration], migrations)
    steps = tuple(_step_up(entry.migration, history.table) for entry in todo if entry.migration)
    if single:
        _refuse_large(steps)
    return Plan(steps, history, single, history.reads)


def _refuse_late(entries: Sequence[Entry], late: Sequence[Entry]) -> None:
    if late:
        kind = late[0].version is None
        newest = next(e for e in reversed(entries) if e.applied and (e.version is None) == kind)
        verb = "is" if len(late) == 1 else "are"
        text = LATE.filled({"name": ", ".join(names(late)), "is": verb, "was": newest.name})
        raise OutOfOrder(text.problem, names=names(late), hint=text.hint)


def too_large_together(step: Step, text: str) -> LimitExceeded:
    """Return the error of a migration that must run as a job, and shares a transaction with others."""
    return LimitExceeded(
        f"{step.name} runs as a job, so it cannot share a transaction: {text}",
        limit=1,
        actual=2,
        hint="run `up` without --single-transaction",
    )


def _refuse_large(steps: Iterable[Step]) -> None:
    """Raise LimitExceeded for a file that needs D1's import, which cannot share a transaction."""
    for step in steps:
        if step.size > LARGE:
            raise LimitExceeded(
                f"{step.script.file} has {step.size} bytes; over {LARGE} D1 imports a file by itself, so it"
                " cannot share a transaction",
                limit=LARGE,
                actual=step.size,
                hint="run `up` without --single-transaction, or `up --to` the migration before it first",
            )


def _step_up(migration: Migration, table: MigrationsTable) -> Step:
    count = migration.check(table)
    event = log.event_of("up", migration)
    return Step("up", migration.version, migration.name, migration, count, event, job=migration.job)
