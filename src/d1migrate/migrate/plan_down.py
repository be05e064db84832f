"""Plan a rollback: which migrations, in which order, and which of two recorded rollbacks of each."""

from __future__ import annotations

from d1migrate.errors import Irreversible, PlanError, UsageError
from d1migrate.hints import exclusive
from d1migrate.migrate import log
from d1migrate.migrate.history_guard import check_history_use
from d1migrate.migrate.plan import Plan, Step
from d1migrate.migrate.refusals import (
    names,
    refuse_open_job,
    refuse_other_table,
    refuse_partial,
    refuse_renamed,
    refuse_unwritable,
)
from d1migrate.migrate.rollback import Rollback
from d1migrate.migrate.selector import NONE, Selector, find, is_none, suggestion
from d1migrate.migrate.status import Entry, compare
from d1migrate.migrate.table import LOG_TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from d1migrate.migrate import history as h
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Key, MigrationsTable


def choose_down(
    migrations: Sequence[Migration],
    history: h.History,
    *,
    to: Selector | None = None,
    steps: int | None = None,
) -> tuple[Entry, ...]:
    """Choose what to roll back, newest first: `steps` migrations, or all after `to`; one without either.

    By names, the newest is what was applied last; by versions, what has the highest.

    Raises:
        UsageError: both are given, `steps` is below 1 or above the number of applied migrations, or `to` is
            neither NONE nor an applied migration.
        PartiallyApplied: a migration began and did not finish.
        HistoryError: a job is open.
    """
    if to is not None and steps is not None:
        raise exclusive(
            "--to", "--steps", hint="--to names the newest migration to keep, --steps counts from the newest"
        )
    if steps is not None and steps < 1:
        raise UsageError(
            f"--steps {steps}: at least one is required",
            hint=f"`d1migrate down` rolls back the newest migration, `d1migrate down --to {NONE}` all",
        )
    entries = compare(migrations, history)
    refuse_unwritable(history, entries)
    refuse_other_table(history)
    applied = sorted((e for e in entries if e.applied), key=lambda e: e.applied.place if e.applied else 0)
    last = None if to is None or is_none(entries, to) else _last_to_keep(entries, applied, to)
    if steps is not None and steps > len(applied):
        raise _too_many(steps, len(applied))
    refuse_open_job(history)
    refuse_partial(entries)
    refuse_renamed(entries)
    if to is not None:
        kept = 0 if last is None else applied.index(last) + 1
        return tuple(reversed(applied[kept:]))
    return tuple(applied[: -(steps or 1) - 1 : -1])


def _too_many(steps: int, applied: int) -> UsageError:
    if not applied:
        return UsageError(
            f"--steps {steps}: no migration is applied", hint="`d1migrate status` shows the migrations"
        )
    are = "only 1 migration is" if applied == 1 else f"only {applied} migrations are"
    return UsageError(
        f"--steps {steps}: {are} applied", hint=f"`d1migrate down --to {NONE}` rolls back all of them"
    )


def _last_to_keep(entries: Sequence[Entry], applied: Sequence[Entry], to: Selector) -> Entry:
    """Return the newest migration that stays."""
    try:
        return find(applied, to)
    except UsageError as error:
        newest = ", ".join(names(applied[-10:])) or "none"
        hint = suggestion(applied, to) or f"use {NONE} for all, or one of: {newest}"
        raise UsageError(
            _why_not_applied(entries, to) or f"{error}, among those applied", hint=hint
        ) from None


def _why_not_applied(entries: Sequence[Entry], to: Selector) -> str | None:
    """Return what is wrong with a migration that is not applied; None if there is none."""
    try:
        return f"{find(entries, to).name} is not applied"
    except UsageError:
        return None


def plan_down(
    entries: Sequence[Entry],
    history: h.History,
    stored: Mapping[Key | None, str],
    *,
    prefer: Literal["file", "history"] | None = None,
) -> Plan:
    """Plan to roll migrations back, in the order given.

    Args:
        entries: what `choose_down` chose.
        history: the history of the database.
        stored: {key: rollback SQL} from the log.
        prefer: which rollback to run if the file's and the log's differ.

    Raises:
        Irreversible: migrations have no rollback; the error names all of them, and why.
        PlanError: file and log differ, or wrangler applied the file, and `prefer` is not given.
        SourceError: a rollback block cannot be parsed, or drops the history.
    """
    chosen: dict[str, Rollback] = {}
    irreversible: list[Entry] = []
    differ: list[Entry] = []
    unrecorded: list[Entry] = []
    for entry in entries:
        kept = entry.applied and stored.get(history.table.key_of(entry.applied))
        rollback, differs = _choose_rollback(entry, kept, prefer)
        if differs:
            differ.append(entry)
        elif rollback is None or rollback.reason is not None:
            irreversible.append(entry)
        elif prefer is None and _is_unrecorded(entry, history.table):
            unrecorded.append(entry)
        else:
            chosen[entry.name] = rollback
    if irreversible:
        raise Irreversible(
            "; ".join(f"{entry.name} {_why_irreversible(entry)}" for entry in irreversible),
            names=names(irreversible),
            hint="write a `-- Rollback:` block into its file, or restore a backup",
        )
    if differ:
        raise PlanError(
            "the rollback in the file and the one recorded when it was applied differ:"
            f" {', '.join(names(differ))}",
            hint="choose with --rollback-from file or --rollback-from history",
        )
    if unrecorded:
        raise PlanError(
            f"wrangler applied {', '.join(names(unrecorded))}, and no rollback was recorded then:"
            " the file may have changed since",
            hint="--rollback-from file runs the rollback that the file has now",
        )
    steps = tuple(_step_down(entry, chosen[entry.name], history.table) for entry in entries)
    return Plan(steps, history, reads=history.reads)


def _choose_rollback(entry: Entry, kept: str | None, prefer: str | None) -> tuple[Rollback | None, bool]:
    """Return the rollback to run, and whether the user has to choose between two."""
    from_file = entry.migration.rollback if entry.migration else None
    digest = entry.applied.rollback_digest if entry.applied else None
    from_log = None if kept is None else Rollback(kept, f"{entry.name} (rollback SQL in {LOG_TABLE})")
    if entry.migration is None:
        return from_log, False
    recorded = entry.applied.checksum if entry.applied else None
    gained = digest is None and (recorded is None or entry.migration.matches(recorded))
    if gained or (from_file and from_file.reason is None and from_file.digest == digest):
        return from_file, False
    return (from_log if prefer == "history" else from_file), prefer is None


def _is_unrecorded(entry: Entry, table: MigrationsTable) -> bool:
    """Whether wrangler applied a migration, so that nobody knows what its file was then."""
    row = entry.applied
    return table.shape == "names" and row is not None and row.checksum is None and not row.keeps_rollback


def _step_down(entry: Entry, rollback: Rollback, table: MigrationsTable) -> Step:
    statements = tuple(rollback.statements())
    check_history_use(statements, rollback.file, table)
    row = entry.applied or entry
    event = log.Event("down", row.version, row.name, entry.applied.checksum if entry.applied else None)
    return Step("down", row.version, row.name, rollback, len(statements), event)


def _why_irreversible(entry: Entry) -> str:
    if entry.migration is None:
        return "has no file here, and the log has no rollback SQL for it"
    return entry.migration.why_irreversible or "has no rollback block"
