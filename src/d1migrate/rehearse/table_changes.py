"""What became of the rows of one migration, table by table, and whose words account for it."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

import apsw

from d1migrate.lint.column_copies import columns_into
from d1migrate.lint.columns import ColumnId
from d1migrate.rehearse import row_difference as rows_of
from d1migrate.rehearse.expected_effects import ReplayedFile, StatementEffect, TableOutcome, outcome_of
from d1migrate.rehearse.fill.virtual import parse_virtual
from d1migrate.rehearse.kept_values import Arrivals
from d1migrate.rehearse.model import TableChange, Unkept
from d1migrate.rehearse.row_attribution import RowTracker
from d1migrate.rehearse.row_difference import Match, RowDifference
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.rehearse.scratch_database import RecordingEngine, ScratchDatabase
    from d1migrate.schema.model import Table


class _Compared(NamedTuple):
    """A table before it is said whose words account for what: `how` is None where nothing is left of it."""

    table: Table
    outcome: TableOutcome
    how: Match | None
    found: RowDifference


class Rows:
    """What became of the rows of one migration.

    Attributes:
        inserts: {statement that only adds rows: the table it adds them to, folded}.
        retyped: whether a column has another type than before; known when `changes` was gone through.
    """

    def __init__(
        self, told: ReplayedFile, was: ScratchDatabase, now: ScratchDatabase, ran: RecordingEngine
    ) -> None:
        self._told, self._was, self._now, self._ran = told, was, now, ran
        self._replay = told.replay
        self.retyped = False
        self.inserts = {
            at: fold(table)
            for (at, table, what), count in ran.writes.items()
            if what == "INSERT" and told.at(at) is None and count > ran.set_off[(at, table, what)]
        }

    def changes(self) -> Iterator[TableChange]:
        """Yield the tables whose rows are not as they were; those nothing was done to are not looked at."""
        with self._now.beside(self._was) as connection:
            compared = list(self._compared(connection))
            trails = {
                each.table: RowTracker(self._told, each.outcome, each.how)
                for each in compared
                if each.how and self._is_mixed(each.outcome, each.found)
            }
            if trails:
                self._follow(list(trails.values()))
            for each in compared:
                change = self._change(connection, each, trails.get(each.table))
                if not change.is_nothing:
                    yield change

    def _compared(self, connection: apsw.Connection) -> Iterator[_Compared]:
        written = {fold(table) for _, table, _ in self._ran.writes}
        for name, table in self._replay.before.tables.items():
            virtual = parse_virtual(table.sql)
            if virtual and virtual.content:
                continue  # its rows are another table's
            shadowed = virtual and any(other.startswith(f"{name}_") for other in written)
            if self._replay.after.tables.get(name) is table and name not in written and not shadowed:
                continue
            told = outcome_of(self._told, name, self.inserts)
            new = self._replay.after.tables[told.name] if told.name else None
            try:
                how, found = None, RowDifference(0, 0)
                if new is None:
                    found = rows_of.gone(connection, table)
                else:
                    how = rows_of.match(
                        *(connection, table, new, told.columns),
                        same=len(told.numbers) == 1,
                        refilled=told.refills,
                        others=told.changes.keys() - {"*"},
                    )
                    found = rows_of.difference(connection, how)
                    self.retyped = self.retyped or how.is_retyped
            except apsw.SQLError:  # a virtual table that cannot be read
                how = None
            yield _Compared(table, told, how, found)

    def _unlinked_by_drop(self, told: TableOutcome, how: Match | None) -> Iterator[tuple[str, int]]:
        """Yield (column, rows) of links that a DROP TABLE has cut, where rows cannot be told by a key."""
        if how is None or how.unique:
            return
        compared = {fold(column) for column in how.columns}
        for (at, table, what), count in self._ran.set_off.items():
            ran, catalog = self._told.at(at), self._told.catalog(at)
            name = fold(table)
            if (
                ran is None
                or ran.verb != "drop table"
                or name == ran.shape.name
                or what != "UPDATE"
                or not count
            ):
                continue
            for key in catalog.tables[name].foreign_keys if catalog.ids.get(name) in told.numbers else ():
                if key.on_delete in ("SET NULL", "SET DEFAULT") and fold(key.table) == ran.shape.name:
                    yield from ((c, count) for c in key.columns if fold(c) not in compared)

    def _is_mixed(self, told: TableOutcome, found: RowDifference) -> bool:
        """Whether words of the file account for losses or changes, and may account for some of them only."""
        columns = [c for c in map(fold, found.changed) if {c, "*"} & told.changes.keys()]
        if not told.drops and told.loses and told.adds and len(columns) < len(found.changed):
            return True  # rows may be deleted and written again
        if told.drops or not ((found.lost and told.loses) or columns):
            return False
        if told.is_rebuilt or (found.lost and any("UPDATE" in said.takes for said in told.said.values())):
            return True
        for at, table, what in self._ran.writes:
            if self._told.catalog(at).ids.get(fold(table)) not in told.numbers or what == "INSERT":
                continue
            said = told.said.get(at, StatementEffect())
            partly = said.linked or (said.alone and self._ran.set_off[(at, table, what)])
            unsaid = what == "UPDATE" and not all(said.tells_of(column) for column in columns)
            if partly or unsaid or (not said.takes and (what == "DELETE" or found.lost)):
                return True
        return False

    def _follow(self, trails: list[RowTracker]) -> None:
        """Run the migration once more, and see which statement took or changed each row last."""

        def note(at: int, update: apsw.PreUpdate) -> None:
            for trail in trails:
                trail.note(at, update)

        with closing(self._was.copy()) as again:
            again.run(self._replay.migration.texts(), note=note)

    def _change(self, connection: apsw.Connection, each: _Compared, trail: RowTracker | None) -> TableChange:
        told, found, how = each.outcome, each.found, each.how
        by = {"*": told.drops} if told.drops else told.changes
        unnamed = found.lost if found.lost and not told.loses else 0
        silent = {column: n for column, n in found.changed.items() if not {fold(column), "*"} & by.keys()}
        if trail and how:
            if found.lost and told.loses:
                lost = trail.unnamed_rows(rows_of.lost_rows(connection, how))
                unnamed = len(lost)
                keys = [*rows_of.shown(connection, how, lost), *found.keys]
                found = found._replace(keys=tuple(dict.fromkeys(keys))[: rows_of.SAMPLE])
            for column, count in found.changed.items():
                n = trail.unnamed_values(column, rows_of.changed_rows(connection, how, column))
                if n < count and column in silent:
                    by = {**by, fold(column): f"{told.loses} and INSERT"}
                silent = {**silent, column: n} if n else {k: v for k, v in silent.items() if k != column}
            for column, n in trail.unnamed_values_of_moved().items():
                silent[column] = silent.get(column, 0) + n
        for column, n in self._unlinked_by_drop(told, how):
            found = found._replace(changed={**found.changed, column: n})
            silent[column] = n
        new = how.new if how else None
        unkept = tuple(self._unkept(connection, each))
        return TableChange(
            each.table.name,
            new.name if new else None,
            found,
            lost_by=told.loses if found.lost else "",
            changed_by=by,
            gained_by=told.adds if found.gained else "",
            unkept=unkept,
            moved_to=() if new or unkept else self._moved_to(told.numbers[0]),
            replaced=found.lost - unnamed if any(s.takes == "REPLACE" for s in told.said.values()) else 0,
            unnamed=unnamed,
            unnamed_changes=silent,
            renamed={a: b for a, b in how.pairs if fold(a) != fold(b)} if how else {},
        )

    def _moved_to(self, number: int) -> tuple[str, ...]:
        """Return the tables that stay and have the values of a dropped one."""
        copies, after = self._replay.copies, self._replay.after
        columns = self._replay.columns.last(number).values()
        tables = (after.name_of(into.table) for column in columns for into, _ in copies.destinations(column))
        return tuple(dict.fromkeys(after.tables[name].name for name in tables if name))

    def _unkept(self, connection: apsw.Connection, each: _Compared) -> Iterator[Unkept]:
        """Yield the columns that are gone, replaced or computed whose values are nowhere as they were."""
        told, table, columns = each.outcome, each.table, self._replay.columns
        is_copied = bool(self._replay.copies.of_table(told.numbers[0]))
        if (parse_virtual(table.sql) and not told.drops) or (told.drops and not is_copied):
            return
        emptied = {fold(name) for _, name, what in self._ran.writes if what == "DELETE"}
        arrivals = Arrivals(connection, self._replay, emptied)
        stays = {fold(a): fold(b) for a, b in each.how.pairs} if each.how and not told.drops else {}
        replaced = self._not_replaced(told)
        others = told.copying.keys() | replaced
        for name in (fold(column.name) for column in table.columns if not column.generated):
            column = ColumnId(told.numbers[0], name)
            if name in stays and name not in others and columns.dropped_at(column) is None:
                continue
            there = (told.name, stays[name]) if told.name and name in stays else None
            with suppress(apsw.SQLError):
                if found := arrivals.unkept(table, column, there):
                    gone = bool(stays) and name not in stays
                    yield found._replace(replaced=name in replaced, gone=gone)

    def _not_replaced(self, told: TableOutcome) -> set[str]:
        """Return the columns, folded, to which a REPLACE on a table gives no value."""
        found: set[str] = set()
        for at, said in told.said.items():
            ran = self._told.at(at)
            if said.takes == "REPLACE" and ran and ran.verb != "update":
                into = ran.before.tables[ran.target]
                found |= {fold(c.name) for c in into.columns} - set(columns_into(ran, into))
        return found - (told.changes.keys() - {"*"})
