"""The figures of a Python Worker: in Pyodide inside workerd, with the real D1 binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.table import Row, limited
from benchmarks.tools import ROOT

if TYPE_CHECKING:
    from benchmarks.lab import Lab

_COLD = 3  # isolates that have not imported the library; the one before them has
_IMPORT, _PYTHON = 60, 0.1  # ms
_INSIDE = ROOT / "benchmarks" / "inside"


def worker(lab: Lab) -> list[Row]:
    """Import, the first call, and later ones with nothing to do, in every Python that Workers run."""
    try:
        from tests.runtime.pyodide import PYTHONS, PyodideWorkerd, vendor
    except ImportError:
        return [
            Row("Worker", "-", theirs="Node is not installed: pip install -r benchmarks/requirements.txt")
        ]
    if missing := [p for p in PYTHONS if not (ROOT / "node_modules" / f"pyodide-{p}").is_dir()]:
        return [
            Row("Worker", "-", theirs=f"Pyodide for {missing[0]} is not installed: npm install --no-save")
        ]
    rows = []
    libraries = [vendor(lab.folder / "python_modules"), _INSIDE]
    files = {count: list(data.small(count)) for count in (3, 200)}
    pythons, cold = (PYTHONS[-1:], 1) if lab.quick else (PYTHONS, _COLD)
    for python in pythons:
        with PyodideWorkerd(python, libraries, isolates=1 + cold) as workerd:
            database = workerd.database()
            workerd.call("worker_times:migrate", database=database, files=files[3])
            starts = [
                workerd.call("worker_times:start", database=database, files=files[3], isolate=n).result
                for n in range(1, 1 + cold)
            ]
            imports, calls = (sorted(times)[cold // 2] for times in zip(*starts, strict=True))
            rows.append(limited(f"Worker, {python}: import", imports, _IMPORT, "ms"))
            rows.append(limited(f"Worker, {python}: the first call, nothing to do of 3", calls, None, "ms"))
            for count, pairs in files.items():
                times = workerd.call(
                    "worker_times:nothing_to_do",
                    database=workerd.database(),
                    files=pairs,
                    rounds=100 * lab.sizes.middle,
                ).result
                label = f"Worker, {python}: nothing to do of {count}"
                rows.append(limited(f"{label}, Python's part", times["python"], _PYTHON, "ms"))
                rows.append(
                    Row(
                        f"{label}, the whole call",
                        f"{times['call']:.2f} ms",
                        "SELECT 1",
                        f"{times['query']:.2f} ms",
                        f"{times['call'] / times['query']:.2f} x",
                    )
                )
    return rows
