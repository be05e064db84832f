"""Inside the Worker: runs the function that a test names, and puts what became of it into JSON.

Values travel as JSON, bytes as `{"bytes": [0, 255]}`, in both directions.
"""

from __future__ import annotations

import json
import traceback
from importlib import import_module
from typing import Any


async def call(request: str, env: Any, calls: Any) -> str:
    """Answer one request, see pyodide_server.mjs; `env` has the D1 binding as `DB`."""
    asked = json.loads(request, object_hook=_decoded)
    try:
        answer = {"result": await _run(asked, env), "calls": calls.to_py()}
        return json.dumps(answer, default=_encoded)
    except BaseException as error:  # whatever it is, the test shall see it
        return json.dumps({"error": _described(error), "calls": calls.to_py()})


async def _run(asked: dict[str, Any], env: Any) -> object:
    if asked["shape"] == "sdk":
        # What `self.env` is in a Python Worker with a compatibility date from 2026-04-21 on.
        env = import_module("workers.rpc")._EnvWrapper(env)
    module, name = asked["call"].split(":")
    function = getattr(import_module(module), name)
    return await function(env if asked["env"] else env.DB, **asked["arguments"])


def _described(error: BaseException) -> dict[str, object]:
    return {
        "type": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
        "attributes": _attributes(error),
    }


def _attributes(error: BaseException) -> dict[str, object]:
    # Properties too: they are what the caller of a library reads. The last two are those of JavaScript's errors.
    properties = [name for name in dir(type(error)) if isinstance(getattr(type(error), name, None), property)]
    names = [*vars(error), *properties, "name", "message"]
    return {name: getattr(error, name) for name in names if _simple(getattr(error, name, _simple))}


def _simple(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _encoded(value: object) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": list(bytes(value))}
    raise TypeError(f"{type(value).__name__} is not JSON: {value!r}")


def _decoded(value: dict[str, Any]) -> object:
    return bytes(value["bytes"]) if value.keys() == {"bytes"} else value
