"""A Worker as wrangler bundles it, running in workerd."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tests.runtime.workerd import DATABASES, MODULES, Server
from tests.runtime.wrangler import command, environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVER = Path(__file__).with_name("bundle_server.mjs")


def bundle(folder: Path, home: Path, *options: str) -> Path:
    """Run `wrangler deploy --dry-run`: the module that it would upload.

    Args:
        folder: of the project; the module is in its `dist`.
        home: for wrangler's own files.
        *options: of wrangler.
    """
    done = subprocess.run(
        command("deploy", "--dry-run", "--outdir", "dist", *options),
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
    """A Worker, with any number of fresh D1 databases, one of which is its `DB` for a request.

    Args:
        module: what wrangler bundled.
        persist: where the SQLite files go; without it, a temporary directory that `stop` removes.
        object_class: a class of SQLite-backed Durable Objects of it; the binding is its name in capitals.
    """

    def __init__(self, module: Path, persist: Path | None = None, *, object_class: str | None = None) -> None:
        super().__init__(persist)
        self._module, self._class = module, object_class

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        found = [*map(str, (SERVER, MODULES, self.persist, self._module, DATABASES))]
        return [*found, self._class] if self._class else found

    def send(
        self,
        database: str,
        method: str,
        url: str,
        *,
        headers: Sequence[Sequence[str]] = (),
        body: str | None = None,
        faults: Sequence[Mapping[str, object]] = (),
        variables: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Send a request to the Worker: `status`, `headers`, `text`, `log`, `body_used`, `calls` of the binding.

        Args:
            database: what `DB` is.
            method: GET or another.
            url: of the request.
            headers: pairs of name and value.
            body: of the request.
            faults: of the binding, see binding_faults.mjs.
            variables: what `env` has besides.
        """
        question = {"method": method, "url": url, "headers": headers, "body": body}
        return self._post({**question, "database": database, "faults": faults, "vars": variables or {}})

    def fetch(self, path: str) -> Any:
        """Read a page of the Worker on the first database: the JSON of its answer."""
        answer = self.send("d1-0", "GET", f"https://app.example{path}")
        assert answer["status"] == 200, answer
        return json.loads(answer["text"])

    def execute(self, database: str, sql: str) -> None:
        """Run a statement past the Worker."""
        self._post({"sql": sql, "database": database})

    def _post(self, question: Mapping[str, object]) -> dict[str, Any]:
        status, body = self.ask("/", question)
        assert status == 200, body.decode()
        return cast("dict[str, Any]", json.loads(body))
