"""A desired schema, wherever it comes from, and what its source says about it."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.drafting.renames import Rename
    from d1migrate.schema.model import Schema

    ColumnName = tuple[str, str]
    """(table, column), folded."""


class SeedRow(NamedTuple):
    """A row that the application expects, such as a content type of Django. Its statements can be repeated.

    Attributes:
        table: its table.
        insert: the INSERT, which does nothing if the row exists.
        exists: a SELECT of one value: whether the row exists.
        delete: the DELETE of a rollback; None if the row stays then.
        notes: what a person has to do when the row is new; as in `Models`.
        updates: whether `insert` is an UPDATE of rows that may exist. A new table needs none.
        renames: the renames that come with the row, as those of its migration do in Django's history.
        drops: the tables that the application no longer has since then.
    """

    table: str
    insert: str
    exists: str
    delete: str | None = None
    notes: tuple[str, ...] = ()
    updates: bool = False
    renames: tuple[Rename, ...] = ()
    drops: tuple[str, ...] = ()


class Models(NamedTuple):
    """What a source with the tables of an application says, beside its tables.

    Such a source owns its tables, with their columns, constraints and indexes. Everything else in a database
    stays: triggers, views, virtual tables, other tables.

    Attributes:
        source: the source, as it was given: `python:app.models:Base.metadata`.
        classes: {folded table: the class that declares it}, as far as there is one.
        defaults: {column: SQL} of the values that the application, not the database, gives to new rows.
        functions: {column: the name of the function} that gives a value to each new row.
        left_out: {folded table: the class} of the application's tables that were not asked for.
        rows: the rows that the application expects.
        notes: what a person has to do that no schema shows; comments for the file, each of one line or more.
        undeclared: which clauses of a table the models cannot declare: kinds of `schema.kept_clauses`.
    """

    source: str
    classes: Mapping[str, str] = {}
    defaults: Mapping[ColumnName, str] = {}
    functions: Mapping[ColumnName, str] = {}
    left_out: Mapping[str, str] = {}
    rows: tuple[SeedRow, ...] = ()
    notes: tuple[str, ...] = ()
    undeclared: tuple[str, ...] = ()


class Desired(NamedTuple):
    """A desired schema.

    Attributes:
        schema: the schema.
        renames: the renames that its notes declare.
        locations: {(kind, folded name): FILE:LINE} of the objects that a file creates.
        models: what a source of models says; None if `schema` is the whole schema.
    """

    schema: Schema
    renames: tuple[Rename, ...] = ()
    locations: Mapping[tuple[str, str], str] = {}
    models: Models | None = None
