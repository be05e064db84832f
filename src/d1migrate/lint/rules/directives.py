"""The `-- d1migrate:` lines of a file."""

from __future__ import annotations

from d1migrate.errors import ParseError
from d1migrate.hints import nearest
from d1migrate.lint.rule import Finding, rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay

_WORDS = ("batch", "online", "phase=before", "phase=after", "allow")


@rule("H111", "bad-directive", "warning")
def bad_directive(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A directive is not valid, or an `allow` has no reason.

    Why: it has no effect. A directive is `phase=before`, `phase=after`, `batch TABLE`, `online TABLE`, or an `allow`
        with a reason: `-- d1migrate: allow=D104 reason="why this is safe"`.

    Given:
        CREATE TABLE logs (id INTEGER PRIMARY KEY);
    Bad:
        -- d1migrate: allow=D104
        DROP TABLE logs;
    Good:
        -- d1migrate: allow=D104 reason="exported, unused since release 41"
        DROP TABLE logs;
    """
    for directive in replay.directives:
        if not directive.codes:
            message = f"not a valid directive: {directive.text!r}"
            yield Finding(message, line=directive.line, fix=_meant(directive.text))
        elif not directive.reason:
            codes = ",".join(directive.codes)
            yield Finding(f"allow={codes} has no reason, and so no effect", line=directive.line)
    try:
        replay.migration.job  # noqa: B018
    except ParseError as error:
        yield Finding(f"{error.args[0]}: {error.hint}", line=error.line)


def _meant(text: str) -> str | None:
    """Return the directive that a mistyped one most likely means, or None."""
    text = text.removeprefix("d1migrate").lstrip()  # without its colon
    word, blank, rest = text.partition(" ")
    meant = nearest(word, _WORDS) or (nearest(word.partition("=")[0], ("allow",)) if "=" in word else None)
    if meant is None or meant == "allow":
        return meant and '-- d1migrate: allow=CODE reason="…"'
    return f"-- d1migrate: {meant}{blank}{rest}"
