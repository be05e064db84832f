"""A new column of a big table in several migrations: expand, fill in chunks, contract.

1. Expand, before the deploy: the column is added, NULL in every row. Companion triggers fill it in each row
   that code writes without it.
2. Fill: a batch migration fills the other rows, in chunks.
3. Contract, when no code writes rows without the column any more: the triggers are dropped.
4. Rebuild, if the column has constraints that ALTER TABLE cannot add: online, and so in a file of its own.
"""

from __future__ import annotations

from d1migrate.drafting.desired import Desired
from d1migrate.drafting.draft import Draft, Stage, draft
from d1migrate.drafting.edit_table import edit_columns
from d1migrate.drafting.online import online_line
from d1migrate.drafting.reverse import Reverse
from d1migrate.errors import PlanError, UsageError
from d1migrate.migrate.jobs.directive import directive_line
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.alter import StatementGroup
from d1migrate.schema.companions import companion_triggers
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.schema.queries import row_key
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.drafting.ways import Way
    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.definitions import ColumnDefinition, TableDefinition


class FilledColumn(NamedTuple):
    """A new column that existing rows need a value for.

    Attributes:
        table: the table before.
        column: its name.
        definition: as the expand migration adds it: it may be NULL until every row is filled.
        value: SQL over the other columns.
    """

    table: Table
    column: str
    definition: str
    value: str


def expand_contract(
    current: Schema,
    desired: Desired,
    whole: Draft,
    backfill: Mapping[tuple[str, str], str],
    *,
    description: str | None = None,
    order: bool = False,
    budget: int = DEFAULT_BUDGET,
    why: Way | None = None,
) -> list[Stage]:
    """Return the migrations that replace the draft of a change.

    Args:
        current: as for `draft`.
        desired: as for `draft`.
        whole: the draft that makes the change at once.
        backfill: as for `draft`.
        description: a few words; by default, they name the columns.
        order: as for `draft`.
        budget: as for `draft`. It is always asserted, because the rebuild may run as a job.
        why: why the change is not made at once; a table that cannot be rebuilt online either is not rebuilt.

    Raises:
        UsageError: the change fills no new column.
        PlanError: it also changes something else, which belongs in a migration of its own.
    """
    filled = list(filled_columns(current, desired.schema, backfill))
    if not filled:
        raise UsageError(
            "--expand is for new columns that are filled from the other columns of their row",
            hint='give the value with --backfill "TABLE.COLUMN=SQL"',
        )
    table = filled[0].table.name
    refuse_others(current, desired, whole, filled[0].table)
    words = description or f"{table} {' and '.join(one.column for one in filled)}"
    added = edit_columns(current, table, add=[one.definition for one in filled])
    expanded = _with_companions(added, filled)
    expand = draft(current, Desired(expanded), order=order)
    contract = draft(expanded, Desired(added), order=order)
    rest = draft(added, desired, backfill=backfill, allow_drop=("all",), order=order, budget=budget)
    can_rebuild = why is None or why.swaps
    steps = [
        (description or f"add {words}", expand, (*reasons(why), *_EXPAND)),
        (f"contract {words}", contract, _CONTRACT),
        (f"rebuild {table}", rest if can_rebuild else None, (_CONTRACT[-1], online_line(table))),
    ]
    first, *others = [Stage(words, drafted, lines) for words, drafted, lines in steps if drafted]
    return [first, *(fill_stage(one.table, one.column, one.value) for one in filled), *others]


def reasons(why: Way | None) -> list[str]:
    """Return the comment that says why a change is made in steps, if that is known."""
    return [f"In steps: {why.reason}."] if why else []


_EXPAND = (
    "Expand: the triggers fill the column in rows that old code writes, until the contract migration.",
    "d1migrate: phase=before",
)
_CONTRACT = (
    "Contract: apply it when all running code writes the column.",
    "d1migrate: phase=after",
)


def filled_columns(
    current: Schema, desired: Schema, backfill: Mapping[tuple[str, str], str]
) -> Iterator[FilledColumn]:
    """Yield the new columns of existing tables that have a value."""
    existing = {fold(table.name): table for table in current.tables}
    for table in desired.tables:
        old, definition = existing.get(fold(table.name)), parse_table(table.sql)
        if old is None or definition is None:
            continue
        known = {fold(column.name) for column in old.columns}
        for column in definition.columns:
            value = backfill.get((fold(table.name), fold(column.name)))
            if value is not None and fold(column.name) not in known:
                yield FilledColumn(old, column.name, _nullable(column, definition), value)


def _nullable(column: ColumnDefinition, table: TableDefinition) -> str:
    """Return the definition of a column without what ALTER TABLE cannot add, or what a NULL would break."""
    if column.not_null is None and column.default is None and not column.keys:
        return next(item.sql for item in table.items if fold(item.column or "") == fold(column.name))
    collation = f" COLLATE {column.collation}" if column.collation else ""
    return f"{q(column.name)} {column.type}{collation}".rstrip()


def refuse_others(current: Schema, desired: Desired, whole: Draft, table: Table) -> None:
    """Raise PlanError for a change of anything but one table."""
    tables = (table if fold(each.name) == fold(table.name) else each for each in desired.schema.tables)
    others = Desired(desired.schema._replace(tables=tuple(tables)), desired.renames)
    rest = draft(current, others, renames=whole.renames, allow_drop=("all",))
    if whole.renames or rest:
        raise PlanError(
            f"{table.name} is changed in steps, which are migrations of their own, and there is more to do:"
            f" {rest.title if rest else whole.title}",
            hint="write the other changes first, in a migration of their own",
        )


def _with_companions(schema: Schema, filled: Sequence[FilledColumn]) -> Schema:
    name = fold(filled[0].table.name)
    table = next(table for table in schema.tables if fold(table.name) == name)
    found = [each.trigger for one in filled for each in companion_triggers(table, one.column, one.value)]
    changed = table._replace(triggers=(*table.triggers, *found))
    return schema._replace(tables=tuple(changed if each is table else each for each in schema.tables))


def fill_stage(
    table: Table,
    column: str,
    value: str,
    *,
    phase: str = "before",
    all_rows: bool = False,
    is_new: bool = True,
) -> Stage:
    """Return the batch migration that fills a column.

    Args:
        table: the table.
        column: the column.
        value: SQL over the other columns.
        phase: when it is applied.
        all_rows: whether all rows get the value, not only those that have none.
        is_new: whether the column was added for it.
    """
    # The value may end in a comment, so a line break follows it.
    condition = "" if all_rows else f"\nWHERE {q(column)} IS NULL"
    statement = f"UPDATE {q(table.name)} SET {q(column)} = {value}{condition}"
    undo = "the values are dropped with the column" if is_new else "the values stay"
    nothing = StatementGroup(f"Nothing to undo: {undo}", ("SELECT 1",))
    filled = "all rows" if all_rows else "the rows that have none"
    lines = (
        f"Fill {column} in {filled}: in chunks, if the table is big.",
        f"d1migrate: phase={phase}",
        directive_line("batch", table.name, row_key(table)).removeprefix("-- "),
    )
    drafted = Draft((), (), (StatementGroup("", (statement,)),), Reverse((nothing,)))
    return Stage(f"fill {table.name} {column}", drafted, lines)
