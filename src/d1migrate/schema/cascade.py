"""What follows when rows are deleted or changed: the one walk over foreign keys and triggers, to any depth.

It reads the schema alone and follows every action that SQLite may take, whatever the rows hold: it reports
too much rather than too little. Callers that know more stop it: the linter at children without rows, a
rehearsal at actions that the file does not ask for.
"""

from __future__ import annotations

from functools import lru_cache

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import parent_columns
from d1migrate.schema.queries import changed_columns, replaces_on_conflict
from d1migrate.sql.create import parse_table, parse_trigger
from d1migrate.sql.definitions import TriggerDefinition
from d1migrate.sql.names import fold
from d1migrate.sql.statement import trigger_effects
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Literal

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import ForeignKey, Trigger
    from d1migrate.sql.statement import Effect

ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT")
"""The actions of a foreign key that change rows; RESTRICT and NO ACTION refuse the statement."""


class Event(NamedTuple):
    """Something that happens to rows of a table; names are folded.

    Attributes:
        kind: what happens; `drop` is the DELETE that DROP TABLE implies, which fires no trigger of the table.
        table: the table or view.
        columns: for an update, the columns that are set, and those that follow from them.
        replaces: whether the statement has REPLACE, which then also applies in its triggers.
    """

    kind: Literal["delete", "drop", "insert", "update"]
    table: str
    columns: frozenset[str] = frozenset()
    replaces: bool = False


class Consequence(NamedTuple):
    """An event, and why it happens.

    Attributes:
        event: what happens.
        cause: the event that it follows from.
        key: the foreign key that acts; None if a trigger does.
        trigger: the trigger that acts, or acted before on the way here; None if only foreign keys did.
        effect: what that trigger's body does; None if a foreign key acts.
    """

    event: Event
    cause: Event
    key: ForeignKey | None = None
    trigger: Trigger | None = None
    effect: Effect | None = None

    @property
    def action(self) -> str:
        """The foreign key's action, such as `SET NULL`; "" if a trigger acts."""
        if self.key is None:
            return ""
        return self.key.on_update if self.cause.kind == "update" else self.key.on_delete


class Cascade:
    """The foreign keys and triggers of a schema, to be followed.

    Args:
        catalog: the schema.
        renamed: tables with columns that were renamed since: an update of these may change any column.
    """

    def __init__(self, catalog: Catalog, *, renamed: Collection[str] = ()) -> None:
        self._catalog, self._renamed = catalog, renamed

    def events(self, effect: Effect, *, replaces: bool = False) -> list[Event]:
        """Return what an effect of a statement does to rows.

        Args:
            effect: the effect; one that changes no rows causes no event.
            replaces: whether it is in a trigger that a statement with REPLACE fires.
        """
        replaces = replaces or effect.replaces
        table = self._catalog.tables.get(effect.table)
        deletes = replaces or (table is not None and replaces_on_conflict(table))
        found: list[Event] = []
        match effect.kind:
            case "delete" | "drop":
                return [Event(effect.kind, effect.table)]
            case "insert":
                found.append(Event("insert", effect.table, replaces=replaces))
                if effect.sets:  # ON CONFLICT DO UPDATE
                    found.append(self._update(effect.table, effect.sets, replaces=replaces))
            case "update":
                found.append(self._update(effect.table, effect.sets, replaces=replaces))
        return [*found, Event("delete", effect.table)] if found and deletes else found

    def consequences(
        self,
        events: Iterable[Event],
        *,
        triggers: bool = True,
        stop: Callable[[Consequence], bool] = lambda _: False,
    ) -> Iterator[Consequence]:
        """Yield what follows from events, the nearest first; each event is followed once.

        Args:
            events: what happens.
            triggers: whether to follow triggers too.
            stop: whether a consequence is left out, with all that would follow from it.
        """
        todo: list[tuple[Event, Trigger | None]] = [(event, None) for event in events]
        seen = {event for event, _ in todo}
        for event, trigger in todo:  # it grows meanwhile
            for found in self._following(event, trigger, triggers=triggers):
                if stop(found):
                    continue
                yield found
                if found.event not in seen:
                    seen.add(found.event)
                    todo.append((found.event, found.trigger))

    def fired(self, events: Iterable[Event]) -> Iterator[Trigger]:
        """Yield the triggers that events fire, and those that fire because of what follows from them."""
        happening = dict.fromkeys(events)
        happening |= dict.fromkeys(found.event for found in self.consequences(happening))
        for event in happening:
            yield from self._fired(event)

    def _following(self, event: Event, trigger: Trigger | None, *, triggers: bool) -> Iterator[Consequence]:
        for child, key in self._catalog.references(event.table) if event.kind != "insert" else ():
            yield from self._by_key(event, child, key, trigger)
        for fired in self._fired(event) if triggers else ():
            for effect in _effects(fired.sql):
                for found in self.events(effect, replaces=event.replaces):
                    yield Consequence(found, event, trigger=fired, effect=effect)

    def _by_key(
        self, event: Event, child: str, key: ForeignKey, trigger: Trigger | None
    ) -> Iterator[Consequence]:
        action = key.on_update if event.kind == "update" else key.on_delete
        if action not in ACTIONS or (event.kind == "update" and not self._refers(event, key)):
            return
        if event.kind != "update" and action == "CASCADE":
            yield Consequence(Event("delete", child), event, key, trigger)
            return
        # An action never replaces rows: it aborts, whatever ON CONFLICT the child's constraint has.
        yield Consequence(self._update(child, map(fold, key.columns)), event, key, trigger)

    def _refers(self, event: Event, key: ForeignKey) -> bool:
        """Whether a foreign key refers to a column that an update sets."""
        parent = self._catalog.tables.get(event.table)
        to = set(map(fold, parent_columns(parent, key))) if parent else set()
        return not to or bool(to & event.columns)

    def _fired(self, event: Event) -> Iterator[Trigger]:
        table = self._catalog.tables.get(event.table)
        on_view = (t for t in self._catalog.view_triggers.values() if fold(t.table) == event.table)
        for trigger in (*(table.triggers if table else ()), *on_view):
            definition = _parsed(trigger.sql)
            columns = set(map(fold, definition.columns))  # of UPDATE OF
            if definition.event.lower() == event.kind and (not columns or columns & event.columns):
                yield trigger

    def _update(self, table: str, sets: Iterable[str], *, replaces: bool = False) -> Event:
        """Return the update of a table that sets some columns: with those that follow from them."""
        sets, known = frozenset(sets), self._catalog.tables.get(table)
        definition = parse_table(known.sql) if known and sets else None
        if definition is None:
            return Event("update", table, sets, replaces)
        if table in self._renamed:
            return Event("update", table, frozenset(fold(c.name) for c in definition.columns), replaces)
        return Event("update", table, frozenset(changed_columns(definition, sets)), replaces)


@lru_cache(maxsize=256)  # a walk asks for the same trigger at every statement of a file
def _parsed(sql: str) -> TriggerDefinition:
    return parse_trigger(sql) or TriggerDefinition("", "", "", "")


@lru_cache(maxsize=256)
def _effects(sql: str) -> tuple[Effect, ...]:
    return tuple(trigger_effects(_parsed(sql)))


def columns_set(found: Iterable[Consequence]) -> dict[str, set[str]]:
    """Return {table: columns that are set} by some consequences."""
    columns: dict[str, set[str]] = {}
    for each in found:
        if each.event.kind == "update":
            columns.setdefault(each.event.table, set()).update(each.event.columns)
    return columns


def dependants(catalog: Catalog, tables: Iterable[str]) -> list[str]:
    """Return tables, and after them those that reference them, directly or through others; all folded.

    Whatever the action of the foreign keys: without one, a row of them may still lose its parent.
    """
    found = dict.fromkeys(tables)
    todo = list(found)
    for parent in todo:  # it grows meanwhile
        for child, _ in catalog.references(parent):
            if child not in found:
                found[child] = None
                todo.append(child)
    return todo


def is_guard(trigger: Trigger) -> bool:
    """Whether a trigger makes SQLite leave rows alone: BEFORE DELETE or UPDATE, `SELECT RAISE(IGNORE)`."""
    definition = _parsed(trigger.sql)
    if definition.timing != "BEFORE" or definition.when or len(definition.body) != 1:
        return False
    return [token.text.upper() for token in significant(definition.body[0])] == _IGNORES


_IGNORES = ["SELECT", "RAISE", "(", "IGNORE", ")"]
