"""Processes that migrate a fleet of files, and are killed or find the disk full at a chosen moment."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import traceback
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from d1migrate.cli.interrupts import Interrupts
from d1migrate.drivers import cloudflare
from d1migrate.errors import UnavailableError
from d1migrate.fleet import claim_loop
from d1migrate.fleet.claim_loop import Hooks
from d1migrate.fleet.inventory import inventory
from d1migrate.fleet.journal import open_journal
from d1migrate.fleet.plan import FleetPlan
from d1migrate.fleet.runner import run_fleet
from d1migrate.fleet.tenant_drivers import TenantDrivers
from d1migrate.fleet.waves import with_waves
from d1migrate.project.config import load
from d1migrate.project.files import load_migrations
from tests.crash.killed import FAILED, Disk, Wire, filler, killer
from tests.runtime import tenants

if TYPE_CHECKING:
    from d1migrate.fleet.run_values import FleetReport

INTERRUPTED = 130


def make(folder: Path, count: int) -> list[Path]:
    """Make a project with a fleet at the second of three migrations; the files of the tenants."""
    tenants.write(folder / "migrations", 3)
    original = tenants.template(folder / "original.db", tenants.write(folder / "two", 2))
    text = '[fleet.tenants]\ndatabases = "sqlite:data/**/*.db"\nstop = ["9", "9"]\nwaves = ["1", "rest"]\n'
    (folder / "d1migrate.toml").write_text(text)
    return tenants.copies(original, folder / "data", count)


def up(folder: Path, hooks: Hooks = Hooks()) -> FleetReport:  # noqa: B008
    """Migrate the fleet of a folder, or go on with that."""
    os.chdir(folder)
    config = load(str(folder), {}, {})
    (settings,) = config.fleets
    plan = FleetPlan(load_migrations(str(folder / "migrations")), by="me")
    with closing(open_journal(settings.journal, "tenants")) as journal:
        journal.create()
        listed = with_waves(inventory(config, settings), settings)
        with closing(TenantDrivers()) as drivers:
            return run_fleet(journal, settings, plan, listed, drivers, hooks=hooks)


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def hooks(self) -> Hooks:
        """Return hooks with this clock."""
        return Hooks(now=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def _cut(folder: Path, where: str, moment: int) -> int:
    if where == "request":
        cloudflare.Api = partial(cloudflare.Api, transport=Wire(killer(moment)))  # type: ignore[assignment,misc]
    else:
        disk = Disk(killer(moment) if where == "disk" else filler(moment))
        assert disk  # kept as long as files are open
    try:
        up(folder, Clock().hooks())
    except UnavailableError:
        return FAILED
    except apsw.FullError:  # of closing: SQLite ignores it, but APSW raises it
        return FAILED
    return 0


def _cut_everywhere(project: Path, folder: Path, where: str, step: int) -> None:
    """Leave a copy of the project, cut at each moment; the last one is the first that was not."""
    for moment in itertools.count(0, step):
        copy = folder / str(moment)
        if not copy.exists():
            shutil.copytree(project, copy)
        child = os.fork()
        if child == 0:
            try:
                os._exit(_cut(copy, where, moment))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        _, status = os.waitpid(child, 0)
        print(moment, os.waitstatus_to_exitcode(status), flush=True)
        if os.waitstatus_to_exitcode(status) in (0, 1):
            return


def _work(folder: Path) -> int:
    """Work as the command line does, with short leases; print the report."""
    claim_loop.LEASE_OF_FILE = 1
    print("begun", flush=True)
    with Interrupts() as interrupted:
        found = up(folder, Hooks(interrupted=interrupted))
    print(json.dumps(found._replace(problems=())._asdict()), flush=True)
    return INTERRUPTED if found.ended == "interrupted" else 0


if __name__ == "__main__":
    if sys.argv[1] == "cut":
        _cut_everywhere(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        sys.exit(_work(Path(sys.argv[2])))
