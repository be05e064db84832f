"""Processes that work on the journal of a fleet, and are killed or find the disk full at a chosen moment."""

from __future__ import annotations

import itertools
import os
import sys
import time
import traceback
from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.errors import UnavailableError
from d1migrate.fleet.journal import Journal, new_owner, open_journal
from d1migrate.fleet.model import Finished
from d1migrate.fleet.tenant import Tenant
from d1migrate.project.waves import read_waves
from tests.crash.killed import FAILED, Disk, filler, killer

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.fleet.model import Run

WAVES = read_waves(("1", "rest"), ("0", "10%"))


def tenants(count: int) -> list[tuple[Tenant, int]]:
    """Tenants, the first of which is the first wave."""
    names = [f"tenant-{number}" for number in range(count)]
    return [(Tenant(f"id-{name}", name, f"d1:{name}"), min(place, 1)) for place, name in enumerate(names)]


def begin(journal: Journal, count: int) -> Run:
    """Begin a run, or go on with it."""
    journal.create()
    run = journal.begin("digest", "003_notes", WAVES, "anna")
    if not run.is_sealed:
        journal.add(run, tenants(count))
        journal.seal(run)
    return run


def work(journal: Journal, count: int, *, trace: Path | None = None, owner: str | None = None) -> None:
    """Do what is left of a run of `count` tenants; append each one that is migrated to the trace."""
    run, owner = begin(journal, count), owner or new_owner()
    while True:
        claim = journal.claim(run, owner, 4, 600)
        for tenant in claim.tenants:
            if trace:
                time.sleep(0.002)
                with trace.open("a") as lines:
                    lines.write(f"{tenant.id}\n")
        if claim.tenants:
            journal.finish(
                run, owner, [Finished(tenant.id, "done", "003_notes", 1) for tenant in claim.tenants]
            )
        elif claim.state == "running" and trace:
            time.sleep(0.05)  # others hold the rest
        else:
            return


def _cut(path: str, count: int, where: str, moment: int) -> int:
    disk = Disk(killer(moment) if where == "disk" else filler(moment))
    assert disk  # kept as long as files are open
    journal = open_journal(f"sqlite:{path}", "tenants")
    try:
        work(journal, count)
    except UnavailableError:
        return FAILED
    if where == "disk":  # otherwise APSW would raise what SQLite knows how to ignore
        journal.close()
    return 0


def _cut_everywhere(folder: str, count: int, where: str) -> None:
    """Leave the file of a run that was cut at each moment; the last one is the first that was not."""
    for moment in itertools.count():
        child = os.fork()
        if child == 0:
            try:
                os._exit(_cut(f"{folder}/{moment}.sqlite", count, where, moment))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        if os.waitstatus_to_exitcode(status) in (0, 1):
            return


if __name__ == "__main__":
    if sys.argv[1] == "cut":
        _cut_everywhere(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        from pathlib import Path

        with closing(open_journal(f"sqlite:{sys.argv[2]}", "tenants")) as opened:
            status = opened.status()
            if status and status.run.state == "done":
                sys.exit()  # started late: a second run is not what is tested
            work(opened, int(sys.argv[3]), trace=Path(sys.argv[4]), owner=str(os.getpid()))
