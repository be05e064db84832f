"""Predicates on SQL texts and errors for the embedded engine, where D1 and SQLite differ.

The patterns are compiled where they are used: most runs use none, and importing `re` takes time.
"""

from __future__ import annotations

import apsw

from d1migrate.sql.d1 import ABSENT_FUNCTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SPACE = " \t\n\v\f\r"
"""What D1 skips after a statement."""


def is_line_comments(sql: str) -> bool:
    """Whether a text consists of `--` lines only, which D1 drops from a batch."""
    if sql.lstrip()[:2] not in ("", "--"):
        return False
    import re

    return not re.sub(r"^\s*--.*", "", sql, flags=re.MULTILINE).strip()


def renames_to_reserved(sql: str) -> bool:
    """Whether a text gives a table a name that Cloudflare reserves."""
    import re

    return re.search(r"\bRENAME\s+TO\s+[\"'`\[]?_cf_", sql, re.IGNORECASE) is not None


def is_limited_dml(error: apsw.Error, sql: str) -> bool:
    """Whether an error is a syntax error at the LIMIT or ORDER BY of an UPDATE or DELETE."""
    if str(error).lower() not in ('near "limit": syntax error', 'near "order": syntax error'):
        return False
    import re

    # In a trigger, D1 refuses it too.
    words = set(re.findall(r"\b(?:UPDATE|DELETE|TRIGGER)\b", sql.upper()))
    return bool(words) and "TRIGGER" not in words


def ends_twice(statement: str) -> bool:
    """Whether a second `;` follows the one that ends the statement; to D1 that is an empty statement."""
    body = statement.rstrip(f";{SPACE}")
    # After `--` a semicolon is part of a comment: there, one more does not complete the statement.
    return statement.count(";", len(body)) > 1 and apsw.complete(f"{body};\n")


def describe(error: Any) -> str:
    """Return the message of an apsw.Error, whose type does not declare its attributes, as D1 words it."""
    import re

    message, code, extended = str(error), error.result, error.extendedresult
    call = re.match(r"(?:not authorized to use|wrong number of arguments to) function:? (\w+)", message)
    if call and call[1].lower() in ABSENT_FUNCTIONS:
        message = f"no such function: {call[1]}"
    if error.error_offset >= 0:
        message += f" at offset {error.error_offset}"
    message += f": {apsw.mapping_result_codes[code]}"
    if extended != code:
        message += f" (extended: {apsw.mapping_extended_result_codes[extended]})"
    return message
