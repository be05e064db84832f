"""What is wrong with a migration that was rehearsed: from states of a database to (code, Finding)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding
from d1migrate.lint.sqltext import is_guard
from d1migrate.lint.stakes import at_stake
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.errors import QueryError
    from d1migrate.lint.model import Ran, Replay
    from d1migrate.rehearse.model import TableChange
    from d1migrate.schema.catalog import Catalog
    from d1migrate.sql.split import Statement

TWINS = {
    "X101": ("D101", "D102", "D103", "D104", "D106"),
    "X102": ("D101", "D108", "D114", "D107"),
    "X103": ("D113", "S104"),
    "X104": ("D109", "D110"),
    "X105": ("S107",),
    "X107": ("H103",),
    "X108": ("F101", "F102", "F103", "F104", "F105", "F106", "F107", "F108"),
}
"""Which rules of the linter foresee what a rehearsal sees."""

_HELPER = re.compile(
    r"^(?:__new_|_?new_|_?old_|_?tmp_|_?temp_|_hold)|_(?:old|new|hold|tmp|temp|bak|backup|aside)$"
)
_SHOWN = 3


def lost_rows(replay: Replay, changes: Sequence[TableChange]) -> Iterator[tuple[str, Finding]]:
    """Yield the rows, and the values, that nothing in the file accounts for."""
    for change in changes:
        found = change.difference
        ran = _culprit(replay, change.table)
        if found.lost and not change.lost_by:
            keys = ", ".join(_key(key) for key in found.keys[:_SHOWN])
            more = ", …" if found.lost > _SHOWN else ""
            yield (
                "X101",
                Finding(
                    f"{change.table} lost {found.lost} of {found.before} rows ({keys}{more}), and nothing names it",
                    ran,
                ),
            )
        silent = {c: n for c, n in found.changed.items() if not ({fold(c), "*"} & change.changed_by.keys())}
        if silent:
            columns = ", ".join(f"{change.table}.{column} in {n} rows" for column, n in silent.items())
            yield "X102", Finding(f"other values in {columns}, and nothing names it", ran)


def _key(key: Sequence[object]) -> str:
    return " ".join(repr(value) for value in key)


def _culprit(replay: Replay, table: str) -> Ran | None:
    """Return the statement that takes rows from a table by foreign keys, where one does."""
    for ran in replay.of("drop table", "insert", "replace", "update"):
        parent = ran.shape.name if ran.verb == "drop table" else ran.target
        if parent in ran.before.tables and any(
            fold(stake.child) == fold(table) for stake in at_stake(replay, ran, parent, itself=True)
        ):
            return ran
    return None


def orphans(
    before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, Finding]]:
    """Yield what points nowhere and did not before, from {(table, parent): rows}."""
    for (table, parent), count in after.items():
        new = count - before.get((table, parent), 0)
        if new > 0:
            yield "X103", Finding(f"{new} rows of {table} refer to rows of {parent} that are not there")


def lost_objects(replay: Replay) -> Iterator[tuple[str, Finding]]:
    """Yield indexes, triggers and views that are gone though their table is not, and no DROP names them."""
    named = {ran.shape.name for ran in replay.of("drop index", "drop trigger", "drop view")}
    there = {name: {i.columns for i in t.indexes} for name, t in replay.after.tables.items()}
    for name, table in replay.before.tables.items():
        now = replay.after.name_of(replay.before.ids[name]) or (name if name in replay.after.tables else None)
        if now is None:
            continue
        lost = [
            f"index {index.name}"
            for index in table.indexes
            if index.sql and fold(index.name) not in replay.after.owners and index.columns not in there[now]
            and fold(index.name) not in named
        ]  # fmt: skip
        lost += [
            f"trigger {trigger.name}"
            for trigger in table.triggers
            if fold(trigger.name) not in replay.after.owners and fold(trigger.name) not in named
        ]
        if lost:
            yield "X104", Finding(f"{table.name} lost {', '.join(lost)}")


def broken_objects(replay: Replay) -> Iterator[tuple[str, Finding]]:
    """Yield views and triggers that do not work any more."""
    for broken in replay.dangling:
        yield (
            "X105",
            Finding(f"{broken.kind} {broken.name} does not work: {broken.error.split(': SQLITE')[0]}"),
        )


def leftovers(before: Catalog, after: Catalog) -> Iterator[tuple[str, Finding]]:
    """Yield helpers that a migration made and did not take away."""
    for name, table in after.tables.items():
        if name not in before.tables and _HELPER.search(name):
            yield "X106", Finding(f"table {table.name} is still there")
    earlier = {fold(trigger.name) for trigger in before.triggers()}
    for trigger in after.triggers():
        if fold(trigger.name) not in earlier and is_guard(significant(trigger.sql)):
            yield "X106", Finding(f"guard trigger {trigger.name} on {trigger.table} is still there")


def failure(error: QueryError, statements: Sequence[Statement], ran: Sequence[Ran]) -> tuple[str, Finding]:
    """Return what a migration that fails says, at the statement that does."""
    text = str(error).split(": SQLITE")[0]
    index = error.index
    at = next((r for r in ran if r.index == index), None)
    line = statements[index].line if index is not None and index < len(statements) else None
    return "X108", Finding(f"it fails on rows: {text}", at, line=line)
