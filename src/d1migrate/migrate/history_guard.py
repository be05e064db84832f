"""What the SQL of a file may do to the history tables, and how it records itself."""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.migrate.table import LOG_TABLE, VERSIONS
from d1migrate.sql.names import fold
from d1migrate.sql.statement import effects, first_row, insert_of, trigger_effects
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.table import Identified, MigrationsTable
    from d1migrate.sql.split import Statement
    from d1migrate.sql.statement import Insert
    from d1migrate.sql.tokens import Token


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
    from d1migrate.sql.create import parse_trigger

    trigger = parse_trigger(sql)
    return {fold(trigger.table), *(e.table for e in trigger_effects(trigger))} if trigger else set()


def is_record(sql: str, table: str = VERSIONS) -> bool:
    """Whether a statement records a migration: an INSERT of what a table of versions has.

    An application's own table of that name has other columns, or versions that are not integers.
    """
    tokens = significant(sql[:_HEAD])
    insert = insert_of(tokens) if text_at(tokens, 0).upper() in ("INSERT", "REPLACE") else None
    if insert is None or insert.table != fold(table):
        return False
    if insert.columns and sorted(insert.columns) != sorted(_COLUMNS):
        return False
    row = first_row(insert.source)
    if row and len(row) != len(_COLUMNS):
        return False
    version = _version(insert, row)
    return version is None or version.kind != "string" or version.text.strip("'").isdecimal()


_COLUMNS = ("version", "name", "applied_at")
_HEAD = 1000  # characters: enough for one row, of which the name has at most 255


def recorded_version(sql: str) -> int | None:
    """Return the version that an INSERT … VALUES records, if it is written as a number."""
    insert = insert_of(significant(sql))
    token = _version(insert, first_row(insert.source)) if insert else None
    return int(token.text) if token and token.text.isascii() and token.text.isdecimal() else None


def _version(insert: Insert, row: Sequence[Sequence[Token]]) -> Token | None:
    """Return the value of the version in a row; None if it is an expression."""
    place = insert.columns.index("version") if "version" in insert.columns else 0
    return row[place][0] if place < len(row) and len(row[place]) == 1 else None
