"""Statements of a dump that are not the user's: what the sqlite3 shell, wrangler and other tools add."""

from __future__ import annotations

from d1migrate.sql.names import unquote
from d1migrate.sql.statement import shape_of, target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.tokens import Token

OPENING = frozenset({"pragma", "begin"})
"""A file that starts with one of these is a dump of a whole database."""

_NO_SCHEMA = OPENING | {"commit", "end", "rollback", "savepoint", "release", "analyze"}
_CATALOG = frozenset({"sqlite_schema", "sqlite_master"})


def user_statement(sql: str, tokens: Sequence[Token]) -> str | None:
    """Return the user's statement that a statement of a dump carries; None if it carries none.

    The sqlite3 shell writes a virtual table as an INSERT into sqlite_schema.

    Args:
        sql: the statement.
        tokens: its significant tokens.
    """
    shape = shape_of(tokens)
    if shape.verb in _NO_SCHEMA:
        return None
    table = shape.name if shape.verb.startswith("create") else target_of(tokens)
    if table in _CATALOG and tokens[0].keyword == "INSERT":
        texts = [unquote(token.text) for token in tokens if token.kind == "string"]
        return next((text for text in reversed(texts) if text.upper().startswith("CREATE ")), None)
    return None if table.startswith("sqlite_") else sql
