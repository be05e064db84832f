"""What the SQL of a file may and may not do to the tables that history lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.sql.effects import effects
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from d1migrate.sql.split import Statement

MIGRATIONS_TABLE = "schema_migrations"
LOG_TABLE = "schema_migrations_log"


def check_history_use(statement: Statement, file: str, version: int | None) -> None:
    """Refuse a statement that does to the history tables what only d1migrate may do.

    A migration may add the row of its own `version` and create the table as it is; a rollback (None) may
    delete rows, which the batch then compares with the plan.

    Raises:
        SourceError: it names the statement's line.
    """
    tokens = significant(statement.sql)
    if [token.keyword for token in tokens[:1]] == ["CREATE"] and "TRIGGER" in {
        t.keyword for t in tokens[1:3]
    }:
        raise SourceError(f"{file}:{statement.line}: it creates a trigger that has to do with the history")
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
                hint="a migration records its own version, and `down` takes that row away again by itself",
            )
        recorded = recorded_version(statement.sql) if version is not None else None
        if recorded is not None and recorded != version:
            raise SourceError(
                f"{file}:{statement.line}: it records version {recorded}, its name says {version}",
                hint=f"let it insert version {version}",
            )


def recorded_version(sql: str) -> int | None:
    """Return the version that `INSERT INTO … VALUES (…)` writes, where it stands there as a number."""
    tokens = significant(sql)
    words = [token.keyword for token in tokens]
    if "VALUES" not in words:
        return None
    values = words.index("VALUES")
    listed = tokens[values - 1].text == ")"
    opened = max((i for i in range(values) if tokens[i].text == "("), default=0)
    columns = [fold(unquote(t.text)) for t in tokens[opened:values] if t.text not in "(),"] if listed else []
    at = columns.index("version") if "version" in columns else 0
    row = [token.text for token in tokens[values + 2 : values + 4 + 2 * at]]
    simple = len(row) == 2 * at + 2 and all(text == "," for text in row[1:-1:2]) and row[-1] in (",", ")")
    return int(row[2 * at]) if simple and row[2 * at].isdigit() else None


def recorded_table(sql: str) -> str | None:
    """Return the table a statement inserts into (folded, unquoted), or None if it is no INSERT."""
    tokens = significant(sql[:400])
    if not tokens or tokens[0].keyword not in ("INSERT", "REPLACE"):
        return None
    words = [token.keyword for token in tokens]
    if "INTO" not in words:
        return None
    names = tokens[words.index("INTO") + 1 :]
    table = names[2] if len(names) > 2 and names[1].text == "." else names[0] if names else None
    return fold(unquote(table.text)) if table else None
