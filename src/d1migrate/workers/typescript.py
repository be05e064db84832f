"""The TypeScript runtime of compiled indexes: `runtime.ts`, with what this d1migrate knows of D1."""

from __future__ import annotations

import json
import os

from d1migrate.migrate import log
from d1migrate.migrate.flows import verify
from d1migrate.migrate.jobs import pace
from d1migrate.migrate.other_tools import COMPANIONS, OTHER_TOOLS
from d1migrate.migrate.table import LOG_TABLE, VERSIONS, WRANGLER
from d1migrate.project.actor import TOOL
from d1migrate.schema import introspect
from d1migrate.schema.text_digest import LITERALS
from d1migrate.sql.names import HELPER

_HEAD = "// Written by `d1migrate index`: the runtime of d1migrate "
_TEMPLATE = os.path.join(os.path.dirname(__file__), "runtime.ts")


def runtime_module() -> str:
    """Return the text of the runtime."""
    with open(_TEMPLATE, encoding="utf-8") as file:
        text = file.read()
    for name, value in _texts().items():
        text = text.replace(f'"{{{name}}}"', json.dumps(value))
    return text.replace("d1migrate {version}", TOOL)


def is_runtime_module(text: str) -> bool:
    """Whether a text is a runtime that some d1migrate wrote."""
    return text.startswith(_HEAD)


def _texts() -> dict[str, str | float]:
    """Return what the template has in places: `"{NAME}"`."""
    return {
        "versions": f"SELECT version, name, applied_at FROM {VERSIONS} ORDER BY version",
        "names": f"SELECT id, name FROM {WRANGLER}",
        "logged": f"SELECT 1 FROM {LOG_TABLE} WHERE name <> '' LIMIT 1",
        "objects": introspect.OBJECTS.sql,
        "latest": log.latest().sql,
        "otherTools": " ".join((*OTHER_TOOLS, *COMPANIONS)),
        "helper": HELPER,
        "literals": f" {' '.join(sorted(map(str.lower, LITERALS)))} ",
        "withoutFile": verify.WITHOUT_FILE,
        "withoutDigests": verify.WITHOUT_DIGESTS,
        "skipped": verify.SKIPPED,
        "late": verify.LATE,
        "seconds": pace.SECONDS,
    }
