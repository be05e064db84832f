"""A change of a table in several migrations: by a new column, or by triggers instead of a constraint."""

from __future__ import annotations

from d1migrate.drafting.constraint_triggers import constraint_stages
from d1migrate.drafting.expand_contract import expand_contract, filled_columns, reasons, refuse_others
from d1migrate.drafting.rebuild_parts import parts_of
from d1migrate.drafting.replace_column import replacement_stages
from d1migrate.errors import PlanError
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import RebuildTable
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.drafting.desired import Desired
    from d1migrate.drafting.draft import Draft, Stage
    from d1migrate.drafting.ways import Way
    from d1migrate.schema.model import Schema


def in_steps(
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
    """Return the migrations that replace the draft of a change; arguments as for `expand_contract`.

    Raises:
        UsageError: the change neither fills a new column nor rebuilds a table.
        PlanError: it changes several tables, or cannot be made in steps; the message has the reason.
    """
    rebuilds = {fold(each.old.name): each for each in whole.changes if isinstance(each, RebuildTable)}
    if any(filled_columns(current, desired.schema, backfill)) or not rebuilds:
        return expand_contract(
            current, desired, whole, backfill, description=description, order=order, budget=budget, why=why
        )
    change = rebuilds.get(fold(why.table) if why else "") or next(iter(rebuilds.values()))
    table = Catalog.of(current).tables.get(fold(change.old.name), change.old)
    refuse_others(current, desired, whole, table)
    parts = parts_of(change, current, desired.schema)
    if parts.column is None:
        return constraint_stages(current, table, parts, backfill, description=description, why=reasons(why))
    if order:
        raise PlanError(
            f"{table.name} cannot be changed in steps: a new column is the last one", hint="leave out --order"
        )
    return replacement_stages(
        current,
        desired.schema,
        whole,
        change,
        parts.column,
        rows=why.rows if why and fold(why.table) == fold(table.name) else 0,
        budget=budget,
        description=description,
        why=reasons(why),
    )
