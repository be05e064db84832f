"""Adopting a remote database that d1migrate did not create: its requests, and what faults do to the record."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import DriverError
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from d1migrate.sql.batch import Batch, Query
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from d1migrate.migrate.adopt.flow import Adoption
    from tests.remote.conftest import Remote

HUMMBL = load_migrations(str(ROOT / "workers" / "migrations"))


def found(remote: Remote) -> None:
    """HUMMBL's first two files ran, by NuxtHub, which kept its own history."""
    sql = [s.sql for m in HUMMBL[:2] for s in m.statements() if "schema_migrations" not in s.sql]
    sql.append(
        "CREATE TABLE _hub_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE,"
        " applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)"
    )
    sql += [f"INSERT INTO _hub_migrations (name) VALUES ('{m.name}')" for m in HUMMBL[:2]]
    remote.open().batch(Batch(list(map(Query, sql))))


def migrator(remote: Remote) -> Migrator:
    """Another process."""
    return Migrator(remote.open(), HUMMBL)


def looked(remote: Remote) -> tuple[Migrator, Adoption]:
    """The assessment: two are applied, according to NuxtHub's history."""
    mine = migrator(remote)
    seen = mine.plan_adopt()
    assert [(j.state, [r.tool for r in j.records]) for j in seen.assessments] == [
        ("applied", ["NuxtHub"]), ("applied", ["NuxtHub"]), ("pending", []),
    ]  # fmt: skip
    return mine, seen


def test_two_requests_to_look_and_one_to_record(remote: Remote) -> None:
    """One for schema and history, one more for the histories of other tools; then one transaction."""
    found(remote)
    before = len(remote.paths())
    mine, seen = looked(remote)
    assert remote.paths()[before:] == [("POST", "raw")] * 2
    assert len(mine.adopt(seen)) == 2
    assert remote.paths()[before + 2 :] == [("POST", "query")]
    mine.up()
    assert mine.verify().ok
    query = Query("SELECT name FROM schema_migrations ORDER BY version")
    (names,) = remote.open().batch(Batch([query], reads=True))
    assert [name for (name,) in names.rows] == [m.name for m in HUMMBL]


FAULTS = [{"do": "lose reply"}, {"do": "500", "after": True}, {"do": "500"}, {"do": "429", "retry_after": 1}]


@pytest.mark.parametrize("what", FAULTS)
def test_faults_leave_all_or_nothing(remote: Remote, what: dict[str, Any]) -> None:
    """After a lost response the log is read; whatever happened, a second try ends in the same state."""
    found(remote)
    mine, seen = looked(remote)
    remote.server.faults({"match": {"path": "/query$", "nth": 1}, **what})
    with suppress(DriverError):  # whether it tells of the fault or mends it, depends on the fault
        mine.adopt(seen)
    remote.server.faults()
    again = migrator(remote)
    again.adopt(again.plan_adopt())
    history = again.history()
    assert [(entry.version, entry.action) for entry in history] == [(1, "baseline"), (2, "baseline")]
    assert [entry.state for entry in again.status()] == ["applied", "applied", "pending"]
