"""The rows and links that a DELETE, REPLACE or DROP TABLE takes from other tables through foreign keys.

`schema/cascade` follows the foreign keys. What the file itself does about a loss is decided here.
"""

from __future__ import annotations

from d1migrate.lint.expressions import is_negated
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cascade import Cascade, Consequence, Event, is_guard
from d1migrate.sql.create import parse_trigger
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import ForeignKey, Table


class CascadeLoss(NamedTuple):
    """A table that loses rows (CASCADE) or links (SET NULL, SET DEFAULT); names as the schema spells them."""

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
    replay: AnalyzedReplay, statement: ReplayedStatement, parent: str, *, itself: bool = False
) -> list[CascadeLoss]:
    """Return what other tables lose if rows of a table are deleted, each once, the nearest first.

    A table loses nothing if it has no rows, if the file drops or empties it itself, if a trigger guards it,
    or if the file puts its rows back.

    Args:
        replay: the file.
        statement: the statement that deletes.
        parent: the table, folded.
        itself: whether its references to itself count, because not all of its rows are deleted.
    """

    def is_harmless(loss: Consequence) -> bool:
        is_own = loss.event.table == parent and not itself
        return is_own or loss.key is None or _is_untouched(replay, statement, loss.event, loss.key)

    found: dict[tuple[str, tuple[str, ...]], CascadeLoss] = {}
    deleted = Event("delete", parent)
    actions = {deleted: ""}
    for loss in Cascade(statement.before).consequences([deleted], triggers=False, stop=is_harmless):
        if (key := loss.key) is None:
            continue
        # ON UPDATE CASCADE passes on what a SET NULL or SET DEFAULT has set.
        is_passed_on = loss.cause.kind == "update" and loss.action == "CASCADE"
        action = actions[loss.cause] if is_passed_on else loss.action
        actions.setdefault(loss.event, action)
        child, link = loss.event.table, (loss.event.table, key.columns)
        if link not in found and not _is_handled(replay, statement, loss.event, key):
            found[link] = CascadeLoss(
                statement.before.tables[child].name, action, key.columns, loss.cause == deleted
            )
    return list(found.values())


def _is_untouched(replay: AnalyzedReplay, statement: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether the child loses nothing: it has no rows or no links, or is guarded."""
    return (
        replay.is_empty(loss.table, statement)
        or _is_guarded(statement.before.tables[loss.table], loss, key)
        or _is_unlinked(replay, statement, statement.before.ids[loss.table], key)
    )


def _is_handled(replay: AnalyzedReplay, statement: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether the file handles the loss: the child is dropped anyway, or its rows are put back."""
    number = statement.before.ids[loss.table]
    dropped = number not in replay.after.names and not _is_copied_after(replay, statement, number)
    return (
        dropped or _is_column_dropped(replay, number, loss, key) or _is_put_back(replay, statement, loss, key)
    )


def _is_column_dropped(replay: AnalyzedReplay, number: int, loss: Event, key: ForeignKey) -> bool:
    """Whether the column of a link that is cleared is dropped anyway."""
    now = replay.after.name_of(number)
    if loss.kind == "delete" or now is None:
        return False
    remaining = {fold(column.name) for column in replay.after.tables[now].columns}
    return not {fold(column) for column in key.columns} & remaining


def _is_guarded(child: Table, loss: Event, key: ForeignKey) -> bool:
    """Whether a trigger stops the action of the foreign key: RAISE(IGNORE) before DELETE or UPDATE."""
    columns = {fold(column) for column in key.columns}
    guards = (parse_trigger(trigger.sql) for trigger in child.triggers if is_guard(trigger))
    return any(
        guard and guard.event.lower() == loss.kind and columns >= set(map(fold, guard.columns))
        for guard in guards
    )


def _is_copied_after(replay: AnalyzedReplay, statement: ReplayedStatement, number: int) -> bool:
    """Whether a later statement copies what is left of a table; counting its rows is no copy."""
    copies = replay.lineage.copies_of_table(number)
    return any(copy.statement.index > statement.index and copy.keeps is not False for copy in copies)


def _is_put_back(replay: AnalyzedReplay, statement: ReplayedStatement, loss: Event, key: ForeignKey) -> bool:
    """Whether the file copies what a table would lose into another table before, and back afterwards."""
    number = statement.before.ids[loss.table]
    held = _held_in(replay, statement, loss, key)
    return any(
        writer.index > statement.index
        and any(t.kind == "read" and writer.before.ids.get(t.table) in held for t in writer.accesses)
        and (writer.verb == "update" or _restores(replay, statement, writer, loss, held))
        for writer in (replay.writers.get(number, ()) if held else ())
        if writer.verb != "delete"
    )


def _held_in(replay: AnalyzedReplay, statement: ReplayedStatement, loss: Event, key: ForeignKey) -> set[int]:
    """Return the tables that hold, before a statement, everything that a child would lose by it.

    Rows without a link lose nothing: a copy may omit them.
    """
    number, table = statement.before.ids[loss.table], statement.before.tables[loss.table]
    links = {fold(column) for column in key.columns}
    stored = {fold(column.name) for column in table.columns if not column.generated}
    lost = stored if loss.kind == "delete" else links
    columns = replay.columns.at(number, statement.index)
    copied, complete = dict[tuple[int, int], set[str]](), set[tuple[int, int]]()
    for name in lost & columns.keys():
        for copy in replay.lineage.copies_of(columns[name]):
            if copy.adds and copy.keeps is not False and copy.statement.index < statement.index:
                place = (copy.statement.index, copy.into.table)
                copied.setdefault(place, set()).add(name)
                if not copy.omits or (name in links and copy.omits_only_nulls):
                    complete.add(place)
    return {place[1] for place, names in copied.items() if names >= lost and place in complete} - {number}


def _restores(
    replay: AnalyzedReplay,
    statement: ReplayedStatement,
    insert: ReplayedStatement,
    loss: Event,
    held: Collection[int],
) -> bool:
    """Whether an INSERT puts back all rows or links that a statement before it has taken."""
    copies = [copy for copy in replay.lineage.copies_by(insert) if copy.source.table in held]
    if not any(not copy.picks or copy.omits_only_nulls for copy in copies):
        return False
    if loss.kind == "delete" or insert.replaces or "UPDATE" in insert.words:
        return True
    # Rows that only lost a link still exist, and the INSERT would conflict with them.
    writers = replay.writers.get(statement.before.ids[loss.table], ())
    return any(w.verb == "delete" and statement.index < w.index < insert.index for w in writers)


def _is_unlinked(replay: AnalyzedReplay, statement: ReplayedStatement, number: int, key: ForeignKey) -> bool:
    """Whether the file itself first clears the links of all rows: `SET key = NULL`, or `= -key`."""
    for update in replay.updates.get(number, ()):
        if update.index > statement.index:
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


def sentence(losses: Sequence[CascadeLoss]) -> str:
    """Describe losses: `deletes the rows of a and b, and sets c.x to NULL`."""
    rows = list(dict.fromkeys(loss.child for loss in losses if loss.action == "CASCADE"))
    parts = [f"deletes the rows of {_listed(rows)}"] if rows else []
    parts += [str(loss) for loss in losses if loss.action != "CASCADE"]
    return ", and ".join(parts)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
