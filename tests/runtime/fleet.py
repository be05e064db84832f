"""A Worker with the Workflow of a fleet inside workerd: its objects, its journal and its instances."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.runtime.workerd import MODULES, ROOT, Server

SERVER = Path(__file__).with_name("fleet_server.mjs")
SOURCE = ROOT / "tests" / "workers" / "typescript" / "fleet"


def project(folder: Path, **replaced: str) -> Path:
    """Return a copy of the project of the fleet, with its generated modules.

    Args:
        folder: where it is created.
        **replaced: settings of d1migrate.toml with other values, as TOML has them.
    """
    shutil.copytree(SOURCE, folder)
    (folder / "node_modules").symlink_to(MODULES, target_is_directory=True)
    path = folder / "d1migrate.toml"
    for key, value in replaced.items():
        lines = [
            f"{key} = {value}" if line.startswith(f"{key} =") else line
            for line in path.read_text().splitlines()
        ]
        path.write_text("\n".join(lines))
    write_modules(folder)
    return folder


def write_modules(folder: Path) -> None:
    """Write the index, the runtime and the Workflow."""
    subprocess.run([sys.executable, "-m", "d1migrate", "index"], cwd=folder, check=True, capture_output=True)


class FleetWorker(Server):
    """One workerd with the Worker of a project.

    Args:
        folder: the project.
        persist: where the SQLite files go.
    """

    def __init__(self, folder: Path, persist: Path) -> None:
        super().__init__(persist)
        self._folder = folder

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        return list(map(str, (SERVER, MODULES, self.persist, self._folder)))

    def post(self, **question: object) -> Any:
        """Ask what fleet_entry.ts answers.

        Raises:
            RuntimeError: the Worker raised.
        """
        _, body = self.ask("/", question)
        answer = json.loads(body)
        if isinstance(answer, dict) and "error" in answer and "status" not in answer:
            raise RuntimeError(answer["error"])
        return answer

    @property
    def journal(self) -> Path:
        """The file of the journal."""
        return self.file("journal")

    def add_tenants(self, *names: str) -> None:
        """Add rows to the application's own table."""
        create = (
            "CREATE TABLE IF NOT EXISTS tenants (name TEXT PRIMARY KEY, active INTEGER NOT NULL DEFAULT 1)"
        )
        self.post(database="DB", sql=create)
        values = ", ".join(f"('{name}')" for name in names)
        self.post(database="DB", sql=f"INSERT INTO tenants (name) VALUES {values}")

    def start_fleet(self, *instances: str, **params: object) -> None:
        """Start instances of the Workflow at once, which ask their journal often."""
        given = {"pollSeconds": 1, "leaseSeconds": 60, **params}
        self.post(create=[{"id": instance, "params": given} for instance in instances])

    def run_fleet(self, instance: str, **params: object) -> dict[str, Any]:
        """Start an instance of the Workflow and return its output.

        Raises:
            RuntimeError: it failed.
        """
        self.start_fleet(instance, **params)
        status = self.result(instance)
        if status.get("error"):
            raise RuntimeError(status["error"]["message"])
        output: dict[str, Any] = status["output"]
        return output

    def result(self, instance: str, seconds: float = 120) -> dict[str, Any]:
        """Wait until an instance has ended, and return its status."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            status: dict[str, Any] = self.post(status=instance)
            if status["status"] in ("complete", "errored", "terminated"):
                return status
            time.sleep(0.2)
        raise TimeoutError(f"{instance}: {status}")

    def runs(self, name: str) -> int:
        """How often the last migration was applied to an object; 0 if the object has no tables."""
        if not self.post(object=name, sql="SELECT name FROM sqlite_schema WHERE name = 'runs'"):
            return 0
        ((count,),) = self.post(object=name, sql="SELECT count(*) FROM runs")
        return int(count)

    def kill(self) -> None:
        """Kill Node and workerd without a chance to end well; `start` starts them on the same files."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._process = None
