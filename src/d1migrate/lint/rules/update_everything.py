"""UPDATE without WHERE."""

from __future__ import annotations

from d1migrate.lint.expressions import is_mapping, is_negated, passed_through
from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.sql.tokens import Token


@rule("D107", "update-everything", "warning", on=("update",))
def update_everything(replay: AnalyzedReplay) -> Iterator[Finding]:
    """UPDATE without WHERE overwrites a column in every row.

    Why: the old values are lost, and no rollback can restore them. Filling a column that the same file adds loses
        nothing and is not reported.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
    Bad:
        UPDATE users SET role = 'viewer';
    Good:
        UPDATE users SET role = 'viewer' WHERE role IS NULL;
    """
    for statement in replay.of("update"):
        if statement.has_where:
            continue
        if statement.target in statement.before.views and (set_ := _overwritten_by_view(statement)):
            yield Finding(f"UPDATE without WHERE overwrites {set_} in every row", statement)
        if statement.target not in statement.before.tables:
            continue
        table, number = statement.before.tables[statement.target], statement.before.ids[statement.target]
        names = {fold(column.name): column.name for column in table.columns}
        columns = replay.columns.at(number, statement.index)
        overwritten = [
            f"{table.name}.{names[each]}"
            for each, value in statement.sets().items()
            if each in columns and not _is_kept_in(value, each)
            if columns[each].since < 0 or replay.lineage.lost_sources(columns[each], statement.index)
        ]
        if overwritten:
            yield Finding(f"UPDATE without WHERE overwrites {', '.join(overwritten)} in every row", statement)


def _overwritten_by_view(statement: ReplayedStatement) -> str:
    """Return the columns of a view that an UPDATE sets, if its INSTEAD OF triggers update a table."""
    if not any(t.kind == "update" and t.table in statement.before.tables for t in statement.accesses):
        return ""
    return ", ".join(
        f"{statement.target}.{each}"
        for each, value in statement.sets().items()
        if not _is_kept_in(value, each)
    )


def _is_kept_in(value: Sequence[Token], column: str) -> bool:
    """Whether a new value is the column's own value, except for NULL and the values that a CASE names."""
    found = passed_through(value)
    is_itself = found is not None and not found.casts and found.column.name == column
    return is_itself or is_negated(value, column) or is_mapping(value, column, ())
