"""Rebuilds that may run in chunks: each is alone in its file, under a directive."""

from __future__ import annotations

from d1migrate.drafting.desired import Desired
from d1migrate.drafting.draft import Stage, draft
from d1migrate.errors import PlanError, UsageError
from d1migrate.migrate.jobs.directive import directive_line
from d1migrate.schema.changes import DropColumn, RebuildTable
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from d1migrate.drafting.draft import Draft
    from d1migrate.schema.changes import Change
    from d1migrate.schema.model import Schema


def online_stages(
    current: Schema,
    desired: Desired,
    whole: Draft,
    backfill: Mapping[tuple[str, str], str],
    *,
    tables: Collection[str] = (),
    description: str | None = None,
    order: bool = False,
    why: Mapping[str, str] | None = None,
    budget: int = DEFAULT_BUDGET,
) -> list[Stage]:
    """Return the migrations that replace a draft: the other changes first, then each rebuild in its own file.

    Args:
        current: as for `draft`.
        desired: as for `draft`.
        whole: the draft that makes the change at once.
        backfill: as for `draft`.
        tables: the tables, folded, that are rebuilt online; by default, all that are rebuilt or lose a
            column.
        description: a few words, for a change that is one file; otherwise each name describes its file.
        order: as for `draft`.
        why: {table, folded: why it is rebuilt online}, for a comment in the file.
        budget: as for `draft`. It is always asserted, because the rebuild may run as a job.

    Raises:
        UsageError: the change rebuilds nothing, and drops no column.
        PlanError: a rebuild cannot be separated from the other changes.
    """
    names = {fold(name): name for name in filter(None, map(_rewritten, whole.changes))}
    rebuilt = [name for name in names if not tables or name in tables]
    if not rebuilt:
        raise UsageError(
            "--online is for changes that rebuild a table, and this one does not", hint="leave the flag out"
        )
    renames = {fold(rename.to if rename.column is None else rename.table) for rename in whole.renames}
    if renamed := [name for name in rebuilt if name in renames]:
        raise PlanError(
            f"{names[renamed[0]]} is renamed and rebuilt, and an online rebuild is alone in its file",
            hint="write the rename first, in a migration of its own",
        )
    others = _without(rebuilt, current, desired.schema)
    first = draft(
        current,
        desired._replace(schema=others),
        renames=whole.renames,
        backfill={key: sql for key, sql in backfill.items() if key[0] not in rebuilt},
        allow_drop=("all",),
        order=order,
        budget=budget,
    )
    found, at = [Stage(first.title, first)] if first else [], others
    for place, name in enumerate(rebuilt):
        target = _without(rebuilt[place + 1 :], current, desired.schema)
        drafted = draft(
            at,
            Desired(target),
            backfill=backfill,
            allow_drop=("all",),
            order=order,
            rebuild=(name,),
            budget=budget,
        )
        if drafted:
            reason = [f"Online: {why[name]}."] if why and name in why else []
            found.append(Stage(drafted.title, drafted, (*reason, online_line(names[name]))))
        at = target
    return [found[0]._replace(description=description)] if description and len(found) == 1 else found


def _rewritten(change: Change) -> str | None:
    """Return the table whose rows a change writes again, each of them; None if it writes none."""
    match change:
        case RebuildTable(_, new):
            return new.name
        case DropColumn(table):
            return table
    return None


def _without(waiting: Collection[str], current: Schema, desired: Schema) -> Schema:
    """Return the desired schema, but with some tables (folded) unchanged."""
    before = {fold(table.name): table for table in current.tables}
    tables = (before[fold(t.name)] if fold(t.name) in waiting else t for t in desired.tables)
    return desired._replace(tables=tuple(tables))


def online_line(table: str) -> str:
    """Return the directive that lets a rebuild of a big table run in chunks; without `--`."""
    return directive_line("online", table).removeprefix("-- ")
