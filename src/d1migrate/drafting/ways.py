"""How to make a change: in one batch, online, or in several migrations; decided by what it costs.

ALTER TABLE does what it can (`schema.diff`); only dropping a column of a big table is a rebuild, because it
writes each row again. A rebuild is made in one batch, if that is within its budget; else online, if at least
the swap at its end is. The swap of a table that no foreign key references costs nothing per row. All other
changes expand and contract: a new column replaces the old one (`expand_contract`, `replace_column`), or
triggers refuse what a constraint would (`constraint_triggers`).
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import AddColumn, DropColumn, RebuildTable
from d1migrate.schema.cost import DROPPED_COLUMN, drop_cost, rebuild_costs
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from d1migrate.drafting.draft import Draft
    from d1migrate.schema.model import Schema


class CostlyChange(NamedTuple):
    """A change that writes every row of a table.

    Attributes:
        table: the table, as it is named before.
        what: what is done to it.
        per_row: the entries that it writes for each row.
        swap: the entries of them that an online rebuild writes in one batch, at its end; None for a change
            that cannot be made online.
        is_alter: whether ALTER TABLE makes it. If it cannot be made online, that is still the only way.
    """

    table: str
    what: str
    per_row: int
    swap: int | None = None
    is_alter: bool = False

    def most_rows(self, budget: int) -> int:
        """Return how far rows have to be counted: a larger number changes nothing.

        A table whose swap costs something may be too large for it, and then for DROP COLUMN, too.
        """
        return budget // (DROPPED_COLUMN if self.swap else self.per_row) + 1


class Way(NamedTuple):
    """How to change a table that is too large for one batch.

    Attributes:
        table: the table.
        kind: "online" if a rebuild of it is enough; "expand" if it is expanded and contracted.
        reason: why it is not changed in one batch.
        swaps: whether the swap at the end of an online rebuild is within the budget.
        rows: its rows, as far as they were counted.
    """

    table: str
    kind: Literal["online", "expand"]
    reason: str
    swaps: bool
    rows: int


def costly_changes(drafted: Draft, current: Schema) -> Iterator[CostlyChange]:
    """Yield the changes of a draft that write every row of a table."""
    catalog = Catalog.of(current)
    for change in drafted.changes:
        if isinstance(change, RebuildTable):
            old, name = change.old, fold(change.old.name)
            if name in catalog.tables:  # else its name is new
                cost, swap = rebuild_costs(old, change.new, catalog)[old.name], drop_cost(old, catalog)
                yield CostlyChange(old.name, "its rebuild", cost, swap)
        elif isinstance(change, DropColumn):  # one statement that writes each row again
            swap = drop_cost(catalog.tables[fold(change.table)], catalog)
            yield CostlyChange(change.table, f"dropping {change.column}", DROPPED_COLUMN, swap, is_alter=True)
        elif isinstance(change, AddColumn) and change.value is not None:
            yield CostlyChange(change.table, f"filling {change.column}", 1)


def ways(drafted: Draft, current: Schema, rows: Mapping[str, int], budget: int) -> list[Way]:
    """Return how to change the tables that are over the budget of one batch.

    Args:
        drafted: the draft that makes the change at once.
        current: the schema before it.
        rows: {table, folded: its rows}; one that is missing counts as small.
        budget: the most entries that a batch may write.
    """
    found = []
    for change in costly_changes(drafted, current):
        count, most = rows.get(fold(change.table), 0), budget // change.per_row
        if count <= most:
            continue
        swaps = count * (change.swap or 0) <= budget
        if change.is_alter and not swaps:
            continue
        over = f"in one batch, {change.what} would write more than {budget:,} entries"
        reason = f"{change.table} has more than {most:,} rows: {over}"
        if not swaps:
            reason += ", and so would the swap of an online rebuild, because of foreign keys to it"
        kind: Literal["online", "expand"] = "online" if swaps and change.swap is not None else "expand"
        found.append(Way(change.table, kind, reason, swaps, count))
    return found
