"""Rows, columns and values that a DROP TABLE, DROP COLUMN or DELETE without WHERE removes."""

from __future__ import annotations

from d1migrate.lint.cascade_loss import cascade_losses, sentence
from d1migrate.lint.column_copies import values_of
from d1migrate.lint.columns import ColumnId
from d1migrate.lint.declared_types import columns_of
from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import content_of, fts5_options
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import Column, Table


@rule("D104", "drop-table", "warning", on=("drop table",))
def drop_table(replay: AnalyzedReplay) -> Iterator[Finding]:
    """DROP TABLE of a table that may hold rows.

    Why: a rollback restores the table, not its rows. Deploy the code that no longer uses it first. Not reported
        after a plain copy: all rows and all columns, unchanged, into a table that remains.

    Given:
        CREATE TABLE old_logs (id INTEGER PRIMARY KEY, line TEXT);
    Bad:
        DROP TABLE old_logs;
    Good:
        -- d1migrate: allow=D104 reason="exported to R2 on 2026-11-01, unused since release 41"
        DROP TABLE old_logs;
    """
    rebuilt = {rebuild.number for rebuild in replay.rebuilds if rebuild.fills}
    for statement in replay.drops_of_rows():
        name = statement.shape.name
        if replay.is_new(name, statement):
            continue
        table, number = statement.before.tables[name], statement.before.ids[name]
        if content_of(table) is not None:  # a full-text index on another table stores no text
            if not content_of(table) and not _is_indexed_again(replay, statement):
                yield Finding(
                    f"DROP TABLE {table.name} loses its index: the indexed text is not stored anywhere else",
                    statement,
                )
            continue
        if _is_indexed_again(replay, statement):
            continue
        if not replay.lineage.rows_are_kept(number, statement.index):
            partial = replay.lineage.partial_copy(number, statement.index)
            if partial is None:
                yield Finding(f"DROP TABLE {table.name} loses its rows", statement)
            elif number not in rebuilt:  # D116 reports it for a rebuild
                into = replay.lineage.name_of(partial.into).rpartition(".")[0]
                yield Finding(
                    f"DROP TABLE {table.name} loses rows: the copy into {into} may omit some"
                    f" ({partial.omits})",
                    statement,
                )
        elif number not in rebuilt and (lost := _lost_columns(replay, statement, table)):
            yield Finding(
                f"DROP TABLE {table.name} loses {_with_why(replay, statement, table, lost)}", statement
            )


def _lost_columns(replay: AnalyzedReplay, statement: ReplayedStatement, table: Table) -> list[str]:
    """Return the columns of a dropped or emptied table that are not copied as they are, folded."""
    number = statement.before.ids[fold(table.name)]
    columns = replay.columns.at(number, statement.index)
    lost = [name for name in columns_of(table) if not replay.lineage.is_kept(columns[name], statement.index)]
    if lost == [fold(rowid_alias(table) or "")] and replay.lineage.is_merged(number):
        return []  # two tables cannot both keep their numbers
    return lost


def _with_why(replay: AnalyzedReplay, statement: ReplayedStatement, table: Table, lost: Sequence[str]) -> str:
    """Name the columns that are lost, and how their values were changed if they were."""
    columns = replay.columns.at(statement.before.ids[fold(table.name)], statement.index)
    why = dict.fromkeys(replay.lineage.why_lost(columns[name], statement.index) for name in lost)
    names = ", ".join(f"{table.name}.{column.name}" for column in table.columns if fold(column.name) in lost)
    reasons = "; ".join(filter(None, why))
    return f"the values of {names}{': ' if reasons else ''}{reasons}"


@rule("D105", "drop-column", "warning", on=REBUILD)
def drop_column(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A column is dropped with its values.

    Why: a rollback restores the column, not its values. Deploy the code that no longer uses it first. Not
        reported if every value was first copied, unchanged, into a column that remains. An expression such as
        CAST or `first || ' ' || last` changes the values.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, fax TEXT);
    Bad:
        ALTER TABLE users DROP COLUMN fax;
    Good:
        ALTER TABLE users ADD COLUMN phone TEXT;
        UPDATE users SET phone = fax WHERE fax IS NOT NULL;
        ALTER TABLE users DROP COLUMN fax;
    """
    for statement in replay.of("alter table"):
        name = statement.shape.name
        if (
            name not in statement.before.tables
            or name not in statement.after.tables
            or replay.is_new(name, statement)
        ):
            continue
        number, stored = statement.before.ids[name], columns_of(statement.before.tables[name])
        stay = set(replay.columns.at(number, statement.index + 1).values())
        lost = [
            each
            for each, column in replay.columns.at(number, statement.index).items()
            if column not in stay and column.since < 0 and each in stored
            if not replay.lineage.is_kept(column, statement.index)
        ]
        if lost:
            yield Finding(
                f"DROP COLUMN loses {_with_why(replay, statement, statement.before.tables[name], lost)}",
                statement,
            )
    for rebuild in replay.rebuilds:
        if rebuild.fills and rebuild.is_dropped and (gone := list(_left_out(replay, rebuild))):
            names = ", ".join(f"{rebuild.name}.{column.name}" for column, _ in gone)
            reasons = "; ".join(dict.fromkeys(filter(None, (why for _, why in gone))))
            yield Finding(
                f"the rebuild of {rebuild.name} omits {names}{': ' if reasons else ''}{reasons}",
                rebuild.fills[-1],
            )


def _left_out(replay: AnalyzedReplay, rebuild: Rebuild) -> Iterator[tuple[Column, str]]:
    """Yield the columns that a rebuild does not copy, with what the file does with their values instead."""
    filled = {
        to for fill in rebuild.fills for values in values_of(fill) for to in values or columns_of(rebuild.new)
    }
    for column in rebuild.old.columns:
        name, each = fold(column.name), ColumnId(rebuild.number, fold(column.name))
        is_filled = name in filled and name in columns_of(rebuild.new)
        if column.generated or is_filled or replay.columns.dropped_at(each) is not None:
            continue
        if not replay.lineage.is_kept(each, rebuild.dropped_at, of_all_rows=False):
            yield column, replay.lineage.why_lost(each, rebuild.dropped_at)


@rule("D106", "delete-everything", "warning", on=("insert", "replace", "delete"))
def delete_everything(replay: AnalyzedReplay) -> Iterator[Finding]:
    """DELETE without WHERE.

    Why: it empties the table and, through ON DELETE CASCADE, the tables that reference it. `WHERE 1` counts as
        no WHERE. Not reported after a plain copy of all rows and columns, or for a full-text index that the
        file fills again.

    Given:
        CREATE TABLE sessions (id TEXT PRIMARY KEY, expires_at INTEGER);
    Bad:
        DELETE FROM sessions;
    Good:
        DELETE FROM sessions WHERE expires_at < unixepoch();
    """
    yield from _emptied_indexes(replay)
    for statement in replay.of("delete"):
        table = statement.before.tables.get(statement.target)
        if table is None and not statement.has_where and (fired := _deleted_by_view(statement)):
            yield Finding(
                f"DELETE without WHERE from view {statement.target} deletes rows of {fired}", statement
            )
        if (
            table is None
            or statement.has_where
            or replay.is_new(statement.target, statement)
            or replay.is_empty(statement.target, statement)
        ):
            continue
        losses, number = (
            cascade_losses(replay, statement, statement.target),
            statement.before.ids[statement.target],
        )
        also = f", and {sentence(losses)}" if losses else ""
        is_indexed = _is_indexed_again(replay, statement)
        if losses or not (is_indexed or replay.lineage.rows_are_kept(number, statement.index)):
            words = "of every row" if "WHERE" in statement.words else "without WHERE"
            yield Finding(f"DELETE {words} empties {table.name}{also}", statement)
        elif not is_indexed and (lost := _lost_columns(replay, statement, table)):
            yield Finding(f"DELETE loses {_with_why(replay, statement, table, lost)}", statement)


def _deleted_by_view(statement: ReplayedStatement) -> str:
    """Return the tables whose rows a DELETE from a view deletes, by its INSTEAD OF triggers."""
    deleted = dict.fromkeys(
        t.table for t in statement.accesses if t.kind == "delete" and t.table in statement.before.tables
    )
    return ", ".join(statement.before.tables[name].name for name in deleted)


def _emptied_indexes(replay: AnalyzedReplay) -> Iterator[Finding]:
    """Yield the full-text indexes that 'delete-all' empties, if nothing fills them again."""
    for statement in replay.of("insert", "replace"):
        table = statement.before.tables.get(statement.target)
        if table is None or "'delete-all'" not in statement.sql.lower() or not fts5_options(table):
            continue
        if not _is_indexed_again(replay, statement):
            yield Finding(f"'delete-all' empties {table.name}, and no statement fills it again", statement)


def _is_indexed_again(replay: AnalyzedReplay, statement: ReplayedStatement) -> bool:
    """Whether a full-text index is emptied or dropped, and a later statement fills it from another table."""
    name = statement.shape.name if statement.verb == "drop table" else statement.target
    if not statement.before.tables[name].is_virtual:
        return False
    return any(
        "'rebuild'" in fill.sql.lower()
        or any(t.kind == "read" and not t.table.startswith((name, "sqlite_")) for t in fill.accesses)
        for fill in replay.of("insert", "replace")
        if fill.index > statement.index and fill.target == name
    )
