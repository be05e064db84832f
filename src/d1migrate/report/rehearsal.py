"""A rehearsal for people, and as JSON."""

from __future__ import annotations

from math import isfinite

from d1migrate.report import findings, recovery_check
from d1migrate.report.table import table
from d1migrate.report.text import clean_line, duration, plural
from d1migrate.sql.d1 import QUERY_SECONDS
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from d1migrate.lint.platform import Platform
    from d1migrate.rehearse.model import Cost, Rehearsal, Rehearsed, TableChange, UnkeptColumn
    from d1migrate.rehearse.recovery_check import RecoveryCheck
    from d1migrate.report.shapes import checks
    from d1migrate.report.text import Paint

_FREE_ROWS = 100_000  # rows that D1's free plan lets a database write per day
_COLORS = {"fails": "red", "loses rows": "red", "finding": "red", "unproved": "yellow"} | dict.fromkeys(
    ("copies partly", "transforms data", "replaces rows", "drops data"), "yellow"
)


def text(found: Rehearsal, *, verbose: bool, paint: Paint, width: int | None = None) -> list[str]:
    """Return the lines for people: a table of migrations, then the details of each."""
    if not found.migrations:
        return ["nothing to rehearse"]
    rows = [(m.name, m.verdict, *_costs(m.cost), _rollback(m)) for m in found.migrations]
    scaled = any(m.cost and m.cost.scaled_rows_written is not None for m in found.migrations)
    written = "rows written ~" if scaled else "rows written"
    headers = ("migration", "verdict", "time", written, "rollback")
    shades = {1: list(map(_shade, found.migrations))}
    out = table(headers, rows, right=(2, 3), shades=shades, paint=paint, width=width)
    for migration in found.migrations:
        out += _details(migration, found.platform)
    diagnostics = [d for m in found.migrations for d in m.diagnostics]
    if diagnostics:
        out += ["", *findings.text(diagnostics, verbose=verbose, paint=paint, width=width)]
    if found.not_rehearsed:
        out.append(f"not rehearsed: {clean_line(', '.join(found.not_rehearsed))}")
    out += [f"stayed empty: {clean_line(name)}: {clean_line(why)}" for name, why in found.empty.items()]
    return out


def _shade(migration: Rehearsed) -> str | None:
    shade = _COLORS.get(migration.verdict)
    return None if migration.ok and shade != "yellow" else shade


def _costs(cost: Cost | None) -> tuple[str, str]:
    if cost is None:
        return "", ""
    if cost.scaled_rows_written is None or cost.scaled_seconds is None:
        return duration(cost.seconds), f"{cost.rows_written:,}"
    return f"~{duration(cost.scaled_seconds)}", f"{cost.scaled_rows_written:,}"


def _rollback(migration: Rehearsed) -> str:
    found = migration.rollback
    if found is None:
        return ""
    loses = ", ".join(f"{name} {count}" for name, count in found.loses.items())
    return f"{found.state}, loses {loses}" if loses else found.state


def _details(migration: Rehearsed, platform: Platform) -> Iterator[str]:
    """Yield what the file does to rows, and which limits it may reach."""
    cost = migration.cost
    for change in migration.changes:
        if facts := list(_facts(change)):
            yield f"  {clean_line(migration.name)}: {clean_line(change.table)} {clean_line('; '.join(facts))}"
    if cost and cost.scaled_seconds is not None and cost.scaled_seconds > QUERY_SECONDS:
        time = duration(cost.scaled_seconds)
        yield f"  {clean_line(migration.name)}: about {time}; {platform.time_limit}"
    written = cost.scaled_rows_written if cost else None
    if written is not None and written > _FREE_ROWS:
        yield f"  {clean_line(migration.name)}: {platform.rows_limit.format(f'{_FREE_ROWS:,}')}"


def _facts(change: TableChange) -> Iterator[str]:
    found = change.difference
    if change.name is not None and fold(change.name) != fold(change.table):
        yield f"is now {change.name}"
    if change.moved_to:
        yield f"{plural(found.before, 'row')} moved to {', '.join(change.moved_to)} ({change.lost_by})"
    elif found.lost:
        by = _by(found.lost, change.unexplained, change.lost_by)
        yield f"{found.lost} of {plural(found.before, 'row')} lost ({by})"
    if found.gained:
        yield f"{plural(found.gained, 'row')} gained" + (f" ({change.gained_by})" if change.gained_by else "")
    for column, count in found.changed.items():
        words = change.changed_by.get(fold(column)) or change.changed_by.get("*", "")
        by = _by(count, change.unexplained_changes.get(column, 0), words)
        yield f"{change.label(column)} changed in {plural(count, 'row')} ({by})"
    for each in change.unkept:
        if not each.into:
            yield f"column {each.column} dropped with {plural(each.missing, 'value')}"
        elif each.column not in found.changed:
            kept = f"{each.kept} of {plural(each.values, 'value')} kept"
            yield f"{each.column}: {kept} in {', '.join(each.into)}"


def _by(count: int, unexplained: int, words: str) -> str:
    """Return which statements account for rows, and whether they account for all of them."""
    if not unexplained:
        return words
    if unexplained == count:
        return "nothing accounts for it"
    return f"{count - unexplained} by {words}, nothing accounts for the rest"


def values(found: Rehearsal, recovery: Sequence[RecoveryCheck] | None) -> checks.Rehearsal:
    """Return what --json prints; scaled figures are estimates."""
    return {
        "ok": found.ok,
        "platform": found.platform.name,
        "migrations": [_migration(m) for m in found.migrations],
        "not_rehearsed": list(found.not_rehearsed),
        "rows": dict(found.rows),
        "empty": dict(found.empty),
        "recovery": None if recovery is None else recovery_check.values(recovery),
    }


def _migration(m: Rehearsed) -> checks.RehearsedMigration:
    return {
        "version": m.version,
        "name": m.name,
        "file": m.file,
        "verdict": m.verdict,
        "ok": m.ok,
        "tables": [_change(change) for change in m.changes],
        "cost": _cost(m.cost) if m.cost else None,
        "rollback": {"state": m.rollback.state, "loses": dict(m.rollback.loses)} if m.rollback else None,
        **findings.values(m.diagnostics),
    }


def _cost(cost: Cost) -> checks.Cost:
    return {
        "seconds": cost.seconds,
        "rows_written": cost.rows_written,
        "scaled_seconds": cost.scaled_seconds,
        "scaled_rows_written": cost.scaled_rows_written,
    }


def _change(change: TableChange) -> checks.TableChange:
    found = change.difference
    return {
        "table": change.table,
        "table_after": change.name,
        "rows_before": found.before,
        "rows_after": found.after,
        "rows_lost": found.lost,
        "rows_lost_by": change.lost_by or None,
        "rows_lost_unexplained": change.unexplained,
        "rows_replaced": change.replaced,
        "lost_keys": [_row(found.key_columns, key) for key in found.keys],
        "moved_to": list(change.moved_to),
        "rows_gained": found.gained,
        "rows_gained_by": change.gained_by or None,
        "rows_changed": dict(found.changed),
        "rows_changed_by": dict(sorted(change.changed_by.items())),
        "rows_changed_unexplained": dict(change.unexplained_changes),
        "renamed_columns": dict(change.renamed),
        "dropped_columns": change.dropped,
        "not_kept": [_unkept(each) for each in change.unkept],
    }


def _unkept(column: UnkeptColumn) -> checks.UnkeptColumn:
    return {
        "name": column.column,
        "value_count": column.values,
        "kept_count": column.kept,
        "into": list(column.into),
        "plain": column.plain,
        "replaced": column.replaced,
        "gone": column.gone,
        "sample": [_row(column.sample_columns, row) for row in column.sample],
    }


def _row(columns: Iterable[str], row: Iterable[Any]) -> dict[str, checks.Value]:
    return {column: _json(value) for column, value in zip(columns, row, strict=True)}


def _json(value: Any) -> checks.Value:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value.hex() if isinstance(value, bytes) else value
