"""Formats CREATE TABLE: one item per line, with its comments; no part of the text is lost."""

from __future__ import annotations

from d1migrate.sql.names import quote_identifier
from d1migrate.sql.tokens import BLANKS, KEYWORDS, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.definitions import Item, TableDefinition

_INDENT = "    "


def table_text(table: TableDefinition) -> str:
    """Return the CREATE TABLE of a definition, without a `;`.

    White space becomes one space, or none if there was none; comments keep their places.
    """
    lines = [f"CREATE TABLE {name_text(table.name)} ("]
    for place, item in enumerate(table.items):
        lines += _item(item, comma="," if place < len(table.items) - 1 else "")
    lines += [_INDENT + comment for comment in table.closing_comments]
    return "\n".join([*lines, f") {', '.join(table.options)}" if table.options else ")"])


def name_text(name: str) -> str:
    """Return a name, in quotes if it needs them."""
    is_plain = name.isidentifier() and name.isascii() and name.upper() not in KEYWORDS
    return name if is_plain else quote_identifier(name)


def squeezed(sql: str, *, indent: str = "") -> str:
    """Return SQL with every white space reduced to one space; a line comment keeps its line end.

    Args:
        sql: any SQL.
        indent: the indent of a line that follows a line comment.
    """
    parts: list[str] = []
    for token in tokenize(sql.strip(BLANKS)):
        if token.kind == "space":
            parts += [" "] if not parts or not parts[-1].endswith((" ", "\n" + indent)) else []
        elif token.text.startswith("--"):
            parts += [token.text.rstrip(), "\n" + indent]
        else:
            parts.append(token.text)
    return "".join(parts).rstrip(BLANKS)


def _item(item: Item, *, comma: str) -> list[str]:
    leading: Sequence[str] = [_INDENT + comment for comment in item.leading]
    trailing = " ".join(("", *item.trailing))
    return [*leading, _INDENT + squeezed(item.sql, indent=_INDENT) + comma + trailing]
