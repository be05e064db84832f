"""The expected effect of each statement of a file: what it is meant to do to the rows of a table.

An effect is expected if words of the file account for it: DELETE, UPDATE, REPLACE, an action of a foreign
key, a trigger. `table_outcome` puts the effects on a table together, and `row_attribution` compares them with
what happened.
"""

from __future__ import annotations

from bisect import bisect_left

from d1migrate.lint.replay.model import ReplayedStatement, RowAccess
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cascade import Cascade, Consequence, Event, columns_set
from d1migrate.sql.names import fold
from d1migrate.sql.statement import Shape, target_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.schema.catalog import Catalog


class ReplayedFile:
    """The statements of a file, with the upserts that a replay leaves out.

    Attributes:
        replay: the file.
        statements: those that can do more than add rows, in order.
    """

    def __init__(self, replay: AnalyzedReplay) -> None:
        self.replay = replay
        self._starts = [statement.index for statement in replay.statements]
        self._by_index = {each.index: each for each in replay.statements if each.refusal is None}
        if replay.count > len(replay.statements):
            self._by_index |= {upsert.index: upsert for upsert in self._upserts()}
        self.statements = [statement for _, statement in sorted(self._by_index.items())]

    def _upserts(self) -> Iterator[ReplayedStatement]:
        known = set(self._starts)
        for index, statement in enumerate(self.replay.migration.statements()):
            if index in known or "CONFLICT" not in statement.sql.upper():
                continue
            table = target_of(significant(statement.sql))
            catalog = self.catalog(index)
            yield ReplayedStatement(
                index, statement, Shape("insert"), [RowAccess("insert", table, "", "")], catalog, catalog
            )

    def statement(self, index: int) -> ReplayedStatement | None:
        """Return a statement; None for one that only adds rows."""
        return self._by_index.get(index)

    def catalog(self, index: int) -> Catalog:
        """Return the schema before a statement."""
        place = bisect_left(self._starts, index)  # a statement that only adds rows leaves the schema as it is
        return self.replay.statements[place - 1].after if place else self.replay.before


class StatementEffect(NamedTuple):
    """What one statement is meant to do to one table.

    Attributes:
        lost_by: the words that delete rows, or "".
        direct_only: whether they account only for rows that the statement deletes directly. REPLACE may also
            delete rows of the same table by a foreign key or a trigger, which its words do not account for.
        linked_only: whether they are a CASCADE and a trigger deletes rows too: then they account only for
            rows with a link.
        changed_by: {column or "*": the words that change it}; folded.
    """

    lost_by: str = ""
    direct_only: bool = False
    linked_only: bool = False
    changed_by: Mapping[str, str] = {}

    def changes(self, column: str) -> bool:
        """Whether the statement is meant to change a column."""
        return column in self.changed_by or "*" in self.changed_by


def effect_on(statement: ReplayedStatement, table_id: int) -> StatementEffect | None:
    """Return what a statement is meant to do to a table, or None."""
    name = statement.before.name_of(table_id)
    if name is None or statement.verb not in _EFFECTS:
        return None
    catalog, target = statement.before, statement.target
    if catalog.tables[name].is_virtual:
        return _effect_on_virtual(statement, name)
    effect = _EFFECTS[statement.verb](statement, name)
    happening = events(statement)
    if statement.verb == "delete" and name in _deleted_by_triggers(catalog, happening):
        if target in catalog.views:
            effect = effect._replace(lost_by=f"DELETE FROM {target}", linked_only=False)
        elif target != name:
            effect = effect._replace(linked_only=True)
    changed_by = set_by_triggers(catalog, happening, name) | dict(effect.changed_by)
    return effect._replace(changed_by=changed_by) if effect.lost_by or changed_by else None


def _effect_of_delete(statement: ReplayedStatement, name: str) -> StatementEffect:
    catalog, target = statement.before, statement.target
    found = list(_by_keys(catalog, Event("delete", target)))
    changed_by = dict.fromkeys(columns_set(found).get(name, ()), f"SET NULL of DELETE FROM {target}")
    if target == name:
        return StatementEffect("DELETE", changed_by=changed_by)
    is_lost = Event("delete", name) in (each.event for each in found)
    lost_by = f"CASCADE of DELETE FROM {target}" if is_lost else ""
    return StatementEffect(lost_by, changed_by=changed_by)


def _effect_of_update(statement: ReplayedStatement, name: str) -> StatementEffect:
    catalog, target, columns = statement.before, statement.target, statement.changes()
    following = columns_set(_by_keys(catalog, Event("update", target, frozenset(columns))))
    changed_by = dict.fromkeys(following.get(name, ()), f"CASCADE of UPDATE {target}")
    if target != name:
        is_key = _key(statement, name) & changed_by.keys()
        return StatementEffect(f"CASCADE of UPDATE {target}" if is_key else "", changed_by=changed_by)
    changed_by |= dict.fromkeys(columns, "UPDATE")
    if statement.replaces:
        return StatementEffect("REPLACE", direct_only=True, changed_by=changed_by)
    is_key = _key(statement, name) & columns
    return StatementEffect("UPDATE of its key" if is_key else "", changed_by=changed_by)


def _effect_of_insert(statement: ReplayedStatement, name: str) -> StatementEffect:
    if statement.target != name:
        return StatementEffect()
    is_replace = statement.replaces
    if "CONFLICT" in statement.words:
        changed_by = dict.fromkeys(statement.changes(), "ON CONFLICT DO UPDATE")
        if _key(statement, name) & changed_by.keys():
            return StatementEffect("DO UPDATE of its key", changed_by=changed_by)
        return StatementEffect("REPLACE" if is_replace else "", is_replace, changed_by=changed_by)
    if is_replace:
        return StatementEffect("REPLACE", direct_only=True, changed_by={"*": "REPLACE"})
    return StatementEffect()


_EFFECTS = {
    "delete": _effect_of_delete,
    "update": _effect_of_update,
    "insert": _effect_of_insert,
    "replace": _effect_of_insert,
}


def _effect_on_virtual(statement: ReplayedStatement, name: str) -> StatementEffect | None:
    """Return the effect on a virtual table: a statement on the table itself, or a trigger that keeps it."""
    touched = (t.by for t in statement.accesses if t.table == name and t.kind != "read" and t.by)
    trigger = next(touched, "")
    if statement.target != name and not trigger:
        return None
    words = statement.verb.upper() if statement.target == name else f"trigger {trigger}"
    return StatementEffect(words, changed_by={"*": words})


def _key(statement: ReplayedStatement, name: str) -> set[str]:
    return set(map(fold, statement.before.tables[name].primary_key))


def columns_set_indirectly(file: ReplayedFile, index: int, table: str) -> set[str]:
    """Return the columns of a table that foreign keys and triggers set when a statement runs."""
    statement, catalog = file.statement(index), file.catalog(index)
    happening = events(statement) if statement else [Event("insert", name) for name in catalog.tables]
    if statement and statement.replaces:
        happening.append(Event("drop", statement.target))  # like DROP TABLE, REPLACE fires no DELETE trigger
    return columns_set(Cascade(catalog).consequences(happening)).get(table, set())


# --- foreign keys and triggers ---


def events(statement: ReplayedStatement) -> list[Event]:
    """Return what a statement does to rows itself, except the rows that its REPLACE deletes."""
    target, verb = statement.target, statement.verb
    if verb == "drop table":
        return [Event("drop", statement.shape.name)]
    update = Event("update", target, frozenset(statement.changes()))
    if verb in ("insert", "replace"):
        return [Event("insert", target), *([update] if "CONFLICT" in statement.words else [])]
    return {"delete": [Event("delete", target)], "update": [update]}.get(verb, [])


def _by_keys(catalog: Catalog, event: Event) -> Iterator[Consequence]:
    """Yield what foreign keys are meant to do then: an update of a key is not meant to clear links (D114)."""

    def clears(found: Consequence) -> bool:
        return event.kind == "update" and found.action != "CASCADE"

    return Cascade(catalog).consequences([event], triggers=False, stop=clears)


def set_by_triggers(catalog: Catalog, happening: Iterable[Event], table: str) -> dict[str, str]:
    """Return {column: words} for the columns of a table that triggers set when something happens."""
    return {
        column: f"trigger {found.trigger.name}"
        for found in Cascade(catalog).consequences(happening)
        if found.trigger and found.event.kind == "update" and found.event.table == table
        for column in found.event.columns
    }


def _deleted_by_triggers(catalog: Catalog, happening: Iterable[Event]) -> set[str]:
    """Return the tables that lose rows by triggers, or by foreign keys after them, when something happens."""
    found = Cascade(catalog).consequences(happening)
    return {each.event.table for each in found if each.trigger and each.event.kind == "delete"}
