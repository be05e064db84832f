"""Rows keep their values, whatever the new table declares."""

from __future__ import annotations

import apsw
import pytest

from tests.unit.migrate.jobs.online.running import Run, contents, drafted, guarded
from tests.unit.schema.building import database

VALUES = "(1, 1), (2, 1.5), (3, '1'), (4, x'00ff'), (5, NULL), (6, 9223372036854775807), (-5, 'é'), (9223372036854775807, 0)"


@pytest.mark.parametrize("kind", ["", "BLOB", "TEXT", "ANY"])
@pytest.mark.parametrize("was", ["", "BLOB", "NUMERIC", "TEXT", "REAL"])
def test_values_and_large_keys_are_kept(was: str, kind: str) -> None:
    """Of every type, as in the guarded rebuild; the keys never leave the database."""
    old = f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {was})"
    new = f"CREATE TABLE t (id INTEGER PRIMARY KEY, a {kind} CHECK (1)) {'STRICT' if kind == 'ANY' else ''}"
    online, control = (database(f"{old}; INSERT INTO t VALUES {VALUES}") for _ in range(2))
    text = drafted(old, new)
    Run(online, text, size=2).finish()
    guarded(control, text)
    assert contents(online) == contents(control)


def test_a_wide_table_is_compared_in_parts() -> None:
    """A query of D1 has a hundred columns at most, and a comparison twice those of the table."""
    columns = ", ".join(f"c{n}" for n in range(98))
    old = f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})"
    online, control = (database(f"{old}; INSERT INTO t (id, c0, c97) VALUES (1, 2, 3)") for _ in range(2))
    online.limit(apsw.SQLITE_LIMIT_COLUMN, 100)
    text = drafted(old, old.replace("c97", "c97 NOT NULL"))
    job = Run(online, text)
    job.until("verify")
    online.execute("UPDATE _d1m_hold_1 SET c97 = 4")
    with pytest.raises(apsw.SQLError, match="t row 1 is another row"):
        job.finish()
    online.execute("UPDATE _d1m_hold_1 SET c97 = 3")
    job.finish()
    guarded(control, text)
    assert contents(online) == contents(control)
