"""The figures: what each one prepares and runs, and what it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import (
    apply,
    backfill,
    diff,
    fleet,
    fleet_journal,
    lint,
    load,
    local,
    online,
    rebuild,
    rehearse,
    remote,
    requests,
    start,
    typescript,
    worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.lab import Lab
    from benchmarks.table import Row

FIGURES: dict[str, Callable[[Lab], list[Row]]] = {
    "status": start.status,
    "apply": apply.apply,
    "single": apply.single,
    "no-op": start.no_op,
    "local": local.local,
    "load": load.load,
    "split": load.split,
    "requests": requests.requests,
    "import": remote.imports,
    "lint": lint.lint,
    "linters": lint.linters,
    "rehearse": rehearse.rehearse,
    "worker": worker.worker,
    "typescript": typescript.typescript,
    "diff": diff.diff,
    "rebuild": rebuild.rebuild,
    "backfill": backfill.backfill,
    "online": online.online_rebuild,
    "fleet-files": fleet.files,
    "fleet-d1": fleet.databases,
    "fleet-journal": fleet_journal.fleet_journal,
}
"""The figures by the names that the command line takes."""
