"""Laws of a migration that is streamed: it is the one that is held, in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.migrate.migration import Migration
from tests.inputs import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTS = [
    "SELECT 1;", "SELECT ';', \"a;b\" -- c;\n;", " /* ; */ ", "\n", "-- -- note\n", ";", "INSERT INTO a VALUES ('é;');",
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2; END;", "SELECT 2",
    "\n-- Rollback:\n--   DROP TABLE a;\n", "\r\n",
]  # fmt: skip


class Chunked(NamedTuple):
    """A script that comes in chunks of some size."""

    text: str
    step: int
    problem: None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text.encode())

    def chunks(self, see: Callable[[bytes], object] | None = None) -> Iterator[str]:
        """Read it."""
        if see:
            see(self.text.encode())
        return (self.text[i : i + self.step] for i in range(0, len(self.text), self.step))


@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join), st.integers(1, 40))
@settings(max_examples=scaled(600))
def test_a_streamed_migration_is_the_same(text: str, step: int) -> None:
    """Statements, lines and rollback do not depend on how a script is read, nor on its having been checked."""
    text = text if text.count("Rollback") <= 1 else text.replace("Rollback", "Note")
    held = Migration(1, "001_a", text + ";SELECT 3")
    streamed = Migration(1, "001_a", Chunked(text + ";SELECT 3", step))
    expected = [s.sql for s in held.statements()]
    assert [s.sql for s in streamed.statements()] == expected
    assert list(streamed.texts()) == expected
    assert streamed.check() == held.check() == len(expected)
    assert list(streamed.texts()) == expected
    assert [one.sql for query in streamed.queries() for one in query.apart()] == expected
    assert sum(query.series for query in streamed.queries()) == len(expected)
    assert [s.line for s in streamed.statements()] == [s.line for s in held.statements()]
    assert streamed.rollback == held.rollback
    assert streamed.digest == held.digest
