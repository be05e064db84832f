"""Roll migrations back."""

from __future__ import annotations

import json

from d1migrate.errors import DataLoss, QueryError, UsageError
from d1migrate.hints import did_you_mean
from d1migrate.migrate import data_loss, log
from d1migrate.migrate import history as h
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.report import Report
from d1migrate.migrate.flows.steps import run_steps, with_notes
from d1migrate.migrate.plan_down import choose_down, plan_down
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.sql.batch import Batch, count_rows
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Literal

    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.table import Key
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow


def choose(
    migrations: Sequence[Migration],
    choice: TableChoice,
    *,
    to: Selector | None = None,
    steps: int | None = None,
    prefer: Literal["file", "history"] | None = None,
    allow_loss: Collection[str] = (),
) -> Flow[Plan]:
    """Read history and plan a `down`; count the rows and values that it deletes.

    Args:
        migrations: the files; the log has the rollbacks of missing files.
        choice: how to choose the migrations table.
        to: roll back every migration after this one; all for "none", and for 0 if no migration has it.
        steps: roll back this many; 1 without either.
        prefer: which rollback to run if the file's and the log's differ.
        allow_loss: tables, or columns as `table.column`, that may lose rows or values; "all" for any.

    Raises:
        DataLoss: rows or values would be lost; the error has their names and counts.
        Irreversible, PlanError, HistoryError, UsageError, SourceError: as `choose_down` and `plan_down`.
    """
    history = yield from read_history(choice)
    entries = choose_down(migrations, history, to=to, steps=steps)
    kept = [entry.applied for entry in entries if entry.applied and entry.applied.keeps_rollback]
    query = log.stored_rollbacks(history.table, kept, history.log)
    live = yield Batch((*data_loss.QUERIES, *((query,) if kept else ())), reads=True)
    stored: dict[Key | None, str] = {}
    if kept:
        *live, texts = live
        stored = h.rollbacks(history.table, texts.rows)
    todo = plan_down(entries, history, stored, prefer=prefer)
    losses = data_loss.possible_losses(
        (step.script.texts() for step in todo.steps), data_loss.LiveTables(live), history.table
    )
    own = {fold(history.table.name), LOG_TABLE}
    places = {(loss.table, loss.column) for lost in losses for loss in lost if fold(loss.table) not in own}
    counts = yield from _count(sorted(places, key=_name))
    allowed = _allowed(counts, allow_loss)
    _refuse_loss({place: n for place, n in counts.items() if n != 0 and place not in allowed})
    guarded = tuple(_guarded(s, lost, counts, allowed) for s, lost in zip(todo.steps, losses, strict=True))
    return todo._replace(steps=guarded, reads=todo.reads + (2 if counts else 1))


_Place = tuple[str, str | None]
"""A table, and a column or None, by their names before the run."""


def _count(places: Sequence[_Place]) -> Flow[dict[_Place, int | None]]:
    """Count rows, or those with a value; None for what cannot be counted, e.g. in some virtual tables."""
    if not places:
        return {}
    try:
        results = yield Batch([count_rows(*place) for place in places], reads=True)
    except QueryError:
        if len(places) == 1:
            return dict.fromkeys(places)
        counts: dict[_Place, int | None] = {}
        for place in places:
            counts |= yield from _count([place])
        return counts
    return {place: result.rows[0][0] for place, result in zip(places, results, strict=True)}


def _allowed(places: Collection[_Place], allow_loss: Collection[str]) -> set[_Place]:
    """Return what may be deleted; a name that permits nothing is a mistake.

    Raises:
        UsageError: there is such a name.
    """
    permits = {place: {"all", fold(place[0]), fold(_name(place))} for place in places}
    for name in allow_loss:
        if fold(name) not in set().union({"all"}, *permits.values()):
            known = [_name(place) for place in places]
            otherwise = f"it deletes only: {', '.join(known)}" if known else "leave the flag out"
            raise UsageError(
                f"--allow-loss {name}: the rollback deletes nothing from it",
                hint=did_you_mean(name, known, otherwise=otherwise),
            )
    wanted = set(map(fold, allow_loss))
    return {place for place, names in permits.items() if names & wanted}


def _name(place: _Place) -> str:
    table, column = place
    return table if column is None else f"{table}.{column}"


def _refuse_loss(counts: Mapping[_Place, int | None]) -> None:
    """Raise DataLoss for what would be deleted."""
    if counts:
        from shlex import quote

        rows, values = _split(counts)
        parts = [f"{t} cannot be counted" if n is None else f"{t} holds {n}" for t, n in rows.items()]
        lost = [f"rows: {', '.join(parts)}"] if parts else []
        lost += [data_loss.values_text(values)] if values else []
        flags = " ".join(f"--allow-loss {quote(name)}" for name in (*rows, *values))
        raise DataLoss(
            f"the rollback would delete {'; and '.join(lost)}",
            rows=rows | values,
            hint=f"back them up, then allow the loss: {flags}",
        )


def _split(counts: Mapping[_Place, int | None]) -> tuple[dict[str, int | None], dict[str, int | None]]:
    """Return {table: rows} and {table.column: values}."""
    rows = {table: n for (table, column), n in counts.items() if column is None}
    return rows, {_name(place): n for place, n in counts.items() if place[1] is not None}


def down(todo: Plan, new_stamp: NewStamp, notes: Mapping[str, object] | None = None) -> Flow[Report]:
    """Run the rollbacks that `choose` planned; every step is one transaction.

    Args:
        todo: the plan.
        new_stamp: makes the token, time and user of every batch.
        notes: what else to log.

    Raises:
        ApplyError: a step failed, or the database changed since it was planned.
    """
    outcome = yield from run_steps(with_notes(todo, notes or {}), new_stamp, ())
    if outcome.failure is not None:
        raise outcome.failure
    return Report(outcome.steps, table=todo.history.table)


def _guarded(
    step: Step,
    losses: Collection[data_loss.PossibleLoss],
    counts: Mapping[_Place, int | None],
    allowed: Collection[_Place],
) -> Step:
    """Return the step with its counts for the log, and with a guard on what was counted as empty."""
    places = {(loss.table, loss.column): loss for loss in losses}
    rows, values = _split({place: counts[place] for place in places if counts.get(place, 0) != 0})
    empty = [
        (loss.name_then, loss.column_then)
        for place, loss in places.items()
        if counts.get(place) == 0 and place not in allowed and not loss.written
    ]
    notes = {key: lost for key, lost in (("rows", rows), ("values", values)) if lost}
    event = step.event._replace(detail=json.dumps(notes) if notes else None)
    return step._replace(event=event, guarded=tuple(empty))
