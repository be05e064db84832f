"""The figures of a guarded rebuild: on the real D1, compared with the rebuild that loses the children."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from benchmarks.lab import FULL
from benchmarks.table import Row
from benchmarks.tools import missing_workerd

if TYPE_CHECKING:
    from benchmarks.lab import Lab

BAR = 2.0
PARENTS, CHILDREN = 20_000, 60_000
SCHEMA = """\
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL);
CREATE INDEX parents_status ON parents (status);
CREATE TABLE ones (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents (id) ON DELETE CASCADE, v TEXT);
CREATE INDEX ones_parent ON ones (parent);
CREATE TABLE twos (id INTEGER PRIMARY KEY, parent TEXT REFERENCES parents (id) ON DELETE CASCADE, v TEXT);
CREATE INDEX twos_parent ON twos (parent);
"""
DESIRED = SCHEMA.replace("status TEXT NOT NULL)", "status TEXT NOT NULL CHECK (status <> ''))")
UNSAFE = (
    "PRAGMA defer_foreign_keys = ON",
    (
        "CREATE TABLE parents_new (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL,"
        " status TEXT NOT NULL CHECK (status <> ''))"
    ),
    "INSERT INTO parents_new SELECT id, name, status FROM parents",
    "DROP TABLE parents",
    "ALTER TABLE parents_new RENAME TO parents",
    "CREATE INDEX parents_status ON parents (status)",
)
_COUNT = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n)"


def rebuild(lab: Lab) -> list[Row]:
    """Time both, in turns, each on a database of its own."""
    scale = lab.sizes.rows / FULL.rows
    if why := missing_workerd():
        return [Row("rebuild", "-", theirs=why)]
    from tests.runtime.workerd import Workerd

    guarded: list[Any] = []
    unsafe: list[Any] = []
    statements = _guarded()
    with Workerd() as workerd:
        for _ in range(lab.sizes.middle):
            unsafe.append(_run(workerd, UNSAFE, scale))
            guarded.append(_run(workerd, statements, scale))
    ours, theirs = (statistics.median(run[0] for run in runs) for runs in (guarded, unsafe))
    parents, children = int(PARENTS * scale), 2 * int(CHILDREN * scale)
    if {run[1] for run in guarded} != {children}:
        raise RuntimeError(f"of {children} children, {guarded[0][1]} are left")
    label = f"rebuild of {parents:,} parents of {children:,} children"
    ratio = ours / theirs
    return [
        Row(
            *(label, f"{ours:.2f} s", "the unsafe one", f"{theirs:.2f} s, {unsafe[0][1]} children left"),
            *(f"{ratio:.2f} x", f"≤ {BAR:g} x", ratio <= BAR),
        ),
        Row(f"{label}: rows written", f"{guarded[0][2]:,}", "the unsafe one", f"{unsafe[0][2]:,}"),
    ]


def _guarded() -> list[str]:
    from d1migrate.drafting import draft, read

    drafted = draft(read(SCHEMA, file="current").schema, read(DESIRED, file="desired"), budget=None)
    if drafted is None:
        raise RuntimeError("no difference")
    return [sql for section in drafted.up for sql in section.statements]


def _run(workerd: Any, statements: Any, scale: float) -> tuple[float, int, int]:
    """Return the seconds of one batch, the number of children after it, and the rows it wrote."""
    database = workerd.database()
    ids = {"parents": int(PARENTS * scale), "children": int(CHILDREN * scale)}
    fill = [sql for sql in SCHEMA.split(";\n") if sql]
    fill.append(f"INSERT INTO parents SELECT 'p' || i, 'name', 'new' FROM {_COUNT.format(ids['parents'])}")
    fill += [
        f"INSERT INTO {name} (parent, v) SELECT 'p' || (1 + i % {ids['parents']}), 'v'"
        f" FROM {_COUNT.format(ids['children'])}"
        for name in ("ones", "twos")
    ]
    _post(workerd, database, fill)
    began = time.perf_counter()
    results = _post(workerd, database, statements)
    seconds = time.perf_counter() - began
    counts = _post(workerd, database, ["SELECT (SELECT count(*) FROM ones) + (SELECT count(*) FROM twos)"])
    return seconds, counts[0]["rows"][0][0], sum(result["meta"]["rows_written"] for result in results)


def _post(workerd: Any, database: str, statements: Any) -> list[Any]:
    answer = workerd.post(database, [{"sql": sql, "params": []} for sql in statements])
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return list(answer["results"])
