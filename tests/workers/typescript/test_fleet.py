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
from tests.runtime.workerd import durable_object_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def impatient(folder: Path, **settings: str) -> Path:
    """Return a project whose Workflow waits less than usual."""
    found = project(folder, **settings)
    workflow = found / "src" / "lib" / "fleet.ts"
    text = workflow.read_text()
    for slow, fast in (('"2 seconds"', '"10 milliseconds"'), ("START_SECONDS = 20", "START_SECONDS = 3")):
        assert slow in text
        text = text.replace(slow, fast)
    workflow.write_text(text)
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
        "waiting": 0,
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


def test_objects_that_wait_for_a_job(tmp_path: Path) -> None:
    """They are neither done nor failed: the instance ends, and the next one calls them again."""
    folder = impatient(tmp_path / "app", waves='["1", "rest"]', stop='["0", "0"]')
    with FleetWorker(folder, tmp_path / "state") as worker:
        worker.add_tenants(*numbered("a", 3), *numbered("waits", 2))
        expected = {"state": "running", "done": 3, "failed": 0, "waiting": 2, "left": 0}
        for instance in ("one", "two"):
            worker.start_fleet(instance)
            output = worker.result(instance)["output"]
            assert output == {"run": output["run"], **expected}
        waiting = "SELECT name, current, waiting_for FROM fleet_tenants WHERE state = 'waiting' ORDER BY name"
        assert rows(worker, waiting) == [[f"waits-00{n}", "001_notes", "002_runs"] for n in range(2)]
        worker.start_fleet("three")
        assert worker.result("three")["output"]["done"] == 5


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


def test_a_workerd_that_is_killed_three_times(worker: FleetWorker) -> None:
    """An instance that workerd forgot is replaced when its lease has ended; another attempt finishes."""
    names = numbered("slow", 120)
    worker.add_tenants(*names)
    for number in range(3):
        before = count_done(worker)
        worker.start_fleet(f"killed-{number}", leaseSeconds=5)
        while count_done(worker) <= before:
            time.sleep(0.1)
        worker.kill()
        worker.start()
    assert count_done(worker) < 120

    output = worker.run_fleet("last", leaseSeconds=5)

    assert (output["state"], output["done"]) == ("done", 120)
    assert [worker.runs(name) for name in names] == [1] * 120
    assert rows(worker, "SELECT count(*) FROM fleet_runs") == [[1]]


def test_every_fourth_response_of_the_journal_is_lost(worker: FleetWorker) -> None:
    """Each step may be repeated: it claims, counts and starts nothing twice."""
    names = numbered("tenant", 120)
    worker.add_tenants(*names)
    worker.post(lose=4)

    output = worker.run_fleet("run")

    assert (output["state"], output["done"], output["failed"], output["left"]) == ("done", 120, 0, 0)
    assert worker.post() == dict.fromkeys(names, 1)
    assert rows(worker, "SELECT sum(size), sum(done), sum(requests) FROM fleet_waves") == [[120, 120, 120]]


def test_two_at_once_are_one_run(worker: FleetWorker) -> None:
    """They start the same slices, and no object is called twice."""
    names = numbered("tenant", 150)
    worker.add_tenants(*names)

    worker.start_fleet("one", "other")

    assert [worker.result(each)["output"]["state"] for each in ("one", "other")] == ["done", "done"]
    assert worker.post() == dict.fromkeys(names, 1)
    assert rows(worker, "SELECT count(*) FROM fleet_runs") == [[1]]


def test_a_slice_continues_as_another_instance(tmp_path: Path) -> None:
    """So that none has more steps and calls than Cloudflare allows; a long history is applied in parts."""
    folder = impatient(tmp_path / "app", at_once="1", waves='["rest"]')
    workflow = folder / "src" / "lib" / "fleet.ts"
    workflow.write_text(workflow.read_text().replace("const CLAIMS = 10;", "const CLAIMS = 1;"))
    names = [*numbered("tenant", 110), "long-1"]
    with FleetWorker(folder, tmp_path / "state") as worker:
        worker.add_tenants(*names)

        assert worker.run_fleet("run")["done"] == 111

        assert worker.post() == {**dict.fromkeys(names, 1), "long-1": 4}
        ((owner, claims),) = rows(
            worker, "SELECT owner, claim FROM fleet_processes WHERE owner NOT LIKE 'slices %'"
        )
        assert claims == 3
        assert [worker.post(status=f"{owner}{part}")["output"]["done"] for part in ("", "-1", "-2")] == [
            50,
            50,
            11,
        ]
        assert rows(worker, "SELECT requests FROM fleet_tenants WHERE name = 'long-1'") == [[4]]


def test_a_person_pauses_and_stops_it(tmp_path: Path) -> None:
    """By the journal, from Python: what is claimed is finished, and nothing else begins."""
    folder = impatient(tmp_path / "app", at_once="1")
    with FleetWorker(folder, tmp_path / "state") as worker:
        _pause_and_stop(worker)


def _pause_and_stop(worker: FleetWorker) -> None:
    names = numbered("slow", 150)
    worker.add_tenants(*names)
    worker.start_fleet("run")
    while not count_done(worker):
        time.sleep(0.1)
    journal = opened(worker)

    assert journal.pause("a test")

    paused = _still(worker)
    assert 0 < paused < 150
    assert worker.post(status="run")["status"] == "running"
    assert journal.resume("a test")
    while count_done(worker) == paused:
        time.sleep(0.1)
    assert journal.stop("a test")
    assert worker.result("run")["output"]["state"] == "stopped"
    stopped = _still(worker)
    assert stopped < 150
    assert worker.run_fleet("cron", scheduled=True)["done"] == stopped  # it does not undo the stop
    assert worker.run_fleet("again")["done"] == 150
    assert [worker.runs(name) for name in names] == [1] * 150


def test_a_run_that_is_done(worker: FleetWorker) -> None:
    """Cron starts nothing again; a person can, for what the application added since."""
    worker.add_tenants("one", "two")
    worker.post(cron=True)
    while count_done(worker) < 2:
        time.sleep(0.1)
    worker.add_tenants("three")

    assert worker.run_fleet("second", scheduled=True)["done"] == 2
    assert worker.run_fleet("third")["done"] == 3
    assert worker.post() == {"one": 2, "two": 2, "three": 1}
    assert rows(worker, "SELECT appeared, vanished FROM fleet_runs ORDER BY n") == [[2, 0], [1, 0]]


def test_names_and_ids_are_parameters(worker: FleetWorker) -> None:
    """Of objects that no query lists; a name and its id are one object."""
    worker.post(object="by-name", sql="SELECT 1")
    (name_id,) = {durable_object_id("tenants-Tenant", "by-id")}

    assert worker.run_fleet("run", tenants=["by-name", name_id])["done"] == 2

    assert (worker.runs("by-name"), worker.runs("by-id")) == (1, 1)
    with pytest.raises(RuntimeError, match=r"by-id and .* are one object"):
        worker.run_fleet("twice", tenants=[name_id, "by-id"])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT name FROM tenants WHERE active = 7", "the query of the fleet lists no objects"),
        ("SELECT active FROM tenants", "the query of the fleet has no column `name` or `id`"),
        ("SELECT NULL AS name FROM tenants", "the query of the fleet lists an object without a name"),
        ("SELECT name FROM nosuch", "no such table: nosuch"),
    ],
)
def test_a_query_that_lists_no_objects(tmp_path: Path, query: str, message: str) -> None:
    """It is an error of the instance: nothing is skipped silently."""
    folder = impatient(tmp_path / "app", query=f'"{query}"')
    with FleetWorker(folder, tmp_path / "state") as worker:
        worker.add_tenants("one")

        with pytest.raises(RuntimeError, match=message):
            worker.run_fleet("run")

        assert worker.post() == {}


def test_an_unfinished_run_of_other_migrations(worker: FleetWorker) -> None:
    """The newer Worker waits for a person."""
    worker.add_tenants("one")
    assert worker.run_fleet("run")["done"] == 1
    worker.post(database="JOURNAL", sql="UPDATE fleet_runs SET digest = 'another', state = 'paused'")

    with pytest.raises(
        RuntimeError, match="a run to 002_runs is paused: `d1migrate fleet stop tenants` ends it"
    ):
        worker.run_fleet("next")


def test_a_database_that_is_no_journal(worker: FleetWorker) -> None:
    """It is not changed."""
    worker.add_tenants("one")
    worker.post(database="JOURNAL", sql="CREATE TABLE users (id INTEGER)")

    with pytest.raises(RuntimeError, match="not a journal, it has: users"):
        worker.run_fleet("run")

    assert rows(worker, "SELECT name FROM sqlite_schema WHERE name LIKE 'fleet%'") == []


def opened(worker: FleetWorker) -> Journal:
    """Return the journal as the command line has it, on the same file."""
    return Journal(connect(f"sqlite:{worker.journal}"), "tenants")


def count_done(worker: FleetWorker) -> int:
    """Return how many objects are done, by the journal."""
    try:
        return int(rows(worker, "SELECT sum(done) FROM fleet_waves")[0][0] or 0)
    except RuntimeError:  # it has no tables yet
        return 0


def _still(worker: FleetWorker) -> int:
    """Wait until no slice works, and return how many objects are done."""
    while rows(worker, "SELECT count(*) FROM fleet_tenants WHERE state = 'leased'") != [[0]]:
        time.sleep(0.1)
    return count_done(worker)
