"""Where the rows and values of a file's tables go, and what of them remains.

Every rule about a loss asks here, so that "copied" means one thing: every row, by a statement that omits
none; every value unchanged; into a column that still exists after the file. What one statement copies is
in `column_copies`.
"""

from __future__ import annotations

from d1migrate.lint.column_copies import copies_of
from d1migrate.sql.names import is_helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.lint.column_copies import Copy
    from d1migrate.lint.columns import ColumnId, Columns
    from d1migrate.lint.replay.model import Replay, ReplayedStatement

_NEVER = 1 << 62


class Lineage:
    """The copies that a file makes, followed from statement to statement."""

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
        for statement in replay.of("drop table", "delete"):
            name = statement.shape.name if statement.verb == "drop table" else statement.target
            if (number := statement.before.ids.get(name)) is not None and not statement.has_where:
                self._emptied.setdefault(number, []).append(statement.index)

    def _note(self, copy: Copy) -> None:
        self._by_source.setdefault(copy.source, []).append(copy)
        if copy.adds and copy.into.table != copy.source.table:
            self._by_table.setdefault(copy.source.table, []).append(copy)
            self._filled_from.setdefault(copy.into.table, set()).add(copy.source.table)

    def _note_overwritten(self, statement: ReplayedStatement, unchanged: set[ColumnId]) -> None:
        number = statement.before.ids.get(statement.target)
        columns = self._columns.at(number, statement.index) if number is not None else {}
        for column in {columns[to] for to in statement.sets() if to in columns} - unchanged:
            self._overwritten.setdefault(column, []).append(statement.index)

    def copies_of(self, column: ColumnId) -> list[Copy]:
        """Return the copies of a column's values, in order."""
        return self._by_source.get(column, [])

    def copies_of_table(self, table: int) -> list[Copy]:
        """Return the copies of a table's columns into other tables."""
        return self._by_table.get(table, [])

    def rows_are_kept(self, table: int, before: int, after: int = -1) -> bool:
        """Whether every row of a table is copied into a table that remains, between two statements."""
        return any(
            not copy.omits and self._table_stays(copy.into.table, copy.statement.index)
            for copy in self.copies_of_table(table)
            if after < copy.statement.index < before
        )

    def partial_copy(self, table: int, before: int, after: int = -1) -> Copy | None:
        """Return the copy that may omit rows of a table; None if none does, or no statement copies it."""
        found = None
        for copy in self.copies_of_table(table):
            if after < copy.statement.index < before and found is None:
                at = self._next_table_loss(copy.into.table, copy.statement.index)
                found = copy if copy.omits else self.partial_copy(copy.into.table, at, copy.statement.index)
        return found

    def copies_by(self, statement: ReplayedStatement) -> list[Copy]:
        """Return what a statement copies."""
        return self._by_statement.get(statement.index, [])

    def lost_sources(self, column: ColumnId, at: int) -> list[ColumnId]:
        """Return the columns of dropped tables whose only copy is in a column, at a statement."""
        sources = (
            copy.source
            for copies in self._by_source.values()
            for copy in copies
            if copy.into == column and copy.source != column and copy.statement.index < at
        )
        return [
            each
            for each in dict.fromkeys(sources)
            if (dropped_at := self._replay.drops.get(each.table)) is not None
            if not self.is_kept(each, dropped_at)
        ]

    def passes_on(self, statement: ReplayedStatement, table: int) -> bool:
        """Whether a statement copies a table, or a copy of it."""
        tables = {table} | {copy.into.table for copy in self.copies_of_table(table)}
        return any(copy.statement is statement for each in tables for copy in self.copies_of_table(each))

    def is_merged(self, table: int) -> bool:
        """Whether a table is copied into one that is also filled from other tables."""
        return any(self._filled_from[copy.into.table] - {table} for copy in self.copies_of_table(table))

    def is_kept(self, column: ColumnId, before: int, after: int = -1, *, of_all_rows: bool = True) -> bool:
        """Whether a column's values are copied unchanged into a column that remains.

        Args:
            column: the column.
            before: the statement that drops it.
            after: the statement that fills it.
            of_all_rows: whether the copy must include all rows, or all that have a value in this column.
        """
        return any(
            copy.keeps
            and (not of_all_rows or not copy.omits or copy.omits_only_nulls)
            and self._stays(copy.into, copy.statement.index, of_all_rows=of_all_rows)
            for copy in self.copies_of(column)
            if after < copy.statement.index < before
        )

    def destinations(
        self, column: ColumnId, before: int = _NEVER, after: int = -1
    ) -> list[tuple[ColumnId, bool]]:
        """Return the columns that a column's values are in at the end, and whether unchanged."""
        found: dict[ColumnId, bool] = {}
        for copy in self.copies_of(column):
            if after < copy.statement.index < before:
                at = self._next_loss(copy.into, copy.statement.index)
                on = (
                    [(copy.into, True)]
                    if at == _NEVER
                    else self.destinations(copy.into, at, copy.statement.index)
                )
                for into, keeps in on:
                    found[into] = found.get(into, True) and keeps and copy.keeps is not False
        return list(found.items())

    def why_lost(self, column: ColumnId, before: int) -> str:
        """Explain what happens to the values of a lost column; "" if no statement copies them."""
        copies = [copy for copy in self.copies_of(column) if copy.statement.index < before]
        if not copies:
            return ""
        best = next((copy for copy in copies if copy.keeps), copies[-1])
        into = self.name_of(best.into)
        if not best.keeps:
            return f"{into} is filled by an expression"
        if best.omits:
            return f"the copy into {into} may omit rows: {best.omits}"
        return "" if is_helper(into) else f"{into} is dropped or overwritten"

    def name_of(self, column: ColumnId) -> str:
        """Return `table.column`, by their last names."""
        columns = self._columns.last(column.table)
        name = next((name for name, each in columns.items() if each == column), column.name)
        for catalog in (
            self._replay.after,
            *(statement.before for statement in reversed(self._replay.statements)),
        ):
            if table := catalog.name_of(column.table):
                return f"{catalog.tables[table].name}.{name}"
        return name

    # --- what remains ---

    def _stays(self, column: ColumnId, since: int, *, of_all_rows: bool) -> bool:
        """Whether values put into a column remain there to the end, or are copied on."""
        overwritten = next((i for i in self._overwritten.get(column, ()) if i > since), _NEVER)
        at = min(self._next_loss(column, since), overwritten)
        return at == _NEVER or self.is_kept(column, at, since, of_all_rows=of_all_rows)

    def _next_loss(self, column: ColumnId, since: int) -> int:
        """Return the next statement that drops or empties a column."""
        dropped = self._columns.dropped_at(column)
        return min(self._next_table_loss(column.table, since), _NEVER if dropped is None else dropped)

    def _table_stays(self, table: int, since: int) -> bool:
        at = self._next_table_loss(table, since)
        return at == _NEVER or self.rows_are_kept(table, at, since)

    def _next_table_loss(self, table: int, since: int) -> int:
        """Return the next statement that drops or empties a table."""
        return next((index for index in self._emptied.get(table, ()) if index > since), _NEVER)
