"""The pages of the reference are complete: what the code reads, returns and prints is in them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import d1migrate
from d1migrate import errors
from d1migrate.cli.commands import COMMANDS, command_of, with_actions
from d1migrate.report import shapes
from tests import json_schemas
from tests.cli.conftest import project as project
from tests.cli.project import ONE

if TYPE_CHECKING:
    from tests.cli.project import Project

SOURCE = Path(d1migrate.__file__).parent
PAGES = SOURCE.parent.parent / "docs" / "reference"
OF_LIBRARIES = {
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
}
"""Variables that the standard library, httpx and the system read."""
OF_SHELLS = {"COMP_LINE"}
"""Variables that a shell sets when it completes a command line."""
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_READ = re.compile(r"""(?:environ|variables)(?:\.get\(|\[)"(\w+)\"""")


def page(name: str) -> str:
    """The text of a page."""
    return (PAGES / name).read_text(encoding="utf-8")


def variables(path: Path) -> set[str]:
    """The environment variables that a module reads: also those that it names elsewhere, to read in a loop."""
    text = path.read_text(encoding="utf-8")
    if "os.environ" not in text and "variables.get" not in text:
        return set()
    constants = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    found = {value for value in constants if isinstance(value, str) and _VARIABLE.fullmatch(value)}
    if path.parent.name == "loaders":  # they look for names in the errors of a project's models
        found = set()
    return found | set(_READ.findall(text))


def test_every_environment_variable_is_documented() -> None:
    """And nothing else reads one."""
    read = set[str]().union(*map(variables, SOURCE.rglob("*.py"))) - OF_SHELLS
    listed = set[str]()
    for row in re.findall(r"^\| (`[A-Z].*?) \|", page("environment-variables.md"), re.MULTILINE):
        listed |= set(re.findall(r"`(\w+)`", row))
    assert listed == read | OF_LIBRARIES


def test_every_command_that_exits_with_3_is_documented() -> None:
    """Those whose module can return that code; `drafts` is the code of `diff` and `rebuild`."""
    of = {"drafts": {"diff", "rebuild"}, "options": set[str]()}
    found = set[str]()
    for path in (SOURCE / "cli").rglob("*.py"):
        if re.search(r"\bFOUND\b", path.read_text(encoding="utf-8")):
            name = " ".join(path.relative_to(SOURCE / "cli").with_suffix("").parts)
            found |= of.get(name, {name})
    section = page("exit-codes.md").partition("## Commands that exit with 3")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    lines = [words.split() for row in rows for words in re.findall(r"`([^`]+)`", row)]
    listed = {" ".join(words[: 1 + bool(COMMANDS[words[0]].actions)]) for words in lines}
    assert listed == found


def test_only_usage_errors_exit_with_2() -> None:
    """As the page says; no class has a code that it does not explain."""
    classes = [
        one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.Error)
    ]
    assert {one for one in classes if one.exit_code != 1} == {errors.UsageError}
    assert errors.UsageError.exit_code == 2


def test_every_json_document_has_an_example() -> None:
    """Which is one: real output, of the command that it follows."""
    sections = re.split(r"^## ", page("json.md"), flags=re.MULTILINE)[1:]
    shown = set()
    for section in sections:
        for command, output in re.findall(
            r"```sh\nd1migrate ([^\n]+)\n```\n\n```json\n(.*?)```", section, re.DOTALL
        ):
            json_schemas.check(command.split(), output)
            shown.add("error" if "error" in json.loads(output) else json_schemas.command_of(command.split()))
    names = {name for command in COMMANDS for name in with_actions(command)}
    assert shown == set(shapes.DOCUMENTS) == {n for n in names if "json" in command_of(n).formats} | {"error"}


@pytest.mark.parametrize("name", ["errors.md", "json.md", "library.md"])
def test_the_program_of_a_page_runs(project: Project, name: str) -> None:
    """In a project with an edited file, and with the status of that on stdin."""
    project.standard()
    project.run("up")
    project.write("001_users.sql", ONE.replace("email TEXT", "mail TEXT"))
    status = project.run("status", "--json").out
    program = re.findall(r"```python\n((?:import|from) .*?)```", page(name), re.DOTALL)[0]
    ran = subprocess.run(
        [sys.executable, "-c", program], input=status, capture_output=True, text=True, check=False
    )
    printed = {
        "errors.md": "edited after being applied: 001_users\n",
        "json.md": "",
        "library.md": "1 001_users changed\n",
    }
    assert ran.stdout.startswith(printed[name])
    assert ("ChecksumMismatch" in ran.stderr) == (name == "library.md"), ran.stderr
