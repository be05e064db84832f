"""Why a migration fails: on an empty database too, on any rows, or perhaps only on generated rows."""

from __future__ import annotations

from d1migrate.lint.column_copies import values_inside
from d1migrate.lint.expressions import as_column
from d1migrate.lint.rule import Finding
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.rebuild_checks import is_recount
from d1migrate.sql.d1 import ASSERTION
from d1migrate.sql.names import fold, quote_literal, unquote
from d1migrate.sql.statement import target_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from d1migrate.errors import QueryError
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.rehearse.expected_effects import ReplayedFile
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import ForeignKey
    from d1migrate.sql.split import Statement

_OF_VALUES = ("UNIQUE constraint", "CHECK constraint", "malformed JSON", "datatype mismatch", "cannot store")
_NOT_NULL, _FOREIGN_KEY = "NOT NULL constraint failed: ", "FOREIGN KEY constraint failed"
_CONDITIONS = frozenset(("WHEN", "WHERE", "CASE"))


class _Failure(NamedTuple):
    """A statement that D1 refused: the error's text and code, and the statement as it was replayed."""

    replay: Replay
    text: str
    code: str
    statement: Statement | None
    replayed: ReplayedStatement | None


def failure(
    error: QueryError, file: ReplayedFile, generated: Collection[str], *, on_rows: bool
) -> tuple[str, Finding]:
    """Return the finding for a migration that fails, at the statement that failed.

    Args:
        error: D1's refusal.
        file: the migration.
        generated: the tables, folded, with generated rows, if the migration passes without these rows: with
            other rows it may pass too.
        on_rows: whether there were rows, and the migration is not known to fail without them.
    """
    text, _, code = str(error).partition(": SQLITE")
    statements = file.replay.migration.statements()
    statement = next((s for i, s in enumerate(statements) if i == error.index), None)
    replayed = next((s for s in file.replay.statements if s.index == error.index), None)
    line = statement.line if statement else None
    if not on_rows or (replayed is not None and replayed.refusal is not None):
        return "X108", Finding(f"the migration fails with or without rows: {text}", replayed, line=line)
    if generated and _may_pass(_Failure(file.replay, text, code, statement, replayed), generated):
        message = f"the migration fails on generated rows: {text}; try your own rows with `--data`"
        return "X110", Finding(message, replayed, line=line)
    return "X108", Finding(f"the migration fails on rows: {text}", replayed, line=line)


def _may_pass(failed: _Failure, generated: Collection[str]) -> bool:
    """Whether only the values of generated rows may be at fault: then only the user's own rows can tell."""
    if failed.text.startswith(_OF_VALUES):
        return failed.statement is None or bool(
            _tables_of(failed.replayed, failed.statement) & set(generated)
        )
    if failed.text.startswith(_NOT_NULL):
        return _is_computed(failed)
    if failed.text == _FOREIGN_KEY:
        return _has_new_key(failed.replay) or not _deletes_parents(failed)
    if failed.text.startswith(ASSERTION):
        return failed.statement is None or not is_recount(failed.statement.sql)
    if "_TRIGGER" in failed.code:
        return _is_conditional(failed)
    return False


def _tables_of(replayed: ReplayedStatement | None, statement: Statement) -> set[str]:
    """Return the tables whose rows a statement may read or write."""
    if replayed is None:
        return {target_of(significant(statement.sql))}
    name = replayed.shape.name
    tables = {access.table for access in replayed.accesses} | {name, replayed.after.owners.get(name, "")}
    return tables | {fold(unquote(token.text)) for token in replayed.tokens}


def _is_computed(failed: _Failure) -> bool:
    """Whether a NULL comes from a lookup or an expression, not from a column that may be NULL."""
    statement = failed.replayed
    table, _, column = failed.text.removeprefix(_NOT_NULL).rpartition(".")
    if statement is None or fold(table) != statement.target:
        return True  # a trigger or a foreign key wrote it
    if statement.verb == "update":
        value = statement.sets().get(fold(column))
    else:
        value = values_inside(statement).get(fold(column))
    if value is None:
        return False
    if [token.keyword for token in value] == ["NULL"]:
        return False
    return "JOIN" in statement.words or statement.words.count("SELECT") > 1 or as_column(value) is None


def _has_new_key(replay: Replay) -> bool:
    """Whether the file adds a foreign key: until then nothing enforces it, so generated rows may break it."""
    return bool(set(_keys(replay.after)) - set(_keys(replay.before)))


def _keys(catalog: Catalog) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield what identifies each foreign key: the child, its columns and the parent."""
    for name, table in catalog.tables.items():
        yield from ((name, _folded(key), fold(key.table)) for key in table.foreign_keys)


def _folded(key: ForeignKey) -> tuple[str, ...]:
    return tuple(map(fold, key.columns))


def _deletes_parents(failed: _Failure) -> bool:
    """Whether a statement deletes rows that others reference: any database with such rows refuses it."""
    verbs = ("drop table", "delete")
    if failed.statement is None:  # at the commit, because the check was deferred
        return any(True for _ in failed.replay.of(*verbs))
    return failed.replayed is not None and failed.replayed.verb in verbs


def _is_conditional(failed: _Failure) -> bool:
    """Whether the trigger that raises has a condition on the row."""
    message = quote_literal(failed.text)
    catalog = failed.replayed.before if failed.replayed else failed.replay.after
    raising = [trigger.sql for trigger in catalog.triggers() if message in trigger.sql]
    return not raising or any(_CONDITIONS & {t.keyword for t in significant(sql)} for sql in raising)
