"""The JSON Schema files of the package: whether what commands print agrees with them, and what of them occurs."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from d1migrate.cli.commands import COMMANDS, NAMES
from d1migrate.cli.parser import TAKE_A_VALUE
from d1migrate.report import shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

FILES = resources.files("d1migrate.report") / "json_schema"


@cache
def schema(command: str) -> dict[str, Any]:
    """The schema of what a command prints; `error` for a command that failed."""
    found: dict[str, Any] = json.loads((FILES / shapes.file_name(command)).read_text())
    return found


@cache
def validator(command: str) -> Draft202012Validator:
    """The validator of that schema, after a check of the schema itself."""
    Draft202012Validator.check_schema(schema(command))
    return Draft202012Validator(schema(command))


def check(arguments: Sequence[str], out: str) -> None:
    """Check that the JSON which a command line printed is as documented."""
    value = json.loads(out)
    command = "error" if "error" in value else command_of(arguments)
    assert next(iter(value)) == "format", out
    error = best_match(validator(command).iter_errors(value))
    assert error is None, f"{' '.join(arguments)}: {error.json_path}: {error.message}"


def command_of(arguments: Sequence[str]) -> str:
    """The command that is run, with its action: a dry run of `up` or `down` is a plan."""
    words = [word for before, word in pairwise(("", *arguments)) if before not in TAKE_A_VALUE]
    command = next(NAMES[word] for word in words if word in NAMES)
    known = COMMANDS[command]
    action = next((word for word in words if word in known.actions), known.default_action)
    if "--dry-run" in arguments and (action or command) in ("up", "down"):
        return f"{command} plan" if action else "plan"
    return f"{command} {action}" if action else command


# --- what occurs ---


def possible(command: str) -> set[str]:
    """All that a schema allows: each key, that it is null, and each word that it can be."""
    found: set[str] = set()
    for place, one in enumerate(_branches(schema(command))):
        found |= _keys(_name(command, place), one)
    for name, one in schema(command).get("$defs", {}).items():
        found |= _keys(name, one)
    return found


def types(command: str) -> set[tuple[str, str]]:
    """Each key of a schema with its type in JSON; null does not count, and neither does what can be any."""
    found = set[tuple[str, str]]()
    for one in (*_branches(schema(command)), *schema(command).get("$defs", {}).values()):
        for key, value in one["properties"].items():
            found |= {(key, kind) for kind in _kinds(value) - {"null"}}
    return found


def _kinds(value: dict[str, Any]) -> set[str]:
    if "anyOf" in value:
        return set[str]().union(*map(_kinds, value["anyOf"]))
    if "$ref" in value or "enum" in value:
        return {"object" if "$ref" in value else "string"}
    kinds = value.get("type", [])
    return set(kinds if isinstance(kinds, list) else [kinds])


def occurring(command: str, value: dict[str, Any]) -> set[str]:
    """What of that occurs in an output."""
    found: set[str] = set()
    for place, one in enumerate(_branches(schema(command))):
        if _accepts(command, one, value):
            _visit(command, _name(command, place), one, value, found)
    return found


def _name(command: str, place: int) -> str:
    return f"{command} {place + 1}" if place else command


def _branches(one: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = one.get("oneOf", [one])
    return found


def _keys(name: str, one: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for key, value in one["properties"].items():
        types = value.get("type", [])
        is_nullable = "null" in types if isinstance(types, list) else False
        is_nullable |= {"type": "null"} in value.get("anyOf", [])
        words = value.get("enum") or (["", None] if is_nullable else [""])
        found |= {f"{name}.{key} {word}".rstrip() for word in words}
    return found


def _visit(command: str, name: str, one: dict[str, Any], value: Any, found: set[str]) -> None:
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        _visit(command, name, schema(command)["$defs"][name], value, found)
    elif "anyOf" in one:
        for branch in one["anyOf"]:
            if _accepts(command, branch, value):
                _visit(command, name, branch, value, found)
    elif isinstance(value, list):
        for item in value:
            _visit(command, name, one["items"], item, found)
    elif isinstance(value, dict):
        for key, each in value.items():
            if described := one.get("properties", {}).get(key):
                word = each if each is None or "enum" in described else ""
                found.add(f"{name}.{key} {word}".rstrip())
                _visit(command, name, described, each, found)


def _accepts(command: str, one: dict[str, Any], value: Any) -> bool:
    alone = {"$defs": schema(command).get("$defs", {}), **one}
    return bool(validator(command).evolve(schema=alone).is_valid(value))
