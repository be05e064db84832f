"""`index` for a fleet of Durable Objects: it writes the Workflow, if the configurations agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.workers.workflow import is_workflow_module

if TYPE_CHECKING:
    from tests.cli.project import Outcome, Project

WORKFLOW = "src/lib/fleet.ts"
WRANGLER: dict[str, Any] = {
    "name": "app",
    "d1_databases": [{"binding": "JOURNAL", "database_name": "journal", "database_id": "1"}],
    "durable_objects": {"bindings": [{"name": "TENANT", "class_name": "Tenant"}]},
    "migrations": [{"tag": "v1", "new_sqlite_classes": ["Tenant"]}],
    "workflows": [{"name": "tenants-fleet", "binding": "FLEET", "class_name": "TenantsFleet"}],
}
CLASS = 'migrations = "migrations"\nindex = "migrations/index.ts"\n'
FLEET = f'objects = "Tenant"\nworkflow = "{WORKFLOW}"\njournal = "d1:journal"\n'


def configure(project: Project, *, fleet: str = FLEET, owner: str = CLASS, **wrangler: Any) -> None:
    """Write the configurations of d1migrate and of wrangler, and a migration."""
    text = f"[objects.Tenant]\n{owner}\n[fleet.tenants]\n{fleet}"
    (project.folder / "d1migrate.toml").write_text(text)
    (project.folder / "wrangler.json").write_text(json.dumps(WRANGLER | wrangler))
    project.write("001_notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")


def _text(project: Project) -> str:
    return (project.folder / WORKFLOW).read_text("utf-8")


def _refused(project: Project) -> Outcome:
    found = project.run("index", code=2)
    assert not (project.folder / WORKFLOW).exists()
    return found


def test_it_is_written_beside_the_index_that_it_imports(project: Project) -> None:
    """With the bindings of wrangler's configuration, and nothing of the migrations."""
    configure(project)
    assert project.run("index").out == f"migrations/index.ts\n{WORKFLOW}\n"
    text = _text(project)
    assert is_workflow_module(text)
    assert 'import index from "../../migrations/index";' in text
    assert "export class TenantsFleet extends WorkflowEntrypoint" in text
    assert 'bindings: { objects: "TENANT", workflow: "FLEET", journal: "JOURNAL", control: null }' in text
    assert "notes" not in text
    assert '"{' not in text


def test_check_reports_a_changed_configuration(project: Project) -> None:
    """The Workflow depends on it; a new migration changes only the index."""
    configure(project)
    project.run("index")
    project.run("index", "--check")
    before = _text(project)
    project.run("new", "more")
    assert _text(project) == before
    project.run("index", "--check")

    configure(project, fleet=f"{FLEET}at_once = 2\n")

    found = project.run("index", "--check", code=3)
    assert f"{WORKFLOW} is not up to date" in found.err
    project.run("index")
    assert "atOnce: 2," in _text(project)


def test_a_query_and_its_database(project: Project) -> None:
    """The query has no semicolon in a subquery; its database may be the one of an environment."""
    databases = [*WRANGLER["d1_databases"], {"binding": "DB", "database_name": "app", "database_id": "2"}]
    query = 'query = "SELECT name FROM tenants;"\n'
    configure(project, fleet=f'{FLEET}{query}control = "d1:app"\n', d1_databases=databases)
    project.run("index")
    assert 'query: "SELECT name FROM tenants",' in _text(project)
    assert 'control: "DB" }' in _text(project)

    configure(project, fleet=f'{FLEET}{query}env = "production"\n', d1_databases=databases)
    path = project.folder / "d1migrate.toml"
    path.write_text(path.read_text() + '[env.production]\ndatabase = "d1:app"\n')
    project.run("index", "--check")


@pytest.mark.parametrize(
    ("wrangler", "message", "hint"),
    [
        (
            {"workflows": []},
            "wrangler.json binds no TenantsFleet",
            'add to its `workflows`: {"name": "tenants-fleet", "binding": "FLEET", "class_name": "TenantsFleet"}',
        ),
        (
            {"durable_objects": {}},
            "wrangler.json binds no Tenant",
            'add to its `durable_objects`: {"name": "TENANT", "class_name": "Tenant"}',
        ),
        (
            {"d1_databases": []},
            "[fleet.tenants] journal: wrangler.json does not bind d1:journal",
            "add it to its `d1_databases`",
        ),
    ],
)
def test_what_wrangler_does_not_bind(
    project: Project, wrangler: dict[str, Any], message: str, hint: str
) -> None:
    """The hint is what to add."""
    configure(project, **wrangler)
    found = _refused(project)
    assert message in found.err
    assert hint in found.err


def test_bindings_of_an_environment(project: Project) -> None:
    """Wrangler's environments inherit no bindings, so they may be in each of them only."""
    keys = ("d1_databases", "durable_objects", "workflows")
    section = {key: WRANGLER[key] for key in keys}
    configure(project, env={"production": section}, d1_databases=None, durable_objects=None, workflows=None)
    project.run("index")
    assert is_workflow_module(_text(project))


@pytest.mark.parametrize(
    ("fleet", "owner", "message"),
    [
        (
            FLEET.replace("d1:journal", "sqlite:journal.db"),
            CLASS,
            "is not a D1 database, and a Workflow has no files",
        ),
        (
            FLEET.replace("fleet.ts", "fleet.js"),
            CLASS,
            "cannot write src/lib/fleet.js: a Workflow is TypeScript",
        ),
        (FLEET, 'migrations = "migrations"\n', "[objects.Tenant] has no TypeScript index"),
        (
            FLEET.replace(WORKFLOW, "migrations/index.ts"),
            CLASS,
            "cannot be both the workflow of the fleet tenants",
        ),
        (FLEET.replace(WORKFLOW, "../fleet.ts"), CLASS, "outside"),
    ],
)
def test_what_the_configuration_cannot_have(project: Project, fleet: str, owner: str, message: str) -> None:
    """Nothing is written then."""
    configure(project, fleet=fleet, owner=owner)
    assert message in _refused(project).err


def test_without_a_wrangler_configuration(project: Project) -> None:
    """It has the names of the bindings."""
    configure(project)
    (project.folder / "wrangler.json").unlink()
    assert "no wrangler configuration was found" in _refused(project).err


def test_a_file_of_somebody_else_is_kept(project: Project) -> None:
    """It would be lost."""
    configure(project)
    (project.folder / "src" / "lib").mkdir(parents=True)
    (project.folder / WORKFLOW).write_text("export const mine = 1;\n")
    found = project.run("index", code=2)
    assert f"{WORKFLOW} exists and was not written by `d1migrate index`" in found.err
    assert _text(project) == "export const mine = 1;\n"


def test_an_index_in_python_alone(project: Project) -> None:
    """`--format py` writes no TypeScript."""
    configure(project, owner='migrations = "migrations"\nindex = ["migrations/index.ts", "src/index.py"]\n')
    assert project.run("index", "--format", "py").out == "src/index.py\n"
    assert not (project.folder / WORKFLOW).exists()
