"""Characters that belong to a name for SQLite, but look like white space, a quote or an operator."""

from __future__ import annotations

from unicodedata import category, name

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_UNSEEN = ("Z", "C")  # spaces and line ends, control and format characters
_SIGNS = (*_UNSEEN, "P", "Sm", "Sk")  # quotes, dashes, brackets, operators
_IN_QUOTES = (*_UNSEEN, "Pi", "Pf")
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"


class Unusual(NamedTuple):
    """A character that misleads.

    Attributes:
        offset: its position in the SQL, in characters.
        character: the character.
        token: the name that it is part of, with such characters spelled out: `body<U+00A0>`.
    """

    offset: int
    character: str
    token: str

    def __str__(self) -> str:
        return f"{code_point(self.character)} {name(self.character, 'unnamed')}"


def unusual(sql: str) -> Iterator[Unusual]:
    """Yield the first such character of each name in a statement; strings and comments may contain any."""
    if sql.isascii():
        return
    for token in significant(sql):
        if token.text.isascii() or token.kind in ("string", "blob"):
            continue
        kinds = _IN_QUOTES if token.kind == "quoted" else _SIGNS
        for at, character in enumerate(token.text):
            if _misleads(token.text, at, kinds):
                yield Unusual(token.start + at, character, spelled_out(token.text))
                break


def spelled_out(text: str) -> str:
    """Return text with misleading characters spelled out as `<U+00A0>`."""
    return "".join(f"<{code_point(c)}>" if _misleads(text, at, _SIGNS) else c for at, c in enumerate(text))


def code_point(character: str) -> str:
    """Return `U+00A0` and the like."""
    return f"U+{ord(character):04X}"


def _misleads(text: str, at: int, kinds: tuple[str, ...]) -> bool:
    character = text[at]
    if character.isascii() or not category(character).startswith(kinds):
        return False
    # A joiner between two characters, as in an emoji or in a script that needs it, changes how they look.
    joins = character in _JOINERS and 0 < at < len(text) - 1
    return not (joins and not text[at - 1].isascii() and not text[at + 1].isascii())
