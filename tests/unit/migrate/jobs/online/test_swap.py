"""The cut-over refuses what it cannot prove."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.migrate.jobs.online.running import Run, contents
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
