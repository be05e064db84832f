"""What the SQL of a file may do to the history tables, and how it records itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.migrate.table import LOG_TABLE, VERSIONS
from d1migrate.sql.names import fold
from d1migrate.sql.statement import effects, first_row, insert_of, target_of, trigger_effects
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.migrate.table import Identified, MigrationsTable
    from d1migrate.sql.split import Statement


def check_history_use(
    statements: Iterable[Statement], file: str, table: MigrationsTable, migration: Identified | None = None
) -> None:
    """Refuse SQL that does to the history tables what only d1migrate may do.

    Args:
        statements: the statements.
        file: their file, for errors.
        table: the migrations table.
        migration: the migration, which may create the table, and insert its own row into a table of versions;
            None for a rollback, which may delete rows. The batch then compares the rows with the plan.

    Raises:
        SourceError: the error has the line of the statement.
    """
    for statement in statements:
        lower = statement.sql.lower()
        if fold(table.name) in lower or LOG_TABLE in lower:
            _check(statement, file, table, migration)


def _check(statement: Statement, file: str, table: MigrationsTable, migration: Identified | None) -> None:
    name = fold(table.name)
    if {name, LOG_TABLE} & _tables_of_trigger(statement.sql):
        raise SourceError(
            f"{file}:{statement.line}: it creates a trigger that involves the history tables",
            hint="only d1migrate changes the history",
        )
    for effect in effects(statement.sql):
        ours = effect.table == name
        if effect.table != LOG_TABLE and not ours:
            continue
        records = migration is not None and table.shape == "versions"
        allowed = {"delete"} if migration is None else {"create", "insert"} if records else {"create"}
        replaces = effect.kind == "delete" and records and "REPLACE" in statement.sql.upper()
        if not ours or not (effect.kind in allowed or replaces):
            raise SourceError(
                f"{file}:{statement.line}: it changes the history of all migrations"
                f" ({effect.kind} {effect.table})",
                hint="a migration records only its own version, and `down` deletes that row itself",
            )
        recorded = recorded_version(statement.sql) if records else None
        if migration and recorded is not None and recorded != migration.version:
            raise SourceError(
                f"{file}:{statement.line}: it records version {recorded}, but its name has"
                f" {migration.version}",
                hint=f"let it insert version {migration.version}",
            )


def _tables_of_trigger(sql: str) -> set[str]:
    """Return the table of a CREATE TRIGGER, and those that its body changes; empty for other statements."""
    if "TRIGGER" not in sql.upper():
        return set()
    from d1migrate.sql.create import parse_trigger  # few files create one

    trigger = parse_trigger(sql)
    return {fold(trigger.table), *(e.table for e in trigger_effects(trigger))} if trigger else set()


def is_record(sql: str, table: str = VERSIONS) -> bool:
    """Whether a statement records a migration: an INSERT into the migrations table."""
    tokens = significant(sql[:_HEAD])
    return text_at(tokens, 0).upper() in ("INSERT", "REPLACE") and target_of(tokens) == fold(table)


_HEAD = 400  # characters: enough for the name of the table, however long the rows are


def recorded_version(sql: str) -> int | None:
    """Return the version that an INSERT … VALUES records, if it is written as a number."""
    insert = insert_of(significant(sql))
    values = first_row(insert.source) if insert else []
    place = insert.columns.index("version") if insert and "version" in insert.columns else 0
    number = values[place][0].text if place < len(values) and len(values[place]) == 1 else ""
    return int(number) if number.isascii() and number.isdecimal() else None
