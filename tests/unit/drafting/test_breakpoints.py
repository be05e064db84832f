"""The breakpoints of drizzle in a file that was rewritten."""

from __future__ import annotations

import pytest

from d1migrate.drafting.breakpoints import with_breakpoints

B = "--> statement-breakpoint"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A;\nB;\n", "A;\nB;\n"),
        (f"A;{B}\nB;", f"A;{B}\nB;"),
        (f"A;\n{B}\nB;\nC;", f"A;\n{B}\nB;{B}\nC;"),
        (f"{B}\nA;{B}\nB;", f"A;{B}\nB;"),
        (f"A;{B}\nB;{B}\n{B}\n", f"A;{B}\nB;"),
        (f"A;{B}\r\n{B}\r\n-- why\r\nB;\r\nC;\r\n", f"A;{B}\r\n-- why\r\nB;{B}\r\nC;\r\n"),
        (f"A;  -- why\nB;{B}\nC;", f"A;{B}\n  -- why\nB;{B}\nC;"),
        (f"A; B;{B}\nC;", f"A;{B}\n B;{B}\nC;"),
    ],
)
def test_one_between_every_two_statements(text: str, expected: str) -> None:
    """A file without any gets none."""
    assert with_breakpoints(text) == expected
