"""Inside the Worker: runs the function that a test names, and puts what became of it into JSON.

Values travel as JSON, bytes as `{"bytes": [0, 255]}`, in both directions.
"""

from __future__ import annotations

import json
import traceback
from importlib import import_module
from typing import Any


async def call(request: str, surroundings: Any, calls: Any, key: str = "") -> str:
    """Answer one request, see pyodide_server.mjs.

    Args:
        request: the request.
        surroundings: `env`, with the D1 binding as `DB`; or `ctx` of an object.
        calls: the calls that were counted.
        key: which instance of the object.
    """
    asked = json.loads(request, object_hook=_decoded)
    try:
        run = _run if asked["object"] is None else _run_in_object
        answer = {"result": await run(asked, surroundings, key), "calls": calls.to_py()}
        return json.dumps(answer, default=_encoded)
    except BaseException as error:  # whatever it is, the test shall see it
        return json.dumps({"error": _described(error), "calls": calls.to_py()})


async def _run(asked: dict[str, Any], env: Any, _: str) -> object:
    if asked["shape"] == "sdk":
        # What `self.env` is in a Python Worker with a compatibility date from 2026-04-21 on.
        env = import_module("workers.rpc")._EnvWrapper(env)
    return await _named(asked["call"])(env if asked["env"] else env.DB, **asked["arguments"])


_instances: dict[str, Any] = {}


async def _run_in_object(asked: dict[str, Any], ctx: Any, key: str) -> object:
    if asked["shape"] == "sdk":
        ctx = import_module("workers.entrypoints").DurableObjectContext(ctx)
    if asked["class"] is None:
        return await _named(asked["call"])(ctx, **asked["arguments"])
    # Once per instance, and what `__init__` raises is the answer to every call.
    if key not in _instances:
        try:
            _instances[key] = _named(asked["class"])(ctx, None)
        except Exception as error:
            _instances[key] = error
    if isinstance(_instances[key], Exception):
        raise _instances[key]
    return await getattr(_instances[key], asked["call"])(**asked["arguments"])


def _named(name: str) -> Any:
    module, attribute = name.split(":")
    return getattr(import_module(module), attribute)


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
