"""Parameters written into the SQL, for transports that cannot carry their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.sql.tokens import tokenize

if TYPE_CHECKING:
    from d1migrate.batch import Value


def inline(sql: str, params: tuple[Value, ...]) -> tuple[str, tuple[Value, ...]]:
    """Write NULL and integers where their parameters stand; the others are numbered anew.

    JavaScript has one type for numbers: D1 binds an integer as REAL, and loses digits above 2**53
    (d1-facts §3). NULL is bound in a different way by every Python that Workers run.

    Args:
        sql: one statement with `?` and `?1` parameters.
        params: their values. One that no parameter stands for is kept, so that D1 counts and refuses it.

    Returns:
        The SQL and the values left to bind: text, REAL and blobs.
    """
    if not any(value is None or isinstance(value, int) for value in params):
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
        value = params[number - 1] if 0 < number <= len(params) else ""
        if value is None or isinstance(value, int):
            parts.append("NULL" if value is None else f"({value})")  # bare, `1-?` could begin a comment
            continue
        if number not in numbers:
            kept += params[number - 1 : number]
            numbers[number] = len(numbers) + 1
        parts.append(f"?{numbers[number]}")
    kept += [value for number, value in enumerate(params, 1) if number not in seen]
    return "".join(parts), tuple(kept)
