"""What a Worker imports: nothing that its platform lacks or forbids, and nothing it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

# A snapshot of memory is taken after the imports, once for all isolates: what is random, the time and the
# environment must not be looked at. Pyodide raises for the first; here all of them do.
FORBID = """
import ast, enum, hashlib, importlib.util, json, os, re, sys, time, typing

def forbid(module, names):
    def forbidden(*_, **__):
        raise AssertionError(f"called at import: {module.__name__}.{name}")
    for name in names:
        setattr(module, name, forbidden)

forbid(os, ["urandom", "getenv", "getrandom"])
forbid(time, ["time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "localtime", "gmtime"])
os.environ = None
before = set(sys.modules)
import d1migrate.workers
print(json.dumps(sorted(set(sys.modules) - before)))
"""
CALL = """
import asyncio, hashlib, json, sys, types

class Binding:
    def prepare(self, _):
        return self
    async def batch(self, _):
        line = "1 v1:0123 " + hashlib.sha256(b"SELECT 1;").hexdigest()
        return [{"results": [{"applied": line, "partial": 0}]}]

sys.modules["pyodide"] = types.SimpleNamespace(ffi=types.SimpleNamespace(JsProxy=dict, JsException=OSError))
index = types.ModuleType("migrations_index")
index.TABLE, index.MIGRATIONS = "versions", (("001_a.sql", "SELECT 1;"),)
from d1migrate.workers import get_pending, run_migrations
before = set(sys.modules)
assert asyncio.run(run_migrations(Binding(), index)).results == ()
assert asyncio.run(get_pending(Binding(), index)) == ()
print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith("d1migrate"))))
"""
IN_OBJECT = """
import hashlib, json, sys, types

class Rows(list):
    def to_py(self):
        return self

class Cursor:
    rowsRead, rowsWritten = 2, 0
    def raw(self):
        return self
    def toArray(self):
        digest = hashlib.sha256(("001_a " + hashlib.sha256(b"SELECT 1;").hexdigest()).encode()).hexdigest()
        return Rows([['{"lint": false, "index": "' + digest + '"}']])

class Storage(dict):
    transactionSync = None
    sql = types.SimpleNamespace(exec=lambda _: Cursor())

sys.modules["pyodide"] = types.SimpleNamespace(ffi=types.SimpleNamespace(JsProxy=dict, JsException=OSError))
index = types.ModuleType("migrations_index")
index.TABLE, index.MIGRATIONS = "versions", (("001_a.sql", "SELECT 1;"),)
from d1migrate.workers import run_migrations_sync
before = set(sys.modules)
assert run_migrations_sync(Storage(), index).results == ()
print(json.dumps(sorted(name for name in set(sys.modules) - before if name.startswith("d1migrate"))))
"""
TENANT = """
import json, sys
from d1migrate.fleet import FleetPlan, migrate_one_async
from d1migrate.migrate.source import load
FleetPlan(load([("001_a.sql", "SELECT 1;")]))
print(json.dumps(sorted(name for name in sys.modules if name.startswith(("d1migrate", "httpx", "apsw")))))
"""
LOADED = {
    *(
        "drivers",
        "drivers.binding",
        "drivers.run",
        "errors",
        "named_tuple",
        "sha256",
        "sql",
        "sql.batch",
        "sql.names",
    ),
    *(
        "migrate",
        "migrate.migration",
        "migrate.order",
        "migrate.source",
        "migrate.table",
        "migrate.table_choice",
    ),
    *("migrate.flows", "migrate.flows.ensure", "migrate.flows.report", "migrate.up_to_date", "workers"),
}
"""Each costs a Worker one to five milliseconds before its first request: none of it is compiled ahead."""


def loaded(program: str) -> list[str]:
    """What a program prints that another interpreter runs."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Any = json.loads(done.stdout)
    return list(found)


def test_importing_looks_at_nothing_and_loads_little() -> None:
    """No randomness, clock or environment; what a call with nothing to do needs, and the standard library."""
    names = loaded(FORBID)
    ours = {name.removeprefix("d1migrate.") for name in names if name.startswith("d1migrate")}
    assert ours == LOADED | {"d1migrate"}
    assert {name.split(".")[0] for name in names} <= {"d1migrate", *sys.stdlib_module_names}
    assert not {"asyncio", "random", "secrets", "uuid", "tempfile", "subprocess", "threading"} & set(names)


def test_a_call_with_nothing_to_do_loads_nothing_more() -> None:
    """Otherwise the first request would pay what the import does not."""
    assert loaded(CALL) == []


def test_an_object_with_nothing_to_do_loads_its_driver() -> None:
    """And what limits its events; a Worker without objects loads neither."""
    assert loaded(IN_OBJECT) == ["d1migrate.drivers.storage", "d1migrate.workers.objects"]


def test_a_worker_can_migrate_a_tenant() -> None:
    """Without what it lacks: an engine, a client of the API, a project on disk."""
    assert not [name for name in loaded(TENANT) if name.startswith(("httpx", "apsw", "d1migrate.project"))]
