"""What a source of models leaves out: everything in a database that is not a table of the application.

Models own their tables, with the columns, constraints and indexes of these. Triggers, views, virtual tables
and other tables are in no model, so their absence there says nothing: they stay. So do declared types that
mean the same to SQLite.
"""

from __future__ import annotations

from contextlib import closing

from d1migrate.drafting.renames import pending_renames, rename_groups
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.schema.kept_types import with_kept_types
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drafting.declarations import Declarations
    from d1migrate.drafting.desired import Desired
    from d1migrate.schema.model import Schema, Table


def complete(current: Schema, desired: Desired, declared: Declarations, *, types: bool = False) -> Desired:
    """Return the whole desired schema: what a source of models builds, and what stays of the current one.

    Args:
        current: the present schema.
        desired: what a source builds; unchanged if it is the whole schema.
        declared: the renames, which what stays follows, and the tables that may be dropped.
        types: whether every declared type counts; otherwise a column keeps one that SQLite treats alike.

    Raises:
        UsageError: a rename fits neither schema.
    """
    if desired.models is None:
        return desired
    renamed = _renamed(current, desired, declared)
    before = {fold(table.name): table for table in renamed.tables}
    owned = {fold(table.name) for table in desired.schema.tables}
    dropped = {fold(name) for name in declared.allow_drop}
    tables = [_kept(table, before.get(fold(table.name)), types=types) for table in desired.schema.tables]
    tables += [table for name, table in before.items() if name not in owned and name not in dropped]
    views = {fold(view.name): view for view in (*renamed.views, *desired.schema.views)}
    triggers = {fold(one.name): one for one in (*renamed.triggers, *desired.schema.triggers)}
    whole = desired.schema._replace(
        tables=tuple(tables), views=tuple(views.values()), triggers=tuple(triggers.values())
    )
    return desired._replace(schema=whole)


def _renamed(current: Schema, desired: Desired, declared: Declarations) -> Schema:
    """Return the current schema after the declared renames, as SQLite rewrites what reads the old names."""
    todo = pending_renames([*declared.renames, *desired.renames], current, desired.schema)
    if not todo:
        return current
    with closing(ScratchSchema(current)) as scratch:
        for rename in todo:
            tuple(rename_groups(scratch, rename))  # which runs it
        return scratch.schema(current)


def _kept(table: Table, before: Table | None, *, types: bool) -> Table:
    """Return a table of the models with what it keeps: the triggers that it has now, and declared types."""
    if before is None:
        return table
    table = table if types else with_kept_types(table, before)
    triggers = {fold(one.name): one for one in (*before.triggers, *table.triggers)}
    return table._replace(triggers=tuple(triggers.values()))
