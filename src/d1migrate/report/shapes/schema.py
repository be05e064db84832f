"""The shapes of `schema`: a schema, a file made of it, and the changes between two states."""

from __future__ import annotations

from typing import Literal, TypedDict

from d1migrate.report.shapes.files import GeneratedFile


class Column(TypedDict):
    """A column.

    Attributes:
        name: its name.
        type: its declared type; empty if it has none.
        not_null: whether it is NOT NULL.
        default: its default, as SQL; null if it has none.
        primary_key: its position in the primary key, from 1; null if it is not part of it.
        generated: whether it is computed from other columns.
    """

    name: str
    type: str
    not_null: bool
    default: str | None
    primary_key: int | None
    generated: bool


class Index(TypedDict):
    """An index.

    Attributes:
        name: its name.
        unique: whether it is UNIQUE.
        columns: its columns; null for an expression.
        sql: the CREATE INDEX; null if a constraint created the index.
    """

    name: str
    unique: bool
    columns: list[str | None]
    sql: str | None


class ForeignKey(TypedDict):
    """A foreign key.

    Attributes:
        columns: its columns.
        references_table: the table that it references.
        references_columns: the referenced columns, one for each column; null for the primary key.
        on_delete: what happens to a row when the referenced row is deleted, e.g. CASCADE.
        on_update: what happens to a row when the referenced key changes.
    """

    columns: list[str]
    references_table: str
    references_columns: list[str] | None
    on_delete: str
    on_update: str


class Trigger(TypedDict):
    """A trigger.

    Attributes:
        name: its name.
        table: its table or view.
        sql: the CREATE TRIGGER.
    """

    name: str
    table: str
    sql: str


class Table(TypedDict):
    """A table.

    Attributes:
        name: its name.
        sql: the CREATE TABLE, as SQLite keeps it.
        columns: its columns.
        indexes: its indexes.
        foreign_keys: its foreign keys.
        triggers: its triggers.
    """

    name: str
    sql: str
    columns: list[Column]
    indexes: list[Index]
    foreign_keys: list[ForeignKey]
    triggers: list[Trigger]


class View(TypedDict):
    """A view.

    Attributes:
        name: its name.
        sql: the CREATE VIEW.
    """

    name: str
    sql: str


class Schema(TypedDict):
    """A schema, or the one table of it that was asked for.

    Attributes:
        tables: the tables.
        views: the views.
        triggers: the triggers on views; those on tables are with their table.
    """

    tables: list[Table]
    views: list[View]
    triggers: list[Trigger]


class SchemaFile(GeneratedFile):
    """The file of `--output` or `--check`.

    Attributes:
        diff: how the file differs from what would be written, as a unified diff; null if it does not, and for
            `--output`.
    """

    diff: str | None


class Change(TypedDict):
    """An object that differs between two states of the files.

    Attributes:
        kind: table, column, foreign key, index, trigger or view.
        name: its name; a column is `table.column`, a foreign key `table(columns)`.
        change: what happens to it.
        before: SQL, or a description, of it before; null if it is added.
        after: the same after; null if it is removed.
    """

    kind: str
    name: str
    change: Literal["added", "removed", "changed"]
    before: str | None
    after: str | None


class Changes(TypedDict):
    """What differs between two states of the files, for `--between`.

    Attributes:
        source: the last migration of the first state; null before any.
        target: the last migration of the second state; null before any.
        changes: what differs.
    """

    source: str | None
    target: str | None
    changes: list[Change]
