"""The `-- d1migrate:` lines of a file."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("H111", "bad-directive", "warning")
def bad_directive(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A directive is not valid, or an `allow` has no reason.

    Why: it has no effect. A directive is `phase=before`, `phase=after`, or an `allow` with a reason:
        `-- d1migrate: allow=D104 reason="why this is safe"`.

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
            yield Finding(f"not a valid directive: {directive.text!r}", line=directive.line)
        elif not directive.reason:
            codes = ",".join(directive.codes)
            yield Finding(f"allow={codes} has no reason, and so no effect", line=directive.line)
