"""A schema for look-ups by name, and how it changes statement by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.layered import Layered
from d1migrate.schema.model import Schema, Table, Trigger, View
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d1migrate.schema.model import ForeignKey


class Catalog(NamedTuple):
    """A schema by name, immutable: `changed` returns another. All keys are folded names.

    Attributes:
        tables: the tables.
        ids: the id of the table with a name; a table keeps its id when it is renamed.
        views: the views.
        view_triggers: the triggers on views.
        owners: the table or view of an index or trigger.
        children: the tables with a foreign key to a table.
    """

    tables: Layered[Table] = Layered({})
    ids: Layered[int] = Layered({})
    views: Layered[View] = Layered({})
    view_triggers: Layered[Trigger] = Layered({})
    owners: Layered[str] = Layered({})
    children: Layered[frozenset[str]] = Layered({})

    @classmethod
    def of(cls, schema: Schema) -> Catalog:
        """Return the catalog of a schema; the ids of its tables count from 0."""
        tables = {fold(table.name): table for table in schema.tables}
        return cls().changed(
            tables,
            {name: number for number, name in enumerate(tables)},
            views={fold(view.name): view for view in schema.views},
            view_triggers={fold(trigger.name): trigger for trigger in schema.triggers},
        )

    @property
    def schema(self) -> Schema:
        """The catalog as a Schema."""
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
        """Return a catalog with objects set, or removed if they are None.

        Args:
            tables: by folded name.
            ids: the ids of tables whose id changes or that have none yet.
            views: by folded name.
            view_triggers: by folded name.
        """
        numbers = {
            name: None if table is None else ids.get(name, self.ids.get(name))
            for name, table in tables.items()
        }
        owners, children = dict[str, str | None](), dict[str, frozenset[str] | None]()
        for name, table in tables.items():
            old = self.tables.get(name)
            gone = _names_on(old, table)
            owners |= {n: None for n in gone if owners.get(n, self.owners.get(n)) == name}
            owners |= dict.fromkeys(_names_on(table, old), name)
            before, after = _parents(old), _parents(table)
            for parent in before ^ after:
                mine = children.get(parent, self.children.get(parent)) or frozenset()
                children[parent] = mine - {name} if parent in before else mine | {name}
        triggers = view_triggers or {}
        owners |= {name: trigger and fold(trigger.table) for name, trigger in triggers.items()}
        return Catalog(
            tables=self.tables.changed(tables),
            ids=self.ids.changed({n: number for n, number in numbers.items() if number != self.ids.get(n)}),
            views=self.views.changed(views or {}),
            view_triggers=self.view_triggers.changed(triggers),
            owners=self.owners.changed(owners),
            children=self.children.changed(children),
        )

    def references(self, parent: str) -> Iterator[tuple[str, ForeignKey]]:
        """Yield (child, foreign key) for every foreign key to a table; names are folded."""
        for child in sorted(self.children.get(parent, ())):
            for key in self.tables[child].foreign_keys:
                if fold(key.table) == parent:
                    yield child, key

    def triggers(self) -> Iterator[Trigger]:
        """Yield all triggers, those on views last."""
        for table in self.tables.values():
            yield from table.triggers
        yield from self.view_triggers.values()

    def name_of(self, number: int) -> str | None:
        """Return the name of the table with an id, or None if it does not exist."""
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
