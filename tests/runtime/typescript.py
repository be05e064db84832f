"""The TypeScript runtime inside workerd, next to real D1 databases and Durable Objects: what a Worker has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.source import load
from d1migrate.migrate.table import VersionTable
from d1migrate.workers.typescript import runtime_module
from tests.runtime.answers import Answer, InsideError, decoded
from tests.runtime.workerd import DATABASES, MODULES, Server, durable_object_id, node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.table import MigrationsTable

Class: TypeAlias = Literal["Tenant", "Migrating", "KeyValue"]
SERVER = Path(__file__).with_name("typescript_server.mjs")


class Clock(NamedTuple):
    """A clock that stands still, except that each wait for D1 or for `sync()` adds a step.

    Attributes:
        at: milliseconds since 1970.
        step: milliseconds.
    """

    at: int = 1_790_000_000_000
    step: int = 0


class Outcome(NamedTuple):
    """What became of one of several calls at once: one of the two."""

    result: Any = None
    error: InsideError | None = None

    @property
    def results(self) -> list[dict[str, Any]]:
        """What `runMigrations` reports of each migration."""
        found: list[dict[str, Any]] = self.result["results"]
        return found


class TypeScriptWorkerd(Server):
    """One workerd whose Workers run the TypeScript runtime.

    A database is the id of a D1 database, or `CLASS/NAME`, an object. The classes are `Tenant`, `Migrating`,
    whose constructor runs migrations, and `KeyValue`, whose storage is not SQLite.

    Args:
        persist: where the SQLite files go; without it, a temporary directory that `stop` removes.
        isolates: how many Workers share the databases; the objects live in the first.
    """

    def __init__(self, persist: Path | None = None, isolates: int = 2) -> None:
        super().__init__(persist)
        self._isolates, self._objects = isolates, 0

    def arguments(self) -> list[str]:
        """The script that Node runs, and its arguments."""
        runtime = self.persist / "runtime.ts"
        runtime.write_text(runtime_module(), "utf-8")
        return list(map(str, (SERVER, MODULES, self.persist, DATABASES, self._isolates, runtime)))

    def new_object(self, of: Class = "Tenant") -> str:
        """An object nobody has used."""
        self._objects += 1
        return f"{of}/{self._objects}"

    def file(self, database: str) -> Path:
        """The SQLite file of a database or object, which exists once it was used."""
        if "/" not in database:
            return super().file(database)
        of, name = database.split("/")
        key = f"isolate-0-{of}"
        return self.persist / "do" / key / f"{durable_object_id(key, name)}.sqlite"

    def call(self, function: str, *arguments: object, database: str, **options: Any) -> Answer:
        """Await `function(db, *arguments)` inside and return what it returns.

        Args:
            function: an export of the runtime; or a function of typescript_entry.ts.
            *arguments: its arguments after the database, as JSON holds them.
            database: a D1 database or an object.
            **options: see `at_once`.

        Raises:
            InsideError: the function raised.
        """
        (outcome,), calls = self._ask(function, arguments, database, times=1, **options)
        if outcome.error:
            raise outcome.error
        return Answer(outcome.result, calls)

    def at_once(
        self, times: int, function: str, *arguments: object, database: str, **options: Any
    ) -> list[Outcome]:
        """Call a function several times at once in one isolate.

        Args:
            times: how often.
            function: as for `call`.
            *arguments: as for `call`.
            database: as for `call`.
            **options: `shape`, what the function gets as its database, see typescript_entry.ts;
                `faults`, see binding_faults.mjs and storage_faults.mjs; `isolate`, which of the Workers;
                `clock`, a Clock; `construct`, see `constructing`.
        """
        return self._ask(function, arguments, database, times=times, **options)[0]

    def apply(self, database: str, *texts: str) -> None:
        """Apply files with these texts in one call, as an object does at its first event.

        Raises:
            InsideError: a migration failed, or the object was reset.
        """
        files = [(f"{number:03}_file.sql", text) for number, text in enumerate(texts, 1)]
        self.call("runMigrations", compiled(files, choose_table(load(files)).guess), database=database)

    def sql(self, database: str, *statements: str) -> list[list[list[Any]]]:
        """Run statements past d1migrate, each by itself: the rows of each."""
        found: list[list[list[Any]]] = self.call("sql", *statements, database=database).result
        return found

    def abort(self, database: str) -> None:
        """Evict an object from memory."""
        try:
            self.call("abort", database=database)
        except InsideError as error:
            if "evicted by a test" not in error.message:
                raise

    def deploy(self, database: str, construct: Mapping[str, object]) -> None:
        """Let an object of the class Migrating do this in its next constructor, without waking it."""
        self.call("deploy", database=database, construct=construct)

    def kill(self) -> None:
        """Kill Node and workerd without a chance to end well; `start` starts them on the same files."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        self._process = None

    def _ask(
        self,
        function: str,
        arguments: Sequence[object],
        database: str,
        *,
        times: int,
        shape: str = "binding",
        faults: Sequence[Mapping[str, object]] = (),
        isolate: int = 0,
        clock: Clock | None = None,
        construct: Mapping[str, object] | None = None,
    ) -> tuple[list[Outcome], dict[str, int]]:
        question = {
            "call": function,
            "arguments": arguments,
            "database": database,
            "shape": shape,
            "times": times,
            "faults": list(faults),
            "clock": clock._asdict() if clock else None,
            "construct": construct,
        }
        status, body = self.ask(f"/{isolate}", question)
        if status != 200:
            raise RuntimeError(f"{function} was not run: {body.decode()}")
        answer = json.loads(body, object_hook=decoded)
        calls: dict[str, int] = answer["calls"]
        return [
            Outcome(error=InsideError(o["error"], calls)) if "error" in o else Outcome(o["result"])
            for o in answer["outcomes"]
        ], calls


def compiled(files: Iterable[tuple[str, str]], table: MigrationsTable | None = None) -> dict[str, Any]:
    """Return the compiled index of files: what the runtime gets as `migrations`.

    Args:
        files: pairs of name and SQL.
        table: the migrations table; by default `schema_migrations`.
    """
    return compile_index(load(list(files)), table or VersionTable())


def minified(entry: Path) -> bytes:
    """Return a module with all it imports, minified by the esbuild with which wrangler bundles Workers."""
    script = """
      const [modules, entry] = process.argv.slice(1);
      const esbuild = require("module").createRequire(`${modules}/wrangler/`)("esbuild");
      const options = { bundle: true, minify: true, format: "esm", target: "es2024", write: false };
      process.stdout.write(esbuild.buildSync({ ...options, entryPoints: [entry] }).outputFiles[0].text);
    """
    arguments = [node(), "--eval", script, str(MODULES), str(entry)]
    return subprocess.run(arguments, capture_output=True, check=True).stdout


def evaluated(module: Path) -> dict[str, Any]:
    """Return the value of an index that `d1migrate index` wrote as TypeScript."""
    script = "import(process.argv[1]).then(({ default: index }) => console.log(JSON.stringify(index)))"
    command = [node(), "--experimental-strip-types", "--no-warnings", "--eval", script, str(module)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def constructing(
    *arguments: object,
    faults: Sequence[Mapping[str, object]] = (),
    clock: Clock | None = None,
    catch: bool = False,
) -> dict[str, object]:
    """What the constructor of an object of the class Migrating does from the call on that gets this.

    Args:
        *arguments: those of `runMigrations` after the storage.
        faults: see storage_faults.mjs.
        clock: while it runs.
        catch: whether it keeps the error and serves; otherwise it throws.
    """
    frozen = clock._asdict() if clock else None
    return {"arguments": arguments, "faults": list(faults), "clock": frozen, "catch": catch}
