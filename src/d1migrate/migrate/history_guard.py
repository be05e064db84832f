"""What the SQL of a file may do to the history tables, and how it records itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.sql.names import fold
from d1migrate.sql.statement import effects, first_row, insert_of, target_of, trigger_effects
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from d1migrate.sql.split import Statement

MIGRATIONS_TABLE = "schema_migrations"
LOG_TABLE = "schema_migrations_log"
_TABLES = {MIGRATIONS_TABLE, LOG_TABLE}


def check_history_use(statement: Statement, file: str, version: int | None) -> None:
    """Refuse a statement that does to the history tables what only d1migrate may do.

    Args:
        statement: the statement.
        file: its file, for errors.
        version: the version of the migration, which may insert its own row and create the table; None for a
            rollback, which may delete rows. The batch then compares the rows with the plan.

    Raises:
        SourceError: the error has the line of the statement.
    """
    if _TABLES & _tables_of_trigger(statement.sql):
        raise SourceError(
            f"{file}:{statement.line}: it creates a trigger that involves the history tables",
            hint="only d1migrate changes the history",
        )
    for effect in effects(statement.sql):
        ours = effect.table == MIGRATIONS_TABLE
        if effect.table != LOG_TABLE and not ours:
            continue
        allowed = {"create", "insert"} if version is not None else {"delete"}
        replaces = effect.kind == "delete" and version is not None and "REPLACE" in statement.sql.upper()
        if not ours or not (effect.kind in allowed or replaces):
            raise SourceError(
                f"{file}:{statement.line}: it changes the history of all migrations"
                f" ({effect.kind} {effect.table})",
                hint="a migration records only its own version, and `down` deletes that row itself",
            )
        recorded = recorded_version(statement.sql) if version is not None else None
        if recorded is not None and recorded != version:
            raise SourceError(
                f"{file}:{statement.line}: it records version {recorded}, but its name has {version}",
                hint=f"let it insert version {version}",
            )


def _tables_of_trigger(sql: str) -> set[str]:
    """Return the table of a CREATE TRIGGER, and those that its body changes; empty for other statements."""
    if "TRIGGER" not in sql.upper():
        return set()
    from d1migrate.sql.create import parse_trigger  # few files create one

    trigger = parse_trigger(sql)
    return {fold(trigger.table), *(e.table for e in trigger_effects(trigger))} if trigger else set()


def is_record(sql: str) -> bool:
    """Whether a statement records a migration: an INSERT into the migrations table."""
    tokens = significant(sql[:_HEAD])
    return text_at(tokens, 0).upper() in ("INSERT", "REPLACE") and target_of(tokens) == MIGRATIONS_TABLE


_HEAD = 400  # characters: enough for the name of the table, however long the rows are


def recorded_version(sql: str) -> int | None:
    """Return the version that an INSERT … VALUES records, if it is written as a number."""
    insert = insert_of(significant(sql))
    values = first_row(insert.source) if insert else []
    place = insert.columns.index("version") if insert and "version" in insert.columns else 0
    number = values[place][0].text if place < len(values) and len(values[place]) == 1 else ""
    return int(number) if number.isascii() and number.isdecimal() else None
