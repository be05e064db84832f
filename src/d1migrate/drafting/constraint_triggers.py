"""NOT NULL and CHECK as triggers: for a table that is too big to be rebuilt with the constraint.

They refuse what the constraint would, with its message. They do not look at the rows that exist: a batch
migration fills those that lack a value, and a query in the file shows those that a CHECK would refuse.
"""

from __future__ import annotations

from d1migrate.drafting.desired import Desired
from d1migrate.drafting.draft import Stage, draft
from d1migrate.drafting.expand_contract import fill_stage
from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.model import Trigger
from d1migrate.sql.names import fold, quote_literal
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.references import references, with_columns
from d1migrate.sql.tokens import significant
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.drafting.rebuild_parts import RebuildParts
    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.definitions import Check


class Condition(NamedTuple):
    """What a constraint refuses.

    Attributes:
        violated: SQL over the columns of a row; true if the row is refused.
        columns: the columns that it reads.
        message: what SQLite says when the constraint refuses a row.
    """

    violated: str
    columns: tuple[str, ...]
    message: str


def not_null(table: Table, column: str) -> Condition:
    """Return what NOT NULL refuses."""
    return Condition(f"{q(column)} IS NULL", (column,), f"NOT NULL constraint failed: {table.name}.{column}")


def check(table: Table, constraint: Check) -> Condition:
    """Return what a CHECK refuses.

    Raises:
        PlanError: it reads what a BEFORE trigger does not see.
    """
    expression = constraint.expression
    named = {reference.name for reference in references(significant(expression))}
    read = [column for column in table.columns if fold(column.name) in named]
    alias = fold(rowid_alias(table) or "")
    for column in read:
        if column.generated or fold(column.name) == alias:
            raise PlanError(
                f"{table.name} cannot be changed without a rebuild: no trigger can check {expression},"
                f" because {column.name} has no value yet before the row is written",
                hint="check it in the application",
            )
    columns = tuple(column.name for column in read)
    text = with_columns(expression, {})
    return Condition(f"NOT ({text})", columns, f"CHECK constraint failed: {constraint.name or text}")


def constraint_triggers(table: Table, conditions: Sequence[Condition]) -> list[Trigger]:
    """Return the triggers that refuse rows of a table, two for each condition.

    An UPDATE is only checked if it sets a column of the condition, so rows that violate it already can change
    otherwise.
    """
    taken, found = {fold(trigger.name) for trigger in table.triggers}, list[Trigger]()
    for one in conditions:
        new = {fold(column): f"new.{q(column)}" for column in one.columns}
        refuse = f"SELECT RAISE(ABORT, {quote_literal(one.message)})"
        body = f"WHEN {with_columns(one.violated, new)} BEGIN\n  {refuse};\nEND"
        stem = "_".join(("check", table.name, *one.columns))
        stem = next(name for name in _numbered(stem) if f"{fold(name)}_on_insert" not in taken)
        of = f" OF {', '.join(map(q, one.columns))}" if one.columns else ""
        for event, fired_by in (("insert", "INSERT"), ("update", f"UPDATE{of}")):
            name = f"{stem}_on_{event}"
            taken.add(fold(name))
            head = f"CREATE TRIGGER {q(name)} BEFORE {fired_by} ON {q(table.name)}"
            found.append(Trigger(name, table.name, safe_form(f"{head}\n{body}")))
    return found


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in range(2, 100))


def trigger_notes(table: Table, conditions: Sequence[Condition]) -> list[str]:
    """Return what to say about such triggers, with the query that shows what they would refuse."""
    return [
        "SQLite adds a constraint only by rebuilding the table: these triggers refuse the same rows instead.",
        *(
            f"Rows that exist are not checked: SELECT * FROM {q(table.name)}"
            f" WHERE {' '.join(each.violated.split())}"
            for each in conditions
        ),
    ]


def constraint_stages(
    current: Schema,
    table: Table,
    parts: RebuildParts,
    backfill: Mapping[tuple[str, str], str],
    *,
    description: str | None = None,
    why: Sequence[str] = (),
) -> list[Stage]:
    """Return the migrations that check a table by triggers, and fill the columns that may not be NULL.

    Args:
        current: the schema before them.
        table: the table.
        parts: what the constraints are.
        backfill: as for `draft`.
        description: a few words on the first.
        why: comments for its file.

    Raises:
        PlanError: no trigger can check a condition, or a value replaces other values than NULL.
    """
    required = {fold(column): column for column in parts.required}
    for name, column in backfill:
        if name == fold(table.name) and column not in required:
            raise PlanError(
                f"{table.name} cannot be changed without a rebuild: values of {column} are to change, too",
                hint="change the values first, in a batch migration",
            )
    conditions = [not_null(table, column) for column in parts.required]
    conditions += [check(table, each) for each in parts.checks]
    triggers = (*table.triggers, *constraint_triggers(table, conditions))
    tables = (each._replace(triggers=triggers) if each is table else each for each in current.tables)
    drafted = draft(current, Desired(current._replace(tables=tuple(tables))))
    if drafted is None:
        raise PlanError(f"{table.name}: the constraint has nothing to refuse; this is a bug in d1migrate")
    words = " and ".join(dict.fromkeys(column for each in conditions for column in each.columns))
    lines, notes = (*why, "d1migrate: phase=after"), tuple(trigger_notes(table, conditions))
    fills = [
        fill_stage(table, column, backfill[fold(table.name), name], phase="after", is_new=False)
        for name, column in required.items()
        if (fold(table.name), name) in backfill
    ]
    return [Stage(description or f"check {table.name} {words}".strip(), drafted, lines, notes), *fills]
