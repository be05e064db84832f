"""What is wrong with a rehearsed migration: yields (code, Finding) from the states before and after it."""

from __future__ import annotations

import re
from collections import Counter

from d1migrate.lint.batch_cost import over_budget
from d1migrate.lint.cascade_loss import cascade_losses
from d1migrate.lint.indexes import has_substitute
from d1migrate.lint.rule import Finding
from d1migrate.schema.cascade import is_guard
from d1migrate.sql import d1
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.rehearse.model import TableChange, UnkeptColumn
    from d1migrate.schema.catalog import Catalog

PREDICTED_BY = {
    "X112": ("P114",),
    "X101": ("D101", "D102", "D103", "D104", "D106", "D116", "D117"),
    "X102": ("D101", "D102", "D103", "D105", "D107", "D108", "D114", "D115"),
    "X111": ("D104", "D105", "D107", "D108", "D116", "D118", "D119"),
    "X103": ("D113", "S104", "S105"),
    "X104": ("D109", "D110"),
    "X105": ("S107",),
    "X107": ("H103",),
    "X108": ("F101", "F102", "F103", "F104", "F105", "F106", "F107", "F108"),
    "X110": ("F105", "F106", "F107", "F108"),
}
"""{code: the lint rules that predict it}: a suppression of one of these also covers the finding."""

_HELPER = re.compile(
    r"^(?:__new_|_?new_|_?old_|_?tmp_|_?temp_|_hold)|_(?:old|new|hold|tmp|temp|bak|backup|aside)$"
)
_SHOWN = 3


def of_rows(replay: AnalyzedReplay, changes: Sequence[TableChange]) -> Iterator[tuple[str, Finding]]:
    """Yield the lost rows and the changed values that nothing in the file accounts for."""
    for change in changes:
        found, count = change.difference, change.unexplained
        statement = _cause(replay, change.table)
        if count:
            keys = ", ".join(_key(key) for key in found.keys[: min(_SHOWN, count)])
            more = ", …" if count > _SHOWN else ""
            explained = found.lost - count
            beside = f" in addition to {explained} by {change.lost_by}" if explained else ""
            yield (
                "X101",
                Finding(
                    f"{change.table} lost {count} of {found.before} rows ({keys}{more}){beside},"
                    " and nothing in the file accounts for it",
                    statement,
                ),
            )
        if silent := change.unexplained_changes:
            columns = ", ".join(
                f"{change.table}.{change.label(column)} in {plural(n)}" for column, n in silent.items()
            )
            text = f"changed values in {columns}, and nothing in the file accounts for it"
            yield "X102", Finding(text, statement)


def of_cost(
    replay: AnalyzedReplay, costs: Mapping[int, int], budget: int | None
) -> Iterator[tuple[str, Finding]]:
    """Yield what one batch may not write, from {statement: entries}."""
    if found := over_budget(replay, costs, budget):
        yield "X112", Finding(found[1], found[0])


def of_values(replay: AnalyzedReplay, changes: Sequence[TableChange]) -> Iterator[tuple[str, Finding]]:
    """Yield the values that a copy does not keep, and the rows that REPLACE deletes."""
    for change in changes:
        texts = [_not_kept(change.table, each) for each in change.unkept if each.into or change.name is None]
        if change.replaced:
            keys = ", ".join(_key(key) for key in change.difference.keys[: min(_SHOWN, change.replaced)])
            texts.insert(0, f"REPLACE deleted {plural(change.replaced)} of {change.table} ({keys})")
        more = [f"{len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
        if texts:
            yield "X111", Finding("; ".join([*texts[:_SHOWN], *more]), _dropping(replay, change))


def _not_kept(table: str, column: UnkeptColumn) -> str:
    """Return the message for the values of a column that are not kept."""
    values = "1 value" if column.values == 1 else f"{column.values} values"
    rows = ", ".join(_key(row) for row in column.sample[: min(_SHOWN, column.missing)])
    verb, pronoun = ("is", "it was") if column.missing == 1 else ("are", "they were")
    problem = f"not in {' or '.join(column.into)}{'' if column.plain else f' as {pronoun}'}"
    if column.into == (f"{table}.{column.column}",):
        problem = "changed by the copy"
    if column.replaced or not column.into:
        problem = "replaced by a default" if column.replaced else "copied nowhere"
    return f"{column.missing} of {values} of {table}.{column.column} {verb} {problem} ({rows})"


def _dropping(replay: AnalyzedReplay, change: TableChange) -> ReplayedStatement | None:
    """Return the statement that drops a table or a column of it, or replaces its rows."""
    table_id = replay.before.ids[fold(change.table)]
    for statement in replay.of("drop table", "alter table", "insert", "replace", "update"):
        verb, name = statement.verb, statement.target or statement.shape.name
        is_drop = verb == "drop table" or (verb == "alter table" and "DROP" in statement.words)
        is_cause = is_drop or (change.replaced and statement.replaces)
        if is_cause and statement.before.ids.get(name) == table_id:
            return statement
    return None


def plural(count: int) -> str:
    """Return `1 row`, `3 rows`."""
    return "1 row" if count == 1 else f"{count} rows"


def _key(key: Sequence[object]) -> str:
    return " ".join(repr(value) for value in key)


def _cause(replay: AnalyzedReplay, table: str) -> ReplayedStatement | None:
    """Return the statement that deletes or changes rows of a table by foreign keys, if there is one."""
    for statement in replay.of("drop table", "insert", "replace", "update"):
        parent = statement.shape.name if statement.verb == "drop table" else statement.target
        if parent not in statement.before.tables:
            continue
        losses = cascade_losses(replay, statement, parent, itself=True)
        if any(fold(loss.child) == fold(table) for loss in losses):
            return statement
    return None


def orphans(
    replay: AnalyzedReplay, before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, Finding]]:
    """Yield new orphans, from {(table, parent): rows that reference a missing row}; names are folded."""
    earlier: Counter[tuple[str, str]] = Counter()
    for (table, parent), count in before.items():
        earlier[(_name_after(replay, table), _name_after(replay, parent))] += count
    for (table, parent), count in after.items():
        if (new := count - earlier[(table, parent)]) > 0:
            name = replay.after.tables[table].name if table in replay.after.tables else table
            missing = f"a row of {parent} that does" if new == 1 else f"rows of {parent} that do"
            verb = "references" if new == 1 else "reference"
            yield "X103", Finding(f"{plural(new)} of {name} {verb} {missing} not exist")


def _name_after(replay: AnalyzedReplay, table: str) -> str:
    """Return the name of a table after the file."""
    number = replay.before.ids.get(table)
    return (replay.after.name_of(number) if number is not None else None) or table


def of_schema(replay: AnalyzedReplay) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with the schema: objects that are lost, broken or left over."""
    yield from _lost_objects(replay)
    yield from _broken_objects(replay)
    yield from _leftovers(replay.before, replay.after)


def stayed_empty(replay: AnalyzedReplay, counts: Mapping[str, int]) -> Iterator[tuple[str, Finding]]:
    """Yield empty tables that the file touches, from {folded table: rows before it}."""
    named = {access.table for each in replay.statements for access in each.accesses}
    named |= {each.shape.name for each in replay.statements}
    for name, table in replay.before.tables.items():
        is_near = name in named or any(fold(key.table) in named for key in table.foreign_keys)
        if not counts[name] and is_near and not table.is_virtual:
            yield "X109", Finding(f"{table.name} stayed empty, so the rehearsal proves nothing about it")


def _lost_objects(replay: AnalyzedReplay) -> Iterator[tuple[str, Finding]]:
    """Yield indexes and triggers that are lost without a DROP, although their table or view still exists."""
    after = replay.after
    kept = {each.shape.name for each in replay.of("drop index", "drop trigger")} | after.owners.keys()
    for name, table in replay.before.tables.items():
        if after.tables.get(name) is table:
            continue
        name_after = after.name_of(replay.before.ids[name]) or (name if name in after.tables else None)
        if name_after is None:
            continue
        columns = {fold(column.name) for column in after.tables[name_after].columns}
        lost = [
            f"index {index.name}"
            for index in table.indexes
            if index.sql
            and fold(index.name) not in kept
            and not has_substitute(after.tables[name_after], index)
            and all(column is None or fold(column) in columns for column in index.columns)
        ]
        lost += [f"trigger {t.name}" for t in table.triggers if fold(t.name) not in kept]
        if lost:
            yield "X104", Finding(f"{table.name} lost {', '.join(lost)}")
    for name, trigger in replay.before.view_triggers.items():
        if fold(trigger.table) in after.views and name not in kept:
            yield "X104", Finding(f"{trigger.table} lost trigger {trigger.name}")


def _broken_objects(replay: AnalyzedReplay) -> Iterator[tuple[str, Finding]]:
    """Yield views and triggers that no longer work."""
    for broken in replay.broken:
        error = d1.error_parts(broken.error)[0]
        yield "X105", Finding(f"{broken.kind} {broken.name} does not work: {error}")


def _leftovers(before: Catalog, after: Catalog) -> Iterator[tuple[str, Finding]]:
    """Yield helper tables and guard triggers that a migration created and did not drop."""
    for name, table in after.tables.items():
        if name not in before.tables and _HELPER.search(name):
            yield "X106", Finding(f"table {table.name} is left over")
    earlier = {fold(trigger.name) for trigger in before.triggers()}
    for trigger in after.triggers():
        if fold(trigger.name) not in earlier and is_guard(trigger):
            yield "X106", Finding(f"guard trigger {trigger.name} on {trigger.table} is left over")
