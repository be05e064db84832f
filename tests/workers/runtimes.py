"""What plays a case: `d1migrate.workers` in Python, and the runtime in TypeScript, each inside workerd."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from d1migrate.errors import Error
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable
from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.migrate.table import Shape
    from tests.runtime.pyodide import PyodideWorkerd
    from tests.runtime.typescript import TypeScriptWorkerd
    from tests.workers.cases import Case, Target

Outcomes: TypeAlias = "list[dict[str, Any]]"
"""What became of each of several calls: {"result": …} or {"error": {"type", "message", "attributes"}}."""


class Runtime(Protocol):
    """What plays cases."""

    name: str

    def open(self, target: Target) -> str:
        """Return a database that nobody has used."""

    def prepare(self, database: str, case: Case) -> None:
        """Do what came before."""

    def run(self, database: str, case: Case, *, faults: bool, isolate: int = 0) -> tuple[Outcomes, int]:
        """Make the calls: what became of them, and the number of queries."""

    def look(self, database: str, case: Case) -> Outcomes:
        """Ask for the current migration, its number, and what is pending."""

    def sql(self, database: str, statements: Sequence[str]) -> list[list[list[Any]]]:
        """Return the rows of each statement."""


class PythonRuntime:
    """`d1migrate.workers` in Pyodide."""

    name = "python"

    def __init__(self, workerd: PyodideWorkerd) -> None:
        self._workerd, self._objects = workerd, 0

    def open(self, target: Target) -> str:
        """Return a database that nobody has used."""
        if target == "d1":
            return self._workerd.database()
        self._objects += 1
        return f"object/{self._objects}"

    def prepare(self, database: str, case: Case) -> None:
        """Do what came before."""
        self._call("prepare", database, steps=case.before, table=case.table, named=case.named)

    def run(self, database: str, case: Case, *, faults: bool, isolate: int = 0) -> tuple[Outcomes, int]:
        """Make the calls."""
        data = case.data
        answer = self._call(
            "run",
            database,
            faults=data.get("faults", ()) if faults else (),
            isolate=isolate,
            env=data.get("instead") == "env",
            files=case.files,
            table=case.table,
            named=case.named,
            options=data.get("options", {}),
            times=data.get("times", 1) // data.get("isolates", 1) if faults else 1,
            instead=data.get("instead") if faults else None,
        )
        return answer.result, _queries(answer.calls)

    def look(self, database: str, case: Case) -> Outcomes:
        """Ask what can be asked."""
        found: Outcomes = self._call(
            "look", database, files=case.files, table=case.table, named=case.named
        ).result
        return found

    def sql(self, database: str, statements: Sequence[str]) -> list[list[list[Any]]]:
        """Return the rows of each statement."""
        rows: list[list[list[Any]]] = self._call("sql", database, statements=statements).result
        return rows

    def _call(self, function: str, database: str, **arguments: Any) -> Any:
        where: dict[str, Any] = (
            {"object": database} if "/" in database else {"database": database, "shape": "sdk"}
        )
        return self._workerd.call(f"cases:{function}", **where, **arguments)


class TypeScriptRuntime:
    """The runtime in TypeScript, with an index that is compiled here."""

    name = "typescript"

    def __init__(self, workerd: TypeScriptWorkerd) -> None:
        self._workerd = workerd

    def open(self, target: Target) -> str:
        """Return a database that nobody has used."""
        return self._workerd.database() if target == "d1" else self._workerd.new_object()

    def prepare(self, database: str, case: Case) -> None:
        """Do what came before."""
        for step in case.before:
            if isinstance(step, str):
                self._workerd.sql(database, step)
            else:
                index = _compiled(tuple(step), case.table, case.named)
                self._workerd.call("runMigrations", index, database=database)

    def run(self, database: str, case: Case, *, faults: bool, isolate: int = 0) -> tuple[Outcomes, int]:
        """Make the calls; an index that cannot be compiled is refused like one that cannot be parsed."""
        data = case.data
        try:
            index = _compiled(tuple(case.files), case.table, case.named)
        except Error as error:
            return [{"error": _described(error)}], 0
        for path, value in data.get("edit", {}).items():
            index = _edited(index, path.split("."), value)
        options = {_camel(name): value for name, value in data.get("options", {}).items()}
        how: dict[str, Any] = {"database": database, "isolate": isolate}
        if not faults:
            return self._migrated(index, options, **how)
        how |= {"faults": data.get("faults", ()), "shape": data.get("instead", "binding")}
        times = data.get("times", 1) // data.get("isolates", 1)
        if times == 1:
            return self._migrated(index, options, **how)
        found = self._workerd.at_once(times, "runMigrations", index, options, **how)
        outcomes = [
            {"error": _described(one.error)} if one.error else {"result": one.results} for one in found
        ]
        return outcomes, 0

    def look(self, database: str, case: Case) -> Outcomes:
        """Ask what can be asked."""
        compiled: list[Any] = []
        try:
            compiled = [_compiled(tuple(case.files), case.table, case.named)]
        except Error as error:
            pending = {"error": _described(error)}
        else:
            pending = self._called("getPending", *compiled, database=database)[0][0]
        # Without the index, the two find a table with one of the usual names.
        given = compiled if case.named else []
        current = [self._called(f"getCurrent{of}", *given, database=database)[0][0] for of in ("", "Version")]
        return [*current, pending]

    def sql(self, database: str, statements: Sequence[str]) -> list[list[list[Any]]]:
        """Return the rows of each statement."""
        return self._workerd.sql(database, *statements)

    def _migrated(self, *arguments: object, **how: Any) -> tuple[Outcomes, int]:
        (outcome,), queries = self._called("runMigrations", *arguments, **how)
        if "result" in outcome:
            outcome = {"result": outcome["result"]["results"]}
        return [outcome], queries

    def _called(self, function: str, *arguments: object, **how: Any) -> tuple[Outcomes, int]:
        try:
            answer = self._workerd.call(function, *arguments, **how)
        except InsideError as error:
            return [{"error": _described(error)}], _queries(error.calls)
        return [{"result": answer.result}], _queries(answer.calls)


@cache
def _compiled(files: tuple[tuple[str, str], ...], table: Shape, named: str | None) -> dict[str, Any]:
    kind = VersionTable if table == "versions" else NameTable
    return compile_index(load(files), kind(named) if named else kind())


def _edited(value: Any, path: Sequence[str], new: Any) -> Any:
    """Return a value of JSON in which one is another."""
    if not path:
        return new
    if isinstance(value, list):
        return [
            _edited(one, path[1:], new) if place == int(path[0]) else one for place, one in enumerate(value)
        ]
    return {**value, path[0]: _edited(value.get(path[0]), path[1:], new)}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def _queries(calls: Mapping[str, int]) -> int:
    return sum(calls.get(kind, 0) for kind in ("batch", "statement", "exec"))


def _described(error: Exception) -> dict[str, Any]:
    """Return an error as the runtimes describe it."""
    if isinstance(error, InsideError):
        return {"type": error.type, "message": error.message, "attributes": error.attributes}
    return {"type": type(error).__name__, "message": str(error), "attributes": vars(error)}
