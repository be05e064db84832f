"""The guide to GitHub Actions: its workflow is read, and what runs without a network is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.docs.pages import ROOT, check_commands, environment, required, run_steps
from tests.docs.pages import steps as steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = ROOT / "docs" / "guides" / "github-actions.md"
RELEASE = ROOT / "docs" / "guides" / "releasing-from-github.md"
PRODUCTION = ROOT / "docs" / "guides" / "deploying-to-production.md"
TOKEN = "0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - of a server for a moment
ONLINE = {
    "pip install d1migrate",
    "pip install d1migrate uv",
    "pip install d1migrate sqlalchemy",
    "uvx --from workers-py pywrangler deploy --env staging",
    'uvx --from workers-py pywrangler deploy --env=""',
}


def read_yaml(text: str) -> Any:
    """Read the little of YAML that a workflow needs: block mappings and lists, one-line scalars, `|` blocks.

    All else is an error: nothing is read as something that YAML would not make of it.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    value, rest = _node(lines, 0)
    assert not rest, rest
    return value


def _node(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    return (_list if lines[0].strip().startswith("- ") else _mapping)(lines, indent)


def _list(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    found = []
    while lines and _indent(lines[0]) == indent and lines[0][indent:].startswith("- "):
        value, lines = _mapping([" " * (indent + 2) + lines[0][indent + 2 :], *lines[1:]], indent + 2)
        found.append(value)
    return found, lines


def _mapping(lines: list[str], indent: int) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    while lines and _indent(lines[0]) == indent and not lines[0].strip().startswith("- "):
        matched = re.fullmatch(r"([\w-]+):(?: (.+))?", lines[0][indent:])
        assert matched, lines[0]
        key, value = matched[1], matched[2]
        lines = lines[1:]
        assert key not in found, key
        deeper = _indent(lines[0]) if lines else 0
        if value == "|":
            inner = []
            while lines and _indent(lines[0]) >= deeper > indent:
                inner.append(lines.pop(0)[deeper:])
            found[key] = "\n".join(inner) + "\n"
        elif value is not None:
            found[key] = _scalar(value)
        elif deeper > indent:
            found[key], lines = _node(lines, deeper)
        else:
            found[key] = None
    assert not lines or _indent(lines[0]) < indent or found, lines[:1]
    assert not lines or _indent(lines[0]) <= indent, lines[0]
    return found, lines


def _scalar(text: str) -> Any:
    if text[0] == '"':
        return json.loads(text)
    if text[0] == "[":
        return [_scalar(item.strip()) for item in text.removeprefix("[").removesuffix("]").split(",")]
    # What YAML reads as something else when it stands plainly.
    assert not re.search(r": |\s#|:$", text), text
    assert text[0] not in "{}&*!|>'%@`#-?,]", text
    assert not re.fullmatch(r"[\d.]+|true|false|yes|no|on|off|null|~", text, re.IGNORECASE), text
    return text


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has after the guide, whose outputs are what it shows."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "folder"
    folder.mkdir()
    check_commands(GUIDE, folder, environment(home, required(GUIDE.read_text())))
    return folder / "notes"


@pytest.fixture(scope="module")
def workflow(followed: Path) -> Any:
    """The workflow."""
    return read_yaml((followed / ".github" / "workflows" / "migrations.yml").read_text())


@pytest.fixture
def project(followed: Path, tmp_path: Path) -> Path:
    """A copy of the guide's project."""
    return Path(shutil.copytree(followed, tmp_path / "project"))


def run(project: Path, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does: `bash -e`."""
    return subprocess.run(
        ["bash", "-e", "-c", command], cwd=project, env=environment(project.parent) | variables,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def steps(workflow: Any, job: str) -> list[str]:
    """What a job runs."""
    return [step["run"].strip() for step in workflow["jobs"][job]["steps"] if "run" in step]


def test_the_workflow_is_one(workflow: Any) -> None:
    """Its jobs are what GitHub takes, and only the first one runs on pull requests."""
    assert workflow.keys() == {"name", "on", "permissions", "jobs"}
    assert workflow["on"] == {"pull_request": None, "push": {"branches": ["main"]}}
    jobs = workflow["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "check": None,
        "models": None,
        "staging": "check",
        "production": "staging",
    }
    assert jobs["staging"]["if"] == "github.event_name == 'push'"
    for name, job in jobs.items():
        assert job.keys() <= {"runs-on", "steps", "needs", "if", "environment", "concurrency", "env"}, name
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            assert step.keys() <= {"name", "uses", "with", "run", "working-directory"}, step


def test_the_deployments_differ_in_their_place_only(workflow: Any) -> None:
    """What production gets is what staging got."""
    staging, production = (
        json.dumps(workflow["jobs"][name]["steps"]).replace("--env staging", '--env=\\"\\"')
        for name in ("staging", "production")
    )
    assert staging == production
    assert workflow["jobs"]["staging"]["env"] == workflow["jobs"]["production"]["env"]


def test_nothing_else_is_left_out(workflow: Any) -> None:
    """Every line is run below, or needs a network."""
    every = {line for job in workflow["jobs"] for line in steps(workflow, job)}
    run_below = {*steps(workflow, "check"), *steps(workflow, "models")}
    assert every - ONLINE - run_below == {"sh .github/migrate.sh"}
    assert every >= ONLINE


def test_the_checks_pass(workflow: Any, project: Path) -> None:
    """Each step of the first job, in the guide's project."""
    for command in steps(workflow, "check"):
        if command not in ONLINE:
            done = run(project, command)
            assert done.returncode == 0, done.stdout


def test_a_bad_migration_is_stopped(workflow: Any, project: Path) -> None:
    """By each of the three checks."""
    drop = "DROP TABLE notes;\n-- Rollback: none, it is meant\n"
    (project / "migrations" / "0002_tidy.sql").write_text(drop)

    results = [run(project, command) for command in steps(workflow, "check") if command not in ONLINE]

    assert [done.returncode for done in results] == [3, 3, 3, 1], [done.stdout for done in results]
    assert results[0].stdout.startswith("::error file=migrations/0002_tidy.sql,line=1,")


def test_models_without_their_migration_are_stopped(workflow: Any, project: Path) -> None:
    """Until somebody writes it; an error in the models is another exit code."""
    (check,) = set(steps(workflow, "models")) - ONLINE
    assert run(project, check).returncode == 3
    assert run(project, "d1migrate diff").returncode == 0
    assert run(project, check).stdout == "no difference\n"
    (project / "app" / "models.py").write_text("import no_such_module\n")
    assert run(project, check).returncode == 2


def test_staging_is_found(project: Path) -> None:
    """The guide's wrangler configuration names a database of staging."""
    done = run(project, "d1migrate --database 'wrangler:notes-staging?env=staging' status")

    assert done.returncode == 0, done.stdout
    assert "1 pending" in done.stdout


# --- the release, with a reviewed plan ---


def release() -> str:
    """The other guide's workflow."""
    (found,) = re.findall(r"^```yaml\n(.*?)^```$", RELEASE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_a_release(tmp_path: Path) -> None:
    """In the folder that the guide to production makes: two runs, each of which applies its phase only."""
    workflow = read_yaml(release())
    folder, online = tmp_path / "shop", {*ONLINE, "npx wrangler deploy"}
    run_steps(steps_of(PRODUCTION.read_text())[:1], tmp_path, environment(tmp_path))
    drop = '-- d1migrate: allow=D105 reason="x"\nALTER TABLE orders DROP COLUMN total;\n-- Rollback:\n--   SELECT 1;\n'
    (folder / "migrations" / "0002_drop.sql").write_text(drop)
    summary = str(tmp_path / "summary")
    for phase, current in (("before", "0001_shop\n"), ("after", "0002_drop\n")):
        for job in ("staging", "plan", "production"):
            for command in steps(workflow, job):
                if command not in online:
                    done = run(folder, command, PHASE=phase, GITHUB_STEP_SUMMARY=summary)
                    assert done.returncode == 0, done.stdout
        assert run(folder, "d1migrate --quiet current --env production").stdout == current
    assert "up 0001_shop: 3 statements, before the deploy" in (tmp_path / "summary").read_text()
    done = run(folder, "d1migrate up --env production --plan plan.json --confirm production")
    assert (done.returncode, "is out of date" in done.stdout) == (1, True)


def test_the_order_of_a_release() -> None:
    """Nothing is run in production before its plan was made, and approved."""
    workflow = read_yaml(release())
    jobs = workflow["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "staging": None,
        "plan": "staging",
        "production": "plan",
    }
    assert (jobs["production"]["environment"], "environment" in jobs["plan"]) == ("production", False)
    assert jobs["plan"]["env"]["CLOUDFLARE_API_TOKEN"] == "${{ secrets.D1_READ_TOKEN }}"  # noqa: S105


# --- the script ---


class Asked(NamedTuple):
    """What a server was asked."""

    method: str
    path: str
    authorization: str | None


class Server:
    """Answers with what it is given, one after the other; the last answer of a path for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, object]]] = {}
        self.asked: list[Asked] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                server.asked.append(Asked(self.command, self.path, self.headers["Authorization"]))
                waiting = server.answers[self.path]
                status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    """A Worker's two routes."""
    for tool in ("curl", "jq"):
        assert shutil.which(tool), f"the script needs {tool}, which GitHub's runners have: install it"
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, daemon=True)
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


# What the route answers.
FINE = (200, {"version": 1, "applied": []})
OLD = (200, {"version": 0, "applied": []})
MORE = (202, {"message": "more", "applied": ["001_a"], "pending": ["002_b"]})
HEALTHY = {"version": 1, "expected": 1, "agrees": True}
MIGRATE = Asked("POST", "/admin/migrate", f"Bearer {TOKEN}")
HEALTH = Asked("GET", "/health", None)


def migrate(project: Path, server: Server) -> subprocess.CompletedProcess[str]:
    """Run the script, which does not wait between its requests here."""
    place = environment(project.parent)
    nap = project.parent / "bin" / "sleep"
    nap.write_text('#!/bin/sh\necho "slept $*"\n')
    nap.chmod(0o755)
    own = {"WORKER_URL": server.url, "ADMIN_TOKEN": TOKEN, "PATH": place["PATH"]}
    return run(project, "sh .github/migrate.sh", **own)


@pytest.mark.parametrize(
    ("answers", "slept"),
    [
        ([FINE], 0),
        ([MORE, MORE, FINE], 0),
        ([OLD, MORE, OLD, FINE], 2),
        ([(200, {"version": 4, "applied": []})], 0),
    ],
)
def test_it_goes_on_until_all_is_done(
    project: Path, server: Server, answers: list[tuple[int, object]], slept: int
) -> None:
    """202 at once, an older version after a pause; then the health."""
    server.answers = {"/admin/migrate": list(answers), "/health": [(200, HEALTHY)]}

    done = migrate(project, server)

    assert done.returncode == 0, done.stdout
    assert server.asked == [MIGRATE] * len(answers) + [HEALTH]
    assert done.stdout.count("slept 3") == slept
    assert json.dumps(HEALTHY) in done.stdout


@pytest.mark.parametrize("status", [201, 204, 301, 401, 404, 500, 503])
@pytest.mark.parametrize("before", [[], [MORE]])
def test_any_other_status_fails(
    project: Path, server: Server, status: int, before: list[tuple[int, object]]
) -> None:
    """At once, with the answer; the health is not asked for."""
    refused = (status, {"error": "because"})
    server.answers = {"/admin/migrate": [*before, refused]}

    done = migrate(project, server)

    assert done.returncode == 1
    assert len(server.asked) == len(before) + 1
    assert f"migrate: {status}" in done.stdout


@pytest.mark.parametrize("answer", [MORE, OLD, (200, {"ok": True}), (200, "fine"), (200, None)])
def test_it_gives_up(project: Path, server: Server, answer: tuple[int, object]) -> None:
    """After 20 requests; a response that is not ours is not taken for success."""
    server.answers = {"/admin/migrate": [answer]}

    done = migrate(project, server)

    assert done.returncode == 1
    assert len(server.asked) == 20
    assert done.stdout.endswith("version 1 was not reached\n")


def test_nobody_answers(project: Path, server: Server) -> None:
    """No connection is no success."""
    server.url = "http://127.0.0.1:1"

    assert migrate(project, server).returncode != 0


def test_the_health_decides(project: Path, server: Server) -> None:
    """An older deployment's 503 is borne; another failure is the job's."""
    ill = (404, {"error": "there is no /health"})
    server.answers = {"/admin/migrate": [FINE], "/health": [(503, {"agrees": False}), (200, HEALTHY)]}
    assert migrate(project, server).returncode == 0
    assert server.asked.count(HEALTH) == 2

    server.answers["/health"] = [ill]
    done = migrate(project, server)

    assert done.returncode != 0
    assert "there is no /health" in done.stdout
