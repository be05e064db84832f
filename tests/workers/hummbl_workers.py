"""HUMMBL's Workers, in Python and in TypeScript, as the tests ask them: the same routes, the same answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from d1migrate import StepResult
from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from tests.runtime.bundle import Bundle
    from tests.runtime.pyodide import PyodideWorkerd, Shape

TOKEN = "0123456789abcdefghijklmnopqrstuv"  # noqa: S105 - as short as one may be
ALWAYS = {"content-type": "application/json", "cache-control": "no-store"}
TYPESCRIPT = ["-c", "wrangler.typescript.jsonc"]


class Reply(NamedTuple):
    """What came back, what went to the log, and what was asked of the binding."""

    status: int
    headers: dict[str, str]
    text: str
    log: str
    body_used: bool
    calls: dict[str, int]

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class Host(Protocol):
    """A runtime with one of the Workers in it. `fields` are those of a migration in an answer."""

    fields: tuple[str, ...]

    def database(self) -> str:
        """A fresh database."""

    def send(
        self, database: str, method: str, url: str, headers: list[list[str]], variables: Any, **options: Any
    ) -> Reply:
        """Send a request."""

    def execute(self, database: str, sql: str) -> None:
        """Change a database by hand."""


class InPython:
    """The Python Worker, in one version of Python and with one shape of `env.DB`."""

    fields: tuple[str, ...] = StepResult._fields

    def __init__(self, workerd: PyodideWorkerd, shape: Shape) -> None:
        self._workerd, self._shape = workerd, shape
        self.database = workerd.database
        files = {path.name: path.read_text("utf-8") for path in (ROOT / "workers" / "src").glob("*.py")}
        workerd.call("hummbl:install", database=workerd.database(), files=files)

    def send(
        self, database: str, method: str, url: str, headers: list[list[str]], variables: Any, **options: Any
    ) -> Reply:
        """Send a request; `max_queries` and `more` of `hummbl:fetch` are options, too."""
        answer = self._workerd.call(
            "hummbl:fetch", database=database, shape=self._shape, env=True, vars=variables,
            method=method, url=url, headers=headers, **options,
        )  # fmt: skip
        result = {name: answer.result[name] for name in Reply._fields if name != "calls"}
        return Reply(**result, calls=answer.calls)

    def execute(self, database: str, sql: str) -> None:
        """Change a database by hand."""
        self._workerd.call("hummbl:execute", database=database, sql=sql)


class InTypeScript:
    """The TypeScript Worker, as wrangler bundles it."""

    fields: tuple[str, ...] = ("version", "name", "action", "statements", "rowsRead", "rowsWritten")

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.database, self.execute = bundle.database, bundle.execute

    def send(
        self, database: str, method: str, url: str, headers: list[list[str]], variables: Any, **options: Any
    ) -> Reply:
        """Send a request."""
        return Reply(
            **self._bundle.send(database, method, url, headers=headers, variables=variables, **options)
        )


class Worker:
    """A Worker with a fresh database; `variables` are the attributes of `env` beside DB."""

    def __init__(self, host: Host) -> None:
        self._host, self.fields = host, host.fields
        self.database = host.database()
        self.variables: dict[str, Any] = {"ADMIN_TOKEN": TOKEN}

    def ask(self, method: str, path: str, *authorization: str, **options: Any) -> Reply:
        """Send a request, with an Authorization header for each value; `body` and `faults` are options."""
        headers = [["Authorization", value] for value in authorization]
        url = f"https://hummbl.example{path}"
        found = self._host.send(self.database, method, url, headers, self.variables, **options)
        assert found.headers.items() >= ALWAYS.items()
        return found

    def migrate(self, **options: Any) -> Reply:
        """Send the right request."""
        return self.ask("POST", "/admin/migrate", f"Bearer {TOKEN}", **options)

    def execute(self, sql: str) -> None:
        """Change the database by hand."""
        self._host.execute(self.database, sql)
