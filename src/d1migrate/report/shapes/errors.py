"""The shapes of errors. The type of an error, a class of `d1migrate.errors`, determines its other keys."""

from __future__ import annotations

from typing import Literal, TypedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.report.shapes.backups import RestorePreview
    from d1migrate.report.shapes.checks import Finding


class _Message(TypedDict):
    """What every error has.

    Attributes:
        message: what is wrong. It can have several lines.
        hint: what to do about it; null if there is no hint.
    """

    message: str
    hint: str | None


class PlainError(_Message):
    """An error with a message only.

    Attributes:
        type: the class of the error.
    """

    type: Literal["Error", "PlanError", "UnavailableError", "DamagedError", "AmbiguousError"]


class UsageError(_Message):
    """A wrong argument, setting or configuration.

    Attributes:
        type: the class of the error.
        usage: how the command is called, if its arguments are wrong; else null.
    """

    type: Literal["UsageError"]
    usage: str | None


class SourceError(_Message):
    """A migration file is wrong.

    Attributes:
        type: the class of the error.
        code: the code of the lint rule that reports the same.
    """

    type: Literal["SourceError"]
    code: str


class ParseError(_Message):
    """SQL cannot be read.

    Attributes:
        type: the class of the error.
        code: the code of the lint rule that reports the same.
        file: the path of the file.
        line: the line, from 1.
        column: the column in characters, from 1.
    """

    type: Literal["ParseError"]
    code: str
    file: str
    line: int
    column: int


class HistoryError(_Message):
    """Files and database disagree.

    Attributes:
        type: the class of the error.
        names: the migrations on which they disagree.
    """

    type: Literal["HistoryError", "ChecksumMismatch", "MissingMigration", "OutOfOrder", "PartiallyApplied"]
    names: list[str]


class RestoreOption(TypedDict):
    """A migration without a rollback, and the restore point that undoes it.

    Attributes:
        name: the migration.
        preview: what restoring the point before it would change; null if there is no restore point.
    """

    name: str
    preview: RestorePreview | None


class Irreversible(_Message):
    """Migrations have no rollback.

    Attributes:
        type: the class of the error.
        names: the migrations.
        restore_points: the restore point before each of them.
    """

    type: Literal["Irreversible"]
    names: list[str]
    restore_points: list[RestoreOption]


class DataLoss(_Message):
    """Rows or values would be lost.

    Attributes:
        type: the class of the error.
        rows: `{table: rows}`, or `{table.column: rows}`; null for rows that were not counted.
        renames: possible renames instead, as `--rename` takes them.
        stays: whether the tables would stay, beside new ones of models that have none of their rows.
    """

    type: Literal["DataLoss"]
    rows: dict[str, int | None]
    renames: list[str]
    stays: bool


class MissingValue(_Message):
    """NOT NULL columns have no value for existing rows.

    Attributes:
        type: the class of the error.
        columns: the columns, as `table.column`.
        defaults: `{column: SQL}` of the values that models give to new rows.
    """

    type: Literal["MissingValue"]
    columns: list[str]
    defaults: dict[str, str]


class UnsafeMigration(_Message):
    """The linter found errors in pending migrations.

    Attributes:
        type: the class of the error.
        diagnostics: the findings.
    """

    type: Literal["UnsafeMigration"]
    diagnostics: list[Finding]


class GateRefusal(_Message):
    """Gates of the environment refused the change.

    Attributes:
        type: the class of the error.
        refused_by: the names of the gates.
    """

    type: Literal["Gate"]
    refused_by: list[str]


class LimitExceeded(_Message):
    """A limit of D1 is exceeded.

    Attributes:
        type: the class of the error.
        limit: the limit, in the unit that the message names.
        value: the value that exceeds it.
    """

    type: Literal["LimitExceeded"]
    limit: int
    value: int


class ApplyError(_Message):
    """A migration failed.

    Attributes:
        type: the class of the error.
        name: the migration.
        direction: whether it was to be applied or rolled back.
        file: the path of its file; null if unknown.
        line: the line of the statement that failed; null if unknown.
        statement: that statement; null if unknown.
        applied_names: the migrations that this run applied, or rolled back, before it.
        pending_names: the migrations that did not run, the failed one first.
        outcome_unknown: whether it is unknown if the migration took effect: the response was lost, and the
            history could not be read.
        job_open: whether a chunk of its job failed: it had no effect, and the chunks before it are kept.
    """

    type: Literal["ApplyError"]
    name: str
    direction: Literal["up", "down"]
    file: str | None
    line: int | None
    statement: str | None
    applied_names: list[str]
    pending_names: list[str]
    outcome_unknown: bool
    job_open: bool


class QueryError(_Message):
    """The database refused a statement; nothing was done.

    Attributes:
        type: the class of the error.
        index: the position of the statement in its transaction, from 0; null if unknown.
    """

    type: Literal["QueryError"]
    index: int | None


AnyError = (
    PlainError
    | UsageError
    | SourceError
    | ParseError
    | HistoryError
    | Irreversible
    | DataLoss
    | MissingValue
    | UnsafeMigration
    | GateRefusal
    | LimitExceeded
    | ApplyError
    | QueryError
)


class Failure(TypedDict):
    """A command that failed.

    Attributes:
        error: the error.
    """

    error: AnyError
