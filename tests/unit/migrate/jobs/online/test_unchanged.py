"""Nothing else changes the definition of a table while it is rebuilt, without a word."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.migrate.jobs.online.running import Run, contents
from tests.unit.migrate.jobs.online.test_work import CASES, both

_CHANGES = {
    "a column": "ALTER TABLE t ADD COLUMN extra TEXT",
    "an index": "CREATE INDEX extra ON t (a)",
    "no index": "DROP INDEX i",
    "a trigger": "CREATE TRIGGER extra AFTER INSERT ON T BEGIN SELECT 1; END",
    "a child": "CREATE TABLE extra (x REFERENCES T ON DELETE CASCADE)",
    "a second key of a child": "ALTER TABLE c1 ADD COLUMN extra REFERENCES t",
    "another action": "DROP TABLE c4; CREATE TABLE c4 (t INTEGER UNIQUE REFERENCES t ON DELETE CASCADE)",
}
_OLD = (f"{CASES['children'][0]}; {CASES['indexes'][0].partition(';')[2]}", *CASES["children"][1:])


@pytest.mark.parametrize("change", _CHANGES.values(), ids=_CHANGES)
@pytest.mark.parametrize("state", ["copy", "verified"])
def test_a_definition_that_changed_stops_the_job(change: str, state: str) -> None:
    """The swap would drop what was added, and delete the rows of a child without a guard."""
    online, control, text = both(*_OLD)
    job = Run(online, text)
    job.until(state)
    for connection in (online, control):
        connection.execute(change)
    with pytest.raises(apsw.SQLError, match="t changed since its rebuild began: "):
        job.finish()
    job.cancel()
    assert contents(online) == contents(control)


def test_what_does_not_concern_the_table_may_change() -> None:
    """Columns of children, other tables, and views."""
    online, _, text = both(*_OLD)
    job = Run(online, text)
    job.step()
    online.execute(
        "ALTER TABLE c1 ADD COLUMN n; CREATE TABLE other (x REFERENCES c4 (t)); CREATE VIEW v AS SELECT 1"
    )
    job.finish()
    assert list(online.execute("SELECT count(*) FROM t")) == [(8,)]
