"""The columns that an expression names."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.sql.tokens import Token

_NAMES = ("word", "quoted")


class Reference(NamedTuple):
    """A column as an expression names it: its qualifier, or "", and its name; folded."""

    qualifier: str
    name: str


def references(tokens: Sequence[Token]) -> Iterator[Reference]:
    """Yield the names in an expression and its subqueries that may be columns; a function name is not one."""
    for at, token in enumerate(tokens):
        if token.kind in _NAMES and text_at(tokens, at + 1) not in (".", "("):
            is_qualified = at > 1 and tokens[at - 1].text == "."
            qualifier = fold(unquote(tokens[at - 2].text)) if is_qualified else ""
            yield Reference(qualifier, fold(unquote(token.text)))


def with_columns(sql: str, columns: Mapping[str, str]) -> str:
    """Return an expression in which columns are written otherwise, and without comments.

    Args:
        sql: the expression.
        columns: {folded name: SQL}; a qualifier before a name is replaced with it.
    """
    tokens, text, begin = [*tokenize(sql)], list[str](), 0
    inside = [token for token in tokens if token.kind not in ("space", "comment")]
    starts = dict[int, tuple[int, str]]()  # where a name begins, with its qualifier: its end and the new SQL
    for at, token in enumerate(inside):
        new = columns.get(fold(unquote(token.text))) if token.kind in _NAMES else None
        if new is not None and text_at(inside, at + 1) not in (".", "("):
            first = inside[at - 2] if at > 1 and inside[at - 1].text == "." else token
            starts[first.start] = token.start + len(token.text), new
    for token in tokens:
        if token.start < begin:
            continue
        begin, new = starts.get(token.start, (0, " " if token.kind == "comment" else token.text))
        text.append(new)
    return "".join(text).strip()
