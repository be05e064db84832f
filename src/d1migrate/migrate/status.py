"""Compare files and database, one Entry per migration; and the migrations table with the one beside it.

Which states stop a run is in `refusals`.
"""

from __future__ import annotations

from d1migrate.migrate.migration import NOTHING
from d1migrate.migrate.order import in_order
from d1migrate.migrate.table import SUFFIX, Key, MigrationsTable, VersionTable
from d1migrate.migrate.table_state import VersionState
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from d1migrate.errors import SourceError
    from d1migrate.migrate import history as h
    from d1migrate.migrate.jobs.job import Job
    from d1migrate.migrate.migration import Migration

    State = Literal[
        "pending", "applied", "changed", "missing", "out_of_order", "renamed", "partial", "running"
    ]


class Entry(NamedTuple):
    """One migration, in files and database.

    Attributes:
        version, name: the migration.
        state: how file and database compare.
        migration: the file, or None if it is missing.
        applied: the row of the migrations table, or None.
        was: the recorded name, if the file has another one. The state is "renamed" if its key is another one,
            too; a table of versions has the name only for people.
        job: its open job. The state is "running" if the migration is not recorded yet.
    """

    version: int | None
    name: str
    state: State
    migration: Migration | None
    applied: h.AppliedMigration | None
    was: str | None = None
    job: Job | None = None

    @property
    def checksum(self) -> str | None:
        """The recorded checksum of an applied migration (None: unknown), otherwise that of the file."""
        if self.applied:
            return self.applied.checksum
        return self.migration.checksum if self.migration else None

    @property
    def is_pending(self) -> bool:
        """Whether an `up` would run the file, continue its job, or refuse it as out of order."""
        return self.state in ("pending", "running", "out_of_order")

    @property
    def is_renamed(self) -> bool:
        """Whether the file has another name than what was recorded, and not another content."""
        return self.was is not None and self.state in ("applied", "renamed")

    @property
    def is_untouched(self) -> bool:
        """Whether file and rollback are those that were recorded, so that neither has to be parsed."""
        row, file = self.applied, self.migration
        return bool(row and file and not file.rollback_file and row.has_text_of(file))

    @property
    def unreadable(self) -> SourceError | None:
        """Why the file or its rollback file cannot be read; None if they can, or if there is no file."""
        return self.migration.unreadable if self.migration and not self.is_untouched else None

    @property
    def reversible(self) -> bool:
        """Whether there is a rollback, in the file or in the log."""
        row = self.applied
        kept = bool(row and row.keeps_rollback)
        # A rollback that was too long for the log may have been in a file that was deleted since.
        if self.is_untouched and not (row and row.rollback_digest and not kept):
            return kept
        if self.migration and self.migration.rollback:
            return self.migration.rollback.reason is None
        return kept


def compare(migrations: Sequence[Migration], history: h.History) -> tuple[Entry, ...]:
    """Compare files and history: one Entry per migration, in wrangler's order."""
    key_of = history.table.key_of
    applied = {key_of(row): row for row in history.applied}
    partial = {key_of(row): row for row in history.partial}
    owners = _owners(migrations, history, applied)
    renamed = _renamed(migrations, history, owners)
    entries: list[Entry] = []
    for migration in migrations:
        key = key_of(migration)
        owned = owners.get(key) is migration
        was = renamed.get(migration.name)
        row = was or (applied.get(key) if owned else None)
        if owned and key in partial:
            state: State = "partial"
        elif was:
            state = "renamed"
        elif row is None:
            state = "pending"
        else:
            state = "changed" if _is_changed(migration, row) else "applied"
        name = row.name if row and row.name not in ("", migration.name) else None
        entries.append(Entry(migration.version, migration.name, state, migration, row, name))
    explained = {key_of(row) for row in renamed.values()} | owners.keys()
    for key, row in applied.items():
        if key not in explained:
            state = "partial" if key in partial else "missing"
            entries.append(Entry(row.version, row.name, state, None, row))
    for key, begun in partial.items():
        if key not in explained and key not in applied:
            entries.append(Entry(begun.version, begun.name, "partial", None, None))
    if history.job:
        entries = _with_job(entries, history.job)
    if len(entries) > len(migrations):
        entries = in_order(entries, lambda entry: path_of(entry, history.table))
    return _out_of_order(entries)


def _with_job(entries: list[Entry], job: Job) -> list[Entry]:
    """Return the entries, with the open job at its migration."""
    found = next((e for e in entries if e.name == job.name), None)
    if found is None:
        return [*entries, Entry(job.version, job.name, "running", None, None, job=job)]
    state: State = "running" if found.state == "pending" else found.state
    return [e._replace(job=job, state=state) if e is found else e for e in entries]


def last_applied(entries: Sequence[Entry]) -> Entry | None:
    """Return the applied migration that is the last in wrangler's order; None if none is applied."""
    return next((entry for entry in reversed(entries) if entry.applied), None)


def _is_changed(migration: Migration, row: h.AppliedMigration) -> bool:
    """Whether a file is known to differ from what was applied: both must have a checksum."""
    return row.checksum is not None and not row.has_content_of(migration) and migration.checksum is not None


def path_of(entry: Entry, table: MigrationsTable) -> str:
    """Return the path of a file, for wrangler's order; a version without a file is where it would be."""
    if entry.migration or table.shape == "names":
        return entry.name + SUFFIX
    return f"{entry.version}_{entry.name}{SUFFIX}"


def _out_of_order(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return entries in order; those that are pending before an applied one are out of order.

    Names without a number come last in wrangler's order, whatever they are: once one of them is applied, that
    says nothing about the files with a number.
    """
    newest = {entry.version is None: place for place, entry in enumerate(entries) if entry.applied}
    return tuple(
        entry._replace(state="out_of_order")
        if entry.state == "pending" and place < newest.get(entry.version is None, 0)
        else entry
        for place, entry in enumerate(entries)
    )


def _owners(
    migrations: Iterable[Migration], history: h.History, applied: Mapping[Key | None, h.AppliedMigration]
) -> dict[Key | None, Migration]:
    """Return {key: its file}; of several files with one version, the one with the checksum, or the name."""
    found: dict[Key | None, Migration] = {}
    for migration in migrations:
        key = history.table.key_of(migration)
        other, row = found.get(key), applied.get(key)
        if key is not None and (other is None or (row and _likeness(migration, row) > _likeness(other, row))):
            found[key] = migration
    return found


def _likeness(migration: Migration, row: h.AppliedMigration) -> tuple[bool, bool]:
    """Return how much a file is like what was recorded: by its content, then by its name."""
    return row.has_content_of(migration), migration.name == row.name


def _renamed(
    migrations: Sequence[Migration], history: h.History, owners: Mapping[Key | None, Migration]
) -> dict[str, h.AppliedMigration]:
    """Return {name of a file: the row with its content, which no longer has a file}."""
    key_of = history.table.key_of
    without_file = {
        row.checksum: row
        for row in history.applied
        if row.checksum and row.checksum != NOTHING and not _is_of(owners.get(key_of(row)), row)
    }
    if not without_file:  # spare the checksums of pending files
        return {}
    known = history.keys | {key_of(row) for row in history.partial}
    found = {}
    for migration in migrations:
        key = key_of(migration)
        free = key not in known or owners.get(key) is not migration
        if free and migration.checksum in without_file:
            found[migration.name] = without_file.pop(migration.checksum)
    return found


def _is_of(migration: Migration | None, row: h.AppliedMigration) -> bool:
    """Whether a row was recorded for a file."""
    return migration is not None and row.has_content_of(migration)


def one_sided(history: h.History, entries: Iterable[Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the migrations that only the table of versions records, and those that only wrangler's does."""
    table, rows = history.table, history.rows
    if not (isinstance(table, VersionTable) and isinstance(rows, VersionState) and table.mirrored):
        return (), ()
    there = {name for _, name in rows.beside.rows} if rows.beside else set()
    here, known = [], set()
    for entry in entries:
        if entry.applied:
            names = {entry.name + SUFFIX, entry.applied.name + SUFFIX}
            known |= names
            here += [] if names & there else [entry.name]
    return tuple(here), tuple(name.removesuffix(SUFFIX) for name in sorted(there - known))


def unmoved(other: h.OtherTable, entries: Iterable[Entry]) -> tuple[h.AppliedMigration, ...]:
    """Return what a table of versions records, and the table of names that holds the history does not."""
    by_name = {entry.name: entry for entry in entries}
    versions = {entry.version for entry in by_name.values() if entry.applied}
    return tuple(
        row
        for row in other.applied
        if (not by_name[row.name].applied if row.name in by_name else row.version not in versions)
    )
