"""Python inside workerd, next to the real D1 bindings: what a Python Worker has, for every Python it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from tests.runtime.answers import Answer, InsideError, decoded
from tests.runtime.workerd import DATABASES, MODULES, ROOT, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Python: TypeAlias = Literal["3.12", "3.13", "3.14"]
Shape: TypeAlias = Literal["raw", "sdk"]
PYTHONS: tuple[Python, ...] = ("3.12", "3.13", "3.14")
SHAPES: tuple[Shape, ...] = ("raw", "sdk")
SERVER = Path(__file__).with_name("pyodide_server.mjs")
SDK = "workers-runtime-sdk==1.9.5"


class PyodideWorkerd(Server):
    """One workerd whose Workers run Python.

    Args:
        python: the version inside.
        libraries: folders whose files are on `sys.path` inside.
        persist: where the SQLite files go; without it, a temporary directory that `stop` removes.
        isolates: how many Workers share the databases, each with a Python of its own.
    """

    def __init__(
        self, python: Python, libraries: Sequence[Path], persist: Path | None = None, isolates: int = 1
    ) -> None:
        super().__init__(persist)
        self.python, self._libraries, self._isolates = python, libraries, isolates

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        pyodide = MODULES / f"pyodide-{self.python}"
        if not pyodide.is_dir():
            raise FileNotFoundError(f"{pyodide} is missing: run `npm install` in {ROOT}")
        folders = map(str, (SERVER, MODULES, pyodide, self.persist))
        return [*folders, str(DATABASES), str(self._isolates), *map(str, self._libraries)]

    def call(
        self,
        function: str,
        *,
        database: str | None = None,
        object: str | None = None,  # noqa: A002 - as Cloudflare calls them
        kind: str | None = None,
        shape: Shape = "raw",
        faults: Sequence[Mapping[str, object]] = (),
        isolate: int = 0,
        env: bool = False,
        vars: Mapping[str, str] | None = None,  # noqa: A002 - as Cloudflare calls them
        **arguments: object,
    ) -> Answer:
        """Await `function(DB, **arguments)` inside, or `function(ctx, **arguments)` in an object.

        Arguments and results are what JSON holds, and bytes.

        Args:
            function: "module:function" of one of the libraries.
            database: the database that is bound.
            object: the name of the object, instead of a database.
            kind: "module:Class", of which the object has an instance; then `function` is the name of a method.
            shape: the binding or the storage as a `JsProxy` ("raw"), or as the Workers SDK wraps it ("sdk").
            faults: what goes wrong, `[{"batch": 0, "do": "lose answer"}]`; see binding_faults.mjs, and
                storage_faults.mjs for an object.
            isolate: which of the Workers.
            env: give the function the whole `env`, where the binding is `env.DB`.
            vars: the other attributes of `env`.
            **arguments: what else the function takes.

        Raises:
            InsideError: the function raised.
        """
        question = {
            "call": function,
            "database": database,
            "object": object,
            "class": kind,
            "shape": shape,
            "faults": list(faults),
            "env": env,
            "vars": dict(vars or {}),
            "arguments": _to_json(arguments),
        }
        status, body = self.ask(f"/{isolate}", question)
        if status != 200:
            raise RuntimeError(f"{function} was not run: {body.decode()}")
        answer = json.loads(body, object_hook=decoded)
        if "error" in answer:
            raise InsideError(answer["error"], answer["calls"])
        return Answer(answer["result"], answer["calls"])

    def reset(self, name: str) -> None:
        """End the instance of an object, which loses what it has in memory."""
        status, body = self.ask("/0", {"object": name, "call": "reset"})
        assert (status, body) == (200, b"Error: reset"), body


def vendor(target: Path) -> Path:
    """Install this project and the Workers SDK into a folder: what a Worker's python_modules holds."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", str(target), str(ROOT), SDK], check=True)
    return target


def _to_json(value: object) -> object:
    match value:
        case bytes():
            return {"bytes": list(value)}
        case dict():
            return {key: _to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_to_json(item) for item in value]
        case _:
            return value
