"""Columns and keys of new tables."""

from __future__ import annotations

import re
from functools import lru_cache

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.schema.model import Column, Table

_NUMBERS = re.compile(r"(?:BIG|SMALL)?SERIAL[248]?|AUTO_?INCREMENT|IDENTITY")
_INTEGER = re.compile(r"U?(?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?[0-9]*")


@rule("S106", "affinity", "warning")
def surprising_affinity(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The type of a column does not do what its name suggests.

    Why: SQLite looks for INT, CHAR, TEXT, BLOB, REAL … in the name of a type: STRING is numeric ('007' becomes 7),
        and POINT is an integer. SERIAL and INT AUTO_INCREMENT are only names, and number no rows. strftime('%s')
        returns text, which never equals a number unless the column is numeric.

    Bad:
        CREATE TABLE files (id INTEGER PRIMARY KEY, code STRING);
    Good:
        CREATE TABLE files (id INTEGER PRIMARY KEY, code TEXT);
    """
    for table in replay.changed_tables:
        before = replay.before.tables.get(fold(table.name))
        existing = {(fold(c.name), c.type) for c in before.columns} if before else set()
        for column in table.columns:
            if (fold(column.name), column.type) in existing:
                continue
            message = _surprise(column.type, column.default or "") or _never_fits(table, column)
            if message:
                yield Finding(f"{table.name}.{column.name}: {message}", replay.definer_of(table))


@lru_cache(maxsize=256)  # a schema has few types
def _surprise(type_: str, default: str) -> str | None:
    """Return what a type and its default do other than expected, or None."""
    upper, kind = type_.upper(), affinity(type_)
    if "STRING" in upper and kind == "NUMERIC":
        return "SQLite treats the type STRING as numeric, so '007' becomes 7; write TEXT"
    words = re.findall(r"[A-Z0-9_]+", upper)
    if number := next(filter(_NUMBERS.fullmatch, words), None):
        return (
            f"{number} numbers no rows, so an INSERT without a value stores NULL; write INTEGER PRIMARY KEY"
        )
    if kind == "INTEGER" and not any(_INTEGER.fullmatch(word) for word in words):
        return f"SQLite treats the type {type_} as an integer, because it contains INT"
    if "strftime" in default.lower() and "%s" in default and (kind in ("TEXT", "BLOB") or upper == "ANY"):
        return "strftime('%s') is text here, which never equals a number; write unixepoch()"
    return None


def _never_fits(table: Table, column: Column) -> str | None:
    """Return that a default has not the type of its column, if the table is STRICT."""
    text, kind = (column.default or "").strip("()"), affinity(column.type)
    if kind not in ("INTEGER", "REAL") or text[:1] != "'" or _is_number(text.strip("'")):
        return None
    described = parse_table(table.sql)
    if described is None or not described.strict:
        return None
    return f"the default {text} is not {column.type}: STRICT refuses every row that uses it"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@rule("H106", "no-primary-key", "info")
def no_primary_key(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A table has no primary key.

    Why: nothing identifies a row. Upserts, foreign keys to the table and manual repairs all need a key.

    Bad:
        CREATE TABLE logs (line TEXT);
    Good:
        CREATE TABLE logs (id INTEGER PRIMARY KEY, line TEXT);
    """
    for table in replay.changed_tables:
        is_new = fold(table.name) not in replay.before.tables
        if is_new and not table.primary_key and not table.is_virtual:
            yield Finding(f"{table.name} has no primary key", replay.definer_of(table))
