"""Rehearse one migration after the other: run it, compare the rows, roll it back, run it again."""

from __future__ import annotations

from contextlib import closing, suppress

from d1migrate.errors import QueryError
from d1migrate.lint import batch_cost
from d1migrate.lint.check import Diagnostic, diagnose
from d1migrate.lint.replay.replayer import Replayer
from d1migrate.lint.rule import Finding
from d1migrate.migrate.migration import Migration
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse import findings
from d1migrate.rehearse.cost import built_tables, cost, entries_by_statement
from d1migrate.rehearse.expected_effects import ReplayedFile
from d1migrate.rehearse.failures import failure
from d1migrate.rehearse.key_conflicts import resolve_conflicts
from d1migrate.rehearse.model import Rehearsed, RollbackOutcome
from d1migrate.rehearse.table_changes import ChangeFinder
from d1migrate.rehearse.verdict import depends_on_rows, lacks_rows, predicts_loss, verdict
from d1migrate.schema.compare import compare
from d1migrate.sql import d1
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from d1migrate.lint.replay.model import Replay
    from d1migrate.migrate.rollback import Rollback
    from d1migrate.rehearse.model import TableChange
    from d1migrate.rehearse.recording_engine import Recorded
    from d1migrate.rehearse.scratch_database import ScratchDatabase
    from d1migrate.schema.model import Schema


class _Run(NamedTuple):
    """A migration that ran.

    Attributes:
        before: a copy of the database before it.
        recorded: what was counted.
        is_adapted: whether generated rows had to be changed first.
    """

    before: ScratchDatabase
    recorded: Recorded
    is_adapted: bool


class Rehearser:
    """Takes a database through migrations.

    Args:
        scratch: the database.
        rows: how many generated rows an empty table gets; 0 for a database that is used as it is.
        scale: {folded table: rows of the target}.
        severities: {code or letter: severity}.
        budget: the most entries that one batch may write; None for any number.

    Attributes:
        rows: {table that a migration created: how many rows it was given}.
        empty: {table that a migration created: why it could not be filled}.
        can_go_on: whether the last migration, if it failed, at least passes without rows.
    """

    def __init__(
        self,
        scratch: ScratchDatabase,
        rows: int,
        scale: Mapping[str, int],
        severities: Mapping[str, str],
        budget: int | None = None,
    ) -> None:
        scratch.create_history()
        self._scratch, self._rows, self._scale, self._severities = scratch, rows, scale, severities
        self._schema = scratch.schema()
        self._budget = budget
        self._replayer = Replayer(self._schema, table=scratch.table, platform=scratch.platform)
        self.rows: dict[str, int] = {}
        self.empty: dict[str, str] = {}
        self.can_go_on = True

    def rehearse(self, migration: Migration) -> Rehearsed:
        """Run a migration and its rollback.

        Raises:
            SourceError: it cannot be parsed.
        """
        migration.check(self._scratch.table)
        file = ReplayedFile(self._replayer.replay(migration, roll_back=False))
        try:
            run = self._attempt(file)
        except QueryError as error:
            return self._failed(file, error)
        with closing(run.before):
            return self._passed(file, run)

    def _passed(self, file: ReplayedFile, run: _Run) -> Rehearsed:
        """Compare the database with the one before the migration, and run its rollback."""
        replay, before = file.replay, run.before
        counts = before.counts(replay.before.tables.values())
        after = self._scratch.schema()
        finder = ChangeFinder(file, before, self._scratch, run.recorded)
        changes = tuple(finder.changes())
        found = [
            *findings.of_rows(replay, changes),
            *findings.of_values(replay, changes),
            *findings.of_schema(replay),
            *findings.stayed_empty(replay, counts),
            *findings.orphans(replay, before.orphans(), self._scratch.orphans()),
            *findings.of_cost(replay, self._entries(file, run.recorded, counts), self._budget),
        ]
        depends = bool(counts) and (
            finder.retyped
            or run.is_adapted
            or predicts_loss(replay)
            or depends_on_rows(file, finder.inserts)
            or lacks_rows(replay, before, counts)
        )
        self._refill(replay, after)
        rollback, of_rollback = self._roll_back(replay.migration, after)
        self._schema = after
        diagnostics = tuple(self._diagnostics(replay, [*found, *of_rollback]))
        return Rehearsed(
            replay.migration.version,
            replay.migration.name,
            replay.migration.file,
            verdict=verdict(diagnostics, changes, sum(counts.values()), depends=depends),
            changes=changes,
            diagnostics=diagnostics,
            cost=cost(file, run.recorded, counts, self._scale),
            rollback=rollback,
        )

    def _entries(self, file: ReplayedFile, recorded: Recorded, counts: Mapping[str, int]) -> dict[int, int]:
        """Return {statement: the entries that it costs in the target}.

        How many generated rows meet a condition means nothing, so what may be every row is taken for that.
        """
        found = entries_by_statement(file, recorded, counts, self._scale)
        if self._rows:
            for index, entries in batch_cost.entries_by_statement(file.replay, self._scale).items():
                found[index] = max(found.get(index, 0), entries)
        return found

    def _refill(self, replay: Replay, schema: Schema) -> None:
        """Fill the tables that a migration created or left empty, so that the next one finds rows."""
        if not self._rows:
            return
        counts = self._scratch.counts(schema.tables)
        names = [table.name for table in schema.tables if not counts[fold(table.name)]]
        if not names:
            return
        filled = self._scratch.fill(self._rows, tables=names)
        new = {table.name for table in schema.tables if fold(table.name) not in replay.before.tables}
        self.rows |= {name: count for name, count in filled.rows.items() if name in new}
        self.empty |= {name: why for name, why in filled.empty.items() if name in new}

    def _attempt(self, file: ReplayedFile) -> _Run:
        """Run a migration; if generated rows conflict with its keys, adapt them and try again.

        Raises:
            QueryError: a statement was refused, and nothing was done.
        """
        migration = file.replay.migration
        try:
            return self._run(file, is_adapted=False)
        except QueryError:
            if migration.is_large or not resolve_conflicts(self._scratch, list(migration.texts())):
                raise
        return self._run(file, is_adapted=True)

    def _run(self, file: ReplayedFile, *, is_adapted: bool) -> _Run:
        before = self._scratch.copy()
        try:
            recorded = self._scratch.run(file.replay.migration.texts(), sizes=built_tables(file))
        except QueryError:
            before.close()
            raise
        return _Run(before, recorded, is_adapted)

    def _pass_without_rows(self, migration: Migration) -> bool:
        """Run a migration that fails on generated rows without these rows, so that others can follow it."""
        self._scratch.delete_generated_rows()
        try:
            self._scratch.run(migration.texts())
        except QueryError:
            return False
        self._schema = self._scratch.schema()
        self.empty |= self._scratch.fill(self._rows).empty
        return True

    def _failed(self, file: ReplayedFile, error: QueryError) -> Rehearsed:
        replay, generated = file.replay, self._scratch.generated.copy()
        has_rows = any(self._scratch.counts(replay.before.tables.values()).values())
        self.can_go_on = bool(generated) and self._pass_without_rows(replay.migration)
        on_rows = has_rows and (self.can_go_on or not generated)
        found = failure(error, file, generated if self.can_go_on else (), on_rows=on_rows)
        m, diagnostics = replay.migration, tuple(self._diagnostics(replay, [found]))
        words = "unproved" if found[0] == "X110" else "fails"
        return Rehearsed(m.version, m.name, m.file, words, (), diagnostics, None, None)

    def _diagnostics(self, replay: Replay, found: Iterable[tuple[str, Finding]]) -> Iterator[Diagnostic]:
        for code, finding in found:
            predicted_by = findings.PREDICTED_BY.get(code, ())
            if diagnostic := diagnose(replay, code, finding, self._severities, predicted_by=predicted_by):
                yield diagnostic

    # --- rollback ---

    def _roll_back(
        self, migration: Migration, after: Schema
    ) -> tuple[RollbackOutcome, list[tuple[str, Finding]]]:
        rollback = migration.rollback
        if rollback is None:
            return RollbackOutcome("none"), []
        if rollback.reason is not None:
            return RollbackOutcome("irreversible"), []
        script = Migration(migration.version, migration.name, rollback.sql, file=rollback.file)
        file = ReplayedFile(Replayer(after, table=self._scratch.table).replay(script, probe=False))
        with closing(self._scratch.copy()) as copy:
            try:
                recorded = copy.run(rollback.texts())
            except QueryError as error:
                return self._rollback_failed(rollback, error, file)
            loses = _losses(ChangeFinder(file, self._scratch, copy, recorded).changes())
            if found := _differences(self._schema, copy.schema()):
                text = f"the rollback does not restore the schema: {found}"
                return RollbackOutcome("differs", loses), [("X107", _of(rollback, text))]
            problem = self._run_again(migration, rollback, copy, after)
        return RollbackOutcome("differs" if problem else "restores", loses), problem

    def _rollback_failed(
        self, rollback: Rollback, error: QueryError, file: ReplayedFile
    ) -> tuple[RollbackOutcome, list[tuple[str, Finding]]]:
        """Return the outcome of a rollback that fails, always or perhaps only on generated rows."""
        text = d1.error_parts(str(error))[0]
        if failure(error, file, self._scratch.generated, on_rows=True)[0] == "X110":
            with closing(self._scratch.copy()) as empty, suppress(QueryError):
                empty.delete_generated_rows()
                empty.run(rollback.texts())
                text = f"the rollback fails on generated rows: {text}; try your own rows with `--data`"
                return RollbackOutcome("unproved"), [("X110", _of(rollback, text))]
        return RollbackOutcome("fails"), [("X107", _of(rollback, f"the rollback fails: {text}"))]

    def _run_again(
        self, migration: Migration, rollback: Rollback, copy: ScratchDatabase, after: Schema
    ) -> list[tuple[str, Finding]]:
        """Run the migration once more after its rollback."""
        copy.forget(migration)
        try:
            copy.run(migration.texts())
        except QueryError as error:
            text = f"it cannot be applied again after its rollback: {d1.error_parts(str(error))[0]}"
        else:
            found = _differences(after, copy.schema())
            text = f"applied again after its rollback, it builds another schema: {found}" if found else ""
        return [("X107", _of(rollback, text))] if text else []


def _of(rollback: Rollback, text: str) -> Finding:
    """Return a finding about a rollback."""
    return Finding(text, line=rollback.first_line, file=rollback.file)


def _losses(changes: Iterable[TableChange]) -> dict[str, int]:
    """Return {table or table.column: rows or values that are lost}."""
    found: dict[str, int] = {}
    for change in changes:
        lost = 0 if change.moved_to else change.difference.lost
        found |= {change.table: lost} if lost else {}
        values = {each.column: each.missing for each in change.unkept} | dict(change.unexplained_changes)
        found |= {f"{change.table}.{column}": n for column, n in values.items()}
    return found


def _differences(expected: Schema, actual: Schema) -> str:
    """Return how a schema differs from another, or ""."""
    words = {"missing": "is missing", "extra": "is left over", "different": "is different"}
    return "; ".join(f"{d.kind} {d.name} {words[d.problem]}" for d in compare(expected, actual)[:4])
