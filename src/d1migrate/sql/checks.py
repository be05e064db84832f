"""Parts of a CHECK and other conditions: what AND joins, a column, a literal, and the allowed values.

Whether a condition can be false is decided in `implied`.
"""

from __future__ import annotations

from d1migrate.sql.definitions import Check
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import bare, closing, parted, span, text_at
from d1migrate.sql.tokens import RESERVED, Token, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def allowed_values(check: Check) -> tuple[str, tuple[str, ...]] | None:
    """Return the column, folded, that a CHECK limits to a list of literals, and these as SQL text.

    It understands `IN (…)`, `=`, and several of these joined by OR, with or without IS NULL; else None.
    """
    found = listed(significant(check.expression))
    return found if found and found[1] else None


def parts_of(check: Check) -> tuple[Check, ...]:
    """Return the parts of a CHECK that AND joins, each as a CHECK; together they are equivalent to it."""
    parts = list(conjuncts(significant(check.expression)))
    if len(parts) == 1 or not all(parts):
        return (check,)
    return tuple(Check(span(check.expression, part), check.name) for part in parts)


def conjuncts(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield the parts of a condition that AND joins, each as written, also in parentheses."""
    inner = bare(tokens)
    parts = list(parted(inner, "AND"))
    if len(parts) == 1 or len(list(parted(inner, "OR"))) > 1:
        yield tokens
        return
    for part in parts:
        yield from conjuncts(part)


def listed(tokens: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    """Return the column and literals of one test, or of several joined by OR; `IS NULL` has no literals."""
    tokens = bare(tokens)
    terms = list(parted(tokens, "OR"))
    if len(terms) == 1:
        return _test(tokens)
    found = [listed(term) for term in terms]
    literals: list[str] = []
    for one in found:
        if one is None or found[0] is None or one[0] != found[0][0]:
            return None
        literals += one[1]
    return (found[0][0], tuple(literals)) if found[0] else None


def _test(tokens: Sequence[Token]) -> tuple[str, tuple[str, ...]] | None:
    if len(tokens) > 2 and tokens[-2].text in ("=", "==") and literal(tokens[:-2]):
        tokens = [tokens[-1], tokens[-2], *tokens[:-2]]  # 'a' = column
    at = 2 if text_at(tokens, 1) == "." else 0
    column = column_of(tokens[: at + 1])
    if not column:
        return None
    operator, rest = text_at(tokens, at + 1).upper(), tokens[at + 2 :]
    if operator == "ISNULL" or (operator == "IS" and [t.keyword for t in rest] == ["NULL"]):
        return column, ()
    if operator in ("=", "==", "IS"):
        literals = [literal(rest)]
    elif operator == "IN" and text_at(rest, 0) == "(" and closing(rest, 0) == len(rest) - 1:
        literals = [literal(item) for item in parted(rest[1:-1], ",")]
    else:
        return None
    return (column, tuple(literals)) if all(literals) else None


def column_of(tokens: Sequence[Token]) -> str:
    """Return the column, folded and without its table, if an expression is one; else ""."""
    tokens = bare(tokens)
    if len(tokens) == 3 and tokens[1].text == ".":
        tokens = tokens[2:]
    if len(tokens) != 1 or tokens[0].kind not in ("word", "quoted") or tokens[0].keyword in _NO_COLUMN:
        return ""
    return fold(unquote(tokens[0].text))


_NO_COLUMN = RESERVED | {"TRUE", "FALSE"}


def literal(tokens: Sequence[Token]) -> str:
    """Return the text of a literal, or "". NULL does not count: a list with it allows every value."""
    sign = tokens[0].text if len(tokens) == 2 and tokens[0].text in ("+", "-") else ""
    if len(tokens) != (2 if sign else 1):
        return ""
    token = tokens[-1]
    if token.kind == "number" or (
        not sign and (token.kind in ("string", "blob") or token.keyword in ("TRUE", "FALSE"))
    ):
        return sign + token.text
    return ""
