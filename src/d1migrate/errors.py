"""Every error d1migrate raises, in one tree.

::

    Error                      the root; carries .hint and .exit_code
    ├─ UsageError              wrong call, flag, config                                      exit 2
    ├─ SourceError             a file is wrong: its name, a duplicate, its content
    │   └─ ParseError          … at .file, .line, .column, with the source line and a caret
    ├─ HistoryError            files and database disagree
    │   ├─ ChecksumMismatch    an applied file was edited
    │   ├─ MissingMigration    an applied file is missing, or was renamed
    │   ├─ OutOfOrder          a pending migration comes before an applied one
    │   └─ PartiallyApplied    a migration began and did not finish
    ├─ PlanError               the request cannot be planned
    │   ├─ Irreversible        a migration has no rollback
    │   ├─ DataLoss            rows or values would be lost without permission
    │   ├─ MissingValue        a NOT NULL column has no value for existing rows
    │   ├─ UnsafeMigration     the linter found errors in pending migrations
    │   ├─ Gate                a gate of the environment refused: which one
    │   └─ LimitExceeded       a limit of D1 is exceeded: which one, and by how much
    ├─ ApplyError              a migration failed: where, what was applied, what is pending
    ├─ Unfinished              a Worker's limits stopped a run between two migrations; run it again
    └─ DriverError             the database did not do what was asked
        ├─ QueryError          it refused a statement (SQLite's or D1's text); nothing was done
        ├─ UnavailableError    it could not be reached, or was busy; nothing was done
        │   └─ DamagedError    its file is damaged, or is not a database
        └─ AmbiguousError      sent, but no response: it may or may not have happened
            └─ OverloadedError too much for D1, or D1 was too busy: it may have happened, too
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class _Finding(Protocol):
        """What this module uses of a linter's diagnostic, which is a type of a layer above."""

        @property
        def file(self) -> str: ...
        @property
        def line(self) -> int: ...
        @property
        def column(self) -> int: ...
        @property
        def source(self) -> str | None: ...
        @property
        def code(self) -> str: ...
        @property
        def severity(self) -> str: ...
        @property
        def message(self) -> str: ...


class Error(Exception):
    """The root of the tree.

    Only the command line raises it itself: if the operating system or SQLite cannot continue, for example
    because a disk is full. Remove the cause that the message names, then run the command again.

    Attributes:
        hint: what the user can do about it, or None.
        exit_code: the exit code of the command line (1 failed, 2 usage).
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # A task queue or a process pool sends an error to another process. By default, a copy is made without
        # the keywords that many of these classes require.
        return _copy, (type(self), self.args), self.__dict__

    @property
    def headline(self) -> str:
        """The message without the source line and its caret."""
        return str(self).partition("\n")[0]


def _copy(kind: type[Error], args: tuple[object, ...]) -> Error:
    """Return an error without its attributes, which pickle sets."""
    return kind.__new__(kind, *args)


class UsageError(Error):
    """A wrong call, flag or configuration value.

    Nothing was changed. Correct what the message names; the hint often has the right spelling.

    Attributes:
        usage: how the command is called, if its arguments are wrong; else None.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None, usage: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.usage = usage


class SourceError(Error):
    """A migration file is wrong: its name, its encoding, or its content.

    It is raised before anything runs. Correct the file; `d1migrate explain CODE` explains the rule.

    Attributes:
        rule: the code of the lint rule that reports the same.
    """

    def __init__(self, message: str, *, hint: str | None = None, rule: str = "R111") -> None:
        super().__init__(message, hint=hint)
        self.rule = rule


class ParseError(SourceError):
    """SQL that cannot be read, for example because a quote is not closed.

    The message shows the line, with a caret under the place. Correct the file.

    Attributes:
        file: the path of the file.
        line: the line, from 1.
        column: the column in characters, from 1.
        source: the line; of a long one, the part after the first `shown_from` characters.
        shown_from: how many characters are left out.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str,
        line: int,
        column: int,
        source: str,
        shown_from: int = 0,
        hint: str | None = None,
        rule: str = "R111",
    ) -> None:
        super().__init__(message, hint=hint, rule=rule)
        self.file, self.line, self.column = file, line, column
        self.source, self.shown_from = source, shown_from

    def __str__(self) -> str:
        shown = self.column - self.shown_from
        return placed(self.file, self.line, self.column, str(self.args[0]), self.source, shown)


def placed(file: str, line: int, column: int, message: str, source: str, caret: int | None = None) -> str:
    """Return a message with its place, the source line, and a caret under the character."""
    return with_caret(f"{file}:{line}:{column}: {message}", source, column if caret is None else caret)


def with_caret(head: str, source: str, column: int | None) -> str:
    """Return a message with the source line, and a caret under a character (from 1) if it is known."""
    if not source or (column or 0) > _WIDEST:
        return head
    shown = f"{head}\n  {source[:_WIDEST]}"
    if column is None:
        return shown
    pad = "".join("\t" if c == "\t" else " " for c in source[: column - 1])  # tabs keep their width
    return f"{shown}\n  {pad}^"


_WIDEST = 200  # characters of a source line


class HistoryError(Error):
    """Files and database disagree, or the history is another tool's.

    Nothing was run. `d1migrate status` shows each migration, and `d1migrate repair` what corrects the
    history.

    Attributes:
        names: the migrations on which they disagree.
    """

    def __init__(self, message: str, *, names: Sequence[str] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.names = tuple(names)


class ChecksumMismatch(HistoryError):
    """Applied files were edited since.

    `d1migrate status` shows what the edit changes. Restore the files; or, if the schema is the same, record
    them as they are now with `d1migrate repair --accept`.
    """


class MissingMigration(HistoryError):
    """Applied files are missing or were renamed.

    The checkout, or the code of a Worker, may be older than the database: update it. Otherwise restore the
    files, or correct the history with `d1migrate repair --rename` or `--forget`.
    """


class OutOfOrder(HistoryError):
    """Pending migrations come before one that is already applied, usually after a merge.

    `d1migrate renumber` moves the files after it; `--allow-out-of-order` applies them late.
    """


class PartiallyApplied(HistoryError):
    """Migrations began and did not finish: only part of them may have taken effect.

    This happens if D1's import stops halfway. Compare the database with the file, finish or undo the rest
    by hand, then record the result with `d1migrate repair --accept` or `--forget`.
    """


class PlanError(Error):
    """The request cannot be planned; nothing was run.

    The message names what prevents it. Change the file or the request.
    """


class Irreversible(PlanError):
    """Migrations have no rollback, so they cannot be rolled back.

    Write a rollback block in their files, or return to the restore point from before them with `d1migrate
    restore`. The command line shows what that would change.

    Attributes:
        names: the migrations.
        restore_points: {name: a preview of the restore point from before it, or None}. The command line
            fills it; it is empty otherwise.
    """

    def __init__(self, message: str, *, names: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.names = tuple(names)
        self.restore_points: dict[str, object] = {}


class DataLoss(PlanError):
    """Rows or values would be lost without permission.

    If they may be lost, allow it: `down --allow-loss TABLE`, `diff --allow-drop NAME`. If a column or table
    was renamed, declare that with `--rename`. If models have a new table beside one like it that stays, its
    rows are not in the new one: `--keep` declares that the two are not the same.

    Attributes:
        rows: {table, or table.column: rows}, None if they are not counted.
        renames: possible renames instead, as `old=new`.
        stays: whether the tables would stay, beside new ones that have none of their rows.
    """

    def __init__(
        self,
        message: str,
        *,
        rows: dict[str, int | None],
        renames: Sequence[str] = (),
        stays: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.rows = rows
        self.renames = tuple(renames)
        self.stays = stays


class MissingValue(PlanError):
    """NOT NULL columns have no value for existing rows.

    Give each a value with `--backfill TABLE.COLUMN=SQL`, or give the column a default.

    Attributes:
        columns: the columns, as `table.column`.
        defaults: {column: SQL} of the values that models give to new rows.
    """

    def __init__(
        self,
        message: str,
        *,
        columns: Sequence[str],
        defaults: dict[str, str] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.columns = tuple(columns)
        self.defaults = defaults or {}


class UnsafeMigration(PlanError):
    """The linter found errors in pending migrations; nothing was run.

    Correct the files, as each finding proposes. A finding that is intended can be allowed in the file, with
    a reason.

    Attributes:
        diagnostics: the findings.
    """

    def __init__(self, diagnostics: Sequence[_Finding], *, hint: str | None = None) -> None:
        self.diagnostics = tuple(diagnostics)
        places = [
            placed(d.file, d.line, d.column, f"{d.code} {d.message}", d.source or "") for d in diagnostics
        ]
        noun = "error" if all(d.severity == "error" for d in diagnostics) else "finding"
        count = f"{len(places)} {noun}{'' if len(places) == 1 else 's'}"
        super().__init__(
            "\n".join([f"the linter found {count} in pending migrations; nothing was run", *places]),
            hint=hint,
        )


class Gate(PlanError):
    """Gates of the environment refused a change; nothing was run.

    Do what the message asks, such as to apply the migrations to staging first. Every gate has a flag that
    overrides it with a reason, which is logged.

    Attributes:
        gate: the gate that refused: `after`, `window`, `protected`, …
        gates: all that refused; `gate` is the first of them.
    """

    def __init__(self, message: str, *, gates: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.gates = tuple(gates)
        self.gate = self.gates[0]


class LimitExceeded(PlanError):
    """A limit of D1 is exceeded, such as the length of a statement.

    Split the statement or the file.

    Attributes:
        limit: the limit.
        actual: the value that exceeds it.
    """

    def __init__(self, message: str, *, limit: int, actual: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit, self.actual = limit, actual


class ApplyError(Error):
    """A migration failed, and `__cause__` is the driver's error.

    The migration had no effect; those in `applied` are applied, and stay so. Correct the file, then run the
    command again. If the outcome is `unknown`, `d1migrate status` shows it as soon as the database can be
    reached.

    Attributes:
        migration: the name of the migration that failed.
        direction: "up", or "down" for a rollback; then "applied" means "rolled back".
        file: the path of the file, or None.
        line: the line of the statement that failed, or None if the driver does not report it.
        statement: its SQL, or None.
        applied: names applied in this run before it.
        pending: names that were not run, the failed one first.
        unknown: whether the outcome is unknown: the response was lost, and the log could not be read. It is
            False if the log was read and does not have the migration.
        job_open: whether a chunk of its job failed. The chunk had no effect; those before it are kept.
    """

    def __init__(
        self,
        message: str,
        *,
        migration: str,
        direction: str = "up",
        file: str | None = None,
        line: int | None = None,
        statement: str | None = None,
        applied: Sequence[str] = (),
        pending: Sequence[str] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.migration, self.direction = migration, direction
        self.file, self.line, self.statement = file, line, statement
        self.applied, self.pending = tuple(applied), tuple(pending)
        self.unknown = self.job_open = False

    def with_unknown_outcome(self) -> ApplyError:
        """Mark the outcome as unknown, and return the error."""
        self.unknown = True
        self.hint = "check `d1migrate status` when the database can be reached, then run the command again"
        return self


QUERIES_USED = "{used} of the {most} queries of this call are used"
SECONDS_USED = "the {used} seconds of this call are used"
MIGRATIONS_USED = "this event has applied {used} migrations"
ROWS_USED = "this event has written {used} rows"
"""The reasons of Unfinished; a compiled index carries them, and the two texts below."""

UNFINISHED = "{reason}: {applied} applied, {pending} left"
RUN_AGAIN = "run it again in another request; applied migrations are not run twice"


class Unfinished(Error):
    """The limits of a Worker's invocation stopped a run between two migrations; nothing failed.

    Call it again in another request. Applied migrations are not run twice.

    Attributes:
        reason: which limit was reached.
        applied: names applied in this run.
        pending: names that are left, if they are known.
    """

    def __init__(self, reason: str, *, applied: Sequence[str] = (), pending: Sequence[str] = ()) -> None:
        message = reason
        if pending:
            message = UNFINISHED.format(reason=reason, applied=len(applied), pending=len(pending))
        super().__init__(message, hint=RUN_AGAIN)
        self.reason, self.applied, self.pending = reason, tuple(applied), tuple(pending)


class DriverError(Error):
    """The database did not do what was asked. Only its subclasses are raised."""


class QueryError(DriverError):
    """The database refused a statement; its batch was rolled back whole.

    The message is SQLite's or D1's. Within a migration it is the cause of an ApplyError.

    Attributes:
        index: the position in the batch of the query that failed, or None if it is not known.
    """

    def __init__(self, message: str, *, index: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.index = index


class UnavailableError(DriverError):
    """The database could not be reached or stayed busy; nothing was done.

    Check the network and the token, or end the process that holds the database. Then run the command again.
    """


class DamagedError(UnavailableError):
    """The file of the database is damaged, or is not a database; nothing was done.

    Check the path. To recover the data, return to a restore point with `d1migrate restore`, or load a backup.
    """


class AmbiguousError(DriverError):
    """A batch was sent, but no response came: it may or may not have happened.

    Read before repeating: `d1migrate status` shows what was applied. The command line does so itself where
    it can.
    """


class OverloadedError(AmbiguousError):
    """A batch that writes was too much for D1, or D1 was too busy: it may or may not have happened.

    D1 limits the CPU time and the memory of a batch, and stops a batch after 30 seconds (code 7429). Such a
    batch is never sent again as it is. Split it, or let d1migrate split it: `-- d1migrate: batch TABLE`. If
    the message contains "overloaded", other requests kept it waiting: run the command again later.
    """
