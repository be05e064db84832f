"""What the SQL of a file may and may not do to the tables that history lives in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.statement import effects, trigger_of
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
    trigger = trigger_of(statement.sql)
    if trigger and {MIGRATIONS_TABLE, LOG_TABLE} & {trigger.table, *(e.table for e in trigger.effects)}:
        raise SourceError(
            f"{file}:{statement.line}: it creates a trigger that has to do with the history",
            hint="what happens in the history is d1migrate's to do",
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
    if "INTO" not in words:
        return None
    at = words.index("INTO") + 2
    at += 2 if tokens[at : at + 1] and tokens[at].text == "." else 0
    place = 0
    if tokens[at : at + 1] and tokens[at].text == "(":
        texts = [token.text for token in tokens]
        close = texts.index(")", at) if ")" in texts[at:] else len(texts)
        columns = [fold(unquote(text)) for text in texts[at + 1 : close : 2]]
        place, at = (columns.index("version") if "version" in columns else 0), close + 1
    if words[at : at + 1] != ["VALUES"]:
        return None
    row = [token.text for token in tokens[at + 2 : at + 4 + 2 * place]]
    simple = len(row) == 2 * place + 2 and all(text == "," for text in row[1:-1:2]) and row[-1] in (",", ")")
    number = row[2 * place] if simple else ""
    return int(number) if number.isascii() and number.isdecimal() else None


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
