"""Jobs compiled for a runtime without a planner: their batches, with stand-ins for what only a run has.

A batch migration needs nothing but its file and the job's row, so all of its SQL is known. An online rebuild
is derived from the live schema; such a migration runs as one batch, or waits for the command line.
"""

from __future__ import annotations

import json

from d1migrate.migrate import assertions, log
from d1migrate.migrate.history import History
from d1migrate.migrate.jobs import batches, job
from d1migrate.migrate.jobs.kinds import work_of
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import LOG_TABLE, MAX_VERSION
from d1migrate.schema.rebuild_checks import OVER_BUDGET
from d1migrate.sql import d1
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from d1migrate.migrate.compiled_texts import Texts
    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.jobs.pace import Pace
    from d1migrate.migrate.plan import Step
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_state import TableState

    States = Mapping[str, tuple[MigrationsTable, TableState]]
    """Each state of the migrations table, by its name in the index, with rows as stand-ins."""

_CANCELLED = f"{job.MOVED}cancelled"
_STATES = ("running", "filled")


def job_patterns() -> dict[str, str]:
    """Return regular expressions of what the database answers, for an index that has a job."""
    return {
        "large": f"{job.TOO_MANY}|{OVER_BUDGET}",
        "exists": job.EXISTS,
        "cancelled": _CANCELLED,
        "moved": f"{job.MISSING}|{job.MOVED}",
        "elsewhere": assertions.ALREADY_APPLIED,
        "overloaded": d1.OVERLOADED,
    }


def compiled_job(step: Step, states: States, texts: Texts, pace: Pace) -> dict[str, Any]:
    """Return the job of a migration that declares one.

    Args:
        step: the migration.
        states: the states of the migrations table.
        texts: the texts of the index.
        pace: the limits of a chunk.

    Returns:
        Its `kind`. Of a batch also: `directive`; `pause`, the ratio; `fits`, the assertion before the file
        runs as one transaction; and the batches of the job: `begin` and `end` for each state of the
        migrations table, `chunks` for each state of the job, `close` if the migration was recorded elsewhere,
        and `resize`.

    Raises:
        SourceError: its statement cannot run in chunks.
    """
    migration, directive = step.script, step.job
    if directive is None or not isinstance(migration, Migration) or directive.kind == "online":
        return {"kind": "online"}
    from d1migrate.migrate.jobs.batch import fits

    plans = _Plans(migration, directive, texts)
    endings = {state: plans.work.ending(plans.job(state)) for state in _STATES}
    last = next(state for state in _STATES if endings[state].closes)
    any_table = next(iter(states.values()))[0]
    return {
        "kind": directive.kind,
        "directive": directive.text,
        "pause": f"{directive.pause:g}",  # as text: JavaScript writes 1.0 as 1, and the seal would differ
        "fits": texts.query(fits(directive), {}),
        "begin": {name: plans.begin(*state, pace) for name, state in states.items()},
        "chunks": {state: plans.chunk(any_table, state) for state in _STATES if state != last},
        "end": {name: plans.chunk(table, last) for name, (table, _) in states.items()},
        "close": texts.queries(batches.close(plans.job(""), (), stamp=_STAMP).queries, plans.names),
        "resize": texts.queries(batches.resize(plans.job(""), _SIZE).queries, plans.names),
    }


_STAMP = log.Stamp("\0token", 253_402_300_799, "\0who", "\0tool")
_JOB, _HEAD, _ROWS, _CHUNKS, _SIZE = "\0job", "\0head", 7_000_003, 7_000_005, 7_000_007


class _Plans:
    """The batches of one job, as the planner plans them, with stand-ins.

    Attributes:
        work: what the job does.
        names: the names that the runtime uses for the stand-ins.
    """

    def __init__(self, migration: Migration, directive: JobDirective, texts: Texts) -> None:
        self.work = work_of(migration)
        self._migration, self._directive, self._texts = migration, directive, texts
        event = log.event_of("up", migration)
        counted = {"rows": _ROWS, "chunks": _CHUNKS}
        known = {
            migration.name: "name",
            f"{migration.name}.sql": "file",
            event.checksum: "checksum",
            event.rollback_sql: "rollback",
            event.rollback_digest: "rollbackDigest",
            event.file_digest: "digest",
            _STAMP.token: "token",
            str(_STAMP.at): "at",
            _STAMP.who: "who",
            _STAMP.tool: "tool",
            _JOB: "job",
            str(_SIZE): "size",
            json.dumps(counted): "detail",
            json.dumps({"applied": "elsewhere", **counted}): "elsewhere",
        }
        if abs(migration.version or 0) <= MAX_VERSION:
            known[str(migration.version)] = "version"
        self.names = {value: name for value, name in known.items() if value is not None}

    def job(self, state: str) -> job.Job:
        """Return a stand-in for the row of the job."""
        migration, directive = self._migration, self._directive
        file = (migration.name, migration.version, directive.kind, directive.text, migration.checksum)
        progress = (None, None, None, 1, 1, _ROWS, _CHUNKS, 0, 0, "")
        return job.Job.of((*file, _JOB, state, False, directive.table, *progress))

    def begin(self, table: MigrationsTable, rows: TableState, pace: Pace) -> list[list[Any]]:
        """Return the batch that opens the job; its last query reads the row."""
        history = History(table=table, rows=rows, head=_HEAD)
        batch = batches.begin(self._migration, self._directive, history, self.work, stamp=_STAMP, pace=pace)
        first, *rest = batch.queries
        names = {**self.names, f"{rows.expected(full=True)} {_HEAD}": "beforeFull"}
        queries = [first, _assert_not_cancelled(table, self._migration), *rest, job.READ]
        return self._texts.queries(queries, names)

    def chunk(self, table: MigrationsTable, state: str) -> list[list[Any]]:
        """Return the chunk in a state of the job."""
        row = self.job(state)
        batch = batches.chunk(
            row,
            table,
            self.work.chunk(row),
            self.work.ending(row),
            backlog=self.work.backlog,
            migration=self._migration,
            stamp=_STAMP,
            size=_SIZE,
        )
        return self._texts.queries(batch.queries, self.names)


def _assert_not_cancelled(table: MigrationsTable, migration: Migration) -> Query:
    """Abort the batch if somebody cancelled the job: only the command line begins it again."""
    newest = f"(SELECT action FROM {LOG_TABLE} WHERE {table.column} = ?1 ORDER BY id DESC LIMIT 1)"
    message = quote_literal(_CANCELLED)
    key = migration.version if table.column == "version" else migration.name
    return Query(
        f"SELECT json_extract('{{}}', {message}) WHERE {newest} = {quote_literal(log.CANCEL)}", (str(key),)
    )
