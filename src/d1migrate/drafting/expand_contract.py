"""A new column of a big table in several migrations: expand, fill in chunks, contract.

1. Expand, before the deploy: the column is added, NULL in every row. Companion triggers fill it in each row
   that code writes without it.
2. Fill: a batch migration fills the other rows, in chunks.
3. Contract, when no code writes rows without the column any more: the triggers are dropped.
4. Rebuild, if the column has constraints that ALTER TABLE cannot add: online, and so in a file of its own.
"""

from __future__ import annotations

from d1migrate.drafting.draft import Draft, Stage, draft
from d1migrate.drafting.edit_table import edit_columns
from d1migrate.drafting.online import online_line
from d1migrate.drafting.reverse import Reverse
from d1migrate.drafting.schema_file import Desired
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
    _refuse_others(current, desired, whole, filled)
    table = filled[0].table.name
    words = description or f"{table} {' and '.join(one.column for one in filled)}"
    added = edit_columns(current, table, add=[one.definition for one in filled])
    expanded = _with_companions(added, filled)
    expand = draft(current, Desired(expanded), order=order)
    contract = draft(expanded, Desired(added), order=order)
    rest = draft(added, desired, backfill=backfill, allow_drop=("all",), order=order, budget=budget)
    can_rebuild = why is None or why.swaps
    steps = [
        (description or f"add {words}", expand, (*([f"In steps: {why.reason}."] if why else []), *_EXPAND)),
        *(_fill(one) for one in filled),
        (f"contract {words}", contract, _CONTRACT),
        (f"rebuild {table}", rest if can_rebuild else None, (_CONTRACT[-1], online_line(table))),
    ]
    return [Stage(words, drafted, lines) for words, drafted, lines in steps if drafted]


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


def _refuse_others(current: Schema, desired: Desired, whole: Draft, filled: Sequence[FilledColumn]) -> None:
    """Raise PlanError for a change of anything but the table of the first column."""
    table = filled[0].table
    tables = (table if fold(each.name) == fold(table.name) else each for each in desired.schema.tables)
    others = Desired(desired.schema._replace(tables=tuple(tables)), desired.renames)
    rest = draft(current, others, renames=whole.renames, allow_drop=("all",))
    if whole.renames or rest:
        raise PlanError(
            "--expand writes the migrations of one table's new columns, and there is more to do:"
            f" {rest.title if rest else whole.title}",
            hint="write the other changes first, in a migration of their own",
        )


def _with_companions(schema: Schema, filled: Sequence[FilledColumn]) -> Schema:
    name = fold(filled[0].table.name)
    table = next(table for table in schema.tables if fold(table.name) == name)
    found = [each.trigger for one in filled for each in companion_triggers(table, one.column, one.value)]
    changed = table._replace(triggers=(*table.triggers, *found))
    return schema._replace(tables=tuple(changed if each is table else each for each in schema.tables))


def _fill(one: FilledColumn) -> tuple[str, Draft, tuple[str, ...]]:
    """Return the parts of the batch migration of a column."""
    table, column = one.table.name, q(one.column)
    # The value may end in a comment, so a line break follows it.
    statement = f"UPDATE {q(table)} SET {column} = {one.value}\nWHERE {column} IS NULL"
    nothing = StatementGroup("Nothing to undo: the values are dropped with the column", ("SELECT 1",))
    drafted = Draft((), (), (StatementGroup("", (statement,)),), Reverse((nothing,)))
    lines = (
        f"Fill {one.column} in the rows that have none: in chunks, if the table is big.",
        "d1migrate: phase=before",
        directive_line("batch", table, row_key(one.table)).removeprefix("-- "),
    )
    return f"fill {table} {one.column}", drafted, lines
