"""Whose rows a statement takes without naming them: through foreign keys, to any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.expressions import is_negated
from d1migrate.schema.cascade import Cascade, Consequence, Event, is_guard
from d1migrate.sql.create import parse_trigger
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import ForeignKey, Table


class CascadeLoss(NamedTuple):
    """A table that loses rows (CASCADE) or links (SET NULL, SET DEFAULT); names as the schema has them."""

    child: str
    action: str
    columns: tuple[str, ...]
    direct: bool

    def __str__(self) -> str:
        if self.action == "CASCADE":
            return f"deletes the rows of {self.child}"
        to = "NULL" if self.action == "SET NULL" else "its default"
        return f"sets {', '.join(f'{self.child}.{c}' for c in self.columns)} to {to}"


def cascade_losses(
    replay: Replay, ran: ReplayedStatement, parent: str, *, itself: bool = False
) -> list[CascadeLoss]:
    """Return what deleting the rows of a table takes from others, each named once, in order of distance.

    What holds no row, is dropped or emptied by the file itself, is guarded, or is put back, is not at stake.

    Args:
        replay: the file.
        ran: the statement that deletes.
        parent: the table, folded.
        itself: whether the table's references to itself count: not all of its rows are deleted.
    """

    def is_harmless(loss: Consequence) -> bool:
        is_own = loss.event.table == parent and not itself
        return is_own or loss.key is None or _is_untouched(replay, ran, loss.event, loss.key)

    found: dict[tuple[str, tuple[str, ...]], CascadeLoss] = {}
    deleted = Event("delete", parent)
    actions = {deleted: ""}
    for loss in Cascade(ran.before).consequences([deleted], triggers=False, stop=is_harmless):
        if (key := loss.key) is None:
            continue
        # ON UPDATE CASCADE passes on what a SET NULL or SET DEFAULT has set.
        is_passed_on = loss.cause.kind == "update" and loss.action == "CASCADE"
        action = actions[loss.cause] if is_passed_on else loss.action
        actions.setdefault(loss.event, action)
        child, link = loss.event.table, (loss.event.table, key.columns)
        if link not in found and not _is_meant(replay, ran, loss.event, key):
            found[link] = CascadeLoss(
                ran.before.tables[child].name, action, key.columns, loss.cause == deleted
            )
    return list(found.values())


def _is_untouched(replay: Replay, ran: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether nothing happens to the child: it holds no row or no link, or is guarded."""
    return (
        replay.is_empty(loss.table, ran)
        or _is_guarded(ran.before.tables[loss.table], loss, key)
        or _is_unlinked(replay, ran, ran.before.ids[loss.table], key)
    )


def _is_meant(replay: Replay, ran: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether what happens to the child is no loss: it is dropped anyway, or its rows are put back."""
    number = ran.before.ids[loss.table]
    dropped = number not in replay.survivors and not _is_copied_after(replay, ran, number)
    return dropped or _is_column_dropped(replay, number, loss, key) or _is_put_back(replay, ran, loss, key)


def _is_column_dropped(replay: Replay, number: int, loss: Event, key: ForeignKey) -> bool:
    """Whether the column of a link that is cleared is dropped anyway."""
    now = replay.after.name_of(number)
    if loss.kind == "delete" or now is None:
        return False
    there = {fold(column.name) for column in replay.after.tables[now].columns}
    return not {fold(column) for column in key.columns} & there


def _is_guarded(child: Table, loss: Event, key: ForeignKey) -> bool:
    """Whether a trigger keeps the foreign key from acting: RAISE(IGNORE) before it deletes or updates."""
    columns = {fold(column) for column in key.columns}
    guards = (parse_trigger(trigger.sql) for trigger in child.triggers if is_guard(trigger))
    return any(
        guard and guard.event.lower() == loss.kind and columns >= set(map(fold, guard.columns))
        for guard in guards
    )


def copies(replay: Replay, number: int) -> list[ReplayedStatement]:
    """Return the statements that copy rows of a table into another."""
    return [
        ran
        for ran in replay.readers.get(number, ())
        if _into(ran) != number and not _aggregates(ran) and _reads_columns(ran, number)
    ]


_AGGREGATES = frozenset("COUNT SUM TOTAL AVG MIN MAX GROUP_CONCAT STRING_AGG".split())


def _aggregates(ran: ReplayedStatement) -> bool:
    """Whether a statement sums rows up rather than copy them."""
    calls = zip(ran.tokens, ran.tokens[1:], strict=False)
    return "GROUP" in ran.words or any(a.keyword in _AGGREGATES and b.text == "(" for a, b in calls)


def _reads_columns(ran: ReplayedStatement, number: int) -> bool:
    return any(t.kind == "read" and t.column and ran.before.ids.get(t.table) == number for t in ran.accesses)


def _into(ran: ReplayedStatement) -> int | None:
    """Return the number of the table a statement adds rows to."""
    name = ran.shape.name if ran.verb == "create table" else ran.target
    return ran.after.ids.get(name)


def _is_copied_after(replay: Replay, ran: ReplayedStatement, number: int) -> bool:
    return any(copy.index > ran.index for copy in copies(replay, number))


def _is_put_back(replay: Replay, ran: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether the file copies aside what a table would lose before a statement, and from there back."""
    number, table = ran.before.ids[loss.table], ran.before.tables[loss.table]
    stored = {fold(column.name) for column in table.columns if not column.generated}
    lost = stored if loss.kind == "delete" else {fold(column) for column in key.columns}
    aside = {
        _into(copy)
        for copy in copies(replay, number)
        if copy.index < ran.index
        and _is_whole(copy)
        and lost <= {t.column for t in copy.accesses if copy.before.ids.get(t.table) == number}
    }
    if not aside:
        return False
    return any(
        back.index > ran.index
        and any(back.before.ids.get(t.table) in aside for t in back.accesses if t.kind == "read")
        for back in replay.writers.get(number, ())
        if back.verb == "update"
        or (back.verb != "delete" and _is_whole(back) and _writes(replay, ran, back, loss))
    )


def _writes(replay: Replay, ran: ReplayedStatement, back: ReplayedStatement, loss: Event) -> bool:
    """Whether an INSERT brings links back: where only these were cut, the rows are there, in its way."""
    if loss.kind == "delete" or back.verb == "replace" or {"REPLACE", "UPDATE"} & set(back.words):
        return True
    number = back.before.ids.get(back.target)
    writers = replay.writers.get(number, ()) if number is not None else ()
    return any(w.verb == "delete" and ran.index < w.index < back.index for w in writers)


def _is_whole(copy: ReplayedStatement) -> bool:
    """Whether a copy takes all rows, or all that have a link: `… WHERE key IS NOT NULL`."""
    words = set(copy.words)
    where = [token.text.upper() for token in copy.tokens[-4:]]
    picks = words & {"LIMIT", "JOIN", "GROUP", "DISTINCT", "EXCEPT", "INTERSECT"}
    return not picks and ("WHERE" not in words or where[1:] == ["IS", "NOT", "NULL"])


def _is_unlinked(replay: Replay, ran: ReplayedStatement, number: int, key: ForeignKey) -> bool:
    """Whether the file itself takes the links of all rows away before: `SET key = NULL`, or `= -key`."""
    for update in replay.updates.get(number, ()):
        if update.index > ran.index:
            continue
        if update.has_where and [t.text.upper() for t in update.tokens[-2:]] not in _ALL_LINKS:
            continue
        values = update.sets()
        if any(
            (value := values.get(fold(column)))
            and (is_negated(value, fold(column)) or [token.keyword for token in value] == ["NULL"])
            for column in key.columns
        ):
            return True
    return False


_ALL_LINKS = ([">", "0"], ["NOT", "NULL"])  # … WHERE key > 0, … WHERE key IS NOT NULL


def sentence(stakes: Sequence[CascadeLoss]) -> str:
    """Say what is at stake: `deletes the rows of a and b, and sets c.x to NULL`."""
    rows = list(dict.fromkeys(stake.child for stake in stakes if stake.action == "CASCADE"))
    parts = [f"deletes the rows of {_listed(rows)}"] if rows else []
    parts += [str(stake) for stake in stakes if stake.action != "CASCADE"]
    return ", and ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
