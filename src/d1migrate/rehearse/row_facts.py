"""What was read about the rows of each table, so that only tables that a step touched are read again."""

from __future__ import annotations

from collections import Counter

from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from d1migrate.schema.model import Schema

Orphans = Counter[tuple[str, str]]
"""{(table, parent): how many rows reference a missing row}; names are folded."""


class TableFacts:
    """Facts about the rows of one table; None until they are read.

    Attributes:
        count: how many rows it has.
        orphans: its rows that reference a missing row.
        is_linked: whether a row references another by each foreign key with an action on DELETE.
    """

    __slots__ = ("count", "is_linked", "orphans")

    def __init__(self) -> None:
        self.count: int | None = None
        self.orphans: Orphans | None = None
        self.is_linked: bool | None = None


class RowFacts:
    """Facts about the tables of a database.

    A copy shares what is known of a table, and what either reads later, until one of the two forgets it.
    """

    def __init__(self, tables: dict[str, TableFacts] | None = None) -> None:
        self._tables = tables or {}

    def __getitem__(self, table: str) -> TableFacts:
        """Return the facts about a table, by its name."""
        return self._tables.setdefault(fold(table), TableFacts())

    def copy(self, schema: Schema) -> RowFacts:
        """Return the facts for a copy of the database with this schema."""
        return RowFacts({fold(table.name): self[table.name] for table in schema.tables})

    def forget(self, tables: Collection[str], *schemas: Schema) -> None:
        """Forget some tables, by their folded names, and the tables that reference one of them.

        Args:
            tables: the tables whose rows or definition may have changed.
            schemas: the schemas before and after the change.
        """
        children = (
            fold(table.name)
            for schema in schemas
            for table in schema.tables
            if any(fold(key.table) in tables for key in table.foreign_keys)
        )
        for name in (*tables, *children):
            self._tables.pop(name, None)
