"""What a source of models leaves out: everything in a database that is not a table of the application.

Models own their tables, with the columns, constraints and indexes of these. Triggers, views, virtual tables
and other tables are in no model, so their absence there says nothing: they stay. So do clauses of a table
that its models cannot declare, and declared types that mean the same to SQLite.
"""

from __future__ import annotations

from contextlib import closing

from d1migrate.drafting.declarations import ALL
from d1migrate.drafting.renames import Rename, look_alike, pending_renames, rename_flags, rename_groups
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import DataLoss, PlanError, UsageError
from d1migrate.hints import flags
from d1migrate.schema import digest
from d1migrate.schema.kept_clauses import with_kept_clauses
from d1migrate.schema.kept_types import with_kept_types
from d1migrate.schema.queries import fts5_options
from d1migrate.sql.create import with_options
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.drafting.declarations import Declarations
    from d1migrate.drafting.desired import Desired, Models
    from d1migrate.schema.model import Schema, Table


def complete(current: Schema, desired: Desired, declared: Declarations, *, types: bool = False) -> Desired:
    """Return the whole desired schema: what a source of models builds, and what stays of the current one.

    Args:
        current: the present schema.
        desired: what a source builds; unchanged if it is the whole schema.
        declared: the renames, which what stays follows, and the tables that are kept, or may be dropped.
        types: whether every declared type and every clause counts; otherwise a column keeps a type that
            SQLite treats alike, and a table keeps clauses that its models cannot declare.

    Raises:
        UsageError: a rename fits neither schema, or a table references one that was left out.
        DataLoss: a new table looks like one that stays, so it may be a renamed one.
        PlanError: what stays prevents a rename, or has the name of something that the models create.
    """
    if desired.models is None:
        return desired
    renamed = _renamed(current, desired, declared)
    before = {fold(table.name): table for table in renamed.tables}
    owned = {fold(table.name) for table in desired.schema.tables}
    dropped = {fold(name) for name in declared.allow_drop} - {ALL}
    outside = [table for name, table in before.items() if name not in owned | dropped]
    _refuse_taken_names(desired.schema, renamed, outside)
    created = [table for table in desired.schema.tables if fold(table.name) not in before]
    _refuse_left_behind(created, outside, declared.keep)
    undeclared = None if types else desired.models.undeclared
    tables = [_kept(table, before.get(fold(table.name)), undeclared) for table in desired.schema.tables]
    views = {fold(view.name): view for view in (*renamed.views, *desired.schema.views)}
    triggers = {fold(one.name): one for one in (*renamed.triggers, *desired.schema.triggers)}
    whole = desired.schema._replace(
        tables=(*tables, *outside), views=tuple(views.values()), triggers=tuple(triggers.values())
    )
    _refuse_left_out(whole, desired.models)
    return desired._replace(schema=whole)


def _refuse_left_out(whole: Schema, models: Models) -> None:
    """Raise UsageError for a table whose rows would reference a table of the models that is not there."""
    existing = {fold(table.name) for table in whole.tables}
    for table in whole.tables:
        for parent in (fold(key.table) for key in table.foreign_keys):
            if parent in models.left_out and parent not in existing:
                class_ = models.left_out[parent]
                raise UsageError(
                    f"{table.name} references {parent} ({class_}), which was left out, and does not exist",
                    hint=f"add --app {class_.partition('.')[0]}",
                )


def _kept(table: Table, before: Table | None, undeclared: Collection[str] | None) -> Table:
    """Return a table of the models with what it keeps: the triggers that it has now, types and clauses.

    `undeclared` is as in `Models`; None if every declared type and every clause counts.
    """
    if before is None:
        return table
    if before.is_virtual:  # a model may read a full-text table
        return before
    if undeclared is not None:
        table = with_kept_clauses(with_kept_types(table, before), before, undeclared)
    triggers = {fold(one.name): one for one in (*before.triggers, *table.triggers)}
    return table._replace(triggers=tuple(triggers.values()))


def _refuse_taken_names(models: Schema, renamed: Schema, outside: Sequence[Table]) -> None:
    """Refuse models that create something under the name of another object, which stays.

    Raises:
        PlanError: they do. SQLite has one namespace for tables, views and indexes, and one for triggers.
    """
    taken = {fold(table.name): f"table {table.name}" for table in outside}
    taken |= {fold(i.name): f"index {i.name} on {table.name}" for table in outside for i in table.indexes}
    views = {fold(view.name) for view in models.views}
    taken |= {fold(v.name): f"view {v.name}" for v in renamed.views if fold(v.name) not in views}
    on_tables = (trigger for table in renamed.tables for trigger in table.triggers)
    triggers = {fold(trigger.name): trigger for trigger in (*renamed.triggers, *on_tables)}
    for table in models.tables:
        for kind, name in (("table", table.name), *(("index", index.name) for index in table.indexes)):
            if other := taken.get(fold(name)):
                raise _taken(f"{kind} {name}", other)
        for trigger in table.triggers:
            found = triggers.get(fold(trigger.name))
            if found and fold(found.table) != fold(table.name):
                raise _taken(f"trigger {trigger.name}", f"a trigger on {found.table}")


def _refuse_left_behind(created: Sequence[Table], outside: Sequence[Table], keep: Collection[str]) -> None:
    """Refuse a new table like one that stays: a renamed class would leave its rows behind.

    Raises:
        DataLoss: there is one, and it is not declared as kept.
    """
    known = {fold(name) for name in keep}
    found = [
        Rename(old.name, None, new.name)
        for old in outside
        for new in created
        if fold(old.name) not in known and not old.is_virtual and look_alike(old, new)
    ]
    if not found:
        return
    names = list(dict.fromkeys(rename.table for rename in found))
    new = list(dict.fromkeys(rename.to for rename in found))
    raise DataLoss(
        f"{', '.join(new)} would be new and empty, beside {', '.join(names)}, outside the models",
        rows=dict.fromkeys(names),
        renames=[rename.flag for rename in found],
        stays=True,
        hint=f"to rename: {rename_flags(found)}; to keep both: {flags('--keep', names)};"
        f" to drop: {flags('--allow-drop', names)}",
    )


def _taken(created: str, other: str) -> PlanError:
    return PlanError(
        f"the models create {created}, but {other} exists, which is outside the models",
        hint="choose another name in the models, or drop or rename what exists in a migration of its own",
    )


# --- renames ---


def _renamed(current: Schema, desired: Desired, declared: Declarations) -> Schema:
    """Return the current schema after the declared renames, as SQLite rewrites what reads the old names.

    Raises:
        PlanError: SQLite refuses a rename because of what stays.
    """
    todo = pending_renames([*declared.renames, *desired.renames], current, desired.schema)
    if not todo:
        return current
    owned = {fold(table.name) for table in desired.schema.tables}
    owned |= {fold(name) for rename in todo for name in (rename.table, rename.to)}
    with closing(ScratchSchema(current)) as scratch:
        before = current
        for rename in todo:
            tuple(rename_groups(scratch, rename))  # which runs it
            after = scratch.schema(before)
            _refuse_blocked(rename, _outside(before, owned) - _outside(after, owned))
            before = after
    return before._replace(tables=tuple(_following(table, todo) for table in before.tables))


def _outside(schema: Schema, owned: Collection[str]) -> set[tuple[str, str]]:
    """Return (kind, name) of the objects outside the models, except tables."""
    tables = [t._replace(indexes=()) if fold(t.name) in owned else t for t in schema.tables]
    objects = digest.objects(schema._replace(tables=tuple(tables)))
    return {(kind, name) for kind, name, _ in objects if kind != "table"}


def _refuse_blocked(rename: Rename, lost: Collection[tuple[str, str]]) -> None:
    """Raise PlanError for what had to be dropped for a rename, and would be lost."""
    for kind, name in sorted(lost):
        raise PlanError(
            f"{kind} {name} prevents the rename {rename.flag}: SQLite refuses it while the {kind} exists",
            hint=f"{kind} {name} is outside the models: change or drop it first, in a migration of its own",
        )


def _following(table: Table, renames: Sequence[Rename]) -> Table:
    """Return a full-text table that indexes a table under its new names, which SQLite does not rewrite."""
    options = fts5_options(table)
    following = {name: options[name] for name in ("content", "content_rowid") if options.get(name)}
    for rename in renames:
        if fold(rename.table) == fold(following.get("content", "")):
            option = "content" if rename.column is None else "content_rowid"
            if fold(rename.old) == fold(following.get(option, "")):
                following[option] = rename.to
    if following.items() <= options.items():
        return table
    return table._replace(sql=with_options(table.sql, following))
