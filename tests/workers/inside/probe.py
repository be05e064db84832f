"""Runs inside the Worker: what test_harness.py asks about the harness itself."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from typing import Any, NamedTuple

from pyodide.ffi import JsProxy, run_sync, to_js  # type: ignore[import-not-found]

import d1migrate
from d1migrate.errors import UsageError

counter = 0


class Pair(NamedTuple):
    """What json makes a list of."""

    one: object
    two: object


class Refused(Exception):
    """An error with attributes of every kind."""

    def __init__(self) -> None:
        super().__init__("no")
        self.version, self.names, self.opaque = 7, ("a", "b"), object()

    @property
    def reason(self) -> str:
        """Only a property."""
        return "because"


async def describe(db: Any) -> dict[str, object]:
    """What runs here, and of which class the binding is."""
    return {
        "python": sys.version.split()[0],
        "proxy": isinstance(db, JsProxy),
        "platform": sys.platform,
        "class": db.constructor.name if isinstance(db, JsProxy) else type(db).__name__,
    }


async def package(db: Any) -> list[str]:
    """The versions of what python_modules holds."""
    return [d1migrate.__version__, version("d1migrate"), version("workers-runtime-sdk")]


async def echo(db: Any, **arguments: object) -> object:
    """What came in goes out."""
    return arguments


async def pair(db: Any) -> Pair:
    """Values that JSON does not have."""
    return Pair(memoryview(b"\x00\xff"), 2**63)


async def fill(db: Any, texts: list[str]) -> int:
    """Three statements in one batch, parameters in two of them."""
    insert = db.prepare("INSERT INTO t (text) VALUES (?)")
    create = db.prepare("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT, data BLOB)")
    statements = [create, *(insert.bind(text) for text in texts)]
    results = await db.batch(to_js(statements) if isinstance(db, JsProxy) else statements)
    return len(results)


async def read(db: Any) -> list[Any]:
    """The rows of `fill`, as they come."""
    return await rows(db, "SELECT id, text FROM t ORDER BY id")


async def rows(db: Any, sql: str) -> list[Any]:
    """What a query answers, with None for each kind of null."""
    answer = await db.prepare(sql).all()
    results = answer.results.to_py() if isinstance(db, JsProxy) else answer["results"]
    return [[_plain(value) for value in row.values()] for row in results]


async def run_all(db: Any) -> None:
    """Every way to a statement, once."""
    statement = db.prepare("SELECT 1 AS one")
    await statement.all()
    await statement.first()
    await statement.raw()
    await statement.run()
    await db.exec("SELECT 1")


async def blob(db: Any, data: bytes) -> Any:
    """A blob there and back."""
    bound = to_js(data) if isinstance(db, JsProxy) else data
    row = await db.prepare("SELECT ? AS data").bind(bound).first()
    value = row.data if isinstance(db, JsProxy) else row["data"]
    return bytes(value)


async def caught(db: Any) -> list[str]:
    """How a failed batch looks from here: class, name, message, cause."""
    try:
        await fill(db, ["lost"])
    except Exception as error:
        js: Any = error
        return [type(error).__name__, str(error), js.message, js.cause.message]
    return []


async def opaque(db: Any) -> object:
    """What no JSON can hold."""
    return object()


async def refuse(db: Any) -> None:
    """Raise with attributes."""
    raise Refused


async def misconfigure(db: Any) -> None:
    """Raise an error of the library."""
    raise UsageError("no such thing")


async def variables(env: Any) -> list[object]:
    """What env holds."""
    rows = await read(env.DB)
    return [env.STAGE, isinstance(env.DB, JsProxy), len(rows)]


async def count(db: Any) -> int:
    """How often this isolate was asked."""
    global counter
    counter += 1
    return counter


async def synchronous(db: Any) -> str:
    """Wait in the middle of a synchronous call."""
    result: str = run_sync(asyncio.sleep(0.001, "waited"))
    return result


def _plain(value: Any) -> Any:
    if type(value).__name__ == "JsNull":
        return None
    return list(value) if isinstance(value, (list, memoryview)) else value
