"""Another definition of a column in several migrations, for a table that cannot be rebuilt.

1. Expand: a column with the new definition and a temporary name is added. Triggers copy the old one to it.
2. Fill: a batch migration copies the values of the other rows, in chunks.
3. Contract: the old column is dropped, and the new one gets its name, in one batch. Code uses the same name
   before and after. The old column remains, under another name, if DROP COLUMN would write too much.
4. Each index of the old column is created again, in a file of its own. The contract migration creates unique
   ones, so that they hold all the time.
"""

from __future__ import annotations

from contextlib import closing

from d1migrate.drafting.constraint_triggers import constraint_triggers, not_null, trigger_notes
from d1migrate.drafting.desired import Desired
from d1migrate.drafting.draft import Draft, Stage, draft
from d1migrate.drafting.edit_table import edit_columns
from d1migrate.drafting.expand_contract import fill_stage
from d1migrate.drafting.renames import Rename
from d1migrate.drafting.replacement import replacement_of
from d1migrate.drafting.reverse import Reverse
from d1migrate.drafting.scratch_schema import ScratchSchema
from d1migrate.errors import MissingValue, PlanError
from d1migrate.schema.alter import StatementGroup, statement_groups
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.changes import Create, Drop, DropColumn, RebuildTable
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.schema.diff import diff
from d1migrate.schema.normalize import mentioned_names
from d1migrate.sql.names import fold
from d1migrate.sql.names import quote_identifier as q

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.drafting.replacement import Replacement
    from d1migrate.schema.model import Index, Schema
    from d1migrate.sql.definitions import ColumnDefinition


def replacement_stages(
    current: Schema,
    desired: Schema,
    whole: Draft,
    change: RebuildTable,
    column: ColumnDefinition,
    *,
    rows: int = 0,
    budget: int = DEFAULT_BUDGET,
    description: str | None = None,
    why: Sequence[str] = (),
) -> list[Stage]:
    """Return the migrations that give a column another definition.

    Args:
        current: the schema before them.
        desired: the schema after the change.
        whole: the draft that makes the change at once.
        change: the rebuild in it.
        column: the column, as it is to be.
        rows: the rows of the table, as far as they are known.
        budget: the most entries that one batch may write.
        description: a few words on the first.
        why: comments for its file.

    Raises:
        PlanError: no other column can replace this one.
    """
    table = Catalog.of(current).tables[fold(change.old.name)]
    one = replacement_of(table, column, Catalog.of(current), dict(change.values), rows=rows, budget=budget)
    added = edit_columns(current, table.name, add=[one.definition(one.temporary)])
    expanded = _with_triggers(added, one)
    expand = draft(current, Desired(expanded))
    contract, reached = _contract(expanded, one, dict(whole.down.placeholders), budget)
    indexes = one.indexes(unique=False)
    words = f"{table.name} {column.name}"
    stages = [
        Stage(description or f"replace {words}", _checked(expand, one), (*why, *_expand_lines(one))),
        _fill(one),
        Stage(f"contract {words}", contract, _contract_lines(one), tuple(_notes(one, budget))),
    ]
    for index in indexes:
        create = Create("index", index.name, index.sql or "")
        down = StatementGroup("", (f"DROP INDEX {q(index.name)}",))
        groups = statement_groups([create], reached, reached)
        drafted = Draft((), (create,), groups, Reverse((down,)))
        stages.append(Stage(f"index {index.name}", drafted, ("d1migrate: phase=after",)))
    _check_end(reached, desired, one, indexes)
    return stages


def _with_triggers(schema: Schema, one: Replacement) -> Schema:
    name = fold(one.table.name)
    table = next(table for table in schema.tables if fold(table.name) == name)
    changed = table._replace(triggers=(*table.triggers, *one.companions()))
    return schema._replace(tables=tuple(changed if each is table else each for each in schema.tables))


def _checked(drafted: Draft | None, one: Replacement) -> Draft:
    """Return a draft that changes the table without a rebuild.

    Raises:
        PlanError: it needs one.
    """
    if drafted is None or any(isinstance(change, RebuildTable) for change in drafted.changes):
        raise PlanError(
            f"{one.name} cannot be replaced: ALTER TABLE can neither add the new column nor drop the old one",
            hint="ADD COLUMN needs a constant default; DROP COLUMN refuses a column that another one reads",
        )
    return drafted


def _contract(
    expanded: Schema, one: Replacement, placeholders: dict[tuple[str, str], str], budget: int
) -> tuple[Draft, Schema]:
    """Return the contract migration, which ran on a scratch engine, and the schema after it."""
    table, name = one.table.name, one.old.name
    without, again = _without_objects(expanded, one)
    dropped = without if one.kept else edit_columns(without, table, drop=[name])
    first = _checked(draft(expanded, Desired(dropped), allow_drop=("all",)), one)
    renames = [Rename(table, one.temporary, name)]
    renames = [Rename(table, name, one.kept), *renames] if one.kept else renames
    groups = [*first.up, StatementGroup("", tuple(rename.sql for rename in renames))]
    conditions = [not_null(one.table, name)] if one.is_checked else []
    checks = [Create("trigger", each.name, each.sql) for each in constraint_triggers(one.table, conditions)]
    groups += statement_groups([*again, *checks], dropped, dropped)
    with closing(ScratchSchema(expanded)) as scratch:
        scratch.run_groups(groups)
        reached = scratch.schema(expanded)
    return Draft(
        (), first.changes, tuple(groups), _rollback(reached, expanded, one, placeholders, budget)
    ), reached


def _without_objects(schema: Schema, one: Replacement) -> tuple[Schema, list[Create]]:
    """Return a schema without what uses the column and can be dropped, and what creates it again.

    ALTER TABLE refuses to drop a column that a view or trigger uses, and would rename it in them.
    """
    gone, name = {fold(one.old.name)}, fold(one.table.name)
    while more := {fold(v.name) for v in schema.views if not gone.isdisjoint(mentioned_names(v.sql))} - gone:
        gone |= more
    companions = {fold(trigger.name) for trigger in one.companions()}

    def uses(sql: str | None) -> bool:
        return sql is not None and not gone.isdisjoint(mentioned_names(sql))

    again = [Create("index", index.name, index.sql or "") for index in one.indexes(unique=True)]
    again += [Create("view", view.name, view.sql) for view in schema.views if uses(view.sql)]
    triggers = [*(trigger for table in schema.tables for trigger in table.triggers), *schema.triggers]
    lost = [t for t in triggers if uses(t.sql) or fold(t.table) in gone or fold(t.name) in companions]
    again += [Create("trigger", t.name, t.sql) for t in lost if fold(t.name) not in companions]
    tables = [
        table._replace(
            triggers=tuple(trigger for trigger in table.triggers if trigger not in lost),
            indexes=tuple(i for i in table.indexes if fold(table.name) != name or not uses(i.sql)),
        )
        for table in schema.tables
    ]
    views = tuple(view for view in schema.views if not uses(view.sql))
    rest = tuple(trigger for trigger in schema.triggers if trigger not in lost)
    return schema._replace(tables=tuple(tables), views=views, triggers=rest), again


def _rollback(
    reached: Schema,
    expanded: Schema,
    one: Replacement,
    placeholders: dict[tuple[str, str], str],
    budget: int,
) -> Reverse:
    """Return the rebuild that restores the old column: only a small table can go back in one batch."""
    key = fold(one.table.name), fold(one.temporary)
    try:
        back = draft(
            reached,
            Desired(expanded),
            backfill={key: q(one.new.name), **placeholders},
            allow_drop=("all",),
            budget=budget,
        )
    except MissingValue:
        return Reverse(irreversible=f"{one.name} was NOT NULL, and may be NULL since then")
    except PlanError as error:
        return Reverse(irreversible=error.headline)
    return Reverse(back.up, tuple(placeholders.items())) if back else Reverse()


def _expand_lines(one: Replacement) -> list[str]:
    old, new = one.old.name, one.temporary
    both = [
        *(["the actions of both foreign keys"] if one.new.references != one.old.references else []),
        *(["both CHECKs"] if one.new.checks and one.new.checks != one.old.checks else []),
    ]
    return [
        f"Expand: triggers copy {old} to {new} in the rows that code writes, until the contract migration.",
        *(f"Until then, {each} apply." for each in both),
        "d1migrate: phase=before",
    ]


def _fill(one: Replacement) -> Stage:
    stage = fill_stage(one.table, one.temporary, one.value, all_rows=True)
    allowed = f'd1migrate: allow=D107 reason="no code writes {one.temporary}"'
    return stage._replace(lines=(*stage.lines[:1], allowed, *stage.lines[1:]))


def _contract_lines(one: Replacement) -> tuple[str, ...]:
    rules = "W101" if one.kept else "D105,W101"
    return (
        "Contract: apply it when all running code accepts the new definition.",
        f'd1migrate: allow={rules} reason="{one.temporary} has every value, and gets the name"',
        "d1migrate: phase=after",
    )


def _notes(one: Replacement, budget: int) -> Iterator[str]:
    if one.kept:
        yield (
            f"{one.name} remains as {one.kept}, because DROP COLUMN would write more than"
            f" {budget:,} entries: drop it with the next rebuild."
        )
    if one.is_checked:
        yield from trigger_notes(one.table, [not_null(one.table, one.new.name)])


def _check_end(reached: Schema, desired: Schema, one: Replacement, indexes: Sequence[Index]) -> None:
    """Raise PlanError if the migrations do not lead to the desired schema, as far as they can."""
    expected = edit_columns(desired, one.table.name, set_=[one.definition(one.new.name)])
    known = {fold(index.name) for index in indexes}
    if one.is_checked:
        known |= {
            fold(each.name) for each in constraint_triggers(one.table, [not_null(one.table, one.new.name)])
        }
    for change in diff(reached, expected).changes:
        is_later = isinstance(change, Drop | Create) and fold(change.name) in known
        is_kept = isinstance(change, DropColumn) and fold(change.column) == fold(one.kept)
        if not (is_later or is_kept):
            raise PlanError("the steps do not produce the desired schema; this is a bug in d1migrate")
