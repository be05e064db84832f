"""Compare files with history, and the live schema with what the applied files build."""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.migrate import status
from d1migrate.migrate.assertions import is_same_history
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.read_status import history_problems
from d1migrate.migrate.history import order_of_application
from d1migrate.migrate.jobs.objects import without_awaited
from d1migrate.migrate.other_tools import is_of_another_tool, without_histories
from d1migrate.migrate.table import VERSIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest, introspect
from d1migrate.schema.compare import Difference, compare
from d1migrate.sql.batch import Batch
from d1migrate.sql.names import fold, is_helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from d1migrate.migrate.flows.integrity import FindBroken
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


WITHOUT_FILE = "the file of {name} is missing"
WITHOUT_DIGESTS = (
    "no schema digests for {name}: update the index with `d1migrate index`, which reports what it has no"
    " digests for"
)
SKIPPED = "{name} is not applied, but newer files are"
LATE = "{name} was applied after newer files"


class Verification(NamedTuple):
    """What `verify` found.

    Attributes:
        entries: files against history.
        gaps: numbers without a file between the first and the last file (not for timestamps).
        differences: where the live schema differs from what the applied files build.
        not_compared: why the schemas could not be compared, or None.
        problems: what else is wrong with the database, or with its history.
    """

    entries: tuple[Entry, ...]
    gaps: tuple[int, ...]
    differences: tuple[Difference, ...]
    not_compared: str | None
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether files, history and schema agree and there is no problem.

        Pending files and an open job do not count.
        """
        states = {entry.state for entry in self.entries}
        fine = states <= {"applied", "pending", "running"}
        agree = fine and not self.differences and self.not_compared is None
        return agree and not self.problems

    @property
    def current(self) -> str | None:
        """The name of the last applied migration, in wrangler's order; None if none is applied."""
        last = status.last_applied(self.entries)
        return last.name if last else None

    @property
    def current_version(self) -> int | None:
        """The number of that migration; None if it has none."""
        last = status.last_applied(self.entries)
        return last.version if last else None

    @property
    def pending(self) -> tuple[str, ...]:
        """The names of the migrations that an `up` would run."""
        return tuple(e.name for e in self.entries if e.is_pending)


def verify(
    migrations: Sequence[Migration],
    choice: TableChoice,
    schema_of: Callable[[Iterable[Migration], MigrationsTable], Schema],
    find_broken: FindBroken,
) -> Flow[Verification]:
    """Compare with the schema that an engine builds from the files, and inspect the database.

    Args:
        migrations: the files.
        choice: how to choose the migrations table.
        schema_of: returns what migrations build, in the order given; raises SourceError if it cannot.
        find_broken: returns the views and triggers that do not compile.
    """
    from d1migrate.migrate.flows.integrity import inspect

    gaps, found = _gaps(migrations), None
    while found is None or found.changed:  # by another run, between the two requests
        history = yield from read_history(choice)
        entries = status.compare(migrations, history)
        why, expected = without_file(entries), None
        if why is None:
            try:
                expected = schema_of(in_order_of_application(entries), history.table)
            except SourceError as error:  # e.g. the schema before a baseline is in no file
                why = error.headline
        found = yield from inspect(
            find_broken,
            table=history.table,
            rows=True,
            expected=expected,
            unchanged=is_same_history(history),
        )
    differences: tuple[Difference, ...] = ()
    if expected:
        differences = drift(expected, found.schema, (choice.wrangler, history.table.name), history.job)
    problems = (*history_problems(history, entries), *found.problems)
    return Verification(entries, gaps, differences, why, problems)


def drift(
    expected: Schema, live: Schema, histories: Iterable[str], job: Job | None = None
) -> tuple[Difference, ...]:
    """Return where a live schema differs, without history tables and the helpers of a rebuild.

    Args:
        expected: what the applied files build.
        live: the schema of the database.
        histories: the names of history tables besides those of other tools.
        job: the open job; None if there is none.
    """
    found = compare(*(without_histories(schema, *histories) for schema in (expected, live)))
    return tuple(one for one in without_awaited(found, expected, job) if not is_helper(one.name))


def verify_by_digests(
    migrations: Sequence[Migration],
    choice: TableChoice,
    changes: Mapping[str, Mapping[str, str | None]],
) -> Flow[Verification]:
    """Compare with schema digests, without an engine.

    Args:
        migrations: the files.
        choice: how to choose the migrations table.
        changes: {name: what it changed, as `schema.digest.changes` returns it}, from a generated index.
    """
    gaps, is_same = _gaps(migrations), False
    while not is_same:  # another run may change the history between the two requests
        history = yield from read_history(choice)
        entries = status.compare(migrations, history)
        why = without_file(entries) or _without_digests(entries, changes)
        if why is not None:
            return Verification(entries, gaps, (), why, history_problems(history, entries))
        rows, same = yield Batch((introspect.OBJECTS, is_same_history(history)), reads=True)
        is_same = bool(same.rows[0][0])
    problems = history_problems(history, entries)
    expected: dict[str, str | None] = {}
    for entry in entries:
        expected |= changes[entry.name] if entry.applied else {}
    wanted = {key: known for key, known in expected.items() if known is not None}
    histories = {fold(choice.wrangler), fold(history.table.name)}
    if f"table {VERSIONS}" not in wanted:  # then it is not the application's, but dbmate's or Rails'
        histories.add(VERSIONS)

    def is_ours(table: str) -> bool:
        return not (fold(table) in histories or is_of_another_tool(table) or is_helper(table))

    live = [(kind, name, sql) for kind, name, table, sql in rows.rows if sql is not None and is_ours(table)]
    found = tuple(difference for difference in digest.compare(wanted, live) if is_ours(difference.name))
    if history.job and history.job.is_recorded:  # no digest shows which table an index belongs to
        found = tuple(one for one in found if (one.kind, one.problem) != ("index", "missing"))
    if found and (late := _late(entries)):
        return Verification(entries, gaps, (), LATE.format(name=late), problems)
    return Verification(entries, gaps, found, None, problems)


def _late(entries: Sequence[Entry]) -> str | None:
    """Return a migration that was applied after a newer one: digests follow the order of the files."""
    applied = [entry for entry in entries if entry.applied and entry.migration]
    in_order = zip(applied, in_order_of_application(entries), strict=True)
    return next((older.name for older, newer in in_order if older.migration is not newer), None)


def without_file(entries: Sequence[Entry]) -> str | None:
    """Return why nothing can be compared if the file of an applied migration is missing; else None."""
    names = [entry.name for entry in entries if entry.applied and entry.migration is None]
    return WITHOUT_FILE.format(name=", ".join(names)) if names else None


def _without_digests(entries: Sequence[Entry], changes: Mapping[str, object]) -> str | None:
    """Return why digests cannot be compared: each includes the changes of all files before it."""
    applied = [entry.name for entry in entries if entry.applied]
    if unknown := [name for name in applied if name not in changes]:
        return WITHOUT_DIGESTS.format(name=unknown[0])
    skipped = [entry.name for entry in entries if entry.state == "out_of_order"]
    return SKIPPED.format(name=skipped[0]) if skipped else None


def _gaps(migrations: Sequence[Migration]) -> tuple[int, ...]:
    versions = {migration.version for migration in migrations if migration.version is not None}
    if not versions or max(versions) - min(versions) > 10 * len(versions) + 100:
        return ()  # timestamps
    return tuple(sorted(set(range(min(versions), max(versions))) - versions))


def in_order_of_application(entries: Sequence[Entry]) -> list[Migration]:
    """Return the applied migrations in the order of the log; those it does not have, after older ones."""
    applied = [(entry.applied, entry.migration) for entry in entries if entry.applied and entry.migration]
    return [applied[place][1] for place in order_of_application(row for row, _ in applied)]
