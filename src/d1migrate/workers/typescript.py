"""The TypeScript runtime of a compiled index: `runtime.ts`, filled in with what this d1migrate knows of D1."""

from __future__ import annotations

import json
import os

from d1migrate import __version__
from d1migrate.migrate import assertions, log, table_decision
from d1migrate.migrate.migration import NOTHING
from d1migrate.migrate.other_tools import COMPANIONS
from d1migrate.migrate.table import APPLIES, NameTable, VersionTable
from d1migrate.migrate.table_choice import USUAL
from d1migrate.sql import d1

_HEAD = "// Written by `d1migrate index`: the runtime of d1migrate "
_TEMPLATE = os.path.join(os.path.dirname(__file__), "runtime.ts")


def runtime_module() -> str:
    """Return the text of the runtime."""
    with open(_TEMPLATE, encoding="utf-8") as file:
        text = file.read()
    for name, value in _texts().items():
        text = text.replace(f'"{{{name}}}"', json.dumps(value))
    for name, pattern in _patterns().items():
        text = text.replace(f"/{{{name}}}/", f"/{pattern}/")
    return text.replace("{version}", __version__)


def is_runtime_module(text: str) -> bool:
    """Whether a text is a runtime that some d1migrate wrote."""
    return text.startswith(_HEAD)


def _texts() -> dict[str, str]:
    versions, names = VersionTable(), NameTable()
    return {
        "columns": table_decision.queries(USUAL)[0].sql,
        "versions": versions.rows.sql,
        "names": names.rows.sql,
        "latest": log.latest().sql,
        "companions": " ".join(COMPANIONS),
        "logColumns": " ".join(log.every_column()),
        "applies": " ".join(APPLIES),
        "nothing": NOTHING,
    }


def _patterns() -> dict[str, str]:
    races = (assertions.ALREADY_APPLIED, assertions.CHANGED_MEANWHILE, *log.RACES)
    return {"refusal": d1.refusal_pattern(), "races": "|".join(races)}
