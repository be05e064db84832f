"""Groups of tokens: in parentheses, between commas or keywords, and joined again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.sql.tokens import Token

_DEPTH = {"(": 1, ")": -1}
_TIGHT = frozenset(".,;)")  # no space before these


def text_at(tokens: Sequence[Token], at: int) -> str:
    """Return the text of the token at a position, "" after the last."""
    return tokens[at].text if at < len(tokens) else ""


def closing(tokens: Sequence[Token], at: int) -> int:
    """Return where the parenthesis at a position closes; the end if it does not."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += _DEPTH.get(tokens[i].text, 0)
        if not depth:
            return i
    return len(tokens)


def outside(tokens: Sequence[Token]) -> Iterator[int]:
    """Yield the positions of the tokens that are not in parentheses; of a pair, only the opening one."""
    at = 0
    while at < len(tokens):
        yield at
        at = closing(tokens, at) + 1 if tokens[at].text == "(" else at + 1


def parted(tokens: Sequence[Token], separator: str) -> Iterator[Sequence[Token]]:
    """Split tokens at a comma or keyword outside parentheses and CASE … END; BETWEEN keeps its AND."""
    depth = cases = betweens = begin = 0
    for i, token in enumerate(tokens):
        depth += _DEPTH.get(token.text, 0)
        word = token.keyword
        if word == "CASE" or (word == "END" and cases):  # a column, too, may be called `end`
            cases += 1 if word == "CASE" else -1
        elif depth or cases:
            continue
        elif separator not in (token.text, word):
            betweens += 1 if word == "BETWEEN" else 0
        elif word == "AND" and betweens:
            betweens -= 1
        else:
            yield tokens[begin:i]
            begin = i + 1
    yield tokens[begin:]


def bare(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return an expression without the parentheses around all of it."""
    while text_at(tokens, 0) == "(" and closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def joined(words: Sequence[str]) -> str:
    """Return words as one line, with a space between them except next to `(`, `)`, `.`, `,` and `;`."""
    parts: list[str] = []
    for before, word in zip(("(", *words), words, strict=False):
        parts += [word] if word in _TIGHT or before in ("(", ".") else [" ", word]
    return "".join(parts)


def span(sql: str, tokens: Sequence[Token]) -> str:
    """Return the SQL from the first of some tokens to the last, including comments."""
    return sql[tokens[0].start : tokens[-1].start + len(tokens[-1].text)] if tokens else ""
