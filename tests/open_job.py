"""A job that is open in a database, as rows and objects, for what everything else does meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.migrate.jobs import job
from d1migrate.migrate.jobs.directive import JobDirective
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration

ONLINE = """
CREATE TABLE _d1m_hold_1 (id INTEGER PRIMARY KEY, x);
CREATE TABLE _d1m_log_1 (key PRIMARY KEY) WITHOUT ROWID;
CREATE TRIGGER _d1m_sync_1_insert BEFORE INSERT ON a BEGIN DELETE FROM _d1m_hold_1 WHERE id = NEW.id; END;
CREATE TRIGGER _d1m_sync_1_update BEFORE UPDATE ON a BEGIN DELETE FROM _d1m_hold_1 WHERE id = OLD.id; END;
CREATE INDEX _d1m_index_1_x ON _d1m_hold_1 (x);
"""
"""What an online rebuild of `a (id, x)` creates."""


def migration_of(name: str, sql: str) -> Migration:
    """The migration of a file."""
    (found,) = load([(f"{name}.sql", sql)])
    return found


def open_job(
    driver: Driver,
    migration: Migration,
    *,
    kind: str = "batch",
    table: str = "a",
    state: str | None = None,
    at: tuple[int, int, int] = (43, 0, 100),
) -> None:
    """Open the job of a migration, with the objects that an online rebuild of `a` creates.

    Args:
        driver: the database.
        migration: the migration.
        kind: "batch" or "online".
        table: the table.
        state: the state; by default the first one.
        at: the cursor, and the first and last key.
    """
    directive = migration.job or JobDirective("online" if kind == "online" else "batch", table)
    state = state or ("copy" if directive.kind == "online" else "running")
    stamp = Stamp("token of the job", 1_790_000_000, "ada", "d1migrate")
    queries = [
        job.CREATE,
        job.insert(migration, directive, stamp, state=state, size=500, most=5000, plan=None),
        Query("UPDATE _d1m_job SET hi_1 = ?1, first = ?2, last = ?3, chunks = 3, rows = 43", at),
    ]
    if directive.kind == "online":
        text = ONLINE if state != "indexes" else "CREATE INDEX _d1m_index_1_x ON a (x)"
        queries += [Query(piece.sql) for piece in split(text) if piece.sql]
    driver.batch(Batch(queries))
