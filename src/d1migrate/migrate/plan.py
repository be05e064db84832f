"""Decide what to run: migrations and history in, an immutable Plan out.

Dry run, review, apply and rollback use the same Plan. A Step is one Batch and one transaction: the statements
of a migration and their history. A Plan has no token, time or user: the shell adds them when it runs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.errors import (
    Irreversible,
    LimitExceeded,
    OutOfOrder,
    PlanError,
    SourceError,
    UsageError,
    exclusive,
)
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.history_guard import LOG_TABLE
from d1migrate.migrate.migration import LARGE, NOTHING, Migration, Rollback
from d1migrate.migrate.status import (
    Entry,
    compare,
    names,
    refuse_disagreement,
    refuse_partial,
    refuse_renumbered,
    refuse_unmanaged,
    version_range,
    versions,
)
from d1migrate.sql.batch import Query
from d1migrate.sql.triggers import is_carried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.sql.split import Statement

Direction = Literal["up", "down"]


class Step(NamedTuple):
    """One migration in one direction, as one transaction.

    Attributes:
        script: the source of the statements: the migration, or the rollback.
        statement_count: how many statements it has.
        event: what to log.
        guarded: tables that must still be empty when a rollback begins.
    """

    direction: Direction
    version: int
    name: str
    script: Migration | Rollback
    statement_count: int
    event: h.Event
    guarded: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The size in bytes of a file that is streamed, otherwise 0."""
        return self.script.size if isinstance(self.script, Migration) and self.script.is_large else 0

    @property
    def deletes(self) -> dict[str, int | None]:
        """The rows that a rollback deletes, {table: rows}; None for a table that cannot be counted."""
        found: dict[str, int | None] = {}
        if self.direction == "down" and self.event.detail:
            found = json.loads(self.event.detail).get("rows", {})
        return found

    @property
    def import_reason(self) -> str | None:
        """Why a remote D1 needs its import API for it; None if a query request can carry it."""
        if self.size:
            return f"{self.size} bytes are too many for one request"
        cut = next((s for s in self.script.statements() if not is_carried(s.sql)), None)
        cause = "D1 would cut a trigger with a line break in a literal, or a column named end, in two"
        return f"line {cut.line}: {cause}" if cut else None

    def after(self, before: assertions.HistoryState, token: str) -> assertions.HistoryState:
        """Return the state of the history after the step, done by the batch with this token."""
        moved = before.plus if self.direction == "up" else before.minus
        return moved(self.version, token)


class Plan(NamedTuple):
    """Steps in order, for a database whose applied versions are `versions`.

    Attributes:
        missing: the history tables that the first step creates.
        single: whether all steps run in one transaction.
        reads: how many requests read the database, for the plan and for the run.
        applied: the rows of those versions.
        head: the token of the newest row of the log; "" if the log is empty.
    """

    steps: tuple[Step, ...]
    versions: tuple[int, ...]
    missing: tuple[str, ...] = ()
    single: bool = False
    reads: int = 1
    applied: tuple[h.AppliedMigration, ...] = ()
    head: str = ""

    @property
    def requests(self) -> int:
        """How many requests a run makes: those that read, and one per transaction."""
        return self.reads + (min(1, len(self.steps)) if self.single else len(self.steps))


class StepQueries:
    """The queries of one step, in order; they can be iterated any number of times.

    The first step of a run compares the whole history with the one that was read. Later steps compare only
    its size and maximum; a rollback changes the maximum, so it compares the whole again.

    Args:
        step: the step.
        before: the state of the history that the step expects.
        missing: the history tables to create.
        stamp: the token, time and user of the batch.
        first: whether it is the first step of a run.
        mirror: wrangler's table, if it is kept in step.
    """

    def __init__(
        self,
        step: Step,
        before: assertions.HistoryState,
        missing: Iterable[str],
        stamp: h.Stamp,
        *,
        first: bool,
        mirror: Mirror | None = None,
    ) -> None:
        self.step = step
        up = step.direction == "up"
        mirrored = _mirrored(step, mirror) if mirror else ()
        self.opening = (
            *h.create_tables(missing),
            assertions.assert_ready(step.version, step.direction, before, full=first or not up),
            *(assertions.assert_empty(table) for table in step.guarded),
            h.record("begun", step.event._replace(rollback_sql=None), stamp),
        )
        self.closing = (
            h.insert_row(step.version, step.name, stamp.at) if up else h.delete_row(step.version),
            *mirrored,
            assertions.assert_result(step.after(before, stamp.token), full=step.script.touches_history),
            h.record("done", step.event, stamp),
        )

    def __iter__(self) -> Iterator[Query]:
        yield from self.opening
        for sql in self.step.script.texts():
            yield Query(sql, (), True)
        yield from self.closing

    def statement_at(self, index: int) -> Statement | None:
        """Return the file's statement at a position of the batch; None for a query of the history."""
        position = index - len(self.opening)
        if position < 0:
            return None
        return next((s for i, s in enumerate(self.step.script.statements()) if i == position), None)

    def __len__(self) -> int:
        return len(self.opening) + self.step.statement_count + len(self.closing)


def _mirrored(step: Step, mirror: Mirror) -> tuple[Query, ...]:
    if step.direction == "up":
        return mirror.insert((step.version,))
    return mirror.delete(step.version, step.name)


def plan_up(
    migrations: Sequence[Migration],
    history: h.History,
    *,
    to: int | None = None,
    allow_out_of_order: bool = False,
    single: bool = False,
) -> Plan:
    """Plan to apply pending migrations; all of them are parsed before anything runs.

    Args:
        migrations: the files.
        history: the history of the database.
        to: the last version to apply; all of them without it.
        allow_out_of_order: whether to apply migrations below the newest applied version, too.
        single: whether to run everything in one transaction.

    Raises:
        UsageError: there is no version `to`.
        HistoryError: the database was not created by d1migrate, or (a subclass) files and history disagree.
        SourceError: a file to be applied cannot be parsed.
    """
    entries = compare(migrations, history)
    if to is not None and to not in {entry.version for entry in entries}:
        raise UsageError(f"there is no version {to}", hint=version_range(entries))
    refuse_unmanaged(entries, history)
    refuse_disagreement(entries)
    todo = [e for e in entries if e.state in ("pending", "out_of_order") and (to is None or e.version <= to)]
    late = [e for e in todo if e.state == "out_of_order"]
    if late and not allow_out_of_order:
        raise OutOfOrder(
            f"{names(late)} is pending, but version {max(history.versions)} is already applied",
            versions=versions(late),
            hint="`d1migrate renumber` gives it a newer number; --allow-out-of-order applies it late",
        )
    steps = tuple(_step_up(entry.migration) for entry in todo if entry.migration)
    if single:
        _refuse_large(steps)
    applied, head = history.applied, history.head
    return Plan(steps, history.versions, history.missing, single, history.reads, applied, head)


def _refuse_large(steps: Iterable[Step]) -> None:
    """Raise LimitExceeded for a file that needs D1's import, which cannot share a transaction."""
    for step in steps:
        if step.size > LARGE:
            raise LimitExceeded(
                f"{step.script.file} has {step.size} bytes; over {LARGE} D1 imports a file by itself, so it"
                " cannot share a transaction",
                limit=LARGE,
                actual=step.size,
                hint="run `up` without --single-transaction, or `up --to` the version before it first",
            )


def _step_up(migration: Migration) -> Step:
    count = migration.check()
    if migration.checksum == NOTHING:
        raise SourceError(
            f"{migration.file}: the file only records itself",
            hint="write the change, or `SELECT 1;` if the migration is meant to do nothing",
        )
    event = h.event_of("up", migration)
    return Step("up", migration.version, migration.name, migration, count, event)


def choose_down(
    migrations: Sequence[Migration], history: h.History, *, to: int | None = None, steps: int | None = None
) -> tuple[Entry, ...]:
    """Choose what to roll back, newest first: `steps` versions, or all above `to`; one without either.

    Raises:
        UsageError: both are given, `steps` is below 1, or `to` is neither 0 nor an applied version.
        PartiallyApplied: a migration began and did not finish.
    """
    if to is not None and steps is not None:
        raise exclusive("--to", "--steps")
    if steps is not None and steps < 1:
        raise UsageError(f"--steps {steps}: at least one is required")
    if to is not None and to != 0 and to not in history.versions:
        applied_ones = ", ".join(map(str, history.versions[-10:])) or "none"
        raise UsageError(f"version {to} is not applied", hint=f"use 0, or an applied version: {applied_ones}")
    entries = compare(migrations, history)
    refuse_partial(entries)
    refuse_renumbered(entries)
    applied = [entry for entry in reversed(entries) if entry.applied]
    if to is not None:
        return tuple(entry for entry in applied if entry.version > to)
    return tuple(applied[: steps or 1])


def plan_down(
    entries: Sequence[Entry],
    history: h.History,
    stored: Mapping[int, str],
    *,
    prefer: Literal["file", "history"] | None = None,
) -> Plan:
    """Plan to roll versions back, in the order given.

    Args:
        entries: what `choose_down` chose.
        history: the history of the database.
        stored: {version: rollback SQL} from the log.
        prefer: which rollback to run if the file's and the log's differ.

    Raises:
        Irreversible: versions have no rollback; the error names all of them, and why.
        PlanError: file and log differ, and `prefer` is not given.
        SourceError: a rollback block cannot be parsed, or drops the history.
    """
    chosen: dict[int, Rollback] = {}
    irreversible: list[Entry] = []
    differ: list[Entry] = []
    for entry in entries:
        rollback, differs = _choose_rollback(entry, stored, prefer)
        differ += [entry] if differs else []
        if rollback is None or rollback.reason is not None:
            irreversible.append(entry)
        else:
            chosen[entry.version] = rollback
    if irreversible := [entry for entry in irreversible if entry not in differ]:
        raise Irreversible(
            "; ".join(f"{entry.name} {_why_irreversible(entry)}" for entry in irreversible),
            versions=versions(irreversible),
            hint="write a `-- Rollback:` block into its file, or restore a backup",
        )
    if differ:
        raise PlanError(
            f"the rollback in the file and the one recorded when it was applied differ: {names(differ)}",
            hint="choose with --rollback-from file or --rollback-from history",
        )
    steps = tuple(_step_down(entry, chosen[entry.version]) for entry in entries)
    return Plan(steps, history.versions, history.missing, reads=history.reads, head=history.head)


def _choose_rollback(
    entry: Entry, stored: Mapping[int, str], prefer: str | None
) -> tuple[Rollback | None, bool]:
    """Return the rollback to run, and whether the user has to choose between two."""
    from_file = entry.migration.rollback if entry.migration else None
    digest = entry.applied.rollback_digest if entry.applied else None
    kept = stored.get(entry.version)
    from_log = None if kept is None else Rollback(kept, f"{entry.name} (rollback SQL in {LOG_TABLE})")
    if entry.migration is None:
        return from_log, False
    recorded = entry.applied.checksum if entry.applied else None
    gained = digest is None and (recorded is None or entry.migration.matches(recorded))
    if gained or (from_file and from_file.reason is None and from_file.digest == digest):
        return from_file, False
    return (from_log if prefer == "history" else from_file), prefer is None


def _step_down(entry: Entry, rollback: Rollback) -> Step:
    count = sum(1 for _ in rollback.statements())
    event = h.Event("down", entry.version, entry.name, entry.applied.checksum if entry.applied else None)
    return Step("down", entry.version, entry.name, rollback, count, event)


def _why_irreversible(entry: Entry) -> str:
    if entry.migration and entry.migration.rollback:
        return f"is declared irreversible: {entry.migration.rollback.reason}"
    if entry.migration:
        return "has no rollback block"
    return "has no file here, and the log has no rollback SQL for it"
