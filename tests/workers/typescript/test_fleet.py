"""The Workflow of a fleet of Durable Objects, in workerd: each object is migrated once, whatever happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.fleet.journal import Journal
from d1migrate.fleet.tenant import Tenant
from d1migrate.fleet.waves import wave_of
from d1migrate.project.config import load
from tests.runtime.fleet import FleetWorker, project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def impatient(folder: Path, **settings: str) -> Path:
    """Return a project whose Workflow repeats a call at once."""
    found = project(folder, **settings)
    workflow = found / "src" / "lib" / "fleet.ts"
    text = workflow.read_text()
    assert '"2 seconds"' in text
    workflow.write_text(text.replace('"2 seconds"', '"10 milliseconds"'))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project."""
    return impatient(tmp_path_factory.mktemp("fleet") / "app")


@pytest.fixture
def worker(folder: Path, tmp_path: Path) -> Iterator[FleetWorker]:
    """Its Worker, with fresh databases and objects."""
    with FleetWorker(folder, tmp_path / "state") as running:
        yield running


def numbered(prefix: str, count: int) -> list[str]:
    """Return `PREFIX-000`, `PREFIX-001` …."""
    return [f"{prefix}-{number:03}" for number in range(count)]


def rows(worker: FleetWorker, sql: str) -> list[list[Any]]:
    """Return the rows of a query of the journal."""
    found: list[list[Any]] = worker.post(database="JOURNAL", sql=sql)
    return found


def test_each_of_200_objects_is_migrated_once(worker: FleetWorker, folder: Path) -> None:
    """In the waves that Python puts them in."""
    names = [*numbered("tenant", 198), "demo-1", "demo-2"]
    worker.add_tenants(*names, "inactive")
    worker.post(database="DB", sql="UPDATE tenants SET active = 0 WHERE name = 'inactive'")

    worker.start_fleet("run")

    assert worker.result("run")["output"] == {
        "run": rows(worker, "SELECT id FROM fleet_runs")[0][0],
        "state": "done",
        "done": 200,
        "failed": 0,
        "left": 0,
    }
    assert [worker.runs(name) for name in names] == [1] * 200
    assert worker.runs("inactive") == 0
    (fleet,) = load(str(folder), {}, {}).fleets
    listed = rows(
        worker, "SELECT id, name, url, wave, state, current, tries FROM fleet_tenants ORDER BY name"
    )
    expected = [wave_of(Tenant(*row[:3]), fleet, place) for place, row in enumerate(listed)]
    assert [row[3] for row in listed] == expected
    assert set(expected) == {0, 1, 2}
    assert {tuple(row[4:]) for row in listed} == {("done", "002_runs", 1)}
    assert {row[2] for row in listed} == {f"do:Tenant/{name}" for name in names}


def test_a_failing_object_fails_alone(tmp_path: Path) -> None:
    """With its error. One that failed once, or is newer, does not fail; one that refuses is called once."""
    folder = impatient(tmp_path / "app", waves='["3", "rest"]', stop='["0", "20%"]')
    with FleetWorker(folder, tmp_path / "state") as worker:
        good = [*numbered("a", 60), "flaky-1", "newer-1"]
        worker.add_tenants(*good, "behind-1", "foreign-1", "refused-1", "refused-2", "silent-1", "throws-1")
        worker.post(object="foreign-1", sql="CREATE TABLE runs (n)")

        worker.start_fleet("run")

        output = worker.result("run")["output"]
        assert (output["state"], output["done"], output["failed"]) == ("done", 62, 6)
        journal = opened(worker)
        status = journal.status()
        assert status
        failures = journal.failures(status.run)
        assert {tuple(sorted(group.examples)): (group.error, group.place) for group in failures} == {
            ("behind-1",): (
                "the object is at 001_notes, not at 002_runs: it runs older code, or migrate() does not migrate",
                "",
            ),
            ("foreign-1",): (
                "this database was not created by d1migrate: no migrations are recorded, but it contains runs",
                "",
            ),
            ("refused-1", "refused-2"): ("003_more.sql:2: no such table: nope", "003_more.sql:2"),
            ("silent-1",): (
                "Tenant.migrate() returned undefined: it has to return getCurrent(this.ctx.storage, migrations)",
                "",
            ),
            ("throws-1",): ("a mistake of the application", ""),
        }
        calls = worker.post()
        names = ("behind-1", "foreign-1", "refused-1", "silent-1", "throws-1", "flaky-1", "newer-1")
        assert [calls[name] for name in names] == [5, 1, 1, 1, 5, 2, 1]
        assert journal.retry() == 6
        assert {row[0] for row in rows(worker, "SELECT state FROM fleet_runs")} == {"running"}


def test_a_killed_workerd_and_a_new_attempt(worker: FleetWorker) -> None:
    """An instance that workerd forgot is replaced when its lease has ended."""
    names = numbered("slow", 120)
    worker.add_tenants(*names)
    worker.start_fleet("first")
    while not rows_of_done(worker) > 10:
        time.sleep(0.1)

    worker.kill()
    worker.start()
    before = rows_of_done(worker)
    worker.start_fleet("second")

    assert before < 120
    assert worker.result("second")["output"]["done"] == 120
    assert [worker.runs(name) for name in names] == [1] * 120
    assert rows(worker, "SELECT count(*) FROM fleet_runs") == [[1]]


def opened(worker: FleetWorker) -> Journal:
    """Return the journal as the command line has it, on the same file."""
    return Journal(connect(f"sqlite:{worker.journal}"), "tenants")


def rows_of_done(worker: FleetWorker) -> int:
    """Return how many objects are done, by the journal."""
    try:
        return int(rows(worker, "SELECT sum(done) FROM fleet_waves")[0][0] or 0)
    except RuntimeError:  # it has no tables yet
        return 0


def test_two_at_once_are_one_run(worker: FleetWorker) -> None:
    """They start the same slices, and no object is called twice."""
    names = numbered("tenant", 150)
    worker.add_tenants(*names)

    worker.start_fleet("one")
    worker.start_fleet("other")

    assert [worker.result(each)["output"]["state"] for each in ("one", "other")] == ["done", "done"]
    assert set(worker.post().values()) == {1}
    assert rows(worker, "SELECT count(*), max(known) FROM fleet_runs") == [[1, 0]]
