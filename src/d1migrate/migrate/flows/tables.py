"""Record in one migrations table what the other one does: keep the two in step, or move the history.

Which version or name a record gets is decided in `two_tables`. No SQL of a migration runs.
"""

from __future__ import annotations

import json

from d1migrate.errors import HistoryError, UsageError
from d1migrate.migrate import history as h
from d1migrate.migrate import log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.refusals import refuse_open_job, refuse_partial, refuse_problems
from d1migrate.migrate.status import compare, one_sided
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.two_tables import Record, as_names, as_versions
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow


class TableSync(NamedTuple):
    """What is missing in each of two tables that are to record the same.

    Attributes:
        history: the history that was read.
        names: what wrangler's table is to record.
        versions: what the table of versions is to record.
    """

    history: h.History
    names: tuple[Record, ...]
    versions: tuple[Record, ...]

    @property
    def beside(self) -> str:
        """The name of wrangler's table."""
        return self.history.table.beside.name if isinstance(self.history.table, VersionTable) else ""


class HistoryMove(NamedTuple):
    """A move of the history from one table to the other.

    Attributes:
        history: the history that was read, in the table that has it.
        source: that table.
        target: the table that is to have it.
        records: what the target does not record yet.
        copied: (as logged, name) of migrations of which the log has the checksum under another name.
        keeps: whether the source keeps its rows, as wrangler's table does.
        drops: whether the source is dropped.
    """

    history: h.History
    source: MigrationsTable
    target: MigrationsTable
    records: tuple[Record, ...]
    copied: tuple[tuple[log.Event, str], ...]
    keeps: bool
    drops: bool


def plan_sync(migrations: Sequence[Migration], choice: TableChoice) -> Flow[TableSync]:
    """Find out what only one of the two tables records. Writes nothing.

    Raises:
        UsageError: there is one table only.
        HistoryError: a migration cannot be recorded in the other table; or as `read_history`.
    """
    history = yield from read_history(choice)
    refuse_open_job(history)
    refuse_problems(history.problems)
    table = history.table
    if not (isinstance(table, VersionTable) and table.mirrored):
        raise UsageError(
            f"there are no two tables to compare: the history is in {table.name}",
            hint=_MOVE if history.other else None,
        )
    entries = compare(migrations, history)
    refuse_partial(entries)
    here, there = one_sided(history, entries)
    (rows,) = yield Batch((table.beside.rows,), reads=True)
    beside = [row for row in h.recorded(table.beside, rows.rows) if row.name in there]
    known = {row.version: row.name for row in history.applied if row.version is not None}
    names = [Record(e.version, e.name, e.applied) for e in entries if e.applied and e.name in here]
    return TableSync(history, tuple(names), as_versions(beside, (), table, known))


_MOVE = "`d1migrate repair --move-history` moves what another table records"


def sync(found: TableSync, new_stamp: NewStamp, *, reason: str) -> Flow[None]:
    """Record in each table what only the other one does.

    Raises:
        HistoryError: another run changed the history meanwhile. Nothing was recorded.
    """
    table = found.history.table
    assert isinstance(table, VersionTable)  # noqa: S101 - `plan_sync` found it
    stamp = new_stamp()
    recorded = {table.beside.name: _names(found.names), table.name: _names(found.versions)}
    detail = {"reason": reason, "recorded": recorded}
    alone = table._replace(mirrored=False)
    yield from record(
        found.history,
        [
            *_inserts(table.beside, found.names, stamp),
            *_inserts(alone, found.versions, stamp),
            log.record("done", log.Event("sync", detail=json.dumps(detail)), stamp),
        ],
        stamp,
    )


def plan_move(migrations: Sequence[Migration], choice: TableChoice) -> Flow[HistoryMove]:
    """Find out how the table to use records what the other one has. Writes nothing.

    Raises:
        UsageError: the other table has no rows.
        HistoryError: the files record themselves in the other table; a migration cannot be recorded in the
            table to use, or it is unclear as what; or as `read_history`.
    """
    decided = yield from read_history(choice)
    refuse_open_job(decided)
    target = decided.table
    named = choice.wrangler if target.shape == "versions" else choice.versions
    history = yield from read_history(choice._replace(configured=named))
    if history.table.shape == target.shape or not history.applied or (decided.applied and not decided.other):
        raise UsageError(
            f"nothing to move: the history is in {target.name}",
            hint="`table = …` in d1migrate.toml names the table to move it to",
        )
    compared = compare(migrations, history)
    refuse_partial(compared)
    if isinstance(target, VersionTable):
        records = as_versions(history.applied, migrations, target, {})
    else:
        _refuse_recording(migrations, choice, target)
        records = as_names(compared, migrations, history)
    copied = yield from _copied(history, records)
    known = {row.name for row in decided.applied}
    records = tuple(one for one in records if one.name not in known)
    mentioned = any(migration.mentions(history.table.name) for migration in migrations)
    keeps = target.shape == "versions"
    return HistoryMove(
        history, history.table, target, records, copied, keeps, drops=not keeps and not mentioned
    )


def _refuse_recording(migrations: Iterable[Migration], choice: TableChoice, target: NameTable) -> None:
    """Raise HistoryError if files record themselves in the table of versions."""
    if choice.files.recording:
        first = next(one.name for one in migrations if one.mentions(choice.versions))
        raise HistoryError(
            f"files record themselves in {choice.versions}, e.g. {first}: each of them would also have to"
            f" be recorded in {target.name}",
            hint=f'table = "{choice.versions}" keeps the history where it is',
        )


def _copied(history: h.History, records: Iterable[Record]) -> Flow[tuple[tuple[log.Event, str], ...]]:
    """Return the log rows that the other table does not find: it looks them up by another key."""
    if not history.log:
        return ()
    (latest,) = yield Batch((log.latest(history.log),), reads=True)
    newest = dict[int | None, str]()
    for version, name, *_ in sorted(latest.rows, key=lambda row: row[2]):
        newest[version] = name
    by_version = history.table.shape == "versions"
    found = []
    for one in records:
        logged = newest.get(one.version if not by_version else one.row.version)
        if one.row.checksum is not None and logged != one.name:
            event = log.Event("", one.row.version, (logged or "") if by_version else one.row.name)
            found.append((event, one.name))
    return tuple(found)


def move(found: HistoryMove, new_stamp: NewStamp, *, reason: str) -> Flow[None]:
    """Move the history, with the times of its records, in one transaction.

    Raises:
        HistoryError: another run changed the history meanwhile. Nothing was recorded.
    """
    stamp, target = new_stamp(), found.target
    detail = {
        "reason": reason,
        "source": found.source.name,
        "target": target.name,
        "recorded": {target.name: _names(found.records)},
    }
    alone = target._replace(mirrored=False) if isinstance(target, VersionTable) else target
    queries = [Query(target.create), *_inserts(alone, found.records, stamp)]
    for event, name in found.copied:
        queries.append(log.copy(event, name, json.dumps({"reason": reason, "was": event.name}), stamp))
    queries.append(log.record("done", log.Event("move", detail=json.dumps(detail)), stamp))
    if not found.keeps:
        end = f"DROP TABLE {found.source.sql}" if found.drops else f"DELETE FROM {found.source.sql}"
        queries.append(Query(end))
    yield from record(found.history, queries, stamp)


def _inserts(table: MigrationsTable, records: Iterable[Record], stamp: log.Stamp) -> Iterator[Query]:
    for one in records:
        yield from table.insert(one, stamp.at if one.row.applied_at is None else one.row.applied_at)


def _names(records: Iterable[Record]) -> list[str]:
    return [one.name for one in records]
