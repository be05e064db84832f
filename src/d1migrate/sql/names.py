"""Names and literals in SQL text. Every name that is put into SQL is quoted here."""

from __future__ import annotations

HELPER = "_d1m_"
JOB_TABLE = f"{HELPER}job"
"""The prefix of all objects that a guarded rebuild creates and drops again."""

ROWIDS = ("rowid", "_rowid_", "oid")
"""The names of the rowid, unless a column has them."""

_CLOSING = {'"': '"', "`": "`", "[": "]", "'": "'"}


def quote_identifier(name: str) -> str:
    """Return `name` as a quoted identifier: `a"b` → `"a""b"`."""
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """Return `text` as a string literal: `it's` → `'it''s'`."""
    return "'" + text.replace("'", "''") + "'"


def is_helper(name: str) -> bool:
    """Whether an object is one that a guarded rebuild creates and drops again."""
    return fold(name).startswith(HELPER)


def is_job_table(name: str) -> bool:
    """Whether a table is that of the open job."""
    return fold(name) == JOB_TABLE


def unquote(token: str) -> str:
    """Return the name of a token, in any of SQLite's four quotes or in none."""
    close = _CLOSING.get(token[:1])
    if close is None:
        return token
    return token[1:-1] if close == "]" else token[1:-1].replace(close * 2, close)


def fold(name: str) -> str:
    """Return `name` as SQLite compares names: ASCII letters in lower case, all others as they are."""
    return name.lower() if name.isascii() else "".join(c.lower() if c.isascii() else c for c in name)


def not_cloudflares(name: str) -> str:
    """Return the SQL condition that Cloudflare does not keep a table for itself, beside the user's.

    Besides `_cf_…`, `wrangler dev` keeps the name of a Durable Object in a table (measured on 4.164).

    Args:
        name: the column with the name of the table, as SQL.
    """
    return f"{name} NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND {name} <> '__miniflare_do_name'"
