"""Find out which files a database already has, and record those that are proved."""

from __future__ import annotations

import json

from d1migrate.errors import HistoryError
from d1migrate.migrate import assertions, log, table_decision
from d1migrate.migrate import history as h
from d1migrate.migrate.adopt import evidence
from d1migrate.migrate.adopt.checksums import Unchecked, find_unchecked, refuse_unproved
from d1migrate.migrate.adopt.facts import facts
from d1migrate.migrate.adopt.histories import tools_in, with_journal
from d1migrate.migrate.adopt.matching import match
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.repair import record
from d1migrate.migrate.other_tools import OLD_TABLE, is_of_another_tool, owner_of, without_histories
from d1migrate.migrate.refusals import (
    refuse_open_job,
    refuse_partial,
    refuse_problems,
    refuse_renamed,
    refuse_without_key,
)
from d1migrate.migrate.squash import every_replaced, lacking, replaced
from d1migrate.migrate.status import compare
from d1migrate.migrate.survey import Survey
from d1migrate.migrate.table import LOG_TABLE, SUFFIX, VERSIONS, VersionTable
from d1migrate.migrate.table_state import NameState
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import introspect
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.adopt.facts import FactKey, Footprint
    from d1migrate.migrate.adopt.histories import Row, Tool
    from d1migrate.migrate.adopt.model import Assessment, Record
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.other_tools import Owner
    from d1migrate.migrate.selector import Selector
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


class Hints(NamedTuple):
    """What the user and the project add to what the database shows.

    Attributes:
        assume: undecided migrations that ran.
        pending: undecided migrations that did not run.
        journal: drizzle's journal, as `files.load_journal` returns it.
        wrangler_tables: names that wrangler's table may have besides the usual one.
    """

    assume: Collection[Selector] = ()
    pending: Collection[Selector] = ()
    journal: Mapping[str, str] = {}
    wrangler_tables: Collection[str] = ()


class Adoption(NamedTuple):
    """Which files a database has, and what to record.

    Attributes:
        assessments: one per file, in order.
        unmanaged_objects: objects and columns that no file creates.
        unknown_records: records of other tools that match no file.
        set_aside: the table of another tool that has the name of ours; it is renamed before recording.
        history: what was recorded already.
        mark: a mark of the schema that was assessed.
        problems: why d1migrate does not write to the migrations table.
        unchecked: the migrations in the history without a checksum.
    """

    assessments: tuple[Assessment, ...]
    unmanaged_objects: tuple[FactKey, ...]
    unknown_records: tuple[Record, ...]
    set_aside: Tool | None
    history: h.History
    mark: str
    problems: tuple[Problem, ...] = ()
    unchecked: Unchecked = Unchecked()

    @property
    def began(self) -> bool:
        """Whether the history already exists; wrangler's has no log."""
        has_log = not self.history.unmanaged and LOG_TABLE not in self.history.missing
        return has_log or bool(self.history.applied)

    @property
    def to_record(self) -> tuple[Assessment, ...]:
        """Migrations that are proved or assumed to be applied, and not recorded yet."""
        return tuple(one for one in self.assessments if one.state in ("applied", "assumed", "squashed"))

    @property
    def is_beginning(self) -> bool:
        """Whether the database has other objects, but nothing of the files: the history begins empty.

        Unless the log says so, an `up` refuses: it may be the wrong database.
        """
        return bool(self.unmanaged_objects or self.set_aside) and not (self.to_record or self.began)


def plan(
    footprints: Sequence[Footprint],
    hints: Hints,
    choice: TableChoice,
    schema_of: Callable[[Iterable[Migration], MigrationsTable], Schema],
) -> Flow[Adoption]:
    """Assess every file by what the database holds. Writes nothing.

    Args:
        footprints: what each file leaves in the schema, in order.
        hints: what the user and the project add.
        choice: how to choose the migrations table.
        schema_of: returns what migrations build, in the order given; raises SourceError if it cannot.

    Raises:
        UsageError: as `evidence.decide`.
        HistoryError: the history cannot be read, a migration in it is partial or renamed, or a job is open.
    """
    *answers, columns, unique, mark = yield Batch(
        (*introspect.QUERIES, *table_decision.queries(choice), assertions.SCHEMA_MARK), reads=True
    )
    schema, survey = introspect.read(answers), Survey.of(columns.rows, unique.rows)
    created = _created(footprints) - {fold(choice.wrangler)}
    tools = [
        tool
        for tool in _tools(schema, survey, owner_of(survey.columns(choice.versions)), hints.wrangler_tables)
        if tool.table not in created
    ]
    aside = _to_set_aside(tools, choice, survey, schema)
    history = yield from _history(choice, survey, is_free=not aside)
    migrations = [footprint.migration for footprint in footprints]
    entries = compare(migrations, history)
    refuse_open_job(history)
    refuse_partial(entries)
    refuse_renamed(entries)
    histories = yield from _read(tools, hints.journal, history.table)
    records, unknown = match(migrations, histories)
    own = (choice.wrangler, history.table.name, *(tool.table for tool in tools))
    live = facts(without_histories(schema, *own, keep=created))
    recorded = {entry.name: _why_recorded(entry) for entry in entries if entry.applied}
    found = evidence.assess(footprints, live, recorded=recorded, records=records)
    found = tuple(_squashed(assessment, history) for assessment in found)
    decided = evidence.decide(found, assume=hints.assume, pending=hints.pending)
    unmanaged_objects = evidence.unmanaged_objects(footprints, live)
    adoption = Adoption(decided, unmanaged_objects, unknown, aside, history, mark.rows[0][0])
    squashed = [one.migration for one in adoption.to_record if one.state == "squashed"]
    also_applied = [one.migration for one in adoption.to_record if one.state != "squashed"]
    then = _as_squashed(entries, squashed, history)
    return adoption._replace(
        problems=_problems(adoption, choice, survey),
        unchecked=find_unchecked(
            then, also_applied, schema, own, lambda files: schema_of(files, history.table)
        ),
    )


def _created(footprints: Iterable[Footprint]) -> set[str]:
    """Return the history tables of other tools that the files create, as those of Django's models do.

    Such a table is the application's, and its rows are in the files, too: they say nothing about files.
    """
    changes = (change for footprint in footprints for change in footprint.changes.items())
    tables = {key.name for key, form in changes if key.kind == "table" and form is not None}
    return {table for table in tables if is_of_another_tool(table)}


def _as_squashed(
    entries: Sequence[Entry], squashed: Iterable[Migration], history: h.History
) -> Sequence[Entry]:
    """Return the entries once squashed files are recorded in place of the files that they replace."""
    for migration in squashed:
        rows = _replaced_rows(migration, history)
        names, row = {row.name for row in rows}, rows[-1]._replace(checksum=migration.checksum)
        entries = [
            entry._replace(state="applied", applied=row) if entry.migration is migration else entry
            for entry in entries
            if entry.migration or entry.name not in names
        ]
    return entries


def _replaced_rows(migration: Migration, history: h.History) -> list[h.AppliedMigration]:
    """Return the rows of the files that a squashed file replaces, the last one last."""
    keys = set(map(history.table.key_of, every_replaced(migration)))
    return [row for row in history.applied if history.table.key_of(row) in keys]


def _why_recorded(entry: Entry) -> str:
    return "it is in the history" + ("" if entry.checksum else ", without a checksum")


def _tools(schema: Schema, survey: Survey, owner: Owner, wrangler: Iterable[str]) -> Sequence[Tool]:
    """Return the tools that have a history here; arguments as `tools_in`."""
    tables = {name: {fold(column.name) for column in columns} for name, columns in survey.tables.items()}
    tables |= {fold(table.name): {fold(c.name) for c in table.columns} for table in schema.tables}
    return tools_in(tables, owner, wrangler=wrangler)


def _history(choice: TableChoice, survey: Survey, *, is_free: bool) -> Flow[h.History]:
    """Read the history; without a request if the survey found none of its tables."""
    given = table_decision.given(choice, survey) if is_free else choice
    has_log = bool(survey.columns(LOG_TABLE) or survey.columns(log.OLD_LOG))
    if has_log or (is_free and table_decision.found(given, survey)):
        return (yield from read_history(choice))
    table = table_decision.decide(given, survey, None, own=False, beside=False, logged=False)
    return h.read_rows(table, h.Rows())._replace(missing=(table.name, LOG_TABLE))


def _to_set_aside(tools: Iterable[Tool], choice: TableChoice, survey: Survey, schema: Schema) -> Tool | None:
    """Return the tool whose table has the name that ours is to have.

    Raises:
        HistoryError: the name under which that table is kept is taken.
    """
    blocker = table_decision.blocker(choice, survey)
    aside = next((tool for tool in tools if tool.name == blocker and choice.versions == VERSIONS), None)
    if aside and OLD_TABLE in {fold(table.name) for table in schema.tables}:
        raise HistoryError(
            f"{VERSIONS} is {aside.name}'s, and a table {OLD_TABLE} already exists",
            hint=f"rename or drop {OLD_TABLE}: {aside.name}'s table gets that name",
        )
    return aside


def _squashed(assessment: Assessment, history: h.History) -> Assessment:
    """Mark a squashed file whose replaced files are all in the history.

    Raises:
        HistoryError: some of them are missing, or were applied with different content.
    """
    files = replaced(assessment.migration, history)
    if not files:
        return assessment
    names = ", ".join(file.name for file in files)
    if problems := lacking(files, history):
        raise HistoryError(
            f"{assessment.migration.name} replaces {names}, but {'; '.join(problems)}",
            names=(assessment.migration.name,),
            hint="check out the files from before they were squashed, run `d1migrate up`, then adopt",
        )
    return assessment._replace(state="squashed", because=f"it replaces {names}, which are recorded")


def _record_squashed(assessment: Assessment, history: h.History, stamp: log.Stamp) -> list[Query]:
    """Return the queries that record a squashed file in place of the files it replaces.

    The row of the last one gets its name, so that the file keeps that place in the order of application.
    """
    migration, table = assessment.migration, history.table
    own, detail = table.key_of(migration), json.dumps({"adopted": assessment.because})
    rows = _replaced_rows(migration, history)
    last, queries = rows[-1], list[Query]()
    for row in history.applied:
        if row is not last and (row in rows or table.key_of(row) == own):
            queries += table.delete(row)
    for row in rows:
        if table.key_of(row) != own:
            event = log.Event("forget", row.version, row.name, detail=detail)
            queries.append(log.record("done", event, stamp))
    if isinstance(table, VersionTable) and table.mirrored and last.name != migration.name:
        queries += table.beside.delete(migration)  # wrangler may have run the squashed file as well
    event = log.event_of("accept", migration)._replace(detail=detail)
    return [*queries, *table.rename(last, migration), log.record("done", event, stamp)]


def _read(
    tools: Sequence[Tool], journal: Mapping[str, str], own: MigrationsTable
) -> Flow[list[tuple[Tool, Sequence[Row]]]]:
    """Read the histories of other tools; of the migrations table, only the rows that do not name a file."""
    if not tools:
        return []
    results = yield Batch([tool.query() for tool in tools], reads=True)
    found: list[tuple[Tool, Sequence[Row]]] = []
    for tool, result in zip(tools, results, strict=True):
        rows = with_journal(tool.read(result.rows), journal)
        if own.shape == "names" and fold(tool.table) == fold(own.name):
            rows = tuple(row for row in rows if not row.entry.endswith(SUFFIX))
        found.append((tool, rows))
    return found


def _problems(found: Adoption, choice: TableChoice, survey: Survey) -> tuple[Problem, ...]:
    """Return what is wrong with the migrations table once the migrations are recorded.

    A row that does not name a file is not a problem then, if the file that it means is recorded too.
    """
    history, after = found.history, found.history.rows
    if not isinstance(after, NameState):
        return history.problems
    now = table_decision.problems(choice, survey, history.table, after.rows, ())
    for one in found.to_record:
        after = after.minus(one.migration).plus(one.migration)  # a squashed file may be in it
    others = [problem for problem in history.problems if problem not in now]
    return (*others, *table_decision.problems(choice, survey, history.table, after.rows, ()))


def refuse(found: Adoption) -> None:
    """Raise an error if nothing may be recorded.

    Raises:
        SourceError: the table cannot hold a file: it has no number, or that of another one.
        HistoryError: a file is undecided; the migrations table has problems; or there are only checksums to
            record, and the schema is not what the files build.
    """
    evidence.refuse_undecided(found.assessments)
    refuse_problems(found.problems)
    entries = compare([one.migration for one in found.assessments], found.history)
    todo = {one.migration for one in found.to_record if one.state != "squashed"}
    refuse_without_key([entry for entry in entries if entry.migration in todo], entries, found.history.table)
    if not (found.to_record or found.is_beginning):
        refuse_unproved(found.unchecked)


def adopt(found: Adoption, new_stamp: NewStamp) -> Flow[tuple[Migration, ...]]:
    """Record what `plan` found, in one transaction; run nothing.

    If the database has none of the files, but other objects, the log records that the history begins here.
    Another tool's table that has the name of ours is kept under another name. Migrations in the history
    without a checksum get that of their file, if the schema is what the files build.

    Returns:
        What was recorded; nothing if all of it was recorded before.

    Raises:
        SourceError, HistoryError: as `refuse`; or the database changed since `plan`. Nothing was recorded.
    """
    refuse(found)
    todo, stamp = found.to_record, new_stamp()
    queries: list[Query] = []
    for assessment in todo:
        if assessment.state == "squashed":
            queries += _record_squashed(assessment, found.history, stamp)
            continue
        migration = assessment.migration
        detail = json.dumps({"adopted": assessment.because}, ensure_ascii=False)
        event = log.event_of("baseline", migration)._replace(detail=detail)
        queries += found.history.table.insert(migration, assessment.at or stamp.at)
        queries.append(log.record("done", event, stamp))
    detail = json.dumps({"adopted": "the schema is what the files build"})
    for migration in found.unchecked.proved:
        event = log.event_of("baseline", migration)._replace(detail=detail)
        queries.append(log.record("done", event, stamp))
    if found.is_beginning:
        queries.append(
            log.record("done", log.Event("adopt", detail='{"adopted": "an empty history"}'), stamp)
        )
    if queries:
        before = [assertions.assert_schema(found.mark)]
        if found.set_aside:
            before.append(Query(f"ALTER TABLE {VERSIONS} RENAME TO {OLD_TABLE}"))
        yield from record(found.history, queries, stamp, before=before)
    return tuple(assessment.migration for assessment in todo)
