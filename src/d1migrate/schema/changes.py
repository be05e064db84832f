"""The changes that turn one schema into another, as values; `alter` writes their SQL."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.schema.model import Table


class Drop(NamedTuple):
    """An index, trigger or view is dropped; `kind` is that word in lower case."""

    kind: str
    name: str


class Create(NamedTuple):
    """An object of any kind is created; `sql` is its CREATE statement."""

    kind: str
    name: str
    sql: str


class DropTable(NamedTuple):
    """A table is dropped, with its indexes, triggers and rows."""

    table: Table


class AddColumn(NamedTuple):
    """ALTER TABLE … ADD COLUMN.

    `definition` is the column's SQL, `value` an expression for the existing rows.
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
    """A table is rebuilt under its name and keeps its rows.

    Attributes:
        old, new: the table before and after.
        values: (new column, SQL over the old columns) of the columns that are filled; the others get their
            default.
    """

    old: Table
    new: Table
    values: tuple[tuple[str, str], ...]

    @property
    def dropped(self) -> tuple[str, ...]:
        """The columns whose values are lost: the new table does not have them, or computes them."""
        there = {fold(column.name) for column in self.new.columns if not column.generated}
        return tuple(c.name for c in self.old.columns if fold(c.name) not in there and not c.generated)


class RebuildVirtual(NamedTuple):
    """A virtual table is rebuilt.

    Attributes:
        old, new: the table before and after.
        filled_by: where its rows come from: itself, the table it indexes, or nothing if it stores none.
        values: (new column, SQL over the old columns), if the rows come from itself.
        dropped: old columns whose values are lost.
    """

    old: Table
    new: Table
    filled_by: Literal["itself", "content", "nothing"]
    values: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()


class Reindex(NamedTuple):
    """A full-text table is filled again from the table that it indexes."""

    table: str


Change = Drop | Create | DropTable | AddColumn | DropColumn | RebuildTable | RebuildVirtual | Reindex


class RequiredValue(NamedTuple):
    """A value that existing rows need and nothing provides: their column is, or becomes, NOT NULL."""

    table: str
    column: str
    is_new: bool


class Diff(NamedTuple):
    """The changes that turn one schema into another, and the values they need that are not known."""

    changes: tuple[Change, ...] = ()
    missing: tuple[RequiredValue, ...] = ()

    @property
    def lost(self) -> tuple[tuple[str, str | None], ...]:
        """(table, column) of each column whose values are lost; (table, None) for a dropped table."""
        found: list[tuple[str, str | None]] = []
        for change in self.changes:
            if isinstance(change, DropTable):
                found.append((change.table.name, None))
            elif isinstance(change, DropColumn):
                found.append((change.table, change.column))
            elif isinstance(change, RebuildTable | RebuildVirtual):
                found += [(change.old.name, column) for column in change.dropped]
        return tuple(found)
