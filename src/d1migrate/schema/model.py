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
    """An index; `columns` holds None for an expression. `sql` is None where a constraint made it."""

    name: str
    unique: bool
    columns: tuple[str | None, ...]
    sql: str | None


class ForeignKey(NamedTuple):
    """A foreign key; `to` holds None where it names the parent's primary key by leaving it out."""

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
    """A table, virtual ones too; `sql` is the text SQLite keeps."""

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
    """All a database holds, without its history tables and what SQLite and D1 keep for themselves.

    `triggers` are those on views; a table carries its own.
    """

    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    triggers: tuple[Trigger, ...] = ()
