"""The columns that an expression names."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.token_groups import text_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
