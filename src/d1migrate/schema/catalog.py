"""A schema for look-ups by name, and how it changes statement by statement."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.layered import Layered
from d1migrate.schema.model import Schema, Table, Trigger, View
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d1migrate.schema.model import ForeignKey


class Catalog(NamedTuple):
    """A schema by name, immutable: `changed` returns another. All keys are folded names.

    Attributes:
        tables: the tables.
        ids: the id of the table with a name; a table keeps its id when it is renamed.
        names: the name of the table with an id.
        views: the views.
        view_triggers: the triggers on views.
        owners: the table or view of an index or trigger.
        children: the tables with a foreign key to a table.
        active: the tables with triggers, and the virtual tables: few, and they can break.
        next_id: the id of the next table that is created; all earlier ones have a lower id.
    """

    tables: Layered[str, Table] = Layered({})
    ids: Layered[str, int] = Layered({})
    names: Layered[int, str] = Layered({})
    views: Layered[str, View] = Layered({})
    view_triggers: Layered[str, Trigger] = Layered({})
    owners: Layered[str, str] = Layered({})
    children: Layered[str, frozenset[str]] = Layered({})
    active: Layered[str, Table] = Layered({})
    next_id: int = 0

    @classmethod
    def of(cls, schema: Schema) -> Catalog:
        """Return the catalog of a schema; the ids of its tables count from 0."""
        return cls().changed(
            {fold(table.name): table for table in schema.tables},
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
        *,
        renamed: Mapping[str, str] | None = None,
        views: Mapping[str, View | None] | None = None,
        view_triggers: Mapping[str, Trigger | None] | None = None,
    ) -> Catalog:
        """Return a catalog with objects set, or removed if they are None.

        Args:
            tables: by folded name.
            renamed: {new name: the name before} of tables that are renamed; both are folded.
            views: by folded name.
            view_triggers: by folded name.
        """
        ids, names, next_id = self._numbered(tables, renamed or {})
        active = {
            name: table if table and (table.triggers or table.is_virtual) else None
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
            ids=self.ids.changed(ids),
            names=self.names.changed(names),
            views=self.views.changed(views or {}),
            view_triggers=self.view_triggers.changed(triggers),
            owners=self.owners.changed(owners),
            children=self.children.changed(children),
            active=self.active.changed({n: t for n, t in active.items() if t or n in self.active}),
            next_id=next_id,
        )

    def _numbered(
        self, tables: Mapping[str, Table | None], renamed: Mapping[str, str]
    ) -> tuple[dict[str, int | None], dict[int, str | None], int]:
        """Return the changes of `ids` and of `names`, and the next id, for changed tables."""
        ids, names, next_id = dict[str, int | None](), dict[int, str | None](), self.next_id
        for name, table in tables.items():
            before = self.ids.get(name)
            now = self.ids.get(renamed.get(name, name)) if table else None
            if table and now is None:
                now, next_id = next_id, next_id + 1
            if now == before:
                continue
            ids[name] = now
            if now is not None:
                names[now] = name
            if before is not None:
                names.setdefault(before, None)
        return ids, names, next_id

    def references(self, parent: str) -> Iterator[tuple[str, ForeignKey]]:
        """Yield (child, foreign key) for every foreign key to a table; names are folded."""
        for child in sorted(self.children.get(parent, ())):
            for key in self.tables[child].foreign_keys:
                if fold(key.table) == parent:
                    yield child, key

    def triggers(self) -> Iterator[Trigger]:
        """Yield all triggers, those on views last."""
        for table in self.active.values():
            yield from table.triggers
        yield from self.view_triggers.values()

    def name_of(self, number: int) -> str | None:
        """Return the name of the table with an id, or None if it does not exist."""
        return self.names.get(number)


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
