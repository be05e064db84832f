"""Rehearse one migration after the other: run it, compare, take it back, run it again."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from d1migrate.errors import QueryError
from d1migrate.lint import Diagnostic, diagnose
from d1migrate.lint.rebuilds import rebuilds
from d1migrate.lint.rule import Finding
from d1migrate.rehearse import findings
from d1migrate.rehearse.compare import Difference, difference
from d1migrate.rehearse.cost import cost
from d1migrate.rehearse.model import Rehearsed, TableChange, WayBack
from d1migrate.rehearse.reasons import fate
from d1migrate.replay import Replayer
from d1migrate.schema.compare import compare
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.drivers.counting import CountingEngine
    from d1migrate.lint.model import Replay
    from d1migrate.migration import Migration, Rollback
    from d1migrate.rehearse.ground import Ground
    from d1migrate.schema.model import Schema, Table

_DEPENDS = frozenset(
    "WHERE JOIN LIMIT HAVING CASE CONFLICT IGNORE REPLACE EXCEPT INTERSECT DISTINCT GROUP".split()
)


class Rehearser:
    """Takes a database through migrations.

    Attributes:
        rows: {table: rows it was given}, of the tables that migrations created.
        empty: {table that a migration created: why it could not be filled}.
    """

    def __init__(
        self, ground: Ground, rows: int, scale: Mapping[str, int], severities: Mapping[str, str]
    ) -> None:
        self._ground, self._rows, self._scale, self._severities = ground, rows, scale, severities
        self._schema = ground.schema()
        self._replayer = Replayer(self._schema)
        self.rows: dict[str, int] = {}
        self.empty: dict[str, str] = {}

    def rehearse(self, migration: Migration) -> Rehearsed:
        """Run a migration and its rollback.

        Raises:
            SourceError: it cannot be parsed.
        """
        migration.check()
        replay = self._replayer.replay(migration)
        with closing(self._ground.copy()) as was:
            counts = {name: was.count(table.name) for name, table in replay.before.tables.items()}
            try:
                ran = self._ground.run(migration.texts())
            except QueryError as error:
                statements = list(migration.statements())
                return self._failed(replay, findings.failure(error, statements, replay.ran))
            after = self._ground.schema()
            changes = tuple(self._changes(replay, was, ran))
            found = [*self._found(replay, was, changes)]
            new = [table.name for table in after.tables if fold(table.name) not in replay.before.tables]
            filled = self._ground.fill(self._rows, tables=new)
            self.rows |= filled.rows
            self.empty |= filled.empty
            way_back, of_way_back = self._take_back(migration, after)
            self._schema = after
        diagnostics = tuple(self._diagnostics(replay, [*found, *of_way_back]))
        return Rehearsed(
            *(migration.version, migration.name, migration.file),
            verdict=_verdict(replay, diagnostics, sum(counts.values())),
            changes=changes,
            diagnostics=diagnostics,
            cost=cost(replay, ran.writes, ran.seconds, counts, self._scale),
            way_back=way_back,
        )

    def _failed(self, replay: Replay, found: tuple[str, Finding]) -> Rehearsed:
        m, diagnostics = replay.migration, tuple(self._diagnostics(replay, [found]))
        return Rehearsed(m.version, m.name, m.file, "fails", (), diagnostics, None, None)

    def _diagnostics(self, replay: Replay, found: Iterable[tuple[str, Finding]]) -> Iterator[Diagnostic]:
        for code, finding in found:
            twins = findings.TWINS.get(code, ())
            if diagnostic := diagnose(replay, code, finding, self._severities, twins=twins):
                yield diagnostic

    # --- rows ---

    def _changes(self, replay: Replay, was: Ground, ran: CountingEngine) -> Iterator[TableChange]:
        """Yield the tables whose rows are not as they were; those nothing was done to are not looked at."""
        written = {fold(table) for _, table, _ in ran.writes}
        for name, table in replay.before.tables.items():
            is_virtual = "VIRTUAL" in table.sql[:20].upper()
            shadowed = is_virtual and any(other.startswith(f"{name}_") for other in written)
            if replay.after.tables.get(name) is table and name not in written and not shadowed:
                continue
            change = self._change(replay, was, table)
            if not (change.difference.is_nothing and not change.dropped and change.name == table.name):
                yield change

    def _change(self, replay: Replay, was: Ground, table: Table) -> TableChange:
        told = fate(replay, fold(table.name))
        new = replay.after.tables[told.name] if told.name else None
        with self._ground.beside(was) as connection:
            try:
                found = difference(connection, table, new, told.columns)
            except apsw.SQLError:  # a virtual table that cannot be read
                found = Difference(0, 0)
            dropped = {}
            for column in _gone(replay, table, new, told.columns):
                query = f"SELECT count({quote_identifier(column)}) FROM was.{quote_identifier(table.name)}"
                dropped[column] = int(next(connection.execute(query))[0])
        return TableChange(
            table.name,
            new.name if new else None,
            found,
            lost_by=told.loses if found.lost else "",
            changed_by=told.changes,
            gained_by=told.adds if found.gained else "",
            dropped=dropped,
        )

    def _found(
        self, replay: Replay, was: Ground, changes: tuple[TableChange, ...]
    ) -> Iterator[tuple[str, Finding]]:
        yield from findings.lost_rows(replay, changes)
        before, after = _orphans(was), _orphans(self._ground)
        yield from findings.orphans(before, after)
        yield from findings.lost_objects(replay)
        yield from findings.broken_objects(replay)
        yield from findings.leftovers(replay.before, replay.after)

    # --- the way back ---

    def _take_back(self, migration: Migration, after: Schema) -> tuple[WayBack, list[tuple[str, Finding]]]:
        rollback = migration.rollback
        if rollback is None:
            return WayBack("none"), []
        if rollback.reason is not None:
            return WayBack("irreversible"), []
        with closing(self._ground.copy()) as back:
            try:
                back.run(rollback.texts())
            except QueryError as error:
                text = f"the rollback fails: {str(error).split(': SQLITE')[0]}"
                return WayBack("fails"), [("X107", Finding(text, line=rollback.first_line))]
            loses = self._losses(back, after)
            if found := _unlike(self._schema, back.schema()):
                text = f"the rollback does not give the schema back: {found}"
                return WayBack("differs", loses), [("X107", Finding(text, line=rollback.first_line))]
            problem = self._again(migration, rollback, back, after)
        return WayBack("differs" if problem else "restores", loses), problem

    def _again(
        self, migration: Migration, rollback: Rollback, back: Ground, after: Schema
    ) -> list[tuple[str, Finding]]:
        """Run the migration once more, behind its rollback."""
        back.forget(migration.version)
        try:
            back.run(migration.texts())
        except QueryError as error:
            text = f"behind its rollback it cannot be run again: {str(error).split(': SQLITE')[0]}"
        else:
            found = _unlike(after, back.schema())
            text = f"run again behind its rollback it builds another schema: {found}" if found else ""
        return [("X107", Finding(text, line=rollback.first_line))] if text else []

    def _losses(self, back: Ground, after: Schema) -> dict[str, int]:
        """Return {table or table.column: rows or values} that going back loses."""
        there = {fold(table.name): table for table in back.schema().tables}
        found: dict[str, int] = {}
        with back.beside(self._ground) as connection:
            for table in after.tables:
                new = there.get(fold(table.name))
                try:
                    lost = difference(connection, table, new, {}).lost
                except apsw.SQLError:
                    continue
                found |= {table.name: lost} if lost else {}
                kept = {fold(column.name) for column in new.columns} if new else set()
                for column in table.columns if new else ():
                    if fold(column.name) not in kept and not column.generated:
                        name = quote_identifier(column.name)
                        query = f"SELECT count({name}) FROM was.{quote_identifier(table.name)}"
                        found[f"{table.name}.{column.name}"] = int(next(connection.execute(query))[0])
        return found


def _gone(replay: Replay, old: Table, new: Table | None, renamed: Mapping[str, str]) -> list[str]:
    """Return the columns of a table that it has no more, and whose values were not moved elsewhere."""
    if new is None:
        return []
    kept = {fold(column.name) for column in new.columns}
    for rebuild in rebuilds(replay):
        if rebuild.new is new:
            kept |= rebuild.read
    return [
        column.name
        for column in old.columns
        if not column.generated and renamed.get(fold(column.name), fold(column.name)) not in kept
    ]


def _orphans(ground: Ground) -> Counter[tuple[str, str]]:
    """Return {(table, parent): rows that refer to what is not there}."""
    with ground.alone() as connection:
        try:
            return Counter(
                (table, parent) for table, _, parent, _ in connection.execute("PRAGMA foreign_key_check")
            )
        except apsw.SQLError:  # a mismatch: the linter says so
            return Counter()


def _unlike(expected: Schema, actual: Schema) -> str:
    """Say how a schema differs from another, or nothing."""
    says = {"missing": "is missing", "extra": "is left", "different": "is different"}
    return "; ".join(f"{d.kind} {d.name} {says[d.problem]}" for d in compare(expected, actual)[:4])


def _verdict(replay: Replay, diagnostics: tuple[Diagnostic, ...], rows: int) -> str:
    if any(d.code in ("X101", "X102") for d in diagnostics):
        return "loses rows"
    if any(d.severity == "error" and d.allowed is None for d in diagnostics):
        return "finding"
    verbs = ("insert", "replace", "update", "delete", "create table")
    depends = any(
        _DEPENDS & set(ran.words) or any(touch.by for touch in ran.touches)
        for ran in replay.of(*verbs)
        if ran.verb != "create table" or ran.is_from_select
    )
    return f"no loss on {rows} rows" if depends else "no loss"
