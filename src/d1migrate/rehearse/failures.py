"""Why a migration fails: always, on any rows, or perhaps only on rows that are made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.lint.rule import Finding
from d1migrate.lint.sqltext import copied, is_bare
from d1migrate.migrate.history_guard import recorded_table
from d1migrate.schema.rebuild_checks import is_recount
from d1migrate.sql.names import fold, quote_literal, unquote
from d1migrate.sql.statement import trigger_of
from d1migrate.sql.tokens import significant

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
_ASSERTION = "bad JSON path"  # a SELECT that asks json_extract for a path that is its message
_CONDITIONS = frozenset(("WHEN", "WHERE", "CASE"))


class _Failure(NamedTuple):
    """A statement that was refused: D1's text and its code, the statement, and what the replay made of it."""

    replay: Replay
    text: str
    code: str
    statement: Statement | None
    ran: ReplayedStatement | None


def failure(
    error: QueryError, told: ReplayedFile, made_up: Collection[str], *, on_rows: bool
) -> tuple[str, Finding]:
    """Return what a migration that fails says, at the statement that does.

    Args:
        error: D1's refusal.
        told: the migration.
        made_up: the tables, folded, whose rows are made up, if it passes without these; others may fare
            otherwise.
        on_rows: whether there were rows, and it is not known to fail without them.
    """
    text, _, code = str(error).partition(": SQLITE")
    statements = told.replay.migration.statements()
    statement = next((s for i, s in enumerate(statements) if i == error.index), None)
    at = next((ran for ran in told.replay.statements if ran.index == error.index), None)
    line = statement.line if statement else None
    if not on_rows or (at is not None and at.refusal is not None):
        return "X108", Finding(f"it fails with or without rows: {text}", at, line=line)
    if made_up and _may_pass(_Failure(told.replay, text, code, statement, at), made_up):
        return "X110", Finding(
            f"it fails on made-up rows: {text}; try your own rows with `--data`", at, line=line
        )
    return "X108", Finding(f"it fails on rows: {text}", at, line=line)


def _may_pass(failed: _Failure, made_up: Collection[str]) -> bool:
    """Whether it may be only for the values of made-up rows: then yours can tell, and nothing else."""
    if failed.text.startswith(_OF_VALUES):
        return failed.statement is None or bool(_works_on(failed.ran, failed.statement) & set(made_up))
    if failed.text.startswith(_NOT_NULL):
        return _is_computed(failed)
    if failed.text == _FOREIGN_KEY:
        return _has_new_key(failed.replay) or not _takes_parents(failed)
    if failed.text.startswith(_ASSERTION):
        return failed.statement is None or not is_recount(failed.statement.sql)
    if "_TRIGGER" in failed.code:
        return _is_conditional(failed)
    return False


def _works_on(ran: ReplayedStatement | None, statement: Statement) -> set[str]:
    """Return the tables whose rows a statement has to do with, as far as they were there before the file."""
    if ran is None:
        return {recorded_table(statement.sql) or ""}
    tables = {touch.table for touch in ran.touches} | {
        ran.shape.name,
        ran.after.owners.get(ran.shape.name, ""),
    }
    return tables | {fold(unquote(token.text)) for token in ran.tokens}


def _is_computed(failed: _Failure) -> bool:
    """Whether a NULL comes from a lookup or an expression, and not from a column that may be NULL."""
    ran = failed.ran
    table, _, column = failed.text.removeprefix(_NOT_NULL).rpartition(".")
    if ran is None or fold(table) != ran.target:
        return True  # a trigger's or a foreign key's doing
    if ran.verb == "update":
        value = ran.sets().get(fold(column))
    else:
        names = [c.name for c in ran.before.tables[ran.target].columns if not c.generated]
        value = copied(ran.tokens, names).get(fold(column))
    if value is None:
        return False
    is_null = [token.keyword for token in value] == ["NULL"]
    return not is_null and ("JOIN" in ran.words or ran.words.count("SELECT") > 1 or not is_bare(value))


def _has_new_key(replay: Replay) -> bool:
    """Whether the file adds a foreign key: nothing has kept it so far, in made-up rows as in yours."""
    return bool(set(_keys(replay.after)) - set(_keys(replay.before)))


def _keys(catalog: Catalog) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield what makes each foreign key: the child, its columns and the parent."""
    for name, table in catalog.tables.items():
        yield from ((name, _folded(key), fold(key.table)) for key in table.foreign_keys)


def _folded(key: ForeignKey) -> tuple[str, ...]:
    return tuple(map(fold, key.columns))


def _takes_parents(failed: _Failure) -> bool:
    """Whether a statement takes rows away that others refer to: all databases with such rows refuse it."""
    verbs = ("drop table", "delete")
    if failed.statement is None:  # at the commit, where it was deferred
        return any(True for _ in failed.replay.of(*verbs))
    return failed.ran is not None and failed.ran.verb in verbs


def _is_conditional(failed: _Failure) -> bool:
    """Whether the trigger that says RAISE looks at the row first."""
    message = quote_literal(failed.text)
    catalog = failed.ran.before if failed.ran else failed.replay.after
    raising = [
        trigger.sql for trigger in catalog.triggers() if message in trigger.sql and trigger_of(trigger.sql)
    ]
    return not raising or any(_CONDITIONS & {t.keyword for t in significant(sql)} for sql in raising)
