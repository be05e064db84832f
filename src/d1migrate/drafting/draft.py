"""Draft both directions of a migration, and check them on a scratch engine."""

from __future__ import annotations

from contextlib import closing

from d1migrate.drafting.backfill import refuse_bad_values
from d1migrate.drafting.broken_objects import refuse_broken_objects
from d1migrate.drafting.declarations import ALL, drop_names
from d1migrate.drafting.renames import Rename, candidates, pending_renames, rename_flags, rename_groups
from d1migrate.drafting.reverse import Reverse, reverse
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import DataLoss, MissingValue, PlanError
from d1migrate.hints import flags, shell_quoted
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.alter import StatementGroup, broken_keys, statement_groups
from d1migrate.schema.changes import (
    AddColumn,
    Create,
    Drop,
    DropColumn,
    DropTable,
    RebuildTable,
    RebuildVirtual,
    Reindex,
)
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.schema.diff import diff
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from d1migrate.drafting.desired import Desired, Models
    from d1migrate.schema.changes import Change, Diff, RequiredValue
    from d1migrate.schema.model import Schema


class Draft(NamedTuple):
    """A migration that is not yet a file.

    Attributes:
        renames: the renames, which run first.
        changes: the other changes.
        up: the SQL of both, in groups.
        down: the rollback.
    """

    renames: tuple[Rename, ...]
    changes: tuple[Change, ...]
    up: tuple[StatementGroup, ...]
    down: Reverse

    @property
    def title(self) -> str:
        """A few words on what it mainly does."""
        renames = [f"rename {r.table} {r.column or ''}".strip() for r in self.renames]
        tables = [_words(change) for change in self.changes if not isinstance(change, (Drop, Create))]
        tables += [f"create {c.name}" for c in self.changes if isinstance(c, Create) and c.kind == "table"]
        others = [f"change {change.name}" for change in self.changes if isinstance(change, (Drop, Create))]
        return " and ".join(list(dict.fromkeys(renames + tables or others))[:2])


class Stage(NamedTuple):
    """One of the migrations of a change.

    Attributes:
        description: a few words, for its name.
        draft: what it does.
        lines: comments and directives above its statements, without `--`.
        notes: what is also reported when it is written; comments, too.
    """

    description: str
    draft: Draft
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def draft(
    current: Schema,
    desired: Desired,
    *,
    renames: Sequence[Rename] = (),
    backfill: Mapping[tuple[str, str], str] | None = None,
    allow_drop: Collection[str] = (),
    order: bool = False,
    rebuild: Collection[str] = (),
    budget: int | None = DEFAULT_BUDGET,
) -> Draft | None:
    """Return the migration from one schema to another, and its rollback; None if they are the same.

    Args:
        current: the present schema.
        desired: the desired schema, and the renames that it declares.
        renames: other renames.
        backfill: {(table, column): SQL} for existing rows that need a value; folded names of the desired
            schema.
        allow_drop: `table` or `table.column` whose rows or values may be dropped, or `all`.
        order: whether columns in another order are a difference.
        rebuild: tables, folded, that are rebuilt instead of dropping columns.
        budget: the most entries that a rebuild may write in one batch; None: any number.

    Raises:
        UsageError: a rename fits neither schema, or a value is not an SQL expression over the table.
        DataLoss: something would be dropped without permission; the hint lists possible renames.
        MissingValue: a column needs a value for existing rows.
        PlanError: D1 refuses the result, or it is not the desired schema.
    """
    todo = pending_renames([*renames, *desired.renames], current, desired.schema)
    with closing(ScratchSchema(current)) as scratch:
        first = [group for rename in todo for group in rename_groups(scratch, rename)]
        renamed = scratch.schema(current) if todo else current
        found = diff(renamed, desired.schema, backfill, order=order, rebuild=rebuild)
        refuse_bad_values(backfill or {}, found, renamed, scratch)
        _refuse_loss(found, renamed, desired.schema, allow_drop)
        _refuse_missing(found.missing, desired.models)
        _refuse_broken_keys(renamed, desired.schema)
        refuse_broken_objects(current, desired)
        if not todo and not found.changes:
            return None
        _refuse_crossed_keys(found.changes, renamed, desired.schema)
        rest = statement_groups(found.changes, renamed, desired.schema, budget)
        scratch.run_groups(rest)
        reached = scratch.schema(renamed)
        if diff(reached, desired.schema, order=order).changes:
            raise PlanError("the changes do not produce the desired schema; this is a bug in d1migrate")
        undone = [rename.reversed for rename in reversed(todo)]
        down = reverse(scratch, reached, renamed, undone, current, order=order, budget=budget)
    return Draft(tuple(todo), found.changes, (*first, *rest), down)


def _refuse_loss(found: Diff, current: Schema, desired: Schema, allowed: Collection[str]) -> None:
    names = {fold(name) for name in allowed}
    lost = [
        f"{table}.{column}" if column else table
        for table, column in found.lost
        if not ({ALL} | drop_names(table, column)) & names
    ]
    if not lost:
        return
    possible = candidates(found, current, desired)
    drops = flags("--allow-drop", lost)
    raise DataLoss(
        f"{', '.join(lost)} would be dropped, with all values",
        rows=dict.fromkeys(lost),
        renames=[rename.flag for rename in possible],
        hint=f"to rename: {rename_flags(possible)}; to drop: {drops}" if possible else drops,
    )


def _refuse_missing(missing: Sequence[RequiredValue], models: Models | None) -> None:
    """Raise MissingValue. What models give to new rows is offered; a function that they call is named."""
    if not missing:
        return
    reasons = [f"{m.table}.{m.column} {'is new and' if m.is_new else 'becomes'} NOT NULL" for m in missing]
    columns = {(fold(m.table), fold(m.column)): f"{m.table}.{m.column}" for m in missing}
    defaults = {columns[key]: sql for key, sql in models.defaults.items() if key in columns} if models else {}
    calls = [
        f"\n    {columns[key]}: the models call {function} for each new row"
        for key, function in (models.functions.items() if models else ())
        if key in columns
    ]
    given = [f"--backfill {shell_quoted(f'{n}={defaults.get(n, _SOME_VALUE)}')}" for n in columns.values()]
    note = f"; the models give new rows the value of {', '.join(defaults)}" if defaults else ""
    raise MissingValue(
        f"{'; '.join(reasons)}: existing rows need a value{''.join(calls)}",
        columns=[*columns.values()],
        defaults=defaults,
        hint=f"add {' '.join(given)}{note}",
    )


_SOME_VALUE = "'…'"


def _refuse_broken_keys(current: Schema, desired: Schema) -> None:
    """Raise PlanError for a new foreign key to columns that are not a key."""
    before, after = ({fold(table.name): table for table in schema.tables} for schema in (current, desired))
    # Most tables and their parents are as they were: then nothing is parsed.
    for name, table in after.items():
        earlier = before.get(name)
        parents = {fold(key.table) for key in table.foreign_keys}
        if earlier == table and all(before.get(parent) == after.get(parent) for parent in parents):
            continue
        for key in broken_keys(table, after):
            if earlier is None or key not in broken_keys(earlier, before):
                columns = ", ".join(name for name in key.to if name) or "its primary key"
                target = f"{key.table} ({columns})"
                raise PlanError(
                    f"{table.name} references {target}, which is not its primary key or unique",
                    hint="SQLite would refuse to write to either table: foreign key mismatch",
                )


def _refuse_crossed_keys(changes: Sequence[Change], current: Schema, desired: Schema) -> None:
    """Refuse a rebuild while a foreign key to or from the table does not fit: no row could be copied back.

    Raises:
        PlanError: there is one that fits before and after, or that is dropped only afterwards.
    """
    before = {fold(table.name): table for table in current.tables}
    waiting = [c.old for c in changes if isinstance(c, RebuildTable)]
    waiting += [c.table for c in changes if isinstance(c, DropTable)]
    tables = {fold(table.name): table for table in (*desired.tables, *waiting)}
    for change in changes:
        if isinstance(change, DropTable):
            del tables[fold(change.table.name)]
        if not isinstance(change, RebuildTable):
            continue
        tables[fold(change.new.name)] = change.new
        for name, table in tables.items():
            for key in broken_keys(table, tables):
                is_near = fold(change.new.name) in (name, fold(key.table))
                if is_near and not (name in before and key in broken_keys(before[name], before)):
                    raise PlanError(
                        f"the key of {key.table} and the foreign key of {table.name} to it cannot change"
                        " in one migration",
                        hint=f"write two: first remove the foreign key of {table.name}, or that table; then"
                        f" change the key of {key.table}, and add the foreign key again",
                    )


def _words(change: Change) -> str:
    match change:
        case AddColumn(table, column):
            return f"add {table} {column}"
        case DropColumn(table, column):
            return f"drop {table} {column}"
        case RebuildTable(_, new) | RebuildVirtual(_, new):
            return f"change {new.name}"
        case Reindex(name):
            return f"index {name}"
        case DropTable(table):
            return f"drop {table.name}"
        case Drop(_, name) | Create(_, name):
            return f"change {name}"
