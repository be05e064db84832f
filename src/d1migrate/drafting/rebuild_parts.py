"""What a rebuild changes in a table, as far as it can be made without replacing the table.

A column gets another definition: a new column replaces it. Or rows must meet another condition: triggers
refuse the others. What is neither is refused here, with the reason.
"""

from __future__ import annotations

from itertools import chain

from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import definition_of
from d1migrate.schema.normalize import mentions, normal_form
from d1migrate.schema.scope import Scope
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.schema.changes import RebuildTable
    from d1migrate.schema.model import Schema
    from d1migrate.schema.normalize import Constraint, NormalForm
    from d1migrate.sql.definitions import Check, ColumnDefinition, Reference, TableDefinition

_WITHOUT_KEYS = (
    "an online rebuild can, if no foreign key references the table: rebuild the tables that reference it"
    " without these foreign keys, then this table, then the others with them again"
)


class RebuildParts(NamedTuple):
    """What a rebuild changes; either the column is set, or the other two are.

    Attributes:
        column: the column with another definition, as it is after the rebuild.
        required: the columns that become NOT NULL.
        checks: the new CHECKs.
    """

    column: ColumnDefinition | None = None
    required: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


def parts_of(change: RebuildTable, current: Schema, desired: Schema) -> RebuildParts:
    """Return what a rebuild changes.

    Args:
        change: the rebuild.
        current: the schema before it.
        desired: the schema after it.

    Raises:
        PlanError: only a rebuild can make the change.
    """
    before, after = definition_of(change.old), definition_of(change.new)
    if before is None or after is None:
        raise _refused(change, "it is a virtual table")
    was, now = normal_form(_loose(before), Scope.of(current)), normal_form(_loose(after), Scope.of(desired))
    removed = [*_owned(was, without=now)]
    added = [*_owned(now, without=was)]
    _refuse_table_wide(change, was, now, removed, added)
    old = {fold(column.name): column for column in before.columns}
    new = {fold(column.name): column for column in after.columns}
    replaced = {owner for owner, _ in removed}
    replaced |= {owner for owner, constraint in added if constraint.kind == "reference"}
    replaced |= {name for name in new if was.columns[name] != now.columns[name]}
    changed = [name for name in new if old[name].not_null != new[name].not_null]
    replaced |= {name for name in changed if old[name].not_null}
    required = tuple(new[name].name for name in changed if not old[name].not_null)
    # A CHECK that replaces one of the same column is part of its definition.
    texts = {constraint.text for owner, constraint in added if owner not in {each for each, _ in removed}}
    checks = tuple(check for check, text in _checks(after, now) if text in texts)
    if not (replaced or required or checks):
        raise _refused(change, "only the order of its columns differs", "leave out --order")
    if replaced and (len(replaced) > 1 or required or checks):
        listed = [f"the definition of {new[name].name}" for name in new if name in replaced]
        listed += [f"NOT NULL of {name}" for name in required]
        listed += [f"CHECK ({check.expression})" for check in checks]
        raise _refused(change, f"{' and '.join(listed)} change at once", "change one of them at a time")
    if not replaced:
        return RebuildParts(None, required, checks)
    name = next(iter(replaced))
    reader = next((c.name for c in before.columns if c.generated and mentions(c.generated, name)), None)
    if reader is not None:
        raise _refused(change, f"the generated column {reader} reads {new[name].name}")
    _refuse_column(change, was, now, name, new[name], old[name])
    return RebuildParts(new[name])


def _refused(change: RebuildTable, reason: str, hint: str = _WITHOUT_KEYS) -> PlanError:
    return PlanError(
        f"{change.old.name} cannot be changed in steps, without a rebuild: {reason}",
        hint=hint,
    )


def _loose(table: TableDefinition) -> TableDefinition:
    """Return a table whose columns may all be NULL."""
    return table._replace(columns=tuple(column._replace(not_null=None) for column in table.columns))


def _owned(form: NormalForm, *, without: NormalForm) -> Iterator[tuple[str, Constraint]]:
    """Yield (column or "", constraint) of the constraints that another table does not have."""
    only = form.constraints() - without.constraints()
    for owner, parts in chain(form.column_constraints.items(), [("", form.table_constraints)]):
        yield from ((owner, part) for part in parts if part.text in only)


def _checks(table: TableDefinition, form: NormalForm) -> Iterator[tuple[Check, str]]:
    """Yield each CHECK with its normal form."""
    of_columns = ((column.checks, form.column_constraints[fold(column.name)]) for column in table.columns)
    for checks, parts in chain(of_columns, [(table.checks, form.table_constraints)]):
        texts = (part.text for part in parts if part.kind == "check")
        yield from zip(checks, texts, strict=True)


def _refuse_table_wide(
    change: RebuildTable,
    was: NormalForm,
    now: NormalForm,
    removed: list[tuple[str, Constraint]],
    added: list[tuple[str, Constraint]],
) -> None:
    """Raise PlanError for a change that is not one of columns or of what rows must meet."""
    if was.options != now.options:
        raise _refused(change, "STRICT and WITHOUT ROWID are properties of the whole table")
    if was.columns.keys() != now.columns.keys():
        hint = "write that first, in a migration of its own"
        raise _refused(change, "columns are added or dropped, too", hint)
    if keys := [part for _, part in (*removed, *added) if part.kind == "key"]:
        is_new = not removed and all(part.text.startswith("UNIQUE") for part in keys)
        hint = "CREATE UNIQUE INDEX demands the same without a rebuild" if is_new else _WITHOUT_KEYS
        raise _refused(change, f"{keys[0].text} is a key", hint)
    for owner, part in (*removed, *(each for each in added if each[1].kind == "reference")):
        if not owner:
            raise _refused(change, f"{part.text} is a constraint of the table, not of a column")


def _refuse_column(
    change: RebuildTable,
    was: NormalForm,
    now: NormalForm,
    name: str,
    new: ColumnDefinition,
    old: ColumnDefinition,
) -> None:
    """Raise PlanError for a column that no other one can replace."""
    if new.generated is not None or old.generated is not None:
        raise _refused(change, f"{new.name} is a generated column")
    if [_target(one) for one in new.references] != [_target(one) for one in old.references]:
        hint = (
            f'add another column with the foreign key: --add "…" --backfill "{change.new.name}.…={new.name}"'
        )
        raise _refused(change, f"{new.name} references something else", hint)
    for form in (was, now):
        for owner, parts in chain(form.column_constraints.items(), [("", form.table_constraints)]):
            own = next((p for p in parts if name in p.columns and (p.kind == "key" or owner != name)), None)
            if own is not None:
                raise _refused(change, f"{own.text} uses {new.name}, so it cannot be dropped")


def _target(key: Reference) -> tuple[str, tuple[str, ...]]:
    return fold(key.table), tuple(map(fold, key.to))
