"""What a diagram shows: tables with their columns, and the cardinality of each foreign key."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import is_unique
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.schema.model import ForeignKey, Schema, Table


class Attribute(NamedTuple):
    """A column; `marks` are some of PK, FK and UK."""

    name: str
    type: str
    marks: tuple[str, ...]


class Entity(NamedTuple):
    """A table; without attributes if only a foreign key names it and the schema lacks it."""

    name: str
    attributes: tuple[Attribute, ...] = ()


class Relation(NamedTuple):
    """A foreign key.

    Attributes:
        child, parent: positions of the entities.
        column, to: positions of its first column in the child, and of the referenced one in the parent.
        label: its columns.
        optional: whether a child may have no parent, because one of the columns may be NULL.
        single: whether a parent has at most one child, because the columns are unique.
    """

    child: int
    parent: int
    column: int
    to: int
    label: str
    optional: bool
    single: bool


class Diagram(NamedTuple):
    """Entities, and the relations between them."""

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]


def diagram(schema: Schema) -> Diagram:
    """Return the diagram of a schema's tables."""
    tables = sorted(schema.tables, key=lambda table: fold(table.name))
    entities = [Entity(table.name, _attributes(table)) for table in tables]
    at = {fold(table.name): place for place, table in enumerate(tables)}
    for key in (key for table in tables for key in table.foreign_keys):
        if fold(key.table) not in at:
            at[fold(key.table)] = len(entities)
            entities.append(Entity(key.table))
    relations = tuple(
        _relation(tables, child, key, at[fold(key.table)])
        for child, table in enumerate(tables)
        for key in sorted(table.foreign_keys, key=lambda key: (key.columns, key.table))
    )
    return Diagram(tuple(entities), relations)


def _attributes(table: Table) -> tuple[Attribute, ...]:
    foreign = {fold(column) for key in table.foreign_keys for column in key.columns}
    found = []
    for column in table.columns:
        name, marks = fold(column.name), list[str]()
        if column.primary_key:
            marks.append("PK")
        if name in foreign:
            marks.append("FK")
        if not column.primary_key and is_unique(table, [name]):
            marks.append("UK")
        found.append(Attribute(column.name, column.type, tuple(marks)))
    return tuple(found)


def _relation(tables: list[Table], child: int, key: ForeignKey, parent: int) -> Relation:
    table = tables[child]
    columns = {fold(name) for name in key.columns}
    given = [column for column in table.columns if fold(column.name) in columns]
    to = 0
    if parent < len(tables):
        there = tables[parent].columns
        wanted = fold(key.to[0]) if key.to[0] else None
        to = next(
            (i for i, c in enumerate(there) if fold(c.name) == wanted or (not wanted and c.primary_key == 1)),
            0,
        )
    return Relation(
        *(child, parent),
        column=next((i for i, c in enumerate(table.columns) if fold(c.name) == fold(key.columns[0])), 0),
        to=to,
        label=", ".join(key.columns),
        optional=any(not column.not_null and not column.primary_key for column in given),
        single=is_unique(table, columns),
    )
