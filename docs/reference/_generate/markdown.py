"""Pieces of Markdown."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH = 120


def paragraphs(*texts: str) -> str:
    """Return texts as paragraphs, wrapped; lists and code stay as they are."""
    return "\n\n".join(text if "\n" in text else wrapped(text) for text in texts if text)


def wrapped(text: str) -> str:
    """Return a paragraph in lines."""
    return fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)


def sentence(text: str) -> str:
    """Return a text that begins with a capital letter, and ends with a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", ":", "…")) else f"{text}."


def code(text: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; an empty one is nothing."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    if not cells:
        return ""
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def definitions(
    header: Sequence[str], found: Mapping[str, str], types: Mapping[str, str] | None = None
) -> str:
    """Return names with their meanings as a table, with a column of types if these are given."""
    if types is None:
        return table(header, ((f"`{name}`", sentence(meaning)) for name, meaning in found.items()))
    rows = ((f"`{name}`", f"`{types[name]}`", sentence(meaning)) for name, meaning in found.items())
    return table(header, rows)
