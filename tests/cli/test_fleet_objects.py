"""`fleet` for Durable Objects: the journal is read and changed; what would need a request to an object is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.fleet.journal import Journal
from d1migrate.fleet.model import Finished
from d1migrate.fleet.tenant import Tenant
from d1migrate.project.config import load

if TYPE_CHECKING:
    from d1migrate.fleet.model import Run
    from tests.cli.project import Project

CONFIG = """\
[objects.Tenant]
migrations = "migrations"

[fleet.tenants]
objects = "Tenant"
workflow = "src/lib/fleet.ts"
journal = "sqlite:journal.db"
waves = ["1", "rest"]
stop = ["5", "5"]
"""
TRIGGER = "`npx wrangler workflows trigger tenants-fleet`"


@pytest.fixture
def objects(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fleet of objects, and one migration."""
    monkeypatch.delenv("D1MIGRATE_DATABASE")
    (project.folder / "d1migrate.toml").write_text(CONFIG)
    project.write("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")
    return project


@pytest.fixture
def run(objects: Project) -> Run:
    """A run that its Workflow has begun, one of whose two objects failed."""
    (fleet,) = load(str(objects.folder), {}, {}).fleets
    journal = Journal(connect("sqlite:journal.db"), "tenants")
    journal.create()
    begun = journal.begin("digest", "001_notes", fleet.waves, "workflow")
    tenants = [Tenant(f"{number}" * 64, f"t-{number}", f"do:Tenant/t-{number}") for number in (1, 2)]
    journal.add(begun, [(tenant, 0) for tenant in tenants])
    journal.seal(begun)
    journal.claim(begun, "a slice", 50, 600)
    journal.finish(
        begun, "a slice", [Finished(tenants[0].id, "failed", error="it refused", place="001_notes.sql:1")]
    )
    journal.close()
    return begun


@pytest.mark.parametrize("action", ["up", "plan", "verify", "list"])
def test_what_needs_a_request_to_an_object_is_refused(objects: Project, action: str) -> None:
    """The hint is how it is done; nothing was written."""
    found = objects.run("fleet", action, code=2)
    assert (
        "the tenants of [fleet.tenants] are objects of the class Tenant, which only their Worker" in found.err
    )
    assert f"{TRIGGER} starts its Workflow; `d1migrate fleet status tenants` shows its run" in found.err
    assert not (objects.folder / "journal.db").exists()


def test_without_a_workflow(objects: Project) -> None:
    """The hint is the setting."""
    (objects.folder / "d1migrate.toml").write_text(CONFIG.replace('workflow = "src/lib/fleet.ts"\n', ""))
    assert "set `workflow` in [fleet.tenants]" in objects.run("fleet", "up", code=2).err


def test_before_its_first_run(objects: Project) -> None:
    """The next step is not `fleet up`, either."""
    assert objects.run("fleet", "status").out == f"no run yet; {TRIGGER} begins one\n"
    assert f"hint: {TRIGGER} begins one\n" in objects.run("fleet", "pause", code=2).err


@pytest.mark.usefixtures("run")
def test_its_run_is_shown(objects: Project) -> None:
    """As that of any fleet, with its failures."""
    status = objects.run("fleet", "status", "--json").json
    assert (status["failed_count"], status["run"]["state"], status["run"]["by"]) == (1, "running", "workflow")
    failed = objects.run("fleet", "status", "--failed")
    assert "it refused" in failed.out
    assert f"`d1migrate fleet retry`, then {TRIGGER}" in failed.err


@pytest.mark.usefixtures("run")
def test_its_run_is_changed(objects: Project) -> None:
    """A Workflow that runs notices it; one that has ended is started again."""
    assert objects.run("fleet", "pause").out == "run 1 is paused\n"
    assert f"{TRIGGER} continues it" in objects.run("fleet", "resume").err
    assert f"{TRIGGER} tries again" in objects.run("fleet", "retry").err
    assert f"{TRIGGER} continues it" in objects.run("fleet", "stop").err
