"""Finding out which files a database already has, and recording those that are proved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import HistoryError
from d1migrate.migrate import assertions
from d1migrate.migrate import history as h
from d1migrate.migrate.adopt import evidence
from d1migrate.migrate.adopt.facts import facts
from d1migrate.migrate.adopt.histories import tools_in, with_journal
from d1migrate.migrate.adopt.initial import own
from d1migrate.migrate.adopt.matching import match
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.history import OLD_TABLE
from d1migrate.migrate.history_guard import LOG_TABLE, MIGRATIONS_TABLE
from d1migrate.migrate.squash import lacking, replaced, stands_for
from d1migrate.migrate.status import compare, refuse_partial, refuse_renumbered
from d1migrate.migrate.wrangler_table import Mirror
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.adopt.facts import FactKey, Footprint
    from d1migrate.migrate.adopt.histories import Row, Tool
    from d1migrate.migrate.adopt.model import Judgement, Record
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.sql.batch import Flow


class Known(NamedTuple):
    """What is known beside the database.

    Attributes:
        assume: versions that ran, where that cannot be told.
        pending: versions that did not, likewise.
        journal: drizzle's, as `files.load_journal` returns it.
        wrangler_tables: names that wrangler's table may have, beside the usual one.
    """

    assume: Collection[int] = ()
    pending: Collection[int] = ()
    journal: Mapping[str, str] = {}
    wrangler_tables: Collection[str] = ()


class Adoption(NamedTuple):
    """What a database has of the files, and what of it is to be recorded.

    Attributes:
        judgements: one a file, in order.
        strays: objects and columns that no file makes.
        unknown_records: what other tools recorded that is no file here.
        set_aside: the table of another tool that has the name of ours; it is renamed when this is recorded.
        to_mirror: applied versions that wrangler's table, which is kept in step, does not have.
        history: what was recorded already.
        mark: what the schema looked like when it was judged.
    """

    judgements: tuple[Judgement, ...]
    strays: tuple[FactKey, ...]
    unknown_records: tuple[Record, ...]
    set_aside: Tool | None
    to_mirror: tuple[int, ...]
    history: h.History
    mark: str

    @property
    def began(self) -> bool:
        """Whether the history has begun already."""
        return not self.history.strangers and LOG_TABLE not in self.history.missing

    @property
    def to_record(self) -> tuple[Judgement, ...]:
        """What is proved, or vouched for, and not recorded yet."""
        return tuple(j for j in self.judgements if j.state in ("applied", "assumed", "squashed"))

    @property
    def is_beginning(self) -> bool:
        """Whether there is nothing of the files, but other objects: an `up` begins beside these.

        Without a word about it in the log, an `up` refuses: it may be the wrong database.
        """
        return bool(self.strays or self.set_aside) and not (self.to_record or self.began)


def look(footprints: Sequence[Footprint], known: Known, mirror: Mirror | None = None) -> Flow[Adoption]:
    """Judge every file by what the database holds. Writes nothing.

    Args:
        footprints: what each file leaves behind, in order.
        known: what the user knows beside it.
        mirror: wrangler's table, where it is to be kept in step.

    Raises:
        UsageError: as `evidence.decide`.
        HistoryError: the history cannot be read, or a file in it began and never ended, or was renumbered.
    """
    *answers, shape, log_shape, mark = yield Batch(
        (*introspect.QUERIES, h.SHAPE, h.LOG_SHAPE, assertions.SCHEMA_MARK), reads=True
    )
    schema = introspect.read(answers)
    tables = {fold(t.name): {fold(c.name) for c in t.columns} for t in schema.tables}
    namesake = {fold(name) for name, *_ in shape.rows}
    tools = tools_in(
        tables,
        set() if log_shape.rows else namesake,
        wrangler=[*known.wrangler_tables, *([mirror.table] if mirror else [])],
    )
    aside = next((tool for tool in tools if tool.table == MIGRATIONS_TABLE), None)
    if aside and OLD_TABLE in tables:
        raise HistoryError(
            f"{MIGRATIONS_TABLE} is {aside.name}'s, and there is a table {OLD_TABLE} already",
            hint=f"rename or drop {OLD_TABLE}: the other one gets that name",
        )
    history = h.History(missing=tuple(h.TABLES))
    if log_shape.rows or (shape.rows and not aside):
        history = yield from read_history()
    migrations = [print_.migration for print_ in footprints]
    entries = compare(migrations, history)
    refuse_partial(entries)
    refuse_renumbered(entries)
    histories = yield from _read(tools, known.journal)
    records, unknown = match(migrations, histories)
    live = facts(own(schema, *(tool.table for tool in tools)))
    found = evidence.judge(footprints, live, recorded=history.versions, records=records)
    found = tuple(_squashed(judgement, history) for judgement in found)
    decided = evidence.decide(found, assume=known.assume, pending=known.pending)
    strays = evidence.strays(footprints, live)
    behind = _behind(decided, mirror, histories) if mirror else ()
    return Adoption(decided, strays, unknown, aside, behind, history, mark.rows[0][0])


def _squashed(judgement: Judgement, history: h.History) -> Judgement:
    """Look whether the history has what a squashed file stands for.

    Raises:
        HistoryError: it has some of it only, or other content.
    """
    files = replaced(judgement.migration, history.applied)
    if not files:
        return judgement
    names = ", ".join(file.name for file in files)
    if problems := lacking(files, history.applied):
        raise HistoryError(
            f"{judgement.migration.name} stands for {names}, and {'; '.join(problems)}",
            versions=(judgement.migration.version,),
            hint="check out the files from before they were squashed, run `d1migrate up`, then come back",
        )
    return judgement._replace(state="squashed", because=f"it stands for {names}, which are recorded")


def _in_place(judgement: Judgement, history: h.History, stamp: h.Stamp, mirror: Mirror | None) -> list[Query]:
    """Return what records a squashed file in the place of those it stands for."""
    migration, detail = judgement.migration, json.dumps({"adopted": judgement.because})
    queries: list[Query] = []
    at = stamp.at
    versions = {file.version for file in stands_for(migration)}
    for row in history.applied:
        if row.version in versions:
            at = row.applied_at or at
            queries.append(h.delete_row(row.version))
            event = h.Event("forget", row.version, row.name, detail=detail)
            queries += [h.record("done", event, stamp)] if row.version != migration.version else []
            queries += Mirror(mirror.table, {}).removed(row.version, row.name) if mirror else ()
    event = h.event_of("accept", migration)._replace(detail=detail)
    return [*queries, h.insert_row(migration.version, migration.name, at), h.record("done", event, stamp)]


def _behind(
    judgements: Iterable[Judgement], mirror: Mirror, histories: Iterable[tuple[Tool, Sequence[Row]]]
) -> tuple[int, ...]:
    """Return the applied versions that wrangler's table does not have."""
    there = {row.entry for tool, rows in histories if tool.table == mirror.table for row in rows}
    done = ("recorded", "applied", "assumed", "squashed")
    applied = [j.migration.version for j in judgements if j.state in done]
    return tuple(version for version in applied if mirror.names[version] not in there)


def _read(tools: Sequence[Tool], journal: Mapping[str, str]) -> Flow[list[tuple[Tool, tuple[Row, ...]]]]:
    """Read the histories of other tools."""
    if not tools:
        return []
    results = yield Batch([tool.query() for tool in tools], reads=True)
    return [
        (tool, with_journal(tool.read(result.rows), journal))
        for tool, result in zip(tools, results, strict=True)
    ]


def adopt(found: Adoption, new_stamp: NewStamp, mirror: Mirror | None = None) -> Flow[tuple[Migration, ...]]:
    """Record what `look` found, as one transaction; run nothing.

    Where no file is applied beside other objects, it is recorded that the history begins here. Another
    tool's table that has the name of ours is kept under another one.

    Returns:
        What was recorded; nothing where all of it was already.

    Raises:
        HistoryError: a file is undecided, or history or schema changed since `look`. Nothing was recorded.
    """
    evidence.refuse_undecided(found.judgements)
    todo, stamp = found.to_record, new_stamp()
    queries: list[Query] = []
    for judgement in todo:
        if judgement.state == "squashed":
            queries += _in_place(judgement, found.history, stamp, mirror)
            continue
        migration = judgement.migration
        detail = json.dumps({"adopted": judgement.because}, ensure_ascii=False)
        event = h.event_of("baseline", migration)._replace(detail=detail)
        queries.append(h.insert_row(migration.version, migration.name, judgement.at or stamp.at))
        queries.append(h.record("done", event, stamp))
    if found.is_beginning:
        queries.append(h.record("done", h.Event("adopt", 0, "an empty history"), stamp))
    if mirror and found.to_mirror:
        queries += mirror.created(found.to_mirror)
    if queries:
        before = [assertions.assert_schema(found.mark)]
        if found.set_aside:
            before.append(Query(f"ALTER TABLE {MIGRATIONS_TABLE} RENAME TO {OLD_TABLE}"))
        yield from record(found.history, queries, stamp, before=before)
    return tuple(judgement.migration for judgement in todo)
