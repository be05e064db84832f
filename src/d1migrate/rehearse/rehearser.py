"""Rehearse one migration after the other: run it, compare, take it back, run it again."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from d1migrate.errors import QueryError
from d1migrate.lint.check import Diagnostic, diagnose
from d1migrate.lint.replay.replayer import Replayer
from d1migrate.lint.rule import Finding
from d1migrate.migrate.migration import Migration
from d1migrate.rehearse import findings
from d1migrate.rehearse import row_difference as rows_of
from d1migrate.rehearse.cost import built_tables, cost
from d1migrate.rehearse.expected_effects import ReplayedFile
from d1migrate.rehearse.failures import failure
from d1migrate.rehearse.fill.virtual import parse_virtual
from d1migrate.rehearse.key_conflicts import fit
from d1migrate.rehearse.model import Rehearsed, RollbackOutcome
from d1migrate.rehearse.table_changes import Rows
from d1migrate.schema.compare import compare
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.lint.replay.model import Replay
    from d1migrate.migrate.migration import Rollback
    from d1migrate.rehearse.model import TableChange
    from d1migrate.rehearse.scratch_database import RecordingEngine, ScratchDatabase
    from d1migrate.schema.model import Schema


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
        self, ground: ScratchDatabase, rows: int, scale: Mapping[str, int], severities: Mapping[str, str]
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
        told = ReplayedFile(replay)
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
            rows = Rows(told, was, self._ground, ran)
            changes = tuple(rows.changes())
            found = [*findings.of_rows(replay, changes), *findings.of_values(replay, changes)]
            found += findings.of_schema(replay)
            found += findings.stayed_empty(replay, counts)
            found += findings.orphans(replay, was.orphans(), self._ground.orphans())
            depends = bool(counts) and (
                rows.retyped
                or is_fitted
                or findings.predicts_loss(replay)
                or findings.depends_on_rows(told, rows.inserts)
                or _proves_too_little(replay, was, counts)
            )
            self._refill(replay, after)
            way_back, of_way_back = self._take_back(migration, after)
            self._schema = after
        diagnostics = tuple(self._diagnostics(replay, [*found, *of_way_back]))
        return Rehearsed(
            *(migration.version, migration.name, migration.file),
            verdict=findings.verdict(diagnostics, changes, sum(counts.values()), depends=depends),
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

    def _attempt(self, told: ReplayedFile) -> tuple[ScratchDatabase, RecordingEngine, bool]:
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

    def _take_back(
        self, migration: Migration, after: Schema
    ) -> tuple[RollbackOutcome, list[tuple[str, Finding]]]:
        rollback = migration.rollback
        if rollback is None:
            return RollbackOutcome("none"), []
        if rollback.reason is not None:
            return RollbackOutcome("irreversible"), []
        script = Migration(migration.version, migration.name, rollback.sql, file=migration.file)
        told = ReplayedFile(Replayer(after).replay(script, proofs=False))
        with closing(self._ground.copy()) as back:
            try:
                ran = back.run(rollback.texts())
            except QueryError as error:
                return self._not_taken_back(rollback, error, told)
            loses = _losses(Rows(told, self._ground, back, ran).changes())
            if found := _unlike(self._schema, back.schema()):
                text = f"the rollback does not give the schema back: {found}"
                return RollbackOutcome("differs", loses), [("X107", Finding(text, line=rollback.first_line))]
            problem = self._again(migration, rollback, back, after)
        return RollbackOutcome("differs" if problem else "restores", loses), problem

    def _not_taken_back(
        self, rollback: Rollback, error: QueryError, told: ReplayedFile
    ) -> tuple[RollbackOutcome, list[tuple[str, Finding]]]:
        """Say that a rollback fails, or that it may be only for what made-up rows hold."""
        text, line = str(error).split(": SQLITE")[0], rollback.first_line
        if failure(error, told, self._ground.made_up, on_rows=True)[0] == "X110":
            with closing(self._ground.copy()) as empty, suppress(QueryError):
                empty.clear()
                empty.run(rollback.texts())
                text = f"the rollback fails on made-up rows: {text}; try your own rows with `--data`"
                return RollbackOutcome("unproved"), [("X110", Finding(text, line=line))]
        return RollbackOutcome("fails"), [("X107", Finding(f"the rollback fails: {text}", line=line))]

    def _again(
        self, migration: Migration, rollback: Rollback, back: ScratchDatabase, after: Schema
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


def _losses(changes: Iterable[TableChange]) -> dict[str, int]:
    """Return {table or table.column: rows or values} that are lost."""
    found: dict[str, int] = {}
    for change in changes:
        lost = 0 if change.moved_to else change.difference.lost
        found |= {change.table: lost} if lost else {}
        values = {each.column: each.missing for each in change.unkept} | dict(change.unnamed_changes)
        found |= {f"{change.table}.{column}": n for column, n in values.items()}
    return found


def _proves_too_little(replay: Replay, was: ScratchDatabase, counts: Mapping[str, int]) -> bool:
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
