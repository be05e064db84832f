"""Runs inside the Worker: HUMMBL's entry.py, asked as Cloudflare asks it."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import js
from pyodide.ffi import JsProxy, to_js  # type: ignore[import-not-found]
from workers.rpc import python_from_rpc, python_to_rpc  # type: ignore[import-not-found]

SOURCES = Path("/tmp/hummbl")  # noqa: S108 - nobody else is here


async def install(db: Any, files: dict[str, str]) -> None:
    """Put the Worker's own modules where they can be imported, as the files of `src/` are."""
    SOURCES.mkdir(exist_ok=True)
    for name, text in files.items():
        (SOURCES / name).write_text(text, encoding="utf-8")
    if str(SOURCES) not in sys.path:
        sys.path.insert(0, str(SOURCES))


async def fetch(
    env: Any,
    method: str,
    url: str,
    headers: list[list[str]],
    body: str | None = None,
    max_queries: int | None = None,
    more: int = 0,
) -> dict[str, object]:
    """Send one request to the entrypoint: what it answers, what it logs, and whether it read the body.

    With a raw `env.DB` the request is raw too; else both are what the Workers SDK makes of them. The Worker
    may be given `max_queries` for its migrations, and `more` of them after its own.
    """
    import entry  # type: ignore[import-not-found]

    worker = entry.Default(None, env)
    request = js.Request.new(url, method=method, headers=to_js(headers), body=body)
    if isinstance(env.DB, JsProxy):
        worker.env = env  # this SDK wraps it by itself, the one before it did not
        asked = request
    else:
        asked = python_from_rpc(request)
    before = entry.run_migrations, entry.migrations_index
    if max_queries is not None:
        entry.run_migrations = _limited(entry.run_migrations, max_queries)
    if more:
        entry.migrations_index = _longer(entry.migrations_index, more)
    try:
        with redirect_stdout(io.StringIO()) as printed:
            response = python_to_rpc(await worker.fetch(asked))
    finally:
        entry.run_migrations, entry.migrations_index = before
    text = await response.text()
    return {
        "status": response.status,
        "headers": {name: value for name, value in response.headers},  # noqa: C416 - pairs of JavaScript
        "text": text,
        "json": json.loads(text),
        "log": printed.getvalue(),
        "body_used": request.bodyUsed,
    }


def _limited(function: Any, max_queries: int) -> Any:
    return lambda *arguments, **options: function(*arguments, **(options | {"max_queries": max_queries}))


def _longer(index: ModuleType, more: int) -> ModuleType:
    longer = ModuleType("longer")
    added = tuple((f"{n}_more.sql", f"CREATE TABLE more_{n} (a);") for n in range(100, 100 + more))
    longer.__dict__.update(TABLE=index.TABLE, MIGRATIONS=index.MIGRATIONS + added)
    return longer


async def execute(db: Any, sql: str) -> None:
    """What somebody does to the database by hand."""
    await db.prepare(sql).run()
