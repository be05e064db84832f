"""The table of cases that every runtime is held to, `cases.json`, and how one of them is played.

A case: files are applied to a database; what came before, what goes wrong meanwhile, and what is expected.

    name      what happens, as a sentence
    why       if the sentence does not say it
    table     the shape of the migrations table; without it, the case is played with either
    on        "d1" or "object"; without it, on both
    runtime   the only runtime that can be called like this, and `why`
    files     the migrations of the index: keys of `files` of the table, or {name: SQL}
    before    steps, each the SQL of a statement, or files that are applied
    options   of the call
    times     how many calls there are at once, over how many `isolates`
    faults    see binding_faults.mjs and storage_faults.mjs
    instead   what is passed instead of the database
    edit      what is edited in the compiled index: {path: value}
    expect    see `check`
    differs   {what: why} of what is not compared between the runtimes

A value of `expect` may be one for each table, target or runtime: {"d1": 1, "object": 2}.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from d1migrate.errors import Error
from d1migrate.migrate import log
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.source import load
from d1migrate.migrate.table import LOG_TABLE, VERSIONS, WRANGLER, NameTable, VersionTable
from tests.runtime.pyodide import InsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.migrate.table import Shape
    from tests.runtime.pyodide import PyodideWorkerd
    from tests.runtime.typescript import TypeScriptWorkerd

Target: TypeAlias = Literal["d1", "object"]
Outcomes: TypeAlias = "list[dict[str, Any]]"
TABLES: tuple[Shape, ...] = ("versions", "names")
TARGETS: tuple[Target, ...] = ("d1", "object")
CASES = Path(__file__).with_name("cases.json")


class Case(NamedTuple):
    """A case, with one table and on one target."""

    name: str
    table: Shape
    target: Target
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name in a test run."""
        return f"{self.name}, {self.table}, {self.target}"

    @property
    def files(self) -> list[tuple[str, str]]:
        """The files of the index."""
        return expanded(self.data["files"])

    @property
    def before(self) -> list[str | list[tuple[str, str]]]:
        """What came before."""
        steps = self.chosen(self.data.get("before", ()))
        return [step if isinstance(step, str) else expanded(step) for step in map(self.chosen, steps)]

    def expected(self, what: str, runtime: str) -> Any:
        """Return what is expected; None if nothing is."""
        return self.chosen(self.data["expect"].get(what), runtime)

    def chosen(self, value: Any, runtime: str = "") -> Any:
        """Return the value for the table, the target and the runtime."""
        return _chosen(value, {self.table, self.target, runtime})


def _chosen(value: Any, ours: set[str]) -> Any:
    while isinstance(value, dict) and value and value.keys() <= _CHOICES:
        value = next((one for key, one in value.items() if key in ours), None)
    return {key: _chosen(one, ours) for key, one in value.items()} if isinstance(value, dict) else value


_CHOICES = {*TABLES, *TARGETS, "python", "typescript"}


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CASES.read_text("utf-8"))
    return found


def cases() -> Iterator[Case]:
    """Yield every case with each table and on each target that it is for."""
    for data in _table()["cases"]:
        tables = [data["table"]] if "table" in data else TABLES
        targets = [data["on"]] if "on" in data else TARGETS
        for table, target in product(tables, targets):
            yield Case(data["name"], table, target, data)


def expanded(files: Sequence[str | Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (name, SQL) of files: keys of the table's `files`, {name: SQL}, or {"count": N, name: SQL}."""
    found: list[tuple[str, str]] = []
    for file in files:
        if isinstance(file, str):
            found.append((f"{file}.sql", _table()["files"][file]))
            continue
        named = [(name, sql) for name, sql in file.items() if name != "count"]
        for n in range(1, file.get("count", 1) + 1):
            found += [
                (f"{name.replace('#', f'{n:03}')}.sql", sql.replace("#", f"{n}")) for name, sql in named
            ]
    return found


class Runtime(Protocol):
    """What plays cases: `d1migrate.workers` in Python, or the runtime in TypeScript."""

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
        self._call("prepare", database, steps=case.before, table=case.table)

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
            options=data.get("options", {}),
            times=data.get("times", 1) // data.get("isolates", 1) if faults else 1,
            instead=data.get("instead") if faults else None,
        )
        return answer.result, _queries(answer.calls)

    def look(self, database: str, case: Case) -> Outcomes:
        """Ask what can be asked."""
        found: Outcomes = self._call("look", database, files=case.files, table=case.table).result
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
                self._workerd.call("runMigrations", _compiled(tuple(step), case.table), database=database)

    def run(self, database: str, case: Case, *, faults: bool, isolate: int = 0) -> tuple[Outcomes, int]:
        """Make the calls; an index that cannot be compiled is refused like one that cannot be parsed."""
        data = case.data
        try:
            index = _compiled(tuple(case.files), case.table)
        except Error as error:
            return [{"error": _described(error)}], 0
        for path, value in data.get("edit", {}).items():
            index = _edited(index, path.split("."), value)
        options = {_camel(name): value for name, value in data.get("options", {}).items()}
        how: dict[str, Any] = {"database": database, "isolate": isolate}
        if not faults:
            return self._called("runMigrations", index, options, **how)
        how |= {"faults": data.get("faults", ()), "shape": data.get("instead", "binding")}
        times = data.get("times", 1) // data.get("isolates", 1)
        if times == 1:
            return self._called("runMigrations", index, options, **how)
        found = self._workerd.at_once(times, "runMigrations", index, options, **how)
        return [{"error": _described(one.error)} if one.error else {"result": one.result} for one in found], 0

    def look(self, database: str, case: Case) -> Outcomes:
        """Ask what can be asked."""
        outcomes = [self._called(f"getCurrent{what}", database=database)[0][0] for what in ("", "Version")]
        try:
            index = _compiled(tuple(case.files), case.table)
        except Error as error:
            return [*outcomes, {"error": _described(error)}]
        return [*outcomes, self._called("getPending", index, database=database)[0][0]]

    def sql(self, database: str, statements: Sequence[str]) -> list[list[list[Any]]]:
        """Return the rows of each statement."""
        return self._workerd.sql(database, *statements)

    def _called(self, function: str, *arguments: object, **how: Any) -> tuple[Outcomes, int]:
        try:
            answer = self._workerd.call(function, *arguments, **how)
        except InsideError as error:
            return [{"error": _described(error)}], _queries(error.calls)
        return [{"result": answer.result}], _queries(answer.calls)


@cache
def _compiled(files: tuple[tuple[str, str], ...], table: Shape) -> dict[str, Any]:
    return compile_index(load(files), VersionTable() if table == "versions" else NameTable())


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


# --- play ---


class Played(NamedTuple):
    """What a case came to.

    Attributes:
        outcomes: what became of each call.
        queries: how many queries they took.
        changed: whether they changed the database.
        again: what became of one more call, if the case has one.
        look: what can be read at the end, each in turn.
        state: all that is in the database at the end.
    """

    outcomes: Outcomes
    queries: int
    changed: bool | None
    again: dict[str, Any] | None
    look: Outcomes
    state: Mapping[str, Any]


def play(case: Case, runtime: Runtime) -> Played:
    """Play a case on a database of its own."""
    database, expect = runtime.open(case.target), case.data["expect"]
    if case.before:
        runtime.prepare(database, case)
    before = _state(runtime, database) if "unchanged" in expect else None
    outcomes, queries = _called(case, runtime, database)
    changed = None if before is None else _state(runtime, database) != before
    again = None
    if "again" in expect:
        again = _plain(runtime.run(database, case, faults=False)[0][0])
    look = list(map(_plain, runtime.look(database, case)))
    return Played(list(map(_plain, outcomes)), queries, changed, again, look, _state(runtime, database))


def _called(case: Case, runtime: Runtime, database: str) -> tuple[Outcomes, int]:
    isolates = range(case.data.get("isolates", 1))
    with ThreadPoolExecutor(len(isolates)) as pool:
        found = list(pool.map(lambda n: runtime.run(database, case, faults=True, isolate=n), isolates))
    return [one for outcomes, _ in found for one in outcomes], sum(queries for _, queries in found)


_FIELDS = ("names", "migration", "file", "line", "statement", "applied", "pending", "unknown", "reason")


def _plain(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome as both runtimes have it: steps as lists, an error as its fields."""
    if error := outcome.get("error"):
        fields = {name: error["attributes"].get(name) for name in _FIELDS}
        known = {name: value for name, value in fields.items() if value not in (None, [], False)}
        head = re.sub("reference = [a-z0-9]+", "reference = …", error["message"].partition("\n")[0])
        return {
            "error": {"type": error["type"], "message": head, "hint": error["attributes"]["hint"], **known}
        }
    result = outcome["result"]
    if isinstance(result, list) and result and not isinstance(result[0], str):
        steps = [list(step.values()) if isinstance(step, dict) else step for step in result]
        return {"steps": [step[:6] for step in steps]}
    return {"result": result}


_SCHEMA = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    " WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name"
)
_COLUMNS = (
    "event action version name checksum file_digest rollback_digest rollback_sql detail restore_point who tool format"
).split()
_LOG = (
    f"SELECT (SELECT min(id) FROM {LOG_TABLE} o WHERE o.token = l.token), typeof(at), {', '.join(_COLUMNS)}"
    f" FROM {LOG_TABLE} l ORDER BY id"
)
"""The rows of the log: instead of tokens, the number of the first row with the same one."""
_MANY = 30


def _state(runtime: Runtime, database: str) -> dict[str, Any]:
    """Return the schema and the rows, without tokens and times."""
    (schema,) = runtime.sql(database, [_SCHEMA])
    tables = {name: sql for kind, name, _, sql in schema if kind == "table" and "VIRTUAL" not in sql}
    queries = {name: _rows(name, sql) for name, sql in list(tables.items())[:_MANY] if sql}
    for name in {LOG_TABLE, VERSIONS, WRANGLER} & tables.keys():
        queries[name] = _rows(name, tables[name])
    rows = runtime.sql(database, list(queries.values())) if queries else []
    found = {"schema": schema, **dict(zip(queries, rows, strict=True))}
    if queries.get(LOG_TABLE) == _LOG:
        names = ["token", "at", *_COLUMNS]
        found[LOG_TABLE] = [dict(zip(names, row, strict=True)) for row in found[LOG_TABLE]]
    return found


def _rows(table: str, sql: str) -> str:
    if table == LOG_TABLE and "file_digest" in sql:
        return _LOG
    quoted = table.replace('"', '""')
    if table in (VERSIONS, WRANGLER) and "applied_at" in sql:
        key = "version" if "version" in sql else "id" if "id " in sql else "rowid"
        return f'SELECT {key}, name, typeof(applied_at) FROM "{quoted}" ORDER BY 1, 2'
    return f'SELECT * FROM "{quoted}"'


# --- check ---


def check(case: Case, runtime: str, played: Played) -> None:
    """Check what a case came to, with one runtime.

    `expect` has, each if it matters, and those from `history` on about the end:

        steps      ["up 001_a", …], in order; of several calls at once, those of all of them
        error      the class, message and fields of the error; a field that is not named is not checked
        errors     how many of several calls fail with it
        again      the steps of one more call, without faults
        queries    how many queries the calls take
        unchanged  whether the calls left the database as it was
        history    the names in the migrations table, in its order
        log        what is done, as the log has it: "up 001_a"
        current, version, pending   what can be read then
        rows       {table: its rows}
    """

    def expected(what: str) -> Any:
        return case.expected(what, runtime)

    errors = [one["error"] for one in played.outcomes if "error" in one]
    if expected("error") is None:
        assert not errors, errors
    else:
        assert len(errors) == (expected("errors") or len(played.outcomes)), played.outcomes
        for error in errors:
            assert error == error | expected("error")
    if (steps := expected("steps")) is not None:
        assert _steps(played.outcomes, at_once=case.data.get("times", 1) > 1) == steps
    if (again := expected("again")) is not None:
        assert _steps([played.again or {}]) == again, played.again
    if (queries := expected("queries")) is not None:
        assert played.queries == queries
    assert not (expected("unchanged") and played.changed), played.state
    _check_state(case, runtime, played)


def _steps(outcomes: Outcomes, *, at_once: bool = False) -> list[str]:
    """Return what was done; of several calls at once, what each of them says that it did itself."""
    steps = [f"{action} {name}" for one in outcomes for _, name, action, *_ in one.get("steps", ())]
    if not at_once:
        return steps
    assert {step.rpartition(" ")[0] for step in steps} <= {"up", "applied meanwhile"}
    return sorted(step for step in steps if step.startswith("up "))


def _check_state(case: Case, runtime: str, played: Played) -> None:
    after, expect = played.state, case.data["expect"]
    table = VERSIONS if case.table == "versions" else WRANGLER
    logged = [row for row in after.get(LOG_TABLE, ()) if isinstance(row, dict)]
    found = {
        "history": [str(row[1]).removesuffix(".sql") for row in after.get(table, ()) if row[1:]],
        "log": [f"{row['action']} {row['name']}" for row in logged if row["event"] == "done"],
        "current": played.look[0].get("result"),
        "version": played.look[1].get("result"),
        "pending": played.look[2].get("result"),
        "rows": {name: after.get(name) for name in expect.get("rows", ())},
    }
    for what, value in found.items():
        if what in expect and (wanted := case.expected(what, runtime)) is not None:
            assert value == wanted, what
    _check_log(case, logged)


def _check_log(case: Case, rows: Sequence[Mapping[str, Any]]) -> None:
    """Check that what a run logged is what Python computes, and that each `begun` is followed by its `done`."""
    if case.data.get("before"):
        return  # other files may have had these names
    events = {migration.name: log.event_of("up", migration) for migration in load(case.files)}
    for row in rows:
        known: dict[str, Any] = events[row["name"]]._asdict()
        known |= {"version": row["version"], "detail": row["detail"]}  # D1 has no number above 2^53
        if row["event"] == "begun":
            known |= {"file_digest": None, "rollback_sql": None}
        assert row == dict(row) | known
    for begun, done in zip(rows[::2], rows[1::2], strict=True):
        assert [begun["event"], done["event"]] == ["begun", "done"]
        assert [begun["token"], begun["name"]] == [done["token"], done["name"]]


def differences(case: Case, one: Played, other: Played) -> list[str]:
    """Return in what two runtimes differ, without what the case allows.

    They read a history in different ways, so the number of queries is only what `expect` has of it.
    """
    allowed = {"queries": "", **case.data.get("differs", {})}
    return [
        f"{'.'.join(path)}: {ours!r}, {theirs!r}"
        for path, ours, theirs in _unequal(one._asdict(), other._asdict(), ())
        if not allowed.keys() & set(path)
    ]


def _unequal(one: Any, other: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield where two values differ, as deep inside as possible."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from _unequal(one.get(key), other.get(key), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (ours, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _unequal(ours, theirs, (*path, str(place)))
    elif one != other:
        yield path, one, other
