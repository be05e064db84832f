"""What is wrong with a migration that was rehearsed: from states of a database to (code, Finding)."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from d1migrate.lint.cascade_loss import cascade_losses
from d1migrate.lint.check import RULES
from d1migrate.lint.indexes import serves
from d1migrate.lint.rule import Finding
from d1migrate.lint.sqltext import is_guard, replaces
from d1migrate.rehearse.expected_effects import sources
from d1migrate.rehearse.fill.virtual import parse_virtual
from d1migrate.schema.cascade import events
from d1migrate.sql.names import fold
from d1migrate.sql.statement import trigger_of
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.rehearse.model import TableChange, Unkept
    from d1migrate.schema.catalog import Catalog

TWINS = {
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
"""Which rules of the linter foresee what a rehearsal sees."""

_PREDICT_LOSS = ("D101", "D102", "D103", "D114")
_HELPER = re.compile(
    r"^(?:__new_|_?new_|_?old_|_?tmp_|_?temp_|_hold)|_(?:old|new|hold|tmp|temp|bak|backup|aside)$"
)
_SHOWN = 3


def of_rows(replay: Replay, changes: Sequence[TableChange]) -> Iterator[tuple[str, Finding]]:
    """Yield the rows, and the values, that nothing in the file accounts for."""
    for change in changes:
        found = change.difference
        ran = _culprit(replay, change.table)
        if change.unnamed:
            keys = ", ".join(_key(key) for key in found.keys[: min(_SHOWN, change.unnamed)])
            more = ", …" if change.unnamed > _SHOWN else ""
            named = found.lost - change.unnamed
            beside = f" beside {named} by {change.lost_by}" if named else ""
            yield (
                "X101",
                Finding(
                    f"{change.table} lost {change.unnamed} of {found.before} rows ({keys}{more}){beside},"
                    " and nothing in the file accounts for it",
                    ran,
                ),
            )
        if silent := change.unnamed_changes:
            columns = ", ".join(
                f"{change.table}.{change.label(column)} in {plural(n)}" for column, n in silent.items()
            )
            text = f"changed values in {columns}, and nothing in the file accounts for it"
            yield "X102", Finding(text, ran)


def of_values(replay: Replay, changes: Sequence[TableChange]) -> Iterator[tuple[str, Finding]]:
    """Yield what is gone though the file puts something of it elsewhere, or by REPLACE."""
    for change in changes:
        said = [not_kept(change.table, each) for each in change.unkept if each.into or change.name is None]
        if change.replaced:
            keys = ", ".join(_key(key) for key in change.difference.keys[: min(_SHOWN, change.replaced)])
            said.insert(0, f"REPLACE deleted {plural(change.replaced)} of {change.table} ({keys})")
        more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
        if said:
            yield "X111", Finding("; ".join([*said[:_SHOWN], *more]), _dropping(replay, change))


def not_kept(table: str, column: Unkept) -> str:
    """Say which values of a column did not arrive."""
    values = "1 value" if column.values == 1 else f"{column.values} values"
    rows = ", ".join(_key(row) for row in column.sample[: min(_SHOWN, column.missing)])
    verb, pronoun = ("is", "it was") if column.missing == 1 else ("are", "they were")
    said = f"not in {' or '.join(column.into)}{'' if column.plain else f' as {pronoun}'}"
    if column.into == (f"{table}.{column.column}",):
        said = "changed by the copy"
    if column.replaced or not column.into:
        said = "replaced by a default" if column.replaced else "copied nowhere"
    return f"{column.missing} of {values} of {table}.{column.column} {verb} {said} ({rows})"


def _dropping(replay: Replay, change: TableChange) -> ReplayedStatement | None:
    """Return the statement that drops a table or a column of it, or replaces its rows."""
    number = replay.before.ids[fold(change.table)]
    for ran in replay.of("drop table", "alter table", "insert", "replace", "update"):
        is_drop = ran.verb == "drop table" or (ran.verb == "alter table" and "DROP" in ran.words)
        if ran.before.ids.get(ran.target or ran.shape.name) == number and (
            is_drop or (change.replaced and replaces(ran))
        ):
            return ran
    return None


def plural(count: int) -> str:
    """Return `1 row`, `3 rows`."""
    return "1 row" if count == 1 else f"{count} rows"


def _key(key: Sequence[object]) -> str:
    return " ".join(repr(value) for value in key)


def _culprit(replay: Replay, table: str) -> ReplayedStatement | None:
    """Return the statement that takes rows from a table by foreign keys, where one does."""
    for ran in replay.of("drop table", "insert", "replace", "update"):
        parent = ran.shape.name if ran.verb == "drop table" else ran.target
        if parent in ran.before.tables and any(
            fold(stake.child) == fold(table) for stake in cascade_losses(replay, ran, parent, itself=True)
        ):
            return ran
    return None


def orphans(
    replay: Replay, before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, Finding]]:
    """Yield what points nowhere and did not before, from {(table, parent): rows}; names are folded."""
    earlier: Counter[tuple[str, str]] = Counter()
    for (table, parent), count in before.items():
        earlier[(_now(replay, table), _now(replay, parent))] += count
    for (table, parent), count in after.items():
        if (new := count - earlier[(table, parent)]) > 0:
            name = replay.after.tables[table].name if table in replay.after.tables else table
            refer = "refers" if new == 1 else "refer"
            yield "X103", Finding(f"{plural(new)} of {name} {refer} to rows of {parent} that are not there")


def _now(replay: Replay, table: str) -> str:
    """Return the name that a table has when the file has run."""
    number = replay.before.ids.get(table)
    return (replay.after.name_of(number) if number is not None else None) or table


def of_schema(replay: Replay) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with the schema: objects lost, broken, or left behind."""
    yield from _lost_objects(replay)
    yield from _broken_objects(replay)
    yield from _leftovers(replay.before, replay.after)


def stayed_empty(replay: Replay, counts: Mapping[str, int]) -> Iterator[tuple[str, Finding]]:
    """Yield tables without a row that the file has to do with, from {folded table: rows before it}."""
    named = {touch.table for ran in replay.statements for touch in ran.touches} | {
        r.shape.name for r in replay.statements
    }
    for name, table in replay.before.tables.items():
        is_near = name in named or any(fold(key.table) in named for key in table.foreign_keys)
        if not counts[name] and is_near and parse_virtual(table.sql) is None:
            yield "X109", Finding(f"{table.name} stayed empty, so nothing is proved about it")


def _lost_objects(replay: Replay) -> Iterator[tuple[str, Finding]]:
    """Yield indexes and triggers that are gone though their table or view is not, and no DROP names them."""
    named = {ran.shape.name for ran in replay.of("drop index", "drop trigger")}
    after = replay.after
    for name, table in replay.before.tables.items():
        now = after.name_of(replay.before.ids[name]) or (name if name in after.tables else None)
        if now is None:
            continue
        columns = {fold(column.name) for column in after.tables[now].columns}
        lost = [
            f"index {index.name}"
            for index in table.indexes
            if index.sql
            and fold(index.name) not in after.owners.keys() | named
            and not serves(after.tables[now], index)
            and all(column is None or fold(column) in columns for column in index.columns)
        ]
        lost += [
            f"trigger {t.name}" for t in table.triggers if fold(t.name) not in after.owners.keys() | named
        ]
        if lost:
            yield "X104", Finding(f"{table.name} lost {', '.join(lost)}")
    for name, trigger in replay.before.view_triggers.items():
        if fold(trigger.table) in after.views and name not in after.owners.keys() | named:
            yield "X104", Finding(f"{trigger.table} lost trigger {trigger.name}")


def _broken_objects(replay: Replay) -> Iterator[tuple[str, Finding]]:
    """Yield views and triggers that do not work any more."""
    for broken in replay.dangling:
        yield (
            "X105",
            Finding(f"{broken.kind} {broken.name} does not work: {broken.error.split(': SQLITE')[0]}"),
        )


def _leftovers(before: Catalog, after: Catalog) -> Iterator[tuple[str, Finding]]:
    """Yield helpers that a migration made and did not take away."""
    for name, table in after.tables.items():
        if name not in before.tables and _HELPER.search(name):
            yield "X106", Finding(f"table {table.name} is still there")
    earlier = {fold(trigger.name) for trigger in before.triggers()}
    for trigger in after.triggers():
        if fold(trigger.name) not in earlier and is_guard(significant(trigger.sql)):
            yield "X106", Finding(f"guard trigger {trigger.name} on {trigger.table} is still there")


# --- the verdict ---


def predicts_loss(replay: Replay) -> bool:
    """Whether the linter predicts a loss of rows: if none were lost, the right rows may be missing here."""
    return any(True for rule in RULES if rule.code in _PREDICT_LOSS for _ in rule.check(replay))


_PICKS = frozenset(
    "WHERE JOIN LIMIT HAVING CASE CONFLICT IGNORE REPLACE EXCEPT INTERSECT UNION DISTINCT GROUP".split()
)


def verdict(
    diagnostics: Sequence[Diagnostic], changes: Sequence[TableChange], rows: int, *, depends: bool
) -> str:
    """Return the verdict on a migration that ran.

    Args:
        diagnostics: what was found.
        changes: what became of the rows.
        rows: how many there were.
        depends: whether other rows could fare otherwise.
    """
    if any(d.code in ("X101", "X102") for d in diagnostics):
        return "loses rows"
    if any(d.severity == "error" and d.allowed is None and d.code != "X111" for d in diagnostics):
        return "finding"
    if gone := next((words for words, is_so in _GONE if any(map(is_so, changes))), None):
        return gone
    return f"no loss on {plural(rows)}" if depends else "no loss"


def _is_dropped(change: TableChange) -> bool:
    is_table = change.difference.lost and change.lost_by.startswith("DROP TABLE") and not change.moved_to
    is_rewritten = change.difference.changed and change.changed_by.get("*", "").startswith("DROP TABLE")
    return bool(is_table or is_rewritten or change.unkept)


_GONE: tuple[tuple[str, Callable[[TableChange], bool]], ...] = (
    ("copies partly", lambda c: any(u.plain and (u.into or c.name is None) for u in c.unkept)),
    ("transforms data", lambda c: any(u.into and not u.plain and not u.replaced for u in c.unkept)),
    ("replaces rows", lambda c: c.replaced > 0 or any(u.replaced for u in c.unkept)),
    ("drops data", _is_dropped),
)
"""The verdicts on what is gone as the file says, the first that is true."""


def depends_on_rows(told: ReplayedFile, inserts: Mapping[int, str]) -> bool:
    """Whether other rows than these could fare otherwise: statements choose among rows, or triggers do."""
    return any(_chooses(ran) for ran in told.ran) or any(
        _has_choosing_trigger(told.catalog(at), [(table, "insert")]) for at, table in inserts.items()
    )


def _chooses(ran: ReplayedStatement) -> bool:
    """Whether a statement may take some rows and leave others, itself or by a trigger."""
    is_dml = ran.verb in ("insert", "replace", "update", "delete")
    if _has_choosing_trigger(ran.before, events(ran)):
        return True
    if is_dml and not ran.words.count("SELECT") and ran.verb in ("insert", "replace"):
        return replaces(ran)
    if not is_dml and not ran.is_from_select:
        return False
    others = sources(ran) - {ran.target}
    if _PICKS & set(ran.words) or ran.words.count("SELECT") > 1 or len(others) > 1:
        return True
    there = ran.before.tables.get(ran.target)
    resolves = there is not None and "CONFLICT" in there.sql.upper() and ran.verb != "delete"
    return resolves or any(touch.by for touch in ran.touches) or (ran.verb == "update" and _cuts_links(ran))


def _cuts_links(ran: ReplayedStatement) -> bool:
    """Whether an UPDATE cuts links to the rows whose keys it changes, and only to these."""
    sets = ran.changes()
    return any(
        key.on_update in ("SET NULL", "SET DEFAULT")
        and (None in key.to or sets & {fold(column or "") for column in key.to})
        for _, key in ran.before.references(ran.target)
    )


def _has_choosing_trigger(catalog: Catalog, happening: Sequence[tuple[str, str]]) -> bool:
    """Whether events set off a trigger that is more than a plain guard."""
    for name, event in happening:
        table = catalog.tables.get(name)
        for trigger in table.triggers if table else ():
            fires = trigger_of(trigger.sql)
            if fires and fires.event == event and not is_guard(significant(trigger.sql)):
                return True
    return False
