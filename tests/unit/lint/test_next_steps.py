"""What to do about findings."""

from __future__ import annotations

import pytest

from d1migrate.drafting.lint_fix import LOSING
from d1migrate.lint.check import FIXABLE, Diagnostic
from d1migrate.lint.next_steps import after_refusal, fix_command


def found(code: str, *, fix: str | None = None, file: str = "migrations/002_x.sql") -> Diagnostic:
    """A finding of a rule."""
    return Diagnostic(code, "error", "a message", file, 1, fix=fix)


EXPLAIN = "`d1migrate lint` explains why"
FIX = "`d1migrate lint --fix migrations/002_x.sql` rewrites the file"
CORRECT = "D1 cannot run this: correct the file"
OVERRIDE = "to override: `d1migrate up --no-lint REASON`"


@pytest.mark.parametrize(
    ("findings", "steps"),
    [
        ([found("D103")], [EXPLAIN, OVERRIDE]),
        ([found("D101", fix="…")], [FIX, EXPLAIN, OVERRIDE]),
        ([found("R106")], [CORRECT, EXPLAIN]),
        ([found("D103"), found("R101")], [CORRECT, EXPLAIN]),
    ],
)
def test_after_a_refusal(findings: list[Diagnostic], steps: list[str]) -> None:
    """The fix comes first, an override last; and none for what D1 refuses anyway."""
    assert after_refusal(findings) == "; ".join(steps)


def test_the_command_that_fixes() -> None:
    """Each file once, quoted for a shell; none if there is nothing to fix, such as a plain DROP TABLE."""
    files = ("a.sql", "b c.sql", "a.sql")
    several = [found("P104", fix="SELECT 1;", file=file) for file in files]
    assert fix_command(several) == "`d1migrate lint --fix a.sql 'b c.sql'`"
    assert fix_command([found("D101"), found("D104", fix="…")]) is None


def test_what_can_be_fixed() -> None:
    """The command and the hint agree."""
    assert set(LOSING) < set(FIXABLE)
