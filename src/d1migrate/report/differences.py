"""Differences between two schemas, and between two texts, as lines for people."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.report.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d1migrate.schema.compare import Difference

    Paint = Callable[[str, str | None], str]

_SHADES = {"+": "green", "-": "red", "@": "dim"}


class Words(NamedTuple):
    """How differences are told.

    Attributes:
        problems: {problem: its word and colour}.
        expected, actual: what the two sides are called.
    """

    problems: dict[str, tuple[str, str]]
    expected: str
    actual: str


DRIFT = Words(
    {"missing": ("missing", "red"), "extra": ("extra", "yellow"), "different": ("different", "red")},
    *("files", "live"),
)
"""A live schema that is not what the files build."""

_STEPS = {"missing": ("removed", "red"), "extra": ("added", "green"), "different": ("changed", "yellow")}
_MARKS = {"missing": "-", "extra": "+", "different": "~"}


def between(before: int | str, after: int | str) -> Words:
    """Return the words for what came between two versions."""
    return Words(_STEPS, f"{before}", f"{after}")


def lines(found: Iterable[Difference], words: Words, paint: Paint) -> Iterator[str]:
    """Yield a line for each object, and the SQL of each side below it."""
    width = max(5, len(words.expected), len(words.actual))
    for kind, name, problem, expected, actual in found:
        word, shade = words.problems[problem]
        yield paint(clean(f"{_MARKS[problem]} {kind} {name}: {word}"), shade)
        for label, sql in ((words.expected, expected), (words.actual, actual)):
            for line in clean(sql).split("\n") if sql else ():
                yield f"    {label:{width}} | {line}"


def values(found: Iterable[Difference]) -> list[dict[str, Any]]:
    """Return what came between two versions, for JSON."""
    return [
        {"kind": kind, "name": name, "change": _STEPS[problem][0], "before": before, "after": after}
        for kind, name, problem, before, after in found
    ]


def text_lines(before: str, after: str, names: tuple[str, str], paint: Paint) -> Sequence[str]:
    """Return the unified diff of two texts, as `git diff` prints it."""
    found = unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return [paint(clean(line), _SHADES.get(line[:1])) for line in found]
