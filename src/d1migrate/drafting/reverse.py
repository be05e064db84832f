"""The rollback of a draft: its SQL, or why there is none."""

from __future__ import annotations

from d1migrate.drafting.renames import rename_groups
from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.alter import statement_groups
from d1migrate.schema.changes import Create, Drop, RebuildVirtual
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.schema.diff import diff
from d1migrate.schema.normalize import normal_form
from d1migrate.sql.checks import allowed_values
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drafting.renames import Rename
    from d1migrate.drafting.scratch_schema import ScratchSchema
    from d1migrate.schema.alter import StatementGroup
    from d1migrate.schema.changes import RequiredValue
    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import TableDefinition

_USUAL = (("INT", "0"), ("CHAR", "''"), ("CLOB", "''"), ("TEXT", "''"), ("BLOB", "x''"), ("", "0"))


class Reverse(NamedTuple):
    """The rollback of a draft.

    Attributes:
        groups: its SQL.
        placeholders: ((table, column), SQL that it uses instead) of values that it cannot restore.
        irreversible: why there is no rollback, or None.
    """

    groups: tuple[StatementGroup, ...] = ()
    placeholders: tuple[tuple[tuple[str, str], str], ...] = ()
    irreversible: str | None = None


def reverse(
    scratch: ScratchSchema,
    reached: Schema,
    renamed: Schema,
    renames: Sequence[Rename],
    current: Schema,
    *,
    order: bool = False,
    budget: int | None = DEFAULT_BUDGET,
) -> Reverse:
    """Return the rollback of a draft, which has run once on the engine of the draft.

    Args:
        scratch: that engine.
        reached: the schema after the draft.
        renamed: the schema after its renames only.
        renames: the renames that undo them, in order.
        current: the schema before the draft.
        order: whether columns in another order are a difference.
        budget: as for `draft`.
    """
    tables = {fold(table.name): table.sql for table in renamed.tables}
    placeholders: dict[tuple[str, str], str] = {}
    back = diff(reached, renamed, order=order)
    for missing in back.missing:
        table = parse_table(tables[fold(missing.table)])
        if missing.is_new and table:
            value = _placeholder(table, missing)
            if value is None:
                name = f"{missing.table}.{missing.column}"
                return Reverse(irreversible=f"the values of {name} are lost, and no placeholder fits")
            placeholders[fold(missing.table), fold(missing.column)] = value
    if back.missing:
        back = diff(reached, renamed, placeholders, order=order)
    # A full-text table reads its content table under the name that the table had before the renames.
    late = [c for c in back.changes if isinstance(c, RebuildVirtual) and c.filled_by == "content"]
    try:
        early = [change for change in back.changes if change not in late]
        found = scratch.run_groups(statement_groups(early, reached, renamed, budget))
        for rename in renames:
            found += rename_groups(scratch, rename)
        found += scratch.run_groups(statement_groups(late, reached, renamed, budget))
        last = scratch.schema(current)
        rest = diff(last, current, order=order).changes
        if rest and all(isinstance(change, Drop | Create) and change.kind != "table" for change in rest):
            # They blocked a rename, and were dropped.
            found += scratch.run_groups(statement_groups(rest, last, current, budget))
            rest = diff(scratch.schema(current), current, order=order).changes
    except PlanError as error:
        return Reverse(irreversible=str(error).partition("\n")[0])
    if rest:
        return Reverse(irreversible="the schema before it cannot be restored")
    return Reverse(tuple(found), tuple(placeholders.items()))


def _placeholder(table: TableDefinition, missing: RequiredValue) -> str | None:
    """Return SQL of a value that a column accepts; None if rows must not all have the same value."""
    name = fold(missing.column)
    known = normal_form(table)
    parts = [part for own in known.column_constraints.values() for part in own] + known.table_constraints
    if any(name in part.columns and part.kind != "check" for part in parts):
        return None
    for check in table.all_checks:
        if (allowed := allowed_values(check)) and allowed[0] == name:
            return allowed[1][0]
    kind = next(column.type.upper() for column in table.columns if fold(column.name) == name)
    return next(value for part, value in _USUAL if part in kind)
