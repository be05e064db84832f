"""The figures of the TypeScript runtime, in workerd, with real D1 databases and Durable Objects."""

from __future__ import annotations

import gzip
import time
from typing import TYPE_CHECKING, Any

from benchmarks import data
from benchmarks.table import Row, limited
from benchmarks.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab import Lab
    from tests.runtime.pyodide import PyodideWorkerd
    from tests.runtime.typescript import TypeScriptWorkerd

_SIZE = 6500  # bytes of the runtime, minified and compressed, without verifySchema
_RUNTIME = 50  # µs of the runtime, or of the object's whole call, with nothing to do
_ENTRY = "export { runMigrations, getCurrentVersion } from './migrations';\n"
_JOBS = "export { runMigrations, getCurrentVersion, runJobs } from './migrations';\n"


def typescript(lab: Lab) -> list[Row]:
    """The sizes of runtime and index; nothing to do, and 200 migrations, beside Python; 1,000 objects."""
    try:
        from tests.runtime.pyodide import PYTHONS, PyodideWorkerd, vendor
        from tests.runtime.typescript import TypeScriptWorkerd
    except ImportError:
        why = "Node is not installed: pip install -r benchmarks/requirements.txt"
        return [Row("TypeScript", "-", theirs=why)]
    if not (ROOT / "node_modules" / "esbuild").is_dir():
        return [Row("TypeScript", "-", theirs="wrangler is not installed: npm install --no-save")]
    rows = _sizes(lab.folder)
    with TypeScriptWorkerd() as workerd:
        rows += _nothing_to_do(workerd, 1000 * lab.sizes.middle)
        with PyodideWorkerd(
            PYTHONS[-1], [vendor(lab.folder / "python_of_objects"), ROOT / "benchmarks" / "inside"]
        ) as python:
            rows += _two_hundred(workerd, python, 20 if lab.quick else 200)
        rows.append(_objects(workerd, 20 if lab.quick else 1000))
    return rows


def _index(files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    from tests.runtime.typescript import compiled

    return compiled(files)


def _sizes(folder: Path) -> list[Row]:
    from d1migrate.migrate.typescript_index import typescript_module
    from d1migrate.workers.typescript import runtime_module
    from tests.runtime.typescript import minified

    (folder / "migrations.ts").write_text(runtime_module(), encoding="utf-8")
    (folder / "used.ts").write_text(_ENTRY)
    bundle = minified(folder / "used.ts")
    (folder / "jobs.ts").write_text(_JOBS)
    with_jobs = minified(folder / "jobs.ts")
    small = list(data.small(200))
    texts = [typescript_module(_index(small[:count])) for count in (100, 200)]
    sql = sum(len(file.sql.partition("\n")[2]) for file in small[100:])  # without the comment
    each = (len(texts[1]) - len(texts[0]) - sql) / 100
    return [
        limited("TypeScript: the runtime, minified, gzip", len(gzip.compress(bundle)), _SIZE, "bytes"),
        limited("TypeScript: the same with runJobs, gzip", len(gzip.compress(with_jobs)), None, "bytes"),
        limited("TypeScript: the index, for each migration beside its SQL", each, None, "bytes"),
        limited("TypeScript: the index of 200, gzip", len(gzip.compress(texts[1].encode())), None, "bytes"),
    ]


def _nothing_to_do(workerd: TypeScriptWorkerd, rounds: int) -> list[Row]:
    rows = []
    for where, counts, how, note in (
        ("D1", (3, 200), "repeatFree", ", without the query"),
        ("an object", (3, 200, 1000), "repeat", ""),
    ):
        for count in counts:
            index = _index(list(data.small(count)))
            database = workerd.database() if where == "D1" else workerd.new_object()
            _apply(workerd, database, index)
            each = _each(workerd, database, rounds, how, index)
            bar = _RUNTIME if count == 3 else None
            rows.append(limited(f"TypeScript, {where}: nothing to do of {count}{note}", each, bar, "µs"))
    return rows


def _apply(workerd: TypeScriptWorkerd, database: str, index: dict[str, Any]) -> None:
    """Apply the migrations, as often as the limits of one call need it."""
    for _ in index["migrations"]:
        (outcome,) = workerd.at_once(1, "runMigrations", index, {"maxQueries": 1000}, database=database)
        if outcome.error is None:
            return
        if outcome.error.type != "Unfinished":
            raise outcome.error


def _each(workerd: TypeScriptWorkerd, database: str, rounds: int, how: str, index: dict[str, Any]) -> float:
    """Return the microseconds of one call: the clock inside stands still, so it is that of the requests."""
    fastest = []
    for count in (1, rounds):
        times = []
        for _ in range(3):
            began = time.perf_counter()
            workerd.call(how, count, "runMigrations", index, database=database)
            times.append(time.perf_counter() - began)
        fastest.append(min(times))
    return (fastest[1] - fastest[0]) / (rounds - 1) * 1_000_000


def _two_hundred(workerd: TypeScriptWorkerd, python: PyodideWorkerd, count: int) -> list[Row]:
    files = [tuple(file) for file in data.small(count)]
    index = _index(list(data.small(count)))
    rows = []
    places: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("D1", workerd.database(), "worker_times:migrate", {"database": python.database()}),
        ("an object", workerd.new_object(), "worker_times:migrate_object", {"object": "benchmark"}),
    )
    for where, database, function, theirs in places:
        began = time.perf_counter()
        _apply(workerd, database, index)
        taken = time.perf_counter() - began
        began = time.perf_counter()
        python.call(function, files=files, **theirs)
        other = time.perf_counter() - began
        rows.append(
            Row(
                f"TypeScript, {where}: {count} migrations",
                f"{taken:.2f} s",
                "Python in a Worker",
                f"{other:.2f} s",
                f"{taken / other:.2f} x",
            )
        )
    return rows


def _objects(workerd: TypeScriptWorkerd, count: int) -> Row:
    index = _index(list(data.small(3)))
    objects = [workerd.new_object() for _ in range(count)]
    began = time.perf_counter()
    applied = [len(workerd.call("runMigrations", index, database=each).results) for each in objects]
    taken = time.perf_counter() - began
    if applied != [3] * count:
        raise RuntimeError("an object was not migrated exactly once")
    return limited(f"TypeScript: {count} objects, three migrations each at first touch", taken, None, "s")
