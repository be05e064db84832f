"""A Worker as wrangler bundles it, running in workerd."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.runtime.workerd import MODULES, Server
from tests.runtime.wrangler import command, environment

SERVER = Path(__file__).with_name("bundle_server.mjs")


def bundle(folder: Path, home: Path) -> Path:
    """Run `wrangler deploy --dry-run`: the module that it would upload.

    Args:
        folder: of the project; the module is in its `dist`.
        home: for wrangler's own files.
    """
    done = subprocess.run(
        command("deploy", "--dry-run", "--outdir", "dist"),
        cwd=folder,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "WARNING" not in output
    return folder / "dist" / "index.js"


class Bundle(Server):
    """A Worker with a D1 database as `DB`, and the class `Tenant` as `TENANT`.

    Args:
        module: what wrangler bundled.
        persist: where the SQLite files go; without it, a temporary directory that `stop` removes.
    """

    def __init__(self, module: Path, persist: Path | None = None) -> None:
        super().__init__(persist)
        self._module = module

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        return [*map(str, (SERVER, MODULES, self.persist, self._module))]

    def fetch(self, path: str) -> Any:
        """Send a request to the Worker: the JSON of its answer."""
        status, body = self.ask(path, None)
        assert status == 200, body.decode()
        return json.loads(body)
