"""Backups of the real D1, and dumps loaded into it: through the binding, where numbers are JavaScript's."""

from __future__ import annotations

import sqlite3
from pathlib import Path  # noqa: TC003
from typing import TYPE_CHECKING

from d1migrate.backup import dump, load
from d1migrate.drivers.connect import connect
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.runtime.test_wrangler_local import Project
from tests.runtime.workerd import WorkerdDriver
from tests.unit.backup.test_dump import BROKEN_KEYS, ROWS, SCHEMA, raw, script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Result
    from tests.runtime.workerd import Workerd


def build(path: Path) -> None:
    """Make the database with one of everything."""
    driver = connect(f"sqlite:{path}")
    script(driver, SCHEMA + "DROP TRIGGER no_posts;")
    script(driver, ROWS + ";CREATE TRIGGER no_posts AFTER INSERT ON users BEGIN DELETE FROM posts; END")
    driver.close()


def test_a_dump_goes_into_d1_and_comes_back(workerd: Workerd, tmp_path: Path) -> None:
    """SQLite → D1 → SQLite: 64-bit integers, reals, any bytes and FTS5 are the same to the bit at both ends."""
    build(tmp_path / "a.db")
    first, second = str(tmp_path / "a.sql"), str(tmp_path / "b.sql")
    here = dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), first)
    remote = WorkerdDriver(workerd, workerd.database())
    facts = load.load(first, remote)
    assert load.differences(facts, remote) == []
    there = dump.write(remote, second)
    assert there.rows == here.rows
    assert there.consistent is None  # page by page, and nothing was seen to change
    assert load.verify(second, source=remote) == []
    assert load.check(second).rows == facts.rows
    assert load.verify(first, source=remote) == []


def test_foreign_keys_that_lead_nowhere_go_into_d1(workerd: Workerd, tmp_path: Path) -> None:
    """Placeholders for missing parents are gone after the load, and rows without a parent are kept."""
    raw(tmp_path / "a.db", BROKEN_KEYS)
    file = str(tmp_path / "a.sql")
    dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), file)
    remote = WorkerdDriver(workerd, workerd.database())
    facts = load.load(file, remote)
    assert load.differences(facts, remote) == []
    assert dump.write(remote, str(tmp_path / "b.sql")).rows == {name: r[0] for name, r in facts.rows.items()}
    assert load.verify(str(tmp_path / "b.sql")) == []


def test_a_plain_database_behind_cloudflares_own_table(workerd: Workerd, tmp_path: Path) -> None:
    """Production databases hold `_cf_KV`, which may not be named: it is left out, and emptiness is seen past it."""
    remote = WorkerdDriver(workerd, workerd.database())
    remote.batch(Batch([Query("CREATE TABLE t (a)"), Query("INSERT INTO t VALUES (1)")]))
    with sqlite3.connect(workerd.file(remote.database), timeout=10) as raw:
        raw.execute("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
    raw.close()
    file = str(tmp_path / "a.sql")
    assert dump.write(remote, file).rows == {"t": 1}
    remote.batch(Batch([Query("DROP TABLE t")]))
    load.load(file, remote)
    assert load.differences(load.check(file), remote) == []


class Disturbed(WorkerdDriver):
    """Somebody writes while it is read."""

    def __init__(self, workerd: Workerd, database: str, at: int) -> None:
        super().__init__(workerd, database)
        self._at, self._count = at, 0

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it; after one of the batches a row is added and another deleted."""
        results = super().batch(batch)
        self._count += batch.reads
        if self._count == self._at:
            self._at = 0
            super().batch(Batch([Query("INSERT INTO t VALUES (0)"), Query("DELETE FROM t WHERE a = 1")]))
        return results


def test_a_write_meanwhile_is_said(workerd: Workerd, tmp_path: Path) -> None:
    """A row that comes while another goes leaves the counts as they were, and is seen all the same."""
    name = workerd.database()
    WorkerdDriver(workerd, name).batch(
        Batch([Query("CREATE TABLE t (a)"), Query("INSERT INTO t VALUES (1), (2), (3)")])
    )
    found = []
    for at in range(1, 9):
        done = dump.write(Disturbed(workerd, name, at), str(tmp_path / "a.sql"))
        WorkerdDriver(workerd, name).batch(Batch([Query("UPDATE t SET a = 1 WHERE a = 0")]))
        found.append(done.consistent)
        text = (tmp_path / "a.sql").read_text()
        assert ("NOT from one moment" in text) == (done.consistent is False)
    assert False in found


def test_history_goes_on_in_d1(workerd: Workerd, tmp_path: Path) -> None:
    """A local history restored into D1 is continued there."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_a.sql").write_text("CREATE TABLE a (x);\n")
    local = Migrator(f"sqlite:{tmp_path / 'a.db'}", folder)
    local.up()
    file = str(tmp_path / "a.sql")
    dump.write(local.driver, file)
    (folder / "002_b.sql").write_text("CREATE TABLE b (x);\n")
    remote = Migrator(WorkerdDriver(workerd, workerd.database()), folder)
    load.load(file, remote.driver)
    assert [step.name for step in remote.up().steps] == ["002_b"]
    assert remote.verify().ok


def test_wrangler_loads_a_dump_too(tmp_path: Path) -> None:
    """`wrangler d1 execute --file` ends in the same database, to the bit."""
    build(tmp_path / "a.db")
    file = str(tmp_path / "a.sql")
    dump.write(connect(f"sqlite:{tmp_path / 'a.db'}"), file)
    (tmp_path / "wrangler.jsonc").write_text(
        '{"d1_databases": [{"binding": "DB", "database_name": "shop", "database_id": "b-1"}]}'
    )
    Project(tmp_path).execute("shop", "--file", file)
    local = connect("wrangler:DB", config=str(tmp_path / "wrangler.jsonc"))
    assert load.differences(load.check(file), local) == []
