"""Files against history, and the live schema against what the applied files build."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import SourceError
from d1migrate.migrate import status
from d1migrate.migrate.assertions import HistoryState, is_unchanged
from d1migrate.migrate.flows import read
from d1migrate.migrate.history import OTHER_TOOLS
from d1migrate.schema import digest, introspect
from d1migrate.schema.compare import Difference, compare
from d1migrate.sql.batch import Batch
from d1migrate.sql.names import HELPER, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from d1migrate.migrate.flows.integrity import Broken
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.wrangler_table import Mirror
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Flow


class Verification(NamedTuple):
    """What `verify` found.

    Attributes:
        entries: files against history.
        gaps: version numbers between the first and the last file that no file has (sequences only).
        differences: the live schema against what the applied files build.
        not_compared: why the schemas could not be compared, or None.
        problems: what is wrong with the database, whatever the files say.
    """

    entries: tuple[Entry, ...]
    gaps: tuple[int, ...]
    differences: tuple[Difference, ...]
    not_compared: str | None
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether files, history and schema agree and all is whole; what is pending does not count."""
        states = {entry.state for entry in self.entries}
        agree = not self.differences and self.not_compared is None and states <= {"applied", "pending"}
        return agree and not self.problems

    @property
    def version(self) -> int:
        """The highest applied version, 0 where none is."""
        return max((entry.version for entry in self.entries if entry.applied), default=0)

    @property
    def pending(self) -> tuple[str, ...]:
        """The names of what an `up` would have to run."""
        return tuple(e.name for e in self.entries if e.state in ("pending", "out_of_order"))


def verify(
    migrations: Sequence[Migration],
    schema_of: Callable[[Iterable[Migration]], Schema],
    broken: Broken,
    mirror: Mirror | None = None,
) -> Flow[Verification]:
    """Compare with the schema that an engine builds, and look whether the database is whole.

    Args:
        migrations: the files.
        schema_of: returns what migrations build, in the order given; its SourceError says why it cannot.
        broken: returns the views and triggers that do not compile.
        mirror: wrangler's table, where it is kept in step: no file makes it.
    """
    from d1migrate.migrate.flows.integrity import look  # a Worker has no use for it

    gaps, seen = _gaps(migrations), None
    while seen is None or seen.changed:  # by another run, between the two requests
        history = yield from read.read_history()
        entries = status.compare(migrations, history)
        why, expected = _lost(entries), None
        if why is None:
            try:
                expected = schema_of(_in_order_of_application(entries))
            except SourceError as error:  # e.g. a baseline whose beginning is not in the files
                why = str(error)
        unchanged = is_unchanged(HistoryState.of(history.versions, history.head), history.missing)
        seen = yield from look(broken, rows=True, expected=expected, unchanged=unchanged)
    left_out = {mirror.table} if mirror else set()
    found = _ours(compare(expected, seen.schema), left_out) if expected else ()
    return Verification(entries, gaps, found, why, seen.problems)


def verify_by_digests(
    migrations: Sequence[Migration], changes: Mapping[int, Mapping[str, str | None]]
) -> Flow[Verification]:
    """Compare with digests, where there is no engine.

    Args:
        migrations: the files.
        changes: {version: what it changed, as `schema.digest.changes` has it}, of a generated index.
    """
    gaps, is_same = _gaps(migrations), False
    while not is_same:  # another run may change the history between the two requests
        history = yield from read.read_history()
        entries = status.compare(migrations, history)
        why = _lost(entries) or _without_digests(entries, changes)
        if why is not None:
            return Verification(entries, gaps, (), why)
        unchanged = is_unchanged(HistoryState.of(history.versions, history.head), history.missing)
        rows, same = yield Batch((introspect.OBJECTS, unchanged), reads=True)
        is_same = bool(same.rows[0][0])
    expected: dict[str, str | None] = {}
    for entry in entries:
        expected |= changes[entry.version] if entry.applied else {}
    live = [(kind, name, sql) for kind, name, _, sql in rows.rows if sql is not None]
    wanted = {name: known for name, known in expected.items() if known is not None}
    found = _ours(digest.compare(wanted, live))
    if found and (late := _late(entries)):
        return Verification(entries, gaps, (), f"{late} was applied behind newer files")
    return Verification(entries, gaps, found, None)


def _late(entries: Sequence[Entry]) -> str | None:
    """Return a migration that was applied behind a newer one: digests are of the files in their order."""
    applied = [entry for entry in entries if entry.applied and entry.migration]
    in_order = zip(applied, _in_order_of_application(entries), strict=True)
    return next((older.name for older, newer in in_order if older.migration is not newer), None)


def _lost(entries: Sequence[Entry]) -> str | None:
    lost = [entry.name for entry in entries if entry.applied and entry.migration is None]
    return f"the file of {', '.join(lost)} is gone" if lost else None


def _without_digests(entries: Sequence[Entry], changes: Mapping[int, object]) -> str | None:
    """Say why digests cannot tell: each stands for the schema with all the files before it."""
    applied = [entry.version for entry in entries if entry.applied]
    if unknown := [version for version in applied if version not in changes]:
        return (
            f"no schema digests for version {unknown[0]}: write the index anew with `d1migrate index`,"
            " which says so where it cannot tell"
        )
    skipped = [e.name for e in entries if not e.applied and e.version < max(applied, default=0)]
    return f"{skipped[0]} is not applied, and newer files are" if skipped else None


def _ours(found: Iterable[Difference], left_out: Collection[str] = ()) -> tuple[Difference, ...]:
    others = {*OTHER_TOOLS, *map(fold, left_out)}
    return tuple(d for d in found if fold(d.name) not in others and not fold(d.name).startswith(HELPER))


def _gaps(migrations: Sequence[Migration]) -> tuple[int, ...]:
    versions = [migration.version for migration in migrations]
    if not versions or versions[-1] > 10 * len(versions) + 100:
        return ()  # timestamps
    return tuple(sorted(set(range(versions[0], versions[-1])) - set(versions)))


def _in_order_of_application(entries: Sequence[Entry]) -> list[Migration]:
    """Return the applied migrations in the order of the log; one it does not tell of, behind its elders."""
    newest, ordered = 0, []
    for entry in entries:
        if entry.applied and entry.migration:
            order = entry.applied.order or newest
            newest = max(newest, order)
            ordered.append((order, entry.version, entry.migration))
    return [migration for *_, migration in sorted(ordered, key=lambda item: item[:2])]
