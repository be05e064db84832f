"""A database's schema as frozen values.

What can be read from the fields alone is a property here. What needs the SQL parsed is a function in `keys`
or `queries`, so that the values stay cheap to import.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column. `default` is SQL text; `primary_key` counts from 1 within the key and is 0 outside it."""

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    primary_key: int = 0
    generated: bool = False


class Index(NamedTuple):
    """An index; `columns` has None for an expression. `sql` is None if a constraint created it."""

    name: str
    unique: bool
    columns: tuple[str | None, ...]
    sql: str | None


class ForeignKey(NamedTuple):
    """A foreign key; `to` has None if it names no parent columns and so refers to the primary key."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str | None, ...]
    on_delete: str
    on_update: str


class Trigger(NamedTuple):
    """A trigger on a table or view."""

    name: str
    table: str
    sql: str


class View(NamedTuple):
    """A view."""

    name: str
    sql: str


class Table(NamedTuple):
    """A table, also a virtual one; `sql` is the text that SQLite stores."""

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

    `triggers` are those on views; a table has its own.
    """

    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    triggers: tuple[Trigger, ...] = ()
