"""Plays a scenario twice, with Python and with TypeScript, each on a database of its own, and compares the two.

Python's side is the flow of a Worker over the embedded engine, which says which query of a batch failed only in
objects, as D1 does not. TypeScript's side is real: D1, or an object, on a copy of the file that the engine wrote.
"""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from d1migrate import workers
from d1migrate.drivers.binding import error_of
from d1migrate.drivers.run import arun, run
from d1migrate.errors import Error, QueryError, UsageError
from d1migrate.lint.replay.replayer import schemas_after
from d1migrate.migrate.compiled_index import compile_index
from d1migrate.migrate.flows.ensure import ensure, read_pending
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.verify import verify_by_digests
from d1migrate.migrate.order import number_of
from d1migrate.migrate.source import load
from d1migrate.migrate.table import LOG_TABLE, MAX_VERSION
from d1migrate.migrate.table_choice import Suggestion
from d1migrate.schema import digest, text_digest
from tests.runtime.answers import InsideError
from tests.workers.typescript.past import Past, Stamps, Step, choice_of, empty_database
from tests.workers.typescript.scenarios import smaller

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from d1migrate.drivers.sqlite import SqliteDriver
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.sql.batch import Batch, Result
    from tests.runtime.typescript import TypeScriptWorkerd
    from tests.workers.typescript.scenarios import Call, Fault, Scenario


class Difference(NamedTuple):
    """In what the two runtimes differ, and at which call."""

    what: str
    at: int
    python: Any
    typescript: Any


def difference(
    scenario: Scenario, workerd: TypeScriptWorkerd, *, in_object: bool = False
) -> Difference | None:
    """Play a scenario; return in what the runtimes first differ, or None.

    Args:
        scenario: the scenario.
        workerd: where TypeScript runs.
        in_object: whether the database is a Durable Object's, and not a D1 database.
    """
    database = empty_database()
    past = Past(scenario.table, database)
    for step in scenario.steps:
        past.do(step)
    place = workerd.new_object() if in_object else workerd.database()
    file = workerd.file(place)
    file.parent.mkdir(parents=True, exist_ok=True)
    database.copy_to(str(file))
    one = Python(database, scenario.table, in_object=in_object)
    other = TypeScript(workerd, place, scenario.table)
    with closing(database):
        for at, call in enumerate(scenario.calls):
            if not call.files:  # no index is deployed without a file
                continue
            try:
                other.deploy(call)
            except Error:  # the compiler refuses the files
                continue
            for what, ours, theirs in _compared(one, other, call):
                if ours is _NOT_COMPARED or _is_accepted(ours, theirs):
                    return None
                if ours != theirs:
                    return Difference(what, at, ours, theirs)
    return None


def shrunk(
    scenario: Scenario, found: Difference, workerd: TypeScriptWorkerd, *, in_object: bool, tries: int = 200
) -> tuple[Scenario, Difference]:
    """Return a smaller scenario in which the runtimes differ in the same."""
    while True:
        for less in islice(smaller(scenario), tries):
            tries -= 1
            again = difference(less, workerd, in_object=in_object)
            if again and again.what == found.what:
                scenario, found = less, again
                break
        else:
            return scenario, found


_NOT_COMPARED = object()


def _compared(one: Python, other: TypeScript, call: Call) -> Iterator[tuple[str, Any, Any]]:
    """Yield what is compared after a call."""
    ours, queries = one.run(call)
    theirs, their_queries = other.run(call, one.others)
    if call.fault and their_queries < queries:  # it met another query
        yield "outcome", _NOT_COMPARED, theirs
    if queries != their_queries and isinstance(ours, list) and isinstance(theirs, list):
        # Another run may have been between two reads, so that only one of them saw the history before it.
        ours, theirs = ([step for step in steps if step[2] == "up"] for steps in (ours, theirs))
        queries = max(queries, their_queries) if call.fault else queries
    yield "outcome", *_of_keys(ours, theirs)
    yield "state", one.state(), other.state()
    # In a table that neither wrangler nor d1migrate created, Python looks more than once.
    yield "queries", max(queries, their_queries), queries
    looks = one.looks(call)
    for (what, look), seen in zip(looks.items(), other.look(call, list(looks)), strict=True):
        yield what, *_without_sides(look, seen)


def _without_sides(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Return two looks without the problems that Python does not see if a file has the content of another one."""
    if isinstance(theirs, dict) and any(state == "renamed" for *_, state in theirs.get("entries", ())):
        return tuple({**one, "problems": [], "ok": False} for one in (ours, theirs))  # type: ignore[return-value]
    return ours, theirs


def _of_keys(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Return two outcomes without what differs if a foreign key is violated when the engine commits."""
    if isinstance(ours, dict) and "FOREIGN KEY" in ours["message"] and isinstance(theirs, dict):
        place = {"message", "file", "line", "statement", "hint"}
        return tuple({k: v for k, v in one.items() if k not in place} for one in (ours, theirs))  # type: ignore[return-value]
    return ours, theirs


def _is_accepted(ours: Any, theirs: Any) -> bool:
    """Whether the runtimes may differ: so that the runtime stays small, or since the engine is not D1."""
    if ours == theirs or not isinstance(theirs, dict) or "type" not in theirs:
        return False
    said = theirs["message"]
    if any(text in said for text in _ACCEPTED):
        return True
    if not isinstance(ours, dict):  # what an object asks first needs all columns of the log
        return "the table d1migrate_log is not d1migrate's" in said
    sides = said.startswith("only ") and (ours["message"].startswith("only ") or "renamed" in ours["message"])
    names = " can be " in ours["message"]  # Python also counts what is applied and has no file
    character = ours == {**theirs, "hint": ours["hint"]} and " contains a U+" in str(ours["hint"])
    limit = "Unfinished" in (ours["type"], theirs["type"])  # after other numbers of queries
    return sides or names or character or limit


_ACCEPTED = (
    "the log is that of an older d1migrate",
    "was not created by wrangler",
    "it has no `id INTEGER PRIMARY KEY`",
    "expected (version INTEGER PRIMARY KEY",  # for an index of versions, Python also takes a table of names
    " is the history of ",  # Python ignores an empty one
    "internal error; reference = ",  # workerd says so of a violation when it commits
)


# --- Python ---

_FIELDS = ("names", "migration", "file", "line", "statement", "applied", "pending", "unknown", "reason")
_LOST = "Network connection lost."


_ARGUMENTS = {"wrangler": 1}
"""Of the actions that happen in the middle of a call."""


class Python:
    """`d1migrate.workers` on the embedded engine.

    Attributes:
        others: what was written in the middle of the last call by others: batches of [SQL, value…].
    """

    def __init__(self, driver: SqliteDriver, table: MigrationsTable, *, in_object: bool) -> None:
        self._driver, self._table, self._choice = driver, table, choice_of(table)
        self._in_object, self._stamps = in_object, Stamps("worker")
        self.others: list[list[list[Any]]] = []

    def run(self, call: Call) -> tuple[Any, int]:
        """Call `run_migrations`: what became of it, and the number of queries."""
        self.others = []

        def others() -> None:
            assert call.fault
            recorder = _Recorder(self._driver, self.others)
            Past(self._table, recorder).do(Step(call.fault.what, call.files, _ARGUMENTS.get(call.fault.what)))

        driver = _LikeD1(self._driver, call.fault, others, in_object=self._in_object)
        try:
            return self._results(call, driver), driver.count
        except Error as error:
            return _described(error), driver.count

    def _results(self, call: Call, driver: _LikeD1) -> Any:
        if call.max_queries < workers._FEWEST:
            raise UsageError(f"maxQueries={call.max_queries}: a migration takes {workers._FEWEST}")
        migrations = load(call.files)
        flow = ensure(
            migrations,
            self._choice,
            self._stamps,
            to=call.to,
            accept_newer=call.accept_newer,
            notes_index=self._in_object,
        )
        limited = driver if self._in_object else workers._Invocation(driver, call.max_queries, 1e9)
        report = _finished(arun(flow, limited))
        found = [[_exact(step.version), step.name, step.action, step.statements] for step in report.results]
        # Python reports it twice if another run rolled it back in between.
        return [step for at, step in enumerate(found) if step not in found[:at]]

    def looks(self, call: Call) -> dict[str, Any]:
        """What can be read, by the names of the runtime's functions."""
        choice = self._choice._replace(files=Suggestion(recording=None))
        looks: dict[str, Callable[[], Any]] = {
            "getCurrent": lambda: _name(run(read_history(choice), self._driver).current),
            "getCurrentVersion": lambda: float(run(read_history(choice), self._driver).current_version or 0),
            "verifySchema": lambda: self._verified(call),
            "getPending": lambda: list(run(read_pending(load(call.files), self._choice), self._driver)),
        }
        return {name: _looked(look) for name, look in looks.items()}

    def _verified(self, call: Call) -> dict[str, Any]:
        migrations = load(call.files)
        schemas = digest.changes_of_each(schemas_after(migrations, self._table))
        found = run(verify_by_digests(migrations, self._choice, schemas), self._driver)
        return {
            "entries": [[_exact(entry.version), entry.name, entry.state] for entry in found.entries],
            "gaps": [] if _are_large(call) else list(found.gaps),
            "differences": sorted([one.kind, one.name, one.problem] for one in found.differences),
            "notCompared": found.not_compared,
            "problems": [[one.kind, one.name] for one in found.problems],
            "ok": found.ok,
            "current": found.current,
            "currentVersion": _exact(found.current_version),
            "pending": list(found.pending),
        }

    def state(self) -> dict[str, Any]:
        """All that is in the database."""
        assert self._driver._writer
        return _state(self._driver._writer._connection)


def _name(applied: Any) -> Any:
    return applied and applied.name


def _looked(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except Error as error:
        return _described(error)


def _are_large(call: Call) -> bool:
    """Whether a number is larger than the runtime knows."""
    return any(abs(number_of(name) or 0) > MAX_VERSION for name, _ in call.files)


def _exact(version: int | None) -> int | None:
    return version if version is not None and abs(version) <= MAX_VERSION else None


class _Recorder:
    """A Driver that notes what is written."""

    def __init__(self, driver: SqliteDriver, written: list[list[list[Any]]]) -> None:
        self.url, self.capabilities = driver.url, driver.capabilities
        self._driver, self._written = driver, written

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        answer = self._driver.batch(batch)
        if not batch.reads:  # the tokens that assertions compare are others in the other database
            queries = [query for query in batch.queries if not query.assertion]
            self._written.append([[query.sql, *query.params] for query in queries])
        return answer

    def close(self) -> None:
        """The database stays open."""


class _LikeD1:
    """An AsyncDriver that counts the batches, fails as D1 does, and says which query failed only in an object.

    Args:
        driver: the database.
        fault: what happens to a batch, or None.
        others: does what happens before it.
        in_object: whether it is an object's.
    """

    url = "sqlite::memory:"

    def __init__(
        self, driver: SqliteDriver, fault: Fault | None, others: Callable[[], None], *, in_object: bool
    ) -> None:
        self._driver, self._in_object, self.count = driver, in_object, 0
        self._fault, self._others = fault, others

    async def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        what = self._fault.what if self._fault and self._fault.at == self.count else None
        self.count += 1
        if self._fault and what and not self._fault.is_of_d1:
            what = None
            self._others()
        lost = error_of(_LOST, reads=batch.reads)
        if what == "throw before":
            raise lost
        try:
            answer = self._driver.batch(batch)
        except QueryError as error:
            if what:
                raise lost from error
            raise error if self._in_object else QueryError(str(error)) from error
        if what:
            raise lost
        return answer


def _finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def _described(error: Error) -> dict[str, Any]:
    fields = {name: getattr(error, name, None) for name in _FIELDS}
    return _error(type(error).__name__, str(error), error.hint, fields)


def _error(kind: str, message: str, hint: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Return an error as both have it: without the lines of the file, and how a damaged value is shown."""
    known = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    known = {name: value for name, value in known.items() if value not in (None, [], False)}
    head = message.partition("\n")[0].partition(" is damaged: ")[0]
    return {"type": kind, "message": head, "hint": hint or None, **known}


# --- TypeScript ---


class TypeScript:
    """The runtime, on D1 or in an object."""

    def __init__(self, workerd: TypeScriptWorkerd, place: str, table: MigrationsTable) -> None:
        self._workerd, self._place, self._table = workerd, place, table
        self._index: dict[str, Any] = {}

    def deploy(self, call: Call) -> None:
        """Compile the index."""
        migrations = load(call.files)
        schemas = digest.changes_of_each(schemas_after(migrations, self._table), text_digest.changes)
        self._index = compile_index(migrations, self._table, schemas)

    def run(self, call: Call, others: list[list[list[Any]]]) -> tuple[Any, int]:
        """Call `runMigrations`: what became of it, and the number of queries.

        Args:
            call: the call.
            others: what is written in the middle of it.
        """
        options = {"acceptNewer": call.accept_newer, "maxQueries": call.max_queries, "by": "worker"}
        options |= {} if call.to is None else {"to": call.to}
        faults: list[dict[str, Any]] = []
        if call.fault:
            what = call.fault.what if call.fault.is_of_d1 else "others first"
            faults = [{"batch": call.fault.at, "do": what, "batches": others}]
        try:
            answer = self._workerd.call(
                "runMigrations", self._index, options, database=self._place, faults=faults
            )
        except InsideError as error:
            return _described_inside(error), error.calls.get("batch", 0)
        keys = ("version", "name", "action", "statements")
        return [[step[key] for key in keys] for step in answer.results], answer.calls.get("batch", 0)

    def look(self, call: Call, functions: list[str]) -> list[Any]:
        """Call functions that read."""
        found = self._workerd.call("each", functions, self._index, database=self._place).result
        return [
            _described_inside(InsideError(one["error"], {}))
            if "error" in one
            else _verdict(call, one["result"])
            for one in found
        ]

    def state(self) -> dict[str, Any]:
        """All that is in the database."""
        file = str(self._workerd.file(self._place))
        with closing(apsw.Connection(file, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            return _state(connection)


def _verdict(call: Call, found: Any) -> Any:
    """Return what `verifySchema` returned, as Python's side has it; what other functions return stays as it is."""
    if not isinstance(found, dict):
        return found
    return {
        **found,
        "entries": [[_exact(one["version"]), one["name"], one["state"]] for one in found["entries"]],
        "gaps": [] if _are_large(call) else found["gaps"],
        "differences": sorted([one["kind"], one["name"], one["problem"]] for one in found["differences"]),
        "problems": [[one["kind"], one["name"]] for one in found["problems"]],
        "currentVersion": _exact(found["currentVersion"]),
    }


def _described_inside(error: InsideError) -> dict[str, Any]:
    fields = {name: error.attributes.get(name) for name in _FIELDS}
    return _error(error.type, error.message, error.attributes.get("hint"), fields)


# --- what is in the databases ---


def _state(connection: apsw.Connection) -> dict[str, Any]:
    """Return the schema and all rows, without tokens and times."""
    sql = r"SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE '\_cf\_%' ESCAPE '\' ORDER BY 1, 2"
    schema = list(connection.execute(sql))
    names = [name for kind, name, _, sql in schema if kind == "table" and "VIRTUAL" not in sql]
    return {"schema": schema, **{name: _rows(connection, name) for name in names}}


def _rows(connection: apsw.Connection, table: str) -> list[Any]:
    quoted = table.replace('"', '""')
    rows = list(connection.execute(f'SELECT * FROM "{quoted}"'))
    if table == "sqlite_stat1":  # in any order, and with the tables of the platform
        return sorted((row for row in rows if row[0] != "_cf_METADATA"), key=repr)
    columns = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    tokens: dict[Any, int] = {}
    return [_masked(table, dict(zip(columns, row, strict=True)), tokens) for row in rows]


def _masked(table: str, row: dict[str, Any], tokens: dict[Any, int]) -> dict[str, Any]:
    times = {name: type(value).__name__ for name, value in row.items() if name.lower() == "applied_at"}
    if table != LOG_TABLE or row.get("who") != "worker":
        return row | times
    token = tokens.setdefault(row["token"], len(tokens))
    return row | {"token": token, "at": type(row["at"]).__name__, "tool": ""}
