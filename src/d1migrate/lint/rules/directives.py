"""The `-- d1migrate:` lines of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay


@rule("H111", "bad-directive", "warning")
def bad_directive(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A directive that cannot be understood, or an `allow` without a reason.

    Why: without a reason it does not count: `-- d1migrate: allow=D104 reason="why this is right"`.

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
            yield Finding(f"not understood: {directive.text!r}", line=directive.line)
        elif not directive.reason:
            codes = ",".join(directive.codes)
            yield Finding(f"allow={codes} without a reason does not count", line=directive.line)
