"""Roll migrations back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d1migrate.errors import DataLoss, QueryError, UsageError
from d1migrate.migrate import data_loss, log
from d1migrate.migrate import history as h
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.steps import Report, run_steps, with_notes
from d1migrate.migrate.plan import choose_down, plan_down
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.sql.batch import Batch, count_rows
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
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
    """Read history and plan a `down`; count the rows of every table that it deletes rows from.

    Args:
        migrations: the files; the log has the rollbacks of missing files.
        choice: how to choose the migrations table.
        to: roll back every migration after this one; all for "none", and for 0 if no migration has it.
        steps: roll back this many; 1 without either.
        prefer: which rollback to run if the file's and the log's differ.
        allow_loss: tables that may lose rows; "all" for any.

    Raises:
        DataLoss: tables would lose rows; the error has their names and counts.
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
    risks = data_loss.risks(
        (step.script.texts() for step in todo.steps), data_loss.LiveTables(live), history.table
    )
    names = sorted({risk.table for found in risks for risk in found} - {fold(history.table.name), LOG_TABLE})
    rows = yield from _count_rows(names)
    allowed = _allowed(names, allow_loss)
    _refuse_loss({table: n for table, n in rows.items() if n != 0 and table not in allowed})
    guarded = tuple(_guarded(s, r, rows, allowed) for s, r in zip(todo.steps, risks, strict=True))
    return todo._replace(steps=guarded, reads=todo.reads + (2 if names else 1))


def _count_rows(names: Sequence[str]) -> Flow[dict[str, int | None]]:
    """Count the rows of tables; None for a table that cannot be counted, e.g. some virtual tables."""
    if not names:
        return {}
    try:
        results = yield Batch([count_rows(name) for name in names], reads=True)
    except QueryError:
        if len(names) == 1:
            return {names[0]: None}
        rows: dict[str, int | None] = {}
        for name in names:
            rows |= yield from _count_rows([name])
        return rows
    return {name: result.rows[0][0] for name, result in zip(names, results, strict=True)}


def _allowed(names: Sequence[str], allow_loss: Collection[str]) -> set[str]:
    """Return the tables that may lose rows; the name of any other table is a mistake."""
    wanted = {fold(name) for name in allow_loss}
    if "all" in wanted:
        return set(names)
    if unknown := sorted(wanted - {fold(name) for name in names}):
        raise UsageError(
            f"--allow-loss {unknown[0]}: the rollback deletes no rows from such a table",
            hint=f"it deletes rows from: {', '.join(names) or 'none'}",
        )
    return {name for name in names if fold(name) in wanted}


def _refuse_loss(rows: dict[str, int | None]) -> None:
    """Raise DataLoss for {table: the rows that it would lose}."""
    if rows:
        counts = (f"{t} cannot be counted" if n is None else f"{t} holds {n}" for t, n in rows.items())
        flags = " ".join(f"--allow-loss {_argument(table)}" for table in rows)
        raise DataLoss(
            "the rollback would delete rows: " + ", ".join(counts),
            rows=rows,
            hint=f"back them up, then allow the loss: {flags}",
        )


def _argument(table: str) -> str:
    """Return a table name, quoted for a shell."""
    return table if table.isidentifier() else "'" + table.replace("'", "'\\''") + "'"


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
    step: Step, risks: Iterable[data_loss.TableAtRisk], rows: dict[str, int | None], allowed: Collection[str]
) -> Step:
    """Return the step with its counts for the log, and with a guard on tables that were counted as empty."""
    lost = {risk.table: rows[risk.table] for risk in risks if rows.get(risk.table, 0) != 0}
    empty = [
        r.name_then for r in risks if rows.get(r.table) == 0 and r.table not in allowed and not r.written
    ]
    event = step.event._replace(detail=json.dumps({"rows": lost}) if lost else None)
    return step._replace(event=event, guarded=tuple(empty))
