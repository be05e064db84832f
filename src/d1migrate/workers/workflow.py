"""The Workflow of a fleet of Durable Objects: `fleet.ts`, with the fleet's settings and the journal's SQL.

It contains nothing of the migrations, because it imports their index. So only the configuration changes it.
"""

from __future__ import annotations

import json
import os
import re
from fnmatch import translate

from d1migrate.drivers.worker_bindings import object_binding, workflow_binding
from d1migrate.drivers.wrangler import binding_of
from d1migrate.errors import UsageError
from d1migrate.fleet.journal import LONGEST_ERROR
from d1migrate.fleet.objects import workflow_class, workflow_name
from d1migrate.fleet.slices_sql import CLAIM, OPERATIONS
from d1migrate.migrate.typescript_index import literal
from d1migrate.project.actor import TOOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from d1migrate.project.config import Config
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.project.waves import Wave

_HEAD = "// Written by `d1migrate index`: the Workflow of the fleet "
_FOLDER = os.path.dirname(__file__)


def workflow_module(config: Config, fleet: FleetSettings, index: str) -> str:
    """Return the text of the Workflow of a fleet of objects.

    Args:
        config: the settings of the project.
        fleet: the fleet, which has a `workflow`.
        index: the path of the index of its class, in TypeScript.

    Raises:
        UsageError: the wrangler configuration does not bind what the Workflow needs.
    """
    with open(os.path.join(_FOLDER, "fleet.ts"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("{fleet}", fleet.name, 1).replace("d1migrate {version}", TOOL)
    text = text.replace("class FleetWorkflow", f"class {workflow_class(fleet.name)}")
    text = text.replace('"{index}"', json.dumps(_imported(index, fleet.workflow or "")))
    values = {
        "settings": _lines(_settings(config, fleet)),
        "sql": _sql(),
        "refusals": literal(_refusals()),
        "claim": literal(CLAIM),
        "longestError": literal(LONGEST_ERROR),
    }
    for name, value in values.items():
        text = text.replace(f'"{{{name}}}" as any', value)
    return text


def is_workflow_module(text: str) -> bool:
    """Whether a text is a Workflow that some d1migrate wrote."""
    return text.startswith(_HEAD)


def _imported(index: str, workflow: str) -> str:
    """Return what the Workflow imports the index as: as TypeScript resolves it, without the ending `.ts`."""
    path = os.path.relpath(index, os.path.dirname(workflow) or ".").replace(os.sep, "/")
    path = re.sub(r"\.mts$", ".mjs", path.removesuffix(".ts"))
    return path if path.startswith("../") else f"./{path}"


def _settings(config: Config, fleet: FleetSettings) -> dict[str, Any]:
    return {
        "name": fleet.name,
        "objects": fleet.objects,
        "query": fleet.query and fleet.query.strip().removesuffix(";"),
        "waves": [_wave(wave) for wave in fleet.waves],
        "canary": [expression(pattern) for pattern in fleet.canary],
        "atOnce": fleet.at_once,
        "bindings": _bindings(config, fleet),
    }


def _bindings(config: Config, fleet: FleetSettings) -> dict[str, str | None]:
    """Return the names under which the Worker has what it needs.

    Raises:
        UsageError: wrangler's configuration lacks one.
    """
    path = config.wrangler
    if path is None:
        raise UsageError(
            f"[fleet.{fleet.name}] has a workflow, and no wrangler configuration was found",
            hint='name it in d1migrate.toml: wrangler = "wrangler.jsonc"',
        )
    own, objects = workflow_class(fleet.name), fleet.objects or ""
    return {
        "objects": object_binding(objects, path)
        or _missing(path, "durable_objects", {"name": objects.upper(), "class_name": objects}),
        "workflow": workflow_binding(own, path)
        or _missing(
            path, "workflows", {"name": workflow_name(fleet.name), "binding": "FLEET", "class_name": own}
        ),
        "journal": _database(fleet.journal, path, f"[fleet.{fleet.name}] journal"),
        "control": _control(config, fleet, path) if fleet.query else None,
    }


def _missing(path: str, key: str, binding: dict[str, str]) -> NoReturn:
    shown = json.dumps(binding)
    raise UsageError(f"{path} binds no {binding['class_name']}", hint=f"add to its `{key}`: {shown}")


def _database(url: str, path: str, key: str) -> str:
    """Return the binding of a D1 database.

    Raises:
        UsageError: wrangler's configuration does not name it, or it is not a D1.
    """
    if not url.startswith(("d1:", "wrangler:")):
        raise UsageError(
            f"{key}: {url} is not a D1 database, and a Workflow has no files",
            hint='create one for it, and name it: journal = "d1:fleet-journal"',
        )
    if (found := binding_of(url, path)) is None:
        raise UsageError(f"{key}: {path} does not bind {url}", hint="add it to its `d1_databases`")
    return found.binding


def _control(config: Config, fleet: FleetSettings, path: str) -> str:
    """Return the binding of the database that the query of the fleet reads."""
    return _database(config.control(fleet).database, path, f"[fleet.{fleet.name}] control")


def _wave(wave: Wave) -> dict[str, Any]:
    return {
        "name": wave.name,
        "count": wave.reach.number,
        "percent": wave.reach.percent,
        "stopCount": wave.stop.number,
        "stopPercent": wave.stop.percent,
    }


def expression(glob: str) -> str:
    """Return a pattern of `fnmatch` as a regular expression of JavaScript, with the flag `s`."""
    parts = re.findall(r"\[!?+\]?+[^\]]*\]|.", glob, re.DOTALL)  # a `]` at the beginning is in the set
    return f"^{''.join(map(_part, parts))}$"


def _part(part: str) -> str:
    if part == "*":
        return ".*"  # of more than a part, `translate` makes groups that JavaScript lacks
    found = translate(part).removeprefix("(?s:")[: -len(r")\Z")]
    return re.sub(r"^\[(\^?)\]", r"[\1\\]", found)  # in JavaScript, `[]` is an empty set


def _refusals() -> list[str]:
    """Return the names of the errors of the runtime that a repetition meets again."""
    with open(os.path.join(_FOLDER, "runtime.ts"), encoding="utf-8") as file:
        names = re.findall(r"^export class (\w+) extends \w*Error", file.read(), re.MULTILINE)
    return [name for name in names if name not in ("Unfinished", "UnavailableError", "AmbiguousError")]


def _sql() -> str:
    """Return {operation: its statements, each with the names of its parameters}."""
    lines = ["{"]
    for name, operation in OPERATIONS.items():
        lines += [f"  {name}: [", *(f"    {literal(one)}," for one in operation.statements), "  ],"]
    return "\n".join([*lines, "}"])


def _lines(settings: dict[str, Any]) -> str:
    """Return settings with a line for each."""
    return "\n".join(["{", *(f"  {key}: {literal(value)}," for key, value in settings.items()), "}"])
