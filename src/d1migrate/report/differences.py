"""Differences between two schemas, and between two texts, as lines for people."""

from __future__ import annotations

from difflib import unified_diff

from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean
from d1migrate.schema.compare import Difference, compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from d1migrate.report.shapes.schema import Change
    from d1migrate.report.text import Paint
    from d1migrate.schema.model import Schema

_SHADES = {"+": "green", "-": "red", "@": "dim"}


class Words(NamedTuple):
    """The words for differences.

    Attributes:
        problems: {problem: its word and color}.
        expected, actual: what the two sides are called.
    """

    problems: dict[str, tuple[str, str]]
    expected: str
    actual: str


DRIFT = Words(
    {"missing": ("missing", "red"), "extra": ("extra", "yellow"), "different": ("different", "red")},
    expected="files",
    actual="live",
)
"""For a live schema that differs from what the files build."""

_CHANGES: dict[str, Literal["added", "removed", "changed"]] = {
    "missing": "removed",
    "extra": "added",
    "different": "changed",
}
_CHANGE_COLORS = {"missing": "red", "extra": "green", "different": "yellow"}
_MARKS = {"missing": "-", "extra": "+", "different": "~"}


def between(before: str, after: str) -> Words:
    """Return the words for changes between two states of the files."""
    words = {problem: (change, _CHANGE_COLORS[problem]) for problem, change in _CHANGES.items()}
    return Words(dict(words), before, after)


def changes(before: Schema, after: Schema) -> Iterator[Difference]:
    """Yield the changes between two schemas, with the indexes and triggers of added and removed tables."""
    for difference in compare(before, after):
        yield difference
        if difference.kind == "table" and difference.problem != "different":
            yield from _belonging(difference, after if difference.problem == "extra" else before)


def _belonging(whole: Difference, schema: Schema) -> Iterator[Difference]:
    table = next(table for table in schema.tables if table.name == whole.name)
    parts = [("index", index.name, index.sql) for index in table.indexes]
    parts += [("trigger", trigger.name, trigger.sql) for trigger in table.triggers]
    for kind, name, sql in parts:
        if sql:
            sides = (None, sql) if whole.problem == "extra" else (sql, None)
            yield Difference(kind, name, whole.problem, *sides)


def lines(found: Iterable[Difference], words: Words, paint: Paint) -> Iterator[str]:
    """Yield a line for each object, and the SQL of each side below it."""
    width = max(5, len(words.expected), len(words.actual))
    for kind, name, problem, expected, actual in found:
        word, shade = words.problems[problem]
        yield paint(clean(f"{_MARKS[problem]} {kind} {name}: {word}"), shade)
        for label, sql in ((words.expected, expected), (words.actual, actual)):
            for line in clean(sql).split("\n") if sql else ():
                yield f"    {label:{width}} | {line}"


def values(found: Iterable[Difference]) -> list[Change]:
    """Return the changes between two schemas, for JSON."""
    return [
        {"kind": kind, "name": name, "change": _CHANGES[problem], "before": before, "after": after}
        for kind, name, problem, before, after in found
    ]


def text_lines(before: str, after: str, names: tuple[str, str], paint: Paint) -> Sequence[str]:
    """Return the unified diff of two texts, as `git diff` prints it."""
    return diff_lines(unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""), paint)


def diff_lines(found: Iterable[str], paint: Paint) -> list[str]:
    """Return the lines of a unified diff, colored."""
    return [paint(clean(line), _SHADES.get(line[:1])) for line in found]
