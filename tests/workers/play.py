"""Plays a case, checks what it came to, and compares the runtimes."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.migrate import log
from d1migrate.migrate.source import load
from d1migrate.migrate.table import LOG_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.workers.cases import Case
    from tests.workers.runtimes import Outcomes, Runtime


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
    before = _state(case, runtime, database) if "unchanged" in expect else None
    outcomes, queries = _called(case, runtime, database)
    changed = None if before is None else _state(case, runtime, database) != before
    again = None
    if "again" in expect:
        again = _plain(runtime.run(database, case, faults=False)[0][0])
    look = list(map(_plain, runtime.look(database, case)))
    return Played(list(map(_plain, outcomes)), queries, changed, again, look, _state(case, runtime, database))


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


def _state(case: Case, runtime: Runtime, database: str) -> dict[str, Any]:
    """Return the schema and the rows, without tokens and times."""
    (schema,) = runtime.sql(database, [_SCHEMA])
    tables = {name: sql for kind, name, _, sql in schema if kind == "table" and "VIRTUAL" not in sql}
    queries = {name: _rows(name, sql) for name, sql in list(tables.items())[:_MANY] if sql}
    for name in {LOG_TABLE, case.history} & tables.keys():
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
    if "applied_at" in sql:
        key = "version" if "version" in sql else "id" if "id " in sql else "rowid"
        return f'SELECT {key}, name, typeof(applied_at) FROM "{quoted}" ORDER BY 1, 2'
    return f'SELECT * FROM "{quoted}"'


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
    logged = [row for row in after.get(LOG_TABLE, ()) if isinstance(row, dict)]
    found = {
        "history": [str(row[1]).removesuffix(".sql") for row in after.get(case.history, ()) if row[1:]],
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
