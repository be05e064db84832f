"""What a Worker imports: nothing that its platform lacks or forbids, and nothing it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

# A snapshot of memory is taken after the imports, once for all isolates: what is random, the time and the
# environment must not be looked at. Pyodide raises for the first; here all of them do.
IMPORT = """
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


def test_importing_looks_at_nothing_and_loads_little() -> None:
    """No randomness, clock or environment; no module but the core's, the binding's, and the standard library's."""
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)

    others = [name for name in loaded if name.split(".")[0] not in {"d1migrate", *sys.stdlib_module_names}]
    assert others == []
    late = (
        "cli",
        "drivers.sqlite",
        "drivers.wrangler",
        "files",
        "config",
        "flows.migrate",
        "flows.rollback",
        "lint",
    )
    assert [name for name in loaded if name.startswith(tuple(f"d1migrate.{part}" for part in late))] == []
    assert not {"asyncio", "random", "secrets", "uuid", "tempfile", "subprocess", "threading"} & set(loaded)
