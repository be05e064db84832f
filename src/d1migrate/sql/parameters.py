"""Writes parameters into the SQL, for transports that cannot carry their values."""

from __future__ import annotations

from math import inf

from d1migrate.sql.names import quote_literal
from d1migrate.sql.tokens import tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.sql.batch import Value


def inline(
    sql: str, params: tuple[Value, ...], *, bound: tuple[type, ...] = (str, float, bytes)
) -> tuple[str, tuple[Value, ...]]:
    """Replace parameters by their values, except those of types that are bound; these are renumbered.

    JavaScript has one type for numbers: D1 binds an integer as REAL and loses digits above 2**53
    (d1-facts §3). Each Python version in Workers binds NULL in its own way; REST carries only text.

    Args:
        sql: one statement with `?` and `?1` parameters.
        params: their values. A value without a parameter is kept, so that D1 counts and refuses it.
        bound: the types that the transport carries.

    Returns:
        The SQL and the values left to bind.
    """
    if all(isinstance(value, bound) for value in params):
        return sql, params
    kept: list[Value] = []
    numbers: dict[int, int] = {}
    seen: set[int] = set()
    parts, highest = [], 0
    for token in tokenize(sql):
        if token.kind != "variable" or not token.text.startswith("?"):
            parts.append(token.text)
            continue
        number = int(token.text[1:]) if len(token.text) > 1 else highest + 1
        highest = max(highest, number)
        seen.add(number)
        if 0 < number <= len(params) and not isinstance(params[number - 1], bound):
            parts.append(_literal(params[number - 1]))
            continue
        if number not in numbers:
            kept += params[number - 1 : number]
            numbers[number] = len(numbers) + 1
        parts.append(f"?{numbers[number]}")
    kept += [value for number, value in enumerate(params, 1) if number not in seen]
    return "".join(parts), tuple(kept)


def _literal(value: Value) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"x'{value.hex()}'"
        case str() if "\0" in value:  # SQL ends at a NUL character
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        case str():
            return quote_literal(value)
        case float() if value != value:  # SQLite stores NaN as NULL
            return "NULL"
        case float() if value in (inf, -inf):
            return "(9e999)" if value > 0 else "(-9e999)"
        case _:
            return f"({value!r})"  # bare, the minus of `1-?` could begin a comment
