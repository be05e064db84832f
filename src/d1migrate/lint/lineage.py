"""What a file keeps of the rows and columns that it drops.

All rules about a loss ask here, so that "copied" means one thing: every row, by a statement that leaves none
out; each value as it is; into something that still exists when the file has run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.column_copies import copies_of

if TYPE_CHECKING:
    from d1migrate.lint.column_copies import Copy
    from d1migrate.lint.columns import ColumnId, Columns
    from d1migrate.lint.replay.model import Replay, ReplayedStatement

_NEVER = 1 << 62


class Lineage:
    """The copies of a file, and what they keep."""

    def __init__(self, replay: Replay, columns: Columns) -> None:
        self._replay, self._columns = replay, columns
        self._by_source: dict[ColumnId, list[Copy]] = {}
        self._by_table: dict[int, list[Copy]] = {}
        self._filled_from: dict[int, set[int]] = {}
        self._by_statement: dict[int, list[Copy]] = {}
        self._overwritten: dict[ColumnId, list[int]] = {}  # the statements that set each column in every row
        for statement in replay.of("insert", "replace", "create table", "update"):
            if statement.verb != "create table" or statement.is_from_select:
                copies = self._by_statement[statement.index] = list(copies_of(replay, columns, statement))
                for copy in copies:
                    self._note(copy)
                if statement.verb == "update" and not statement.has_where:
                    self._note_overwritten(
                        statement, {c.into for c in copies if c.keeps and c.source == c.into}
                    )
        self._emptied: dict[int, list[int]] = {}  # the statements that drop or empty each table
        self._dropped: dict[int, int] = {}
        for statement in replay.of("drop table", "delete"):
            name = statement.shape.name if statement.verb == "drop table" else statement.target
            if (number := statement.before.ids.get(name)) is not None and not statement.has_where:
                self._emptied.setdefault(number, []).append(statement.index)
                if statement.verb == "drop table":
                    self._dropped[number] = statement.index

    def _note(self, copy: Copy) -> None:
        self._by_source.setdefault(copy.source, []).append(copy)
        if copy.adds and copy.into.table != copy.source.table:
            self._by_table.setdefault(copy.source.table, []).append(copy)
            self._filled_from.setdefault(copy.into.table, set()).add(copy.source.table)

    def _note_overwritten(self, statement: ReplayedStatement, keeping: set[ColumnId]) -> None:
        number = statement.before.ids.get(statement.target)
        columns = self._columns.at(number, statement.index) if number is not None else {}
        for column in {columns[to] for to in statement.sets() if to in columns} - keeping:
            self._overwritten.setdefault(column, []).append(statement.index)

    def of(self, column: ColumnId) -> list[Copy]:
        """Return the copies of a column's values, in order."""
        return self._by_source.get(column, [])

    def of_table(self, table: int) -> list[Copy]:
        """Return the copies of a table's columns into other tables."""
        return self._by_table.get(table, [])

    def dropped_at(self, table: int, otherwise: int) -> int:
        """Return the statement that drops a table, or something else if none does."""
        return self._dropped.get(table, otherwise)

    def rows_are_kept(self, table: int, before: int, after: int = -1) -> bool:
        """Whether every row of a table is copied into something that stays, between two statements."""
        return any(
            not copy.leaves_out and self._table_stays(copy.into.table, copy.statement.index)
            for copy in self.of_table(table)
            if after < copy.statement.index < before
        )

    def leaves_out(self, table: int, before: int, after: int = -1) -> Copy | None:
        """Return the copy that may leave rows of a table out, if it is not kept; None if none copies it."""
        found = None
        for copy in self.of_table(table):
            if after < copy.statement.index < before and found is None:
                at = self._gone_at(copy.into.table, copy.statement.index)
                found = (
                    copy if copy.leaves_out else self.leaves_out(copy.into.table, at, copy.statement.index)
                )
        return found

    def by(self, statement: ReplayedStatement) -> list[Copy]:
        """Return what a statement copies."""
        return self._by_statement.get(statement.index, [])

    def lost_sources(self, column: ColumnId, at: int) -> list[ColumnId]:
        """Return what a column holds at a statement of dropped tables: their columns that are not kept."""
        sources = (
            copy.source
            for copies in self._by_source.values()
            for copy in copies
            if copy.into == column and copy.source != column and copy.statement.index < at
        )
        return [
            each
            for each in dict.fromkeys(sources)
            if each.table in self._dropped and not self.is_kept(each, self._dropped[each.table])
        ]

    def hands_on(self, statement: ReplayedStatement, table: int) -> bool:
        """Whether a statement copies what a table held, from it or from a table that it was copied into."""
        tables = {table} | {copy.into.table for copy in self.of_table(table)}
        return any(copy.statement is statement for each in tables for copy in self.of_table(each))

    def is_merged(self, table: int) -> bool:
        """Whether a table is copied into one that is filled from other tables, too."""
        return any(self._filled_from[copy.into.table] - {table} for copy in self.of_table(table))

    def is_kept(self, column: ColumnId, before: int, after: int = -1, *, of_all_rows: bool = True) -> bool:
        """Whether a column's values are copied as they are into something that stays.

        Args:
            column: it.
            before: the statement that drops it.
            after: the statement that fills it.
            of_all_rows: whether a copy has to take all rows, or all that have a value in this column.
        """
        return any(
            copy.keeps
            and (not of_all_rows or not copy.leaves_out or copy.spares)
            and self._stays(copy.into, copy.statement.index, of_all_rows=of_all_rows)
            for copy in self.of(column)
            if after < copy.statement.index < before
        )

    def destinations(
        self, column: ColumnId, before: int = _NEVER, after: int = -1
    ) -> list[tuple[ColumnId, bool]]:
        """Return where a column's values, or what is made of them, are at the end; whether as they are."""
        found: dict[ColumnId, bool] = {}
        for copy in self.of(column):
            if after < copy.statement.index < before:
                at = self._gone(copy.into, copy.statement.index)
                on = (
                    [(copy.into, True)]
                    if at == _NEVER
                    else self.destinations(copy.into, at, copy.statement.index)
                )
                for into, keeps in on:
                    found[into] = found.get(into, True) and keeps and copy.keeps is not False
        return list(found.items())

    def why_not(self, column: ColumnId, before: int) -> str:
        """Say what becomes of the values of a column that is not kept; "" if no statement copies them."""
        copies = [copy for copy in self.of(column) if copy.statement.index < before]
        if not copies:
            return ""
        best = next((copy for copy in copies if copy.keeps), copies[-1])
        into = self.name_of(best.into)
        if not best.keeps:
            return f"{into} gets an expression computed from it"
        word = best.leaves_out
        return f"the copy into {into} may omit rows: {word}" if word else f"{into} does not remain"

    def name_of(self, column: ColumnId) -> str:
        """Return `table.column`, by the names that they have last."""
        columns = self._columns.last(column.table)
        name = next((name for name, each in columns.items() if each == column), column.name)
        for catalog in (
            self._replay.after,
            *(statement.before for statement in reversed(self._replay.statements)),
        ):
            if table := catalog.name_of(column.table):
                return f"{catalog.tables[table].name}.{name}"
        return name

    # --- what stays ---

    def _stays(self, column: ColumnId, since: int, *, of_all_rows: bool) -> bool:
        """Whether values that are put into a column are still there at the end, or are copied on."""
        overwritten = next((i for i in self._overwritten.get(column, ()) if i > since), _NEVER)
        at = min(self._gone(column, since), overwritten)
        return at == _NEVER or self.is_kept(column, at, since, of_all_rows=of_all_rows)

    def _gone(self, column: ColumnId, since: int) -> int:
        """Return the statement that drops or empties a column after another."""
        dropped = self._columns.dropped_at(column)
        return min(self._gone_at(column.table, since), _NEVER if dropped is None else dropped)

    def _table_stays(self, table: int, since: int) -> bool:
        at = self._gone_at(table, since)
        return at == _NEVER or self.rows_are_kept(table, at, since)

    def _gone_at(self, table: int, since: int) -> int:
        """Return the statement that drops or empties a table after another."""
        return next((index for index in self._emptied.get(table, ()) if index > since), _NEVER)
