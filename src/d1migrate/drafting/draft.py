"""Both directions of a migration, drafted and proved on a scratch engine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.broken_objects import refuse_broken_objects
from d1migrate.drafting.renames import Rename, candidates, open_renames, rename_groups
from d1migrate.drafting.reverse import Reverse, reverse
from d1migrate.drafting.scratch_schema import ScratchSchema, must
from d1migrate.errors import DataLoss, MissingValue, PlanError, UsageError
from d1migrate.schema.alter import StatementGroup, broken_keys, statement_groups
from d1migrate.schema.catalog import Catalog
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
from d1migrate.schema.diff import diff
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from d1migrate.drafting.schema_file import Desired
    from d1migrate.schema.changes import Change, Diff, Missing
    from d1migrate.schema.model import Schema


class Draft(NamedTuple):
    """A migration that is not yet a file.

    Attributes:
        renames: what is renamed first.
        changes: what is done then.
        up: its SQL, in groups.
        back: the way back.
    """

    renames: tuple[Rename, ...]
    changes: tuple[Change, ...]
    up: tuple[StatementGroup, ...]
    back: Reverse

    @property
    def title(self) -> str:
        """A few words: what it mainly does."""
        renames = [f"rename {r.table} {r.column or ''}".strip() for r in self.renames]
        tables = [_words(change) for change in self.changes if not isinstance(change, (Drop, Create))]
        tables += [f"create {c.name}" for c in self.changes if isinstance(c, Create) and c.kind == "table"]
        others = [f"change {change.name}" for change in self.changes if isinstance(change, (Drop, Create))]
        return " and ".join(list(dict.fromkeys(renames + tables or others))[:2])


def draft(
    current: Schema,
    desired: Desired,
    *,
    renames: Sequence[Rename] = (),
    backfill: Mapping[tuple[str, str], str] | None = None,
    allow_drop: Collection[str] = (),
    order: bool = False,
) -> Draft | None:
    """Return the migration that leads from one schema to another and back; None where they are alike.

    Args:
        current: what there is.
        desired: what there should be, and the renames it tells of.
        renames: others.
        backfill: {(table, column): SQL} for rows that need a value; folded names, of the desired schema.
        allow_drop: `table` or `table.column` whose rows or values may go, or `all`.
        order: whether columns in another order are a difference.

    Raises:
        UsageError: a rename fits neither schema.
        DataLoss: something goes that nobody allowed to go; the hint tells of possible renames.
        MissingValue: a column needs one.
        PlanError: D1 refuses what comes out, or it is not the desired schema.
    """
    todo = open_renames([*renames, *desired.renames], current, desired.schema)
    with closing(ScratchSchema(current)) as bench:
        first = [group for rename in todo for group in rename_groups(bench, rename)]
        renamed = bench.schema() if todo else current
        found = diff(renamed, desired.schema, backfill, order=order)
        _refuse_loss(found, renamed, desired.schema, allow_drop)
        _refuse_missing(found.missing)
        _refuse_broken_keys(renamed, desired.schema)
        refuse_broken_objects(current, desired)
        if not todo and not found.changes:
            return None
        rest = statement_groups(found.changes, renamed, desired.schema)
        for sql in (sql for section in rest for sql in section.statements):
            must(bench.run(sql), sql)
        reached = bench.schema()
    if diff(reached, desired.schema, order=order).changes:
        raise PlanError("the changes do not lead to the desired schema: this is a defect of d1migrate")
    back = reverse(reached, renamed, [rename.back for rename in reversed(todo)], current, order=order)
    return Draft(tuple(todo), found.changes, (*first, *rest), back)


def _refuse_loss(found: Diff, current: Schema, desired: Schema, allowed: Collection[str]) -> None:
    names = {fold(name) for name in allowed}
    lost = [
        f"{table}.{column}" if column else table
        for table, column in found.lost
        if "all" not in names and not {fold(table), fold(f"{table}.{column}" if column else table)} & names
    ]
    if not lost:
        return
    maybe = [rename.flag for rename in candidates(found, current, desired)]
    flags = " or ".join(f"--rename {flag}" for flag in maybe)
    drops = " ".join(f"--allow-drop {name}" for name in lost)
    raise DataLoss(
        f"{', '.join(lost)} would be dropped, with all values",
        rows=dict.fromkeys(lost),
        renames=maybe,
        hint=f"renamed: {flags}; really gone: {drops}" if maybe else drops,
    )


def _refuse_missing(missing: Sequence[Missing]) -> None:
    if not missing:
        return
    said = [f"{m.table}.{m.column} {'is new and' if m.is_new else 'becomes'} NOT NULL" for m in missing]
    columns = [f"{m.table}.{m.column}" for m in missing]
    raise MissingValue(
        f"{'; '.join(said)}: the rows there are need a value",
        columns=columns,
        hint=" ".join(f"--backfill \"{name}='…'\"" for name in columns),
    )


def _refuse_broken_keys(current: Schema, desired: Schema) -> None:
    """Raise PlanError for a foreign key that becomes one to columns that are no key."""
    before, after = Catalog.of(current), Catalog.of(desired)
    broken = {(fold(t.name), k) for t in current.tables for k in broken_keys(t, before)}
    for table in desired.tables:
        for key in broken_keys(table, after):
            if (fold(table.name), key) not in broken:
                columns = ", ".join(name for name in key.to if name) or "its primary key"
                raise PlanError(
                    f"{table.name} refers to {key.table} ({columns}), which is not its primary key or unique",
                    hint="SQLite would refuse to write to either table: foreign key mismatch",
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


def backfill_of(text: str) -> tuple[tuple[str, str], str]:
    """Read `table.column=SQL`, as a flag has it.

    Raises:
        UsageError: it is not that.
    """
    name, equals, value = text.partition("=")
    table, dot, column = name.partition(".")
    if not (equals and dot and table and column and value.strip()):
        raise UsageError(f"{text!r} is not TABLE.COLUMN=SQL", hint="--backfill \"users.role='viewer'\"")
    return (fold(table), fold(column)), value.strip()
