"""What a rule is: a function from a replay to findings, with a code, a severity and a page."""

from __future__ import annotations

from functools import cache

from d1migrate.lint.platform import DURABLE_OBJECT
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.platform import Platform, PlatformName
    from d1migrate.lint.replay.model import ReplayedStatement

    Severity = Literal["error", "warning", "info"]


class Finding(NamedTuple):
    """What a rule finds.

    Attributes:
        message: what was found, with the names involved.
        statement: the statement, or None if the finding is about the file.
        offset: the place in the statement's SQL that a caret marks, in characters.
        line: the line of the file, if there is no statement.
        fix: SQL to use instead, or None.
        file: the file, if it is not the migration: its rollback file.
    """

    message: str
    statement: ReplayedStatement | None = None
    offset: int = 0
    line: int | None = None
    fix: str | None = None
    file: str | None = None


class Page(NamedTuple):
    """A rule's documentation.

    Attributes:
        title: what the rule reports, in a sentence.
        why: why it matters, in a sentence or two.
        in_object: why it matters in a Durable Object, or "" for the same reason.
        given: SQL of an earlier migration that the examples need, or "".
        bad, good: an example that the rule reports, and one that it does not.
    """

    title: str
    why: str
    in_object: str
    given: str
    bad: str
    good: str

    @property
    def examples(self) -> list[tuple[str, str]]:
        """The examples that it has, each with its heading."""
        headed = (("Given", self.given), ("Bad", self.bad), ("Good", self.good))
        return [(heading, sql) for heading, sql in headed if sql]


class Rule(NamedTuple):
    """A rule.

    Attributes:
        code: its name in configuration and suppressions; the letter is its group.
        name: its name for people.
        severity: the default severity.
        text: its page: a title, then `Why:`, and optionally `In a Durable Object:`, `Given:`, `Bad:` and
            `Good:`.
        function: returns the findings in a replay; None if other code finds them.
        summed: whether the findings in one file are reported as one, with their number.
        on: the verbs of the statements that it is about, `refused` for any that D1 refuses: it is not asked
            about files without one, because ninety rules with nothing to look at took most of the time of a
            small file. Empty for a rule about every file.
        only: the name of the platform that it is about; "" for every platform.
    """

    code: str
    name: str
    severity: Severity
    text: str
    function: Callable[[AnalyzedReplay], Iterable[Finding]] | None = None
    summed: bool = False
    on: tuple[str, ...] = ()
    only: PlatformName | Literal[""] = ""

    @property
    def page(self) -> Page:
        """The parts of its page."""
        return _page(self.text)

    def applies_to(self, platform: Platform) -> bool:
        """Whether it is about files that run there."""
        return self.only in ("", platform.name)

    def why(self, platform: Platform) -> str:
        """Return why it matters there."""
        page = self.page
        return (platform == DURABLE_OBJECT and page.in_object) or page.why

    def check(self, replay: AnalyzedReplay) -> Iterable[Finding]:
        """Return the findings in a replay; none for a rule without a function."""
        return self.function(replay) if self.function else ()


REBUILD = ("drop table", "alter table")
"""The statements by which the name of a table passes to another table: rules about rebuilds are `on` them."""


def rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    summed: bool = False,
    on: tuple[str, ...] = (),
    only: PlatformName | Literal[""] = "",
) -> Callable[[Callable[[AnalyzedReplay], Iterable[Finding]]], Rule]:
    """Make a rule from a function, whose docstring is the page."""
    return lambda function: Rule(code, name, severity, function.__doc__ or "", function, summed, on, only)


_SECTIONS = ("why", "in a durable object", "given", "bad", "good")


@cache
def _page(docstring: str) -> Page:
    title, _, rest = docstring.partition("\n")
    parts: dict[str, list[str]] = {section: [] for section in _SECTIONS}
    section = "why"
    for line in rest.split("\n"):
        word = line.strip().removesuffix(":").lower()
        if line.startswith("    ") and not line.startswith("     ") and line.endswith(":") and word in parts:
            section = word
        else:
            parts[section].append(line.removeprefix("        "))
    why, in_object, given, bad, good = ("\n".join(parts[section]).strip() for section in _SECTIONS)
    reason = " ".join(why.split()).removeprefix("Why: ")
    return Page(title.strip(), reason, " ".join(in_object.split()), given, bad, good)
