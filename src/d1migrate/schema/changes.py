"""What turns one schema into another, as values in the order they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from d1migrate.schema.model import Table


class Drop(NamedTuple):
    """An index, trigger or view goes; `kind` is that word in lower case."""

    kind: str
    name: str


class Create(NamedTuple):
    """An object of any kind comes: `sql` is its CREATE statement."""

    kind: str
    name: str
    sql: str


class DropTable(NamedTuple):
    """A table goes, with its indexes, triggers and rows."""

    table: Table


class AddColumn(NamedTuple):
    """ALTER TABLE … ADD COLUMN.

    `definition` is the column's SQL, `value` an expression for the rows there are.
    """

    table: str
    column: str
    definition: str
    value: str | None = None


class DropColumn(NamedTuple):
    """ALTER TABLE … DROP COLUMN."""

    table: str
    column: str


class RebuildTable(NamedTuple):
    """A table is rebuilt under its name, and keeps its rows.

    Attributes:
        old, new: the two.
        values: (column of the new one, SQL over the old one's columns) of those that are filled; the others
            get their default.
    """

    old: Table
    new: Table
    values: tuple[tuple[str, str], ...]

    @property
    def dropped(self) -> tuple[str, ...]:
        """The columns whose values are not in the new table: they are not, or are computed there."""
        there = {fold(column.name) for column in self.new.columns if not column.generated}
        return tuple(c.name for c in self.old.columns if fold(c.name) not in there and not c.generated)


class RebuildVirtual(NamedTuple):
    """A virtual table is made anew.

    Attributes:
        old, new: the two.
        filled_by: where its rows come from: itself, the table it indexes, or nowhere, for it has none.
        values: (column of the new one, SQL over the old one's columns), where they come from itself.
        dropped: columns of the old one whose values are gone.
    """

    old: Table
    new: Table
    filled_by: Literal["itself", "content", "nothing"]
    values: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()


class Reindex(NamedTuple):
    """A full-text table reads again the table that it indexes."""

    table: str


Change = Drop | Create | DropTable | AddColumn | DropColumn | RebuildTable | RebuildVirtual | Reindex


class Missing(NamedTuple):
    """A value that rows need and nothing gives: for a column that is, or becomes, NOT NULL."""

    table: str
    column: str
    is_new: bool


class Diff(NamedTuple):
    """What turns one schema into another, and the values it takes that are not known."""

    changes: tuple[Change, ...] = ()
    missing: tuple[Missing, ...] = ()

    @property
    def lost(self) -> tuple[tuple[str, str | None], ...]:
        """Return (table, column) of the columns whose values go; the column is None where the table goes."""
        found: list[tuple[str, str | None]] = []
        for change in self.changes:
            if isinstance(change, DropTable):
                found.append((change.table.name, None))
            elif isinstance(change, DropColumn):
                found.append((change.table, change.column))
            elif isinstance(change, RebuildTable | RebuildVirtual):
                found += [(change.old.name, column) for column in change.dropped]
        return tuple(found)
