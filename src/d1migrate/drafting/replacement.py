"""How a new column replaces one of a table that cannot be rebuilt, and whether it can.

The migrations that do it belong in `replace_column`.
"""

from __future__ import annotations

from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.companions import companion_triggers
from d1migrate.schema.cost import DROPPED_COLUMN, is_over
from d1migrate.schema.diff import is_constant
from d1migrate.schema.keys import parent_columns
from d1migrate.schema.normalize import mentioned_names
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.references import with_columns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Index, Table, Trigger
    from d1migrate.sql.definitions import ColumnDefinition, Reference


class Replacement(NamedTuple):
    """A column that another one replaces.

    Attributes:
        table: the table before.
        old: the column as it is.
        new: the column as it is to be, and to be called.
        value: SQL of its value over the columns that the table has.
        temporary: its name until the contract migration.
        kept: the name of the old column if it remains; "" if it is dropped.
    """

    table: Table
    old: ColumnDefinition
    new: ColumnDefinition
    value: str
    temporary: str
    kept: str = ""

    @property
    def name(self) -> str:
        """The column with its table."""
        return f"{self.table.name}.{self.old.name}"

    @property
    def is_checked(self) -> bool:
        """Whether triggers refuse NULL: ADD COLUMN cannot add NOT NULL without a default."""
        return self.new.not_null is not None and not _has_default(self.new)

    def indexes(self, *, unique: bool) -> list[Index]:
        """Return the indexes that use the old column."""
        return [
            index
            for index in self.table.indexes
            if index.sql and index.unique is unique and fold(self.old.name) in mentioned_names(index.sql)
        ]

    def definition(self, name: str) -> str:
        """Return the definition of the new column under a name, without a NOT NULL that cannot be added."""
        new, parts = self.new, [q(name), self.new.type]
        if new.not_null and not self.is_checked:
            parts.append("NOT NULL")
        if new.default is not None:
            parts.append(f"DEFAULT {new.default}" if is_constant(new.default) else f"DEFAULT ({new.default})")
        if new.collation:
            parts.append(f"COLLATE {new.collation}")
        columns = {fold(new.name): q(name)}
        parts += [f"CHECK ({with_columns(check.expression, columns)})" for check in new.checks]
        return " ".join(filter(None, [*parts, *map(_reference, new.references)]))

    def companions(self) -> list[Trigger]:
        """Return the triggers that copy the old column to the new one."""
        found = companion_triggers(self.table, self.temporary, self.value, copies=True)
        return [companion.trigger for companion in found]


def _reference(key: Reference) -> str:
    to = f" ({', '.join(map(q, key.to))})" if key.to else ""
    actions = (("DELETE", key.on_delete), ("UPDATE", key.on_update))
    found = "".join(f" ON {event} {action}" for event, action in actions if action != "NO ACTION")
    return f"REFERENCES {q(key.table)}{to}{found} {key.deferrable}".rstrip()


def replacement_of(
    table: Table,
    column: ColumnDefinition,
    catalog: Catalog,
    values: Mapping[str, str],
    *,
    rows: int,
    budget: int,
) -> Replacement:
    """Return how a column is replaced.

    Args:
        table: the table before.
        column: the column as it is to be.
        catalog: the schema before.
        values: {column: SQL of its value}.
        rows: the rows of the table, as far as they are known.
        budget: the most entries that one batch may write.

    Raises:
        PlanError: the old column can neither be dropped nor remain.
    """
    definition = parse_table(table.sql)
    columns = definition.columns if definition else ()
    old = next(each for each in columns if fold(each.name) == fold(column.name))
    one = Replacement(table, old, column, values[column.name], _free(table, f"{old.name}_new"))
    for child, key in catalog.references(fold(table.name)):
        if fold(old.name) in map(fold, parent_columns(table, key)):
            raise PlanError(
                f"{one.name} cannot be replaced: {catalog.tables[child].name} references it",
                hint="drop that foreign key first",
            )
    # The contract migration also creates the unique indexes again.
    if not is_over(rows * (DROPPED_COLUMN + len(one.indexes(unique=True))), budget):
        return one
    if reason := _cannot_remain(old):
        raise PlanError(
            f"{one.name} cannot be replaced: to drop the old column would write more than {budget:,} entries,"
            f" and it cannot remain: {reason}",
            hint="add a column under another name, and let the application use it",
        )
    return one._replace(kept=_free(table, f"{old.name}_old"))


def _cannot_remain(old: ColumnDefinition) -> str:
    """Return why a column that no code writes cannot remain, or ""."""
    if old.not_null and not _has_default(old):
        return "it is NOT NULL without a default, so INSERT would need a value for it"
    return "its foreign key would still act" if old.references else ""


def _has_default(column: ColumnDefinition) -> bool:
    return column.default is not None and column.default.upper() != "NULL"


def _free(table: Table, name: str) -> str:
    """Return a name that no column of a table has."""
    taken = {fold(column.name) for column in table.columns}
    names = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 2))]
    return next(each for each in names if fold(each) not in taken)
