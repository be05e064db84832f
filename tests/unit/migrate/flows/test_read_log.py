"""What happened to a database, and whether a batch did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.migrate.flows.read_log import is_committed, read_log

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database


def test_the_log(empty: Database) -> None:
    """Oldest first; what wrangler applied has no token, and is sorted by its time."""
    empty.up("1a 2b")
    empty.script("INSERT INTO schema_migrations VALUES (3, 'c', 1790000015)")
    found = empty.run(read_log())
    assert [(entry.version, entry.token, entry.done) for entry in found] == [
        (1, "token-1", True),
        (3, None, True),
        (2, "token-2", True),
    ]


def test_whether_a_batch_happened(empty: Database) -> None:
    """A database without a log never ran one."""
    assert not empty.run(is_committed("token-1"))
    empty.up("1a")
    assert empty.run(is_committed("token-1"))
    assert not empty.run(is_committed("token-2"))
