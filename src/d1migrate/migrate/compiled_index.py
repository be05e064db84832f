"""Migrations compiled for a runtime without a planner: split, checked, hashed and planned at build time.

The runtime, in TypeScript, reads the history, compares it, and sends batches. What a batch contains is not
written a second time: it is planned here, once for each state that a migrations table can be in, with
stand-ins for what is known only at run time. Such a plan is a *layout*; a migration has its own statements
and what the log stores about it.
"""

from __future__ import annotations

import json
from itertools import product

from d1migrate.errors import SourceError
from d1migrate.migrate import assertions, log
from d1migrate.migrate import compiled_queries as queries
from d1migrate.migrate import history as h
from d1migrate.migrate.apply_error import ADVICE
from d1migrate.migrate.assertions import HistoryState
from d1migrate.migrate.compiled_jobs import compiled_job, job_patterns
from d1migrate.migrate.compiled_messages import messages
from d1migrate.migrate.compiled_texts import Texts
from d1migrate.migrate.jobs.job import READ
from d1migrate.migrate.jobs.pace import NO_BUDGET, Pace
from d1migrate.migrate.migration import LARGE, NOTHING, Migration
from d1migrate.migrate.plan import Step, StepQueries, plan_up
from d1migrate.migrate.squash import every_replaced
from d1migrate.migrate.table import LOG_TABLE, MAX_VERSION, NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, VersionState
from d1migrate.migrate.up_to_date import INDEX, index_digest, notes_query
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.sha256 import sha256
from d1migrate.sql import d1, deferred_keys, durable_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_state import TableState
    from d1migrate.sql.batch import Query

FORMAT = 1
"""The format of the value; a runtime refuses any other."""


class _Moment(NamedTuple):
    """The stand-ins for the values of a run, and the names under which the runtime knows them."""

    stamp: log.Stamp
    step: Step
    names: Mapping[str, str]


def compile_index(
    migrations: Sequence[Migration],
    table: MigrationsTable,
    schemas: Mapping[str, Mapping[str, str | None]] = {},
    *,
    in_objects: bool = False,
    budget: int | None = None,
) -> dict[str, Any]:
    """Return migrations as a value of JSON, for the runtime.

    Args:
        migrations: the files, in wrangler's order.
        table: the migrations table of a database without a history.
        schemas: {name: what it changes, as `schema.text_digest.changes` returns it}, for `verifySchema`; a
            schema that begins with a migration it lacks is not compared.
        in_objects: whether the index is for a class of Durable Objects, which no command can change.
        budget: the most entries that a chunk of a job may write; None for the default: that of D1, and no
            limit in objects.

    Returns:
        The value; the same for the same migrations. `queries` and `reads` read the history, `setup` creates
        it, `layouts` has a layout for each state of the table, `migrations` what each adds to it. `digest`
        identifies the migrations, `seal` everything; `notes` are those of a step for the log, and of the one
        that completes the index in an object.

    Raises:
        LimitExceeded, SourceError: a file cannot be applied at all, or not in a Worker: it has more than
            1 MiB.
    """
    for migration in migrations:
        _refuse_large(migration, in_objects=in_objects)
    plan = plan_up(migrations, h.History(table=table, rows=_empty(table)))
    digest = index_digest(migrations)
    texts, variants = Texts(), dict(_variants(table))
    states = {name: (variant, _some(variant)) for name, variant in variants.items()}
    layouts = _layouts(table, variants, texts)
    compiled = [_compiled(step, table, schemas.get(step.name)) for step in plan.steps]
    pace = Pace(budget=budget or (NO_BUDGET if in_objects else DEFAULT_BUDGET))
    for entry, step in zip(compiled, plan.steps, strict=True):
        if step.job:
            entry["job"] = compiled_job(step, states, texts, pace)
    has_jobs = any(step.job for step in plan.steps)
    value: dict[str, Any] = {
        "format": FORMAT,
        "table": _described(table),
        "digest": digest,
        "notes": [_NOTES, log.with_notes(_NOTES, {INDEX: digest})],
        "nothing": NOTHING,
        "queries": _queries(table),
        "messages": messages(migrations, table, in_objects=in_objects),
        "advice": [[known for known in advice if known] for advice in ADVICE],
        "patterns": _patterns() | (job_patterns() if has_jobs else {}),
        "setup": {table.name: table.create, LOG_TABLE: log.CREATE},
        "texts": texts.listed(),
        **layouts,
        "migrations": compiled,
    }
    return {**value, "seal": seal(value)}


def seal(value: Mapping[str, Any]) -> str:
    """Return the sha256 of a compiled index without its seal, as the runtime computes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _refuse_large(migration: Migration, *, in_objects: bool) -> None:
    if migration.is_large or migration.size > LARGE:
        if error := migration.not_utf8:
            raise error
        raise SourceError(
            f"{migration.file} has {migration.size} bytes: the index of a Worker holds files up to {LARGE}",
            hint="split it, or let the object's own code load the rows"
            if in_objects
            else "split it; or apply it with `d1migrate up`, and leave the migrations to the command line",
            rule="P111",
        )


def _described(table: MigrationsTable) -> dict[str, str]:
    """Return the names of the tables: that of the migrations, and the one that may hold them instead."""
    return {"shape": table.shape, "name": table.name, "other": _other(table).name}


def _other(table: MigrationsTable) -> MigrationsTable:
    return table.beside if isinstance(table, VersionTable) else VersionTable()


def _queries(table: MigrationsTable) -> dict[str, str]:
    """Return the queries that the runtime knows by these names."""
    return {
        "state": queries.state(table),
        "verdict": queries.verdict(table, _other(table).name),
        "done": log.done_by("").sql,
        "orphans": deferred_keys.ORPHANS.sql,
        "deferrable": deferred_keys.DEFERRABLE.sql,
        "newestNotes": notes_query(table).sql,
        "job": READ.sql,
    }


def _patterns() -> dict[str, str]:
    """Return regular expressions of errors: a refusal, too much for D1, another runner was faster."""
    races = (assertions.ALREADY_APPLIED, assertions.CHANGED_MEANWHILE)
    refusal = f"{d1.refusal_pattern()}|^{durable_object.LOCKED}"
    return {"refusal": refusal, "overload": d1.OVERLOADED, "races": "|".join(races)}


def _layouts(table: MigrationsTable, variants: Mapping[str, MigrationsTable], texts: Texts) -> dict[str, Any]:
    """Return `usual`; and `reads` and `layouts`, whose queries share many texts."""
    usual, *_ = variants
    reads = {f"{one} {digits}": _reads(variants[one], digits, texts) for one, digits in _states(table)}
    layouts = {name: _layout(one, texts) for name, one in variants.items()}
    return {"usual": usual, "reads": reads, "layouts": layouts}


def _states(table: MigrationsTable) -> Iterator[tuple[str, str]]:
    """Yield the answers of the verdict that leave something to read: a layout, and which tables exist."""
    for own, other, log_ in product("01", repeat=3):
        digits = f"{own}{other}{log_}"
        if digits == "000":
            continue
        if isinstance(table, NameTable):
            yield "counted", digits
            if own == "1":
                yield "uncounted", digits
        elif other == "1":
            yield "beside", digits
        else:
            yield "alone", digits
            yield "alike", digits


def _reads(table: MigrationsTable, digits: str, texts: Texts) -> list[list[Any]]:
    """Return the queries of a history: rows, problem, other rows, sides, partial, head, whether a token is.

    Args:
        table: the migrations table, in its state.
        digits: whether the migrations table, the other one and the log exist.
        texts: the texts of the index.
    """
    own, second, logged = (digit == "1" for digit in digits)
    other, no = _other(table), queries.NOTHING
    read = (
        (queries.applied(table, logged=logged) if own else no["rows"],),
        (queries.problem_of_rows(table) if isinstance(table, NameTable) and own else no["problem"],),
        (queries.applied(other, logged=False) if second else no["rows"],),
        (queries.one_sided(table, other.name), "files") if own and second else (no["sides"],),
        (queries.partial(table) if logged else no["rows"],),
        (queries.head() if logged else no["rows"],),
        (log.done_by("").sql, "token") if logged else (no["done"],),
    )
    return [texts.planned(sql, *names) for sql, *names in read]


def _variants(table: MigrationsTable) -> Iterator[tuple[str, MigrationsTable]]:
    """Yield the states that a migrations table can be in, and what the runtime calls them."""
    if isinstance(table, NameTable):
        yield "counted", table
        yield "uncounted", table._replace(counted=False)
        return
    beside = table._replace(exists=True)
    yield "alone", table
    yield "alike", table._replace(named_alike=True)
    yield "beside", beside
    yield "mirrored", beside._replace(mirrored=True)


def _layout(table: MigrationsTable, texts: Texts) -> dict[str, Any]:
    """Return the layout of a table in one state.

    `first` is what precedes the statements of a run's first migration, and `later` those of the others;
    `last` is what follows them, and `full` what follows those that could change the history.
    """
    harmless = Migration(_VERSION, _NAME, "")
    touching = Migration(_VERSION, _NAME, f"DELETE FROM {table.sql};")
    before = HistoryState(table, _some(table), "\0head")
    moment = _moment(before, harmless)

    def compiled(batch: Sequence[Query]) -> list[list[Any]]:
        return texts.queries(batch, moment.names)

    def planned(script: Migration, *, first: bool) -> StepQueries:
        step = moment.step._replace(script=script)
        return StepQueries(step, before, (), moment.stamp, first=first, opens=True)

    return {
        "first": compiled(planned(harmless, first=True).opening),
        "later": compiled(planned(harmless, first=False).opening),
        "last": compiled(planned(harmless, first=False).closing),
        "full": compiled(planned(touching, first=False).closing),
    }


_VERSION, _NAME = 7_000_001, "\0name"
_NOTES = log.with_notes(None, {"lint": False})  # a Worker does not lint


def _moment(before: HistoryState, script: Migration) -> _Moment:
    """Return stand-ins that no migration has."""
    stamp = log.Stamp("\0token", 253_402_300_799, "\0who", "\0tool", "\0restore point")
    event = log.Event(
        action="up",
        version=_VERSION,
        name=_NAME,
        checksum="\0checksum",
        rollback_sql="\0rollback",
        rollback_digest="\0rollback digest",
        detail=_NOTES,
        file_digest="\0digest",
    )
    step = Step("up", _VERSION, _NAME, script, 0, event, completes="\0index")
    after = step.after(before, stamp.token)
    names = {
        stamp.token: "token",
        str(stamp.at): "at",
        stamp.who: "who",
        stamp.tool: "tool",
        "\0restore point": "restorePoint",
        str(_VERSION): "version",
        _NAME: "name",
        f"{_NAME}.sql": "file",
        "\0checksum": "checksum",
        "\0rollback": "rollback",
        "\0rollback digest": "rollbackDigest",
        step.done.detail or "": "notes",
        "\0digest": "digest",
    }
    for when, state in (("before", before), ("after", after)):
        names[f"{state.rows.expected(full=False)} {state.head}"] = when
        names[f"{state.rows.expected(full=True)} {state.head}"] = f"{when}Full"
    return _Moment(stamp, step, names)


def _empty(table: MigrationsTable) -> TableState:
    return VersionState() if isinstance(table, VersionTable) else NameState()


def _some(table: MigrationsTable) -> TableState:
    """Return a state whose text is not that of any other, whole or not."""
    counter = 31 if getattr(table, "counted", True) else None
    names = NameState(((29, "\0old.sql"),), counter)
    if isinstance(table, NameTable):
        return names
    beside = names if table.exists else None
    return VersionState.of([3, 5], beside, mirrored=table.mirrored)


def _compiled(step: Step, table: MigrationsTable, schema: Mapping[str, str | None] | None) -> dict[str, Any]:
    """Return a migration: what the log stores about it, its statements with their lines, and its schema."""
    migration, event = step.script, step.event
    assert isinstance(migration, Migration)  # noqa: S101 - the plan of an `up`
    statements = list(migration.statements())
    replaces = [file.name for file in every_replaced(migration)]
    alike = isinstance(table, VersionTable) and migration.creates(table.beside.name)
    value = {
        "name": step.name,
        "version": step.version if abs(step.version or 0) <= MAX_VERSION else None,
        "checksum": event.checksum,
        "digest": event.file_digest,
        "rollback": event.rollback_sql,
        "rollbackDigest": event.rollback_digest,
        "full": migration.touches(table),
        "alike": alike,
        "replaces": replaces,
        "defers": next((at for at, one in enumerate(statements) if deferred_keys.defers(one.sql)), None),
        "drops": any(deferred_keys.drops(statement.sql) for statement in statements),
        "lines": [statement.line for statement in statements],
        "sql": [statement.sql for statement in statements],
    }
    needed = ("name", "version", "checksum", "lines", "sql")
    # An empty rollback is one, that of a file without a statement; and a statement may be the first.
    found = {k: v for k, v in value.items() if k in needed or not (v is None or v is False or v == [])}
    return found if schema is None else {**found, "schema": _digests(schema)}


def _digests(schema: Mapping[str, str | None]) -> list[str]:
    """Return what a migration changes, as "DIGEST KIND NAME"; `-` is the digest of what it drops."""
    return [f"{known or '-'} {key}" for key, known in sorted(schema.items())]
