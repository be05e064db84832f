"""The JSON Schema files of the package, and whether what commands print agrees with them."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from d1migrate.cli.commands import NAMES
from d1migrate.cli.parser import TAKE_A_VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

_FILES = resources.files("d1migrate.report") / "json_schema"


@cache
def schema(command: str) -> dict[str, Any]:
    """The schema of what a command prints; `error` for a command that failed."""
    found: dict[str, Any] = json.loads((_FILES / f"{command}.json").read_text())
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
    """The command that is run: a dry run of `up` or `down` is a plan."""
    words = (word for before, word in pairwise(("", *arguments)) if before not in TAKE_A_VALUE)
    command = next(NAMES[word] for word in words if word in NAMES)
    return "plan" if command in ("up", "down") and "--dry-run" in arguments else command
