"""A schema taken apart into facts, fine enough that two files may each have made half of a table.

How files leave them is found by replaying the files, in `lint/replay/footprints`: this package has no engine.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.normalize import canonical, normal_form
from d1migrate.schema.scope import Scope
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Schema, Table


class FactKey(NamedTuple):
    """What a fact is about.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: the object, or the part of a table, folded; for a constraint, its text.
        table: the table of a part, folded; "" for an object.
    """

    kind: str
    name: str
    table: str = ""

    @property
    def shown(self) -> str:
        """The name for a reader."""
        if self.kind == "column":
            return f"{self.table}.{self.name}"
        return f"{self.table}: {self.name}" if self.table else self.name


class Footprint(NamedTuple):
    """What a migration leaves in a schema.

    Attributes:
        migration: the file.
        changes: {fact: its new normal form, or None if it is dropped}.
        refusal: why that is incomplete or unknown; None if it is complete.
        rows: the tables whose rows it changes; the schema does not show that.
    """

    migration: Migration
    changes: Mapping[FactKey, str | None]
    refusal: str | None = None
    rows: tuple[str, ...] = ()


def facts(schema: Schema) -> dict[FactKey, str]:
    """Return {fact: its normal form} for everything in a schema.

    A table is split into itself (only its options), its columns and its constraints. The order of columns is
    left out: a column that was added later is the last one, and means the same.
    """
    scope, found = Scope.of(schema), dict[FactKey, str]()
    for table in schema.tables:
        found |= _of_table(table, scope)
    found |= {FactKey("view", fold(view.name)): canonical(view.sql, scope) for view in schema.views}
    return found | {FactKey("trigger", fold(t.name)): canonical(t.sql, scope) for t in schema.triggers}


def changes(before: Catalog, after: Catalog) -> dict[FactKey, str | None]:
    """Return how two schemas differ: {fact: its new normal form, or None if it is dropped}."""
    sides = ((before, after), (after, before))
    changed = dict.fromkeys(name for one, other in sides for name, _ in one.tables.since(other.tables))
    # REFERENCES without columns means the primary key that the parent has then.
    children = {child for name in changed for child, _ in (*before.references(name), *after.references(name))}
    ordered = [*changed, *sorted(children - changed.keys())]
    old, new = _facts_of(before, ordered, after), _facts_of(after, ordered, before)
    gone: dict[FactKey, str | None] = {key: None for key in old if key not in new}
    return gone | {key: sql for key, sql in new.items() if old.get(key) != sql}


def _facts_of(catalog: Catalog, tables: Iterable[str], other: Catalog) -> dict[FactKey, str]:
    """Return the facts of some tables, and of the views and their triggers that another schema lacks."""
    scope, found = Scope.within(catalog), dict[FactKey, str]()
    for name in tables:
        table = catalog.tables.get(name)
        found |= _of_table(table, scope) if table else {}
    views = [view for _, view in catalog.views.since(other.views)]
    triggers = [trigger for _, trigger in catalog.view_triggers.since(other.view_triggers)]
    found |= {FactKey("view", fold(view.name)): canonical(view.sql, scope) for view in views}
    return found | {
        FactKey("trigger", fold(trigger.name)): canonical(trigger.sql, scope) for trigger in triggers
    }


def _of_table(table: Table, scope: Scope) -> dict[FactKey, str]:
    name = fold(table.name)
    found = dict(_parts(name, table.sql, scope))
    found |= {FactKey("index", fold(i.name)): canonical(i.sql, scope) for i in table.indexes if i.sql}
    return found | {FactKey("trigger", fold(t.name)): canonical(t.sql, scope) for t in table.triggers}


def _parts(name: str, sql: str, scope: Scope) -> Iterator[tuple[FactKey, str]]:
    """Yield the facts in a CREATE TABLE; a virtual table is one fact."""
    table = parse_table(sql)
    if table is None:
        yield FactKey("table", name), canonical(sql, scope)
        return
    known = normal_form(table, scope)
    yield FactKey("table", name), ", ".join(known.options)
    for column, text in known.columns.items():
        yield FactKey("column", column, name), text
    for text in known.constraints():
        yield FactKey("constraint", text, name), text
