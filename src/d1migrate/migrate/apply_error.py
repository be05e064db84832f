"""Turn a driver's error into an ApplyError: with file and line, and what is and is not applied."""

from __future__ import annotations

import re

from d1migrate.errors import AmbiguousError, ApplyError, DriverError, OverloadedError, QueryError
from d1migrate.migrate import assertions
from d1migrate.migrate.jobs.job import (
    CHANGED_SINCE,
    CHANGES_KEY,
    INSERTS_AGAIN,
    KEY_STAYS,
    NOT_THE_KEY,
    NOT_THE_SAME,
    TOO_MANY_PARENTS,
    UNINDEXED,
)
from d1migrate.migrate.table import VERSIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.rebuild_checks import OVER_BUDGET
from d1migrate.sql.d1 import ASSERTION, CROWDED, OVERLOADED
from d1migrate.sql.names import HELPER, fold
from d1migrate.sql.unusual_characters import unusual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.plan import Step, StepQueries
    from d1migrate.sql.split import Statement

_OFFSET = re.compile(r" at offset (\d+)")
_ASSERTED = re.compile(rf"{ASSERTION}: '(.*)'", re.DOTALL)
"""The message of an assertion, in the error of a chunk; a chunk has none of the file's statements."""
_NEAR = re.compile(
    r"(?:near \"(?P<near>.+)\": syntax error|[a-z ]+: (?P<name>\S+)|\w+ (?P<thing>\S+) already exists)"
    r"(?: at offset (?P<offset>\d+))?: SQLITE_ERROR"
)


class Advice(NamedTuple):
    """What to do about an error.

    Attributes:
        pattern: a regular expression, of the kind that JavaScript has too, for the text of the error.
        hint: what to do.
        text: what the error says instead; `$1` is what the pattern's group matched. None: its own text.
    """

    pattern: str
    hint: str
    text: str | None = None


_APPLIED_ALREADY = Advice(
    "already exists|duplicate column name",
    "if it was applied by other means, `d1migrate adopt` proves that and records it",
)
ADVICE = (
    Advice(
        f"{assertions.OTHER_MIGRATIONS}([^']*)",
        "a file may only insert its own version into schema_migrations; leave the rest to d1migrate",
        "its SQL changes the history of other migrations than its own (applied then: $1)",
    ),
    Advice(
        f"({assertions.ALREADY_APPLIED}|{assertions.CHANGED_MEANWHILE})",
        "a read replica may lag: pass the D1 binding itself, or a session that begins with `first-primary`",
        "the database has a newer history than the one that was read",
    ),
    Advice(
        f"bad JSON path: '(.*{OVER_BUDGET}.*)'",
        "for one table, add the line `-- d1migrate: online TABLE`; if the database is known to take more at"
        " once, set `budget` in d1migrate.toml, and draft the migration again",
        "$1",
    ),
    Advice(
        UNINDEXED, "create that index first, in a migration of its own; the swap would build it, and drop it"
    ),
    Advice(
        TOO_MANY_PARENTS,
        "`d1migrate rebuild --expand` writes migrations that change it in steps; a job fills the new column",
    ),
    Advice(
        f"{CHANGED_SINCE}([^']*)",
        "end the job with `d1migrate job cancel`, adapt the file to the table, and run `d1migrate up` again",
    ),
    Advice(
        NOT_THE_SAME,
        "something else wrote to the copy: `d1migrate job cancel` removes it; then run `d1migrate up` again",
    ),
    Advice(
        f"{NOT_THE_KEY}([^']*)",
        "`by` names the columns of the primary key, all of them NOT NULL; without it, the key is the rowid",
        "$1: this key does not find each row exactly once",
    ),
    Advice(
        f"{CHANGES_KEY}([^']*)",
        KEY_STAYS,
        "it changes the rowid of $1, by which its rows are found",
    ),
    Advice(
        f"{INSERTS_AGAIN}([^']*)",
        "let it set the columns of a unique key, or add `WHERE NOT EXISTS (…)`",
        "a second run would insert the same rows again: the INSERT sets no unique key of $1",
    ),
    Advice(
        f"{ASSERTION}: '(.* references a missing row of .*)'",
        "insert the row that is missing, or correct the one that references it, before this migration",
        "$1",
    ),
    Advice(
        f"{ASSERTION}: '(.*, by its new type, would change the value .*)'",
        "correct such values first, or draft the migration again with `--backfill TABLE.COLUMN=SQL`, which"
        " converts them",
        "$1",
    ),
    Advice(CROWDED, "other requests kept it waiting: run the command again later"),
    Advice(
        OVERLOADED,
        "the same statements would cost as much again; split them into several migrations, or let"
        " `-- d1migrate: batch TABLE` run one in chunks",
    ),
    Advice(
        f"{VERSIONS}.* already exists",
        "d1migrate creates that table: write CREATE TABLE IF NOT EXISTS, or remove the statement",
    ),
    Advice(
        rf"{HELPER}\w+\"? already exists",
        "an interrupted rebuild left it behind: `d1migrate verify` shows how it is removed safely",
    ),
    _APPLIED_ALREADY,
    Advice("Cannot add a NOT NULL column", "existing rows need a value: give the column a DEFAULT"),
    Advice("UNIQUE constraint failed", "two rows have one value: change or delete rows first"),
    Advice(
        "NOT NULL constraint failed",
        "a row has no value: give it one first, or give the column a DEFAULT",
    ),
    Advice("CHECK constraint failed", "a row does not meet the CHECK: correct the row first"),
    Advice(
        "FOREIGN KEY constraint failed",
        "a row references one that does not exist: insert that one first, or correct the row",
    ),
)
"""For a migration that is applied, the first whose pattern is found is the one."""

_ADVICE_ON_DOWN = (
    Advice(
        f"bad JSON path: '(.*{OVER_BUDGET}.*)'",
        "a rollback is one batch: to change the table back in chunks, draft a migration with"
        " `d1migrate rebuild --online`",
        "$1",
    ),
    *(advice for advice in ADVICE if advice is not _APPLIED_ALREADY),
)
NO_RESPONSE = "it is not in the history: run the command again"
_SHARED = (
    "`d1migrate verify` lists those of the database; migrations that defer the check of foreign keys share a"
    " transaction only if there are none"
)
_LINES = 6  # shown of a failed statement


def apply_error(
    error: DriverError, parts: Sequence[StepQueries], applied: Sequence[str], pending: Sequence[str]
) -> ApplyError:
    """Return the ApplyError for a batch that failed.

    Args:
        error: the driver's error.
        parts: the steps of the batch.
        applied: names of the migrations that this run applied before.
        pending: names of the pending migrations, those of the batch first.
    """
    step, statement = _locate(error, parts)
    text, hint = _describe(error, step)
    if statement and isinstance(error, QueryError) and (odd := next(unusual(statement.sql), None)):
        hint = f"the name {odd.token} contains a {odd}"
    if statement is None and len(parts) > 1:
        text += f" (in one transaction with {', '.join(part.step.name for part in parts[1:])})"
    line, message = None, f"{step.name}: {text}"
    if statement is not None:
        line, shown = _show(statement, text)
        message = f"{step.script.file}:{line}: {text}\n{shown}"
    return ApplyError(
        message,
        migration=step.name,
        direction=step.direction,
        file=step.script.file if statement else None,
        line=line,
        statement=statement.sql if statement else None,
        applied=applied,
        pending=pending,
        hint=hint,
    )


def _locate(error: DriverError, parts: Sequence[StepQueries]) -> tuple[Step, Statement | None]:
    """Find the step, and the statement of its file, that a query of the batch belongs to."""
    if not isinstance(error, QueryError):
        return parts[0].step, None
    index = error.index
    if index is None:
        found = _mentioned(str(error), parts)
        return found[0] if len(found) == 1 else (parts[0].step, None)
    for part in parts:
        if index < len(part):
            return part.step, part.statement_at(index)
        index -= len(part)
    return parts[-1].step, None


def _mentioned(text: str, parts: Sequence[StepQueries]) -> list[tuple[Step, Statement]]:
    """Find the statements that an error can refer to, if the database does not report which one failed.

    The text names a token, and usually its byte offset in the statement.
    """
    match = _NEAR.match(text)
    if match is None or any(part.step.size for part in parts):  # a large file is not read again
        return []
    token = (match["near"] or match["name"] or match["thing"]).encode().lower()
    found = []
    for part in parts:
        for statement in part.step.script.statements():
            sql = statement.sql.encode().lower()
            at = int(match["offset"]) if match["offset"] else max(sql.find(token), 0)
            found += [(part.step, statement)] if sql.startswith(token, at) else []
    return found


def _describe(error: DriverError, step: Step) -> tuple[str, str | None]:
    text = str(error)
    if assertions.ROWS_APPEARED in text or assertions.VALUES_APPEARED in text:
        return f"{text}: there were none when the rollback was planned", "run `d1migrate down` again"
    if assertions.ORPHANED in text:
        return f"after it, {assertions.ORPHANED}", _SHARED
    if assertions.NOT_APPLIED in text:
        return "another run rolled it back meanwhile", "see `d1migrate status`"
    if isinstance(error, AmbiguousError) and not isinstance(error, OverloadedError):
        return f"{text}: no response came", NO_RESPONSE
    return _advise(error, ADVICE if step.direction == "up" else _ADVICE_ON_DOWN)


def _advise(error: DriverError, known: Sequence[Advice]) -> tuple[str, str | None]:
    """Return the text of an error, or what is said instead, and what to do."""
    text = str(error)
    for pattern, hint, instead in known:
        if match := re.search(pattern, text):
            return instead.replace("$1", match[1]) if instead else text, error.hint or hint
    return text, error.hint


def _show(statement: Statement, text: str) -> tuple[int, str]:
    """Return the line of the error and the lines around it, with a caret if SQLite reported an offset."""
    lines = statement.sql.split("\n")
    at, column = 0, None
    if offset := _OFFSET.search(text):
        before = statement.sql.encode()[: int(offset[1])].decode(errors="replace").split("\n")
        at, column = len(before) - 1, len(before[-1])
    first = max(0, at - _LINES + 1)
    shown = []
    for i in range(first, min(len(lines), max(at + 1, _LINES))):
        number = f"{statement.line + i:5} | "
        shown.append(number + lines[i][:200])
        if i == at and column is not None and column <= 200:
            shown.append(" " * (len(number) - 2) + "| " + " " * column + "^")
    return statement.line + at, "\n".join(shown)


JOB_OPEN = "the job stays open: `d1migrate up` continues it, `d1migrate job cancel` ends it"


def _of_rows(migration: Migration) -> Statement | None:
    """Return the statement of a file that its chunks do: in a rebuild, the one that fills the new table."""
    from d1migrate.sql.statement import target_of
    from d1migrate.sql.tokens import significant

    statements = list(migration.statements())
    table = fold(migration.job.table) if migration.job else ""
    filling = (s for s in statements if target_of(significant(s.sql)) == table)
    return next(filling, statements[0] if statements else None)


def asserted(text: str) -> str:
    """Return the message of an assertion, of which an error is the text; that of another error as it is."""
    found = _ASSERTED.search(text)
    return found[1].replace("''", "'") if found else text


def chunk_error(
    error: QueryError, name: str, migration: Migration | None, *, is_open: bool = True
) -> ApplyError:
    """Return the ApplyError for a chunk of a job that was refused.

    Args:
        error: the driver's error.
        name: the migration.
        migration: its file, or None if it is missing.
        is_open: whether the job is open.
    """
    text, hint = _advise(error, ADVICE)
    text = asserted(text)
    if is_open:
        hint = f"{hint}; {JOB_OPEN}" if hint else JOB_OPEN
    statement = _of_rows(migration) if migration else None
    message, line = f"{name}: {text}", None
    if migration and statement:
        # The offset that SQLite reports is one in the statement of the chunk, not in that of the file.
        line, shown = _show(statement, _OFFSET.sub("", text))
        message = f"{migration.file}:{line}: {text}\n{shown}"
    failure = ApplyError(
        message,
        migration=name,
        file=migration.file if migration else None,
        line=line,
        statement=statement.sql if statement else None,
        pending=(name,),
        hint=hint,
    )
    failure.__cause__, failure.job_open = error, is_open
    return failure
