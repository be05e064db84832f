"""The verification finds what differs, whoever changed it."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.migrate.jobs.online.running import Run
from tests.unit.migrate.jobs.online.test_work import CASES, both


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE _d1m_hold_1 SET a = 'A' WHERE id = 5", "t row 5 is another row in its copy"),
        ("UPDATE _d1m_hold_1 SET b = 5.0 WHERE id = 5", "t row 5 is another row in its copy"),
        ("DELETE FROM _d1m_hold_1 WHERE id = 5", "t row 5 is another row in its copy"),
        ("DROP TRIGGER _d1m_sync_1_delete; DELETE FROM t WHERE id = 5", "t row 5 is only in its copy"),
        (
            "DROP TRIGGER _d1m_sync_1_delete; DELETE FROM t WHERE id = 8",
            "t has another number of rows in its copy",
        ),
    ],
)
def test_a_difference_stops_the_job(damage: str, found: str) -> None:
    """Of a value, of its type, of its case, of a row."""
    online, _, text = both(*CASES["check"])
    job = Run(online, text)
    job.until("verify")
    online.execute(damage)
    with pytest.raises(apsw.SQLError, match=found):
        job.finish()
    job.cancel()
