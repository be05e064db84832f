"""Rehearse one migration after the other: run it, compare, take it back, run it again."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import apsw

from d1migrate.errors import QueryError
from d1migrate.lint import Diagnostic, diagnose
from d1migrate.lint.rule import Finding
from d1migrate.migration import Migration
from d1migrate.rehearse import compare as rows_of
from d1migrate.rehearse import findings
from d1migrate.rehearse.compare import Difference, Match
from d1migrate.rehearse.cost import built_tables, cost
from d1migrate.rehearse.failures import failure
from d1migrate.rehearse.fit import fit
from d1migrate.rehearse.model import Rehearsed, TableChange, WayBack
from d1migrate.rehearse.reasons import Fate, Said, Told, fate
from d1migrate.rehearse.trail import Trail
from d1migrate.rehearse.virtual import parse_virtual
from d1migrate.replay import Replayer
from d1migrate.schema.compare import compare
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.lint.model import Replay
    from d1migrate.migration import Rollback
    from d1migrate.rehearse.ground import Ground, Witness
    from d1migrate.schema.model import Schema, Table


class Rehearser:
    """Takes a database through migrations.

    Args:
        ground: the database.
        rows: how many made-up rows an empty table gets; 0 for a database that is taken as it is.
        scale: {folded table: rows of the target}.
        severities: {code or letter: severity}.

    Attributes:
        rows: {table: rows it was given}, of the tables that migrations created.
        empty: {table that a migration created: why it could not be filled}.
        can_go_on: whether the last migration, if it failed, at least passes without rows.
    """

    def __init__(
        self, ground: Ground, rows: int, scale: Mapping[str, int], severities: Mapping[str, str]
    ) -> None:
        ground.prepare()
        self._ground, self._rows, self._scale, self._severities = ground, rows, scale, severities
        self._schema = ground.schema()
        self._replayer = Replayer(self._schema)
        self.rows: dict[str, int] = {}
        self.empty: dict[str, str] = {}
        self.can_go_on = True

    def rehearse(self, migration: Migration) -> Rehearsed:
        """Run a migration and its rollback.

        Raises:
            SourceError: it cannot be parsed.
        """
        migration.check()
        replay = self._replayer.replay(migration)
        told = Told(replay)
        try:
            was, ran, is_fitted = self._attempt(told)
        except QueryError as error:
            made_up = self._ground.made_up.copy()
            has_rows = any(self._ground.counts(replay.before.tables.values()).values())
            self.can_go_on = bool(made_up) and self._pass_without_rows(migration)
            on_rows = has_rows and (self.can_go_on or not made_up)
            others = made_up if self.can_go_on else set[str]()
            return self._failed(replay, failure(error, told, others, on_rows=on_rows))
        with closing(was):
            counts = was.counts(replay.before.tables.values())
            after = self._ground.schema()
            rows = _Rows(told, was, self._ground, ran)
            changes = tuple(rows.changes())
            found = [*findings.of_rows(replay, changes), *findings.of_schema(replay)]
            found += findings.stayed_empty(replay, counts)
            found += findings.orphans(replay, was.orphans(), self._ground.orphans())
            depends = bool(counts) and (
                rows.retyped
                or is_fitted
                or findings.is_foreseen(replay)
                or findings.depends_on_rows(told, rows.inserts)
                or _proves_too_little(replay, was, counts)
            )
            self._refill(replay, after)
            way_back, of_way_back = self._take_back(migration, after)
            self._schema = after
        diagnostics = tuple(self._diagnostics(replay, [*found, *of_way_back]))
        return Rehearsed(
            *(migration.version, migration.name, migration.file),
            verdict=findings.verdict(diagnostics, sum(counts.values()), depends=depends),
            changes=changes,
            diagnostics=diagnostics,
            cost=cost(told, ran, counts, self._scale),
            way_back=way_back,
        )

    def _refill(self, replay: Replay, schema: Schema) -> None:
        """Give rows to the tables that a migration created or left empty: the next one is to find some."""
        if not self._rows:
            return
        counts = self._ground.counts(schema.tables)
        names = [table.name for table in schema.tables if not counts[fold(table.name)]]
        if not names:
            return
        filled = self._ground.fill(self._rows, tables=names)
        new = {table.name for table in schema.tables if fold(table.name) not in replay.before.tables}
        self.rows |= {name: count for name, count in filled.rows.items() if name in new}
        self.empty |= {name: why for name, why in filled.empty.items() if name in new}

    def _attempt(self, told: Told) -> tuple[Ground, Witness, bool]:
        """Run a migration: the database before it, what was counted, and whether made-up rows had to fit it.

        Raises:
            QueryError: a statement was refused. Nothing was done.
        """
        migration, sizes = told.replay.migration, built_tables(told)
        was = self._ground.copy()
        try:
            return was, self._ground.run(migration.texts(), sizes=sizes), False
        except QueryError:
            was.close()
            if migration.is_large or not fit(self._ground, list(migration.texts())):
                raise
        was = self._ground.copy()
        try:
            return was, self._ground.run(migration.texts(), sizes=sizes), True
        except QueryError:
            was.close()
            raise

    def _pass_without_rows(self, migration: Migration) -> bool:
        """Run a migration that fails on made-up rows without these, so that others can follow it."""
        self._ground.clear()
        try:
            self._ground.run(migration.texts())
        except QueryError:
            return False
        self._schema = self._ground.schema()
        self.empty |= self._ground.fill(self._rows).empty
        return True

    def _failed(self, replay: Replay, found: tuple[str, Finding]) -> Rehearsed:
        m, diagnostics = replay.migration, tuple(self._diagnostics(replay, [found]))
        verdict = "unproved" if found[0] == "X110" else "fails"
        return Rehearsed(m.version, m.name, m.file, verdict, (), diagnostics, None, None)

    def _diagnostics(self, replay: Replay, found: Iterable[tuple[str, Finding]]) -> Iterator[Diagnostic]:
        for code, finding in found:
            twins = findings.TWINS.get(code, ())
            if diagnostic := diagnose(replay, code, finding, self._severities, twins=twins):
                yield diagnostic

    # --- the way back ---

    def _take_back(self, migration: Migration, after: Schema) -> tuple[WayBack, list[tuple[str, Finding]]]:
        rollback = migration.rollback
        if rollback is None:
            return WayBack("none"), []
        if rollback.reason is not None:
            return WayBack("irreversible"), []
        with closing(self._ground.copy()) as back:
            try:
                ran = back.run(rollback.texts())
            except QueryError as error:
                text = f"the rollback fails: {str(error).split(': SQLITE')[0]}"
                return WayBack("fails"), [("X107", Finding(text, line=rollback.first_line))]
            script = Migration(migration.version, migration.name, rollback.sql, file=migration.file)
            told = Told(Replayer(after).replay(script, proofs=False))
            loses = _losses(_Rows(told, self._ground, back, ran).changes())
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


class _Compared(NamedTuple):
    """A table before it is said whose words account for what: `how` is None where nothing is left of it."""

    table: Table
    fate: Fate
    how: Match | None
    found: Difference


class _Rows:
    """What became of the rows of one migration.

    Attributes:
        inserts: {statement that only adds rows: the table it adds them to, folded}.
        retyped: whether a column has another type than before; known when `changes` was gone through.
    """

    def __init__(self, told: Told, was: Ground, now: Ground, ran: Witness) -> None:
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
                each.table: Trail(self._told, each.fate, each.how)
                for each in compared
                if each.how and self._is_mixed(each.fate, each.found)
            }
            if trails:
                self._follow(list(trails.values()))
            for each in compared:
                change = self._change(connection, each, trails.get(each.table))
                if not (change.difference.is_nothing and not change.dropped and change.name == change.table):
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
            told = fate(self._told, name, self.inserts)
            new = self._replay.after.tables[told.name] if told.name else None
            try:
                how, found = None, Difference(0, 0)
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

    def _unlinked_by_drop(self, told: Fate, how: Match | None) -> Iterator[tuple[str, int]]:
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

    def _is_mixed(self, told: Fate, found: Difference) -> bool:
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
            said = told.said.get(at, Said())
            partly = said.linked or (said.alone and self._ran.set_off[(at, table, what)])
            unsaid = what == "UPDATE" and not all(said.tells_of(column) for column in columns)
            if partly or unsaid or (not said.takes and (what == "DELETE" or found.lost)):
                return True
        return False

    def _follow(self, trails: list[Trail]) -> None:
        """Run the migration once more, and see which statement took or changed each row last."""

        def note(at: int, update: apsw.PreUpdate) -> None:
            for trail in trails:
                trail.note(at, update)

        with closing(self._was.copy()) as again:
            again.run(self._replay.migration.texts(), note=note)

    def _change(self, connection: apsw.Connection, each: _Compared, trail: Trail | None) -> TableChange:
        told, found, how = each.fate, each.found, each.how
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
        return TableChange(
            each.table.name,
            new.name if new else None,
            found,
            lost_by=told.loses if found.lost else "",
            changed_by=by,
            gained_by=told.adds if found.gained else "",
            dropped=self._dropped(connection, each) if how else {},
            unnamed=unnamed,
            unnamed_changes=silent,
            renamed={a: b for a, b in how.pairs if fold(a) != fold(b)} if how else {},
        )

    def _dropped(self, connection: apsw.Connection, each: _Compared) -> dict[str, int]:
        """Return {column that is gone: rows with a value in it}, where the values were not moved."""
        if each.how is None:
            return {}
        kept = {fold(column.name) for column in each.how.new.columns} | set(each.fate.moved)
        names = each.fate.columns
        gone = [
            column.name
            for column in each.table.columns
            if not column.generated and names.get(fold(column.name), fold(column.name)) not in kept
        ]
        return rows_of.values_in(connection, each.table, gone)


def _losses(changes: Iterable[TableChange]) -> dict[str, int]:
    """Return {table or table.column: rows or values} that are lost."""
    found: dict[str, int] = {}
    for change in changes:
        found |= {change.table: change.difference.lost} if change.difference.lost else {}
        values = {**change.dropped, **change.unnamed_changes}
        found |= {f"{change.table}.{column}": n for column, n in values.items()}
    return found


def _proves_too_little(replay: Replay, was: Ground, counts: Mapping[str, int]) -> bool:
    """Whether a table stayed empty, or no row has a link that a foreign key could take something by."""
    tables = replay.before.tables
    if any(not counts[name] and parse_virtual(table.sql) is None for name, table in tables.items()):
        return True
    with was.alone() as connection:
        return not all(
            rows_of.has_links(connection, table, key)
            for table in tables.values()
            for key in table.foreign_keys
            if key.on_delete in ("CASCADE", "SET NULL", "SET DEFAULT")
        )


def _unlike(expected: Schema, actual: Schema) -> str:
    """Say how a schema differs from another, or nothing."""
    says = {"missing": "is missing", "extra": "is left", "different": "is different"}
    return "; ".join(f"{d.kind} {d.name} {says[d.problem]}" for d in compare(expected, actual)[:4])
