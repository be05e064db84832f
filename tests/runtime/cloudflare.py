"""Cloudflare's API for D1, in front of the real D1: what is remote, without a network."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from tests.runtime.workerd import MODULES, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVER = Path(__file__).with_name("cloudflare_server.mjs")
STATES = 4096  # of databases, in one test run: each takes one, and one more for every import and restore


class Traffic(NamedTuple):
    """How many requests there were.

    Attributes:
        requests: all.
        statuses: by HTTP status; "none" if nothing was answered.
        databases: by the id of the database.
        connections: by how many connections they came.
    """

    requests: int
    statuses: Mapping[str, int]
    databases: Mapping[str, int]
    connections: int


class Cloudflare(Server):
    """A REST server on a loopback port, whose databases are D1's own in one workerd.

    `account` is an account, where `token` may do everything and `read_token` may read.

    Args:
        persist: where the files are kept; by default, a temporary directory that `stop` removes.
        states: how many states of databases there can be. 12,000 take a second more to start.
    """

    account = "a" * 32
    token = "edit-token"  # noqa: S105
    read_token = "read-token"  # noqa: S105

    def __init__(self, persist: Path | None = None, states: int = STATES) -> None:
        super().__init__(persist)
        self._states = states
        self._clock, self._advanced = threading.RLock(), 0.0

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        return [str(SERVER), str(MODULES), str(self.persist), str(self._states)]

    def start(self) -> Self:
        """Start workerd and wait until it answers."""
        super().start()
        self._grant()
        return self

    @property
    def origin(self) -> str:
        """Where the server is."""
        assert self._port, "start() first"
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """What the API's own `/client/v4` is."""
        return f"{self.origin}/client/v4"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which wrangler, and all that does as it does, finds the server."""
        return {
            "CLOUDFLARE_ACCOUNT_ID": self.account,
            "CLOUDFLARE_API_BASE_URL": self.base_url,
            "CLOUDFLARE_API_TOKEN": self.token,
        }

    def create(self, name: str, uuid: str | None = None, account: str | None = None) -> str:
        """Make an empty database; its id, which is random if none is given."""
        wanted = {"name": name, "account": account or self.account} | ({"uuid": uuid} if uuid else {})
        made = self._control("/databases", wanted)
        return str(made["uuid"])

    def copies(self, database: str, names: Sequence[str]) -> list[str]:
        """Make databases that hold what this one holds; their ids. Each costs a file until it is used."""
        made: list[str] = self._control("/copies", {"uuid": database, "names": list(names)})
        return made

    def delete(self, database: str) -> None:
        """Delete a database, as somebody else would."""
        self._control("/delete", {"uuid": database})

    def database(self) -> str:
        """The id of a database nobody has used."""
        self._given += 1
        return self.create(f"database-{self._given}")

    def file(self, database: str) -> Path:
        """The SQLite file of a database, until an import or a restore gives it another."""
        return Path(self._control("/file", {"uuid": database})["file"])

    def sql(self, database: str, sql: str) -> list[list[list[Any]]]:
        """Run SQL past the API, which neither fails for a fault nor is logged; the rows of each statement."""
        rows: list[list[list[Any]]] = self._control("/sql", {"uuid": database, "sql": sql})
        return rows

    def faults(self, *faults: Mapping[str, object]) -> None:
        """Have these go wrong from now on, and nothing else; see cloudflare_faults.mjs."""
        self._control("/faults", faults)

    def requests(self) -> list[dict[str, Any]]:
        """What was asked since the start or the last `reset`, oldest first."""
        found: list[dict[str, Any]] = self._control("/requests", {})
        return found

    def traffic(self) -> Traffic:
        """Counts of the same requests, which tell of thousands what `requests` would list."""
        return Traffic(**self._control("/traffic", {}))

    def arrive(self) -> list[int]:
        """Have what the fault "late" held up arrive now; the HTTP statuses that nobody is there to receive."""
        statuses: list[int] = self._control("/late", {})
        return statuses

    def settings(self, **settings: object) -> None:
        """Change what the server does; see SETTINGS in cloudflare_server.mjs."""
        self._control("/settings", settings)

    def advance(self, seconds: float) -> None:
        """Have time go by, on the server's clock and on `now`."""
        with self._clock:
            self._control("/clock", {"advance": seconds})
            self._advanced += seconds  # a request that another thread sends now is not one of the past

    def now(self) -> float:
        """Return the seconds of a clock that goes as the server's does."""
        return time.monotonic() + self._advanced

    def sleep(self, seconds: float) -> None:
        """Have time go by instead of sleeping; threads that sleep at the same time do so together."""
        until = self.now() + seconds
        with self._clock:
            if (left := until - self.now()) > 0:
                self.advance(left)

    def spend(self, count: int, token: str = token) -> None:
        """Count requests that somebody else sends with a token."""
        self._control("/spend", {"token": token, "count": count})

    def grant(
        self, token: str, accounts: Sequence[str], rights: Literal["none", "read", "edit"] = "edit"
    ) -> None:
        """Let a token see these accounts, and use D1 in them."""
        self._control("/tokens", {"token": token, "accounts": list(accounts), "rights": rights})

    def reset(self) -> None:
        """Forget databases, faults, requests, settings, tokens and the time that went by."""
        self._control("/reset", {})
        self._grant()

    def _grant(self) -> None:
        self.grant(self.token, [self.account])
        self.grant(self.read_token, [self.account], "read")

    def _control(self, path: str, question: object) -> Any:
        status, body = self.ask(path, question)
        answer = json.loads(body)
        if status != 200:
            raise ValueError(answer)
        return answer
