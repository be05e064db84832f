"""A schema that is looked up by name and followed, statement by statement, through its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from d1migrate.schema.model import Schema, Table, Trigger, View
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.schema.model import ForeignKey

T = TypeVar("T")


class Catalog(NamedTuple):
    """A schema by name; it never changes, `changed` returns another. All keys are folded names.

    Attributes:
        tables: the tables.
        ids: which table goes by a name: a number that it keeps when it is renamed.
        views: the views.
        view_triggers: the triggers on views.
        owners: for an index or trigger, the table or view it is on.
        children: for a table, those with a foreign key to it.
    """

    tables: dict[str, Table] = {}  # noqa: RUF012 - never changed in place
    ids: dict[str, int] = {}  # noqa: RUF012
    views: dict[str, View] = {}  # noqa: RUF012
    view_triggers: dict[str, Trigger] = {}  # noqa: RUF012
    owners: dict[str, str] = {}  # noqa: RUF012
    children: dict[str, frozenset[str]] = {}  # noqa: RUF012

    @classmethod
    def of(cls, schema: Schema) -> Catalog:
        """Return the catalog of a schema; its tables are numbered from 0."""
        tables = {fold(table.name): table for table in schema.tables}
        return cls().changed(
            tables,
            {name: number for number, name in enumerate(tables)},
            views={fold(view.name): view for view in schema.views},
            view_triggers={fold(trigger.name): trigger for trigger in schema.triggers},
        )

    @property
    def schema(self) -> Schema:
        """The same as a Schema."""
        return Schema(
            tuple(self.tables.values()), tuple(self.views.values()), tuple(self.view_triggers.values())
        )

    def changed(
        self,
        tables: Mapping[str, Table | None],
        ids: Mapping[str, int],
        *,
        views: Mapping[str, View | None] | None = None,
        view_triggers: Mapping[str, Trigger | None] | None = None,
    ) -> Catalog:
        """Return the catalog with objects put in, or taken out where they are None.

        Args:
            tables: by folded name.
            ids: the numbers of those tables that have another one than before, or none yet.
            views: by folded name.
            view_triggers: by folded name.
        """
        new = Catalog(
            tables=self.tables.copy(),
            ids=self.ids.copy() if any(ids.get(name) != self.ids.get(name) for name in tables) else self.ids,
            views=self.views.copy() if views else self.views,
            view_triggers=self.view_triggers.copy() if view_triggers else self.view_triggers,
            owners=self.owners.copy(),
            children=self.children.copy() if self._links_change(tables) else self.children,
        )
        for name, table in tables.items():
            new._swap(name, self.tables.get(name), table)
        if new.ids is not self.ids:
            new.ids.update(ids)
        for view_name, view in (views or {}).items():
            _set(new.views, view_name, view)
        for trigger_name, trigger in (view_triggers or {}).items():
            _set(new.view_triggers, trigger_name, trigger)
            _set(new.owners, trigger_name, trigger and fold(trigger.table))
        return new

    def _links_change(self, tables: Mapping[str, Table | None]) -> bool:
        return any(_parents(self.tables.get(name)) != _parents(table) for name, table in tables.items())

    def _swap(self, name: str, old: Table | None, new: Table | None) -> None:
        """Put one table in the place of another; the work is that of what differs."""
        self.tables.pop(name, None)
        if new is not None:
            self.tables[name] = new
        elif old is not None:
            self.ids.pop(name)
        gone, come = (_names_on(one, other) for one, other in ((old, new), (new, old)))
        for named in gone:
            if self.owners.get(named) == name:
                del self.owners[named]
        self.owners.update(dict.fromkeys(come, name))
        before, after = _parents(old), _parents(new)
        for parent in before - after:
            self.children[parent] = self.children[parent] - {name}
        for parent in after - before:
            self.children[parent] = self.children.get(parent, frozenset()) | {name}

    def references(self, parent: str) -> Iterator[tuple[str, ForeignKey]]:
        """Yield (child, foreign key) for every foreign key to a table; names are folded."""
        for child in sorted(self.children.get(parent, ())):
            for key in self.tables[child].foreign_keys:
                if fold(key.table) == parent:
                    yield child, key

    def reached(self, tables: Iterable[str]) -> list[str]:
        """Return tables, and behind them those whose rows a DROP TABLE of them could reach; all folded."""
        todo = list(tables)
        seen = dict.fromkeys(todo)
        while todo:
            for child, _ in self.references(todo.pop(0)):
                if child not in seen:
                    seen[child] = None
                    todo.append(child)
        return list(seen)

    def triggers(self) -> Iterator[Trigger]:
        """Yield all triggers, those on views last."""
        for table in self.tables.values():
            yield from table.triggers
        yield from self.view_triggers.values()

    def name_of(self, number: int) -> str | None:
        """Return the name that a table goes by here, or None where it is gone."""
        return next((name for name, id_ in self.ids.items() if id_ == number), None)


def _names_on(table: Table | None, other: Table | None) -> list[str]:
    """Return the names of the indexes and triggers of a table that another does not have."""
    if table is None:
        return []
    pairs = (
        (table.indexes, other.indexes if other else ()),
        (table.triggers, other.triggers if other else ()),
    )
    return [fold(item.name) for mine, others in pairs if mine is not others for item in {*mine} - {*others}]


def _parents(table: Table | None) -> set[str]:
    return {fold(key.table) for key in table.foreign_keys} if table else set()


def _set(into: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value
