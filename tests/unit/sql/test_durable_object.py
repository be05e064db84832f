"""What a Durable Object reports in words of its own."""

from __future__ import annotations

from d1migrate.sql.d1 import is_refusal
from d1migrate.sql.durable_object import LOCKED, VIOLATED


def test_the_two_messages() -> None:
    """A violation is reported in D1's words; an open cursor is a refusal in an object alone."""
    assert is_refusal(VIOLATED)
    assert not is_refusal(f"{LOCKED}: SQLITE_LOCKED")
