"""The cut-over refuses what it cannot prove."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.migrate.jobs.online.running import Run, contents, guarded
from tests.unit.migrate.jobs.online.test_work import CASES, both


def test_it_refuses_to_orphan_rows() -> None:
    """A child may reference a key that the new table does not have."""
    online, _, text = both(*CASES["children"])
    job = Run(online, text)
    job.until("verified")
    online.execute(
        "PRAGMA foreign_keys = OFF; DELETE FROM _d1m_hold_1 WHERE id = 2; DELETE FROM t WHERE id = 3"
    )
    online.execute("INSERT INTO _d1m_hold_1 SELECT 30, a, b FROM t WHERE id = 2; PRAGMA foreign_keys = ON")
    before = contents(online)
    with pytest.raises(apsw.SQLError, match="rows of c1 would reference missing rows of t"):
        job.finish()
    assert contents(online) == before


def test_the_counter_is_that_of_the_table() -> None:
    """A row that was copied and is gone does not count, if an UPDATE gave it its id."""
    online, control, text = both(*CASES["autoincrement"])
    job = Run(online, text)
    job.step()
    for connection in (online, control):
        connection.execute("UPDATE t SET id = 1000 WHERE id = (SELECT max(id) FROM t)")
    job.until("verified")
    for connection in (online, control):
        connection.execute("DELETE FROM t WHERE id = 1000")
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)
