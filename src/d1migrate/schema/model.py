"""A database's schema as frozen values.

What can be read from the fields alone is a property here. What needs the SQL parsed is a function in `keys`
or `queries`, so that the values stay cheap to import.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple


class Column(NamedTuple):
    """A column.

    Attributes:
        name: its name.
        type: its declared type, or "".
        not_null: whether it is NOT NULL.
        default: its default as SQL, or None.
        primary_key: its position in the primary key, from 1; 0 outside it.
        generated: whether it is computed from other columns.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    primary_key: int = 0
    generated: bool = False


class Index(NamedTuple):
    """An index.

    Attributes:
        name: its name.
        unique: whether it is UNIQUE.
        columns: its columns; None for an expression.
        sql: the CREATE INDEX; None if a constraint created it.
    """

    name: str
    unique: bool
    columns: tuple[str | None, ...]
    sql: str | None


class ForeignKey(NamedTuple):
    """A foreign key.

    Attributes:
        columns: its columns.
        table: the table that it references.
        to: the referenced columns; None for each if it names none, and so references the primary key.
        on_delete, on_update: its actions, such as CASCADE.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str | None, ...]
    on_delete: str
    on_update: str


class Trigger(NamedTuple):
    """A trigger.

    Attributes:
        name: its name.
        table: its table or view.
        sql: the CREATE TRIGGER.
    """

    name: str
    table: str
    sql: str


class View(NamedTuple):
    """A view.

    Attributes:
        name: its name.
        sql: the CREATE VIEW.
    """

    name: str
    sql: str


class Table(NamedTuple):
    """A table, also a virtual one.

    Attributes:
        name: its name.
        sql: the CREATE TABLE, as SQLite stores it.
        columns, indexes, foreign_keys, triggers: what belongs to it.
    """

    name: str
    sql: str
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    triggers: tuple[Trigger, ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key, in its order; empty if the table has none."""
        return tuple(c.name for c in sorted(self.columns, key=lambda c: c.primary_key) if c.primary_key)

    @property
    def is_virtual(self) -> bool:
        """Whether it is a virtual table."""
        return self.sql[:20].upper() == "CREATE VIRTUAL TABLE"  # as SQLite stores it


class Schema(NamedTuple):
    """Everything in a database, without its history tables and the internal tables of SQLite and D1.

    Attributes:
        tables: the tables, each with its indexes, foreign keys and triggers.
        views: the views.
        triggers: the triggers on views.
    """

    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    triggers: tuple[Trigger, ...] = ()
