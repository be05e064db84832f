"""Compare files and database: one Entry per version, and the states that stop a run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.errors import ChecksumMismatch, HistoryError, MissingMigration, PartiallyApplied
from d1migrate.migrate.migration import NOTHING
from d1migrate.migrate.other_tools import OTHER_TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.migration import Migration

State = Literal["pending", "applied", "changed", "missing", "out_of_order", "renumbered", "partial"]


class Entry(NamedTuple):
    """One version, in files and database.

    Attributes:
        version, name: the migration.
        state: how file and database compare.
        migration: the file, or None if it is missing.
        applied: the row of the migrations table, or None; of a renumbered file, the row of version `was`.
        was: the applied version that has the content of a renumbered file, or None.
    """

    version: int
    name: str
    state: State
    migration: Migration | None
    applied: h.AppliedMigration | None
    was: int | None = None

    @property
    def checksum(self) -> str | None:
        """The recorded checksum of an applied version (None: unknown), otherwise that of the file."""
        if self.applied:
            return self.applied.checksum
        return self.migration.checksum if self.migration else None

    @property
    def reversible(self) -> bool:
        """Whether there is a rollback, in the file or in the log."""
        if self.migration and self.migration.rollback:
            return self.migration.rollback.reason is None
        return bool(self.applied and self.applied.keeps_rollback)


def compare(migrations: Sequence[Migration], history: h.History) -> tuple[Entry, ...]:
    """Compare files and history: one Entry per version, ascending."""
    files = {migration.version: migration for migration in migrations}
    applied = {row.version: row for row in history.applied}
    partial = {row.version: row for row in history.partial}
    newest = max(applied, default=0)
    renumbered = _renumbered(files, history)
    entries: dict[int, Entry] = {}
    for version, migration in files.items():
        was = renumbered.get(version)
        row = applied.get(version if was is None else was)
        if version in partial:
            state: State = "partial"
        elif was is not None:
            state = "renumbered"
        elif row is None:
            state = "out_of_order" if version < newest else "pending"
        else:
            state = "applied" if row.checksum is None or migration.matches(row.checksum) else "changed"
        entries[version] = Entry(version, migration.name, state, migration, row, was)
    explained = set(renumbered.values())
    for version, row in applied.items():
        if version not in files and version not in explained:
            state = "partial" if version in partial else "missing"
            entries[version] = Entry(version, row.name, state, None, row)
    for version, begun in partial.items():
        if version not in entries:
            entries[version] = Entry(version, begun.name, "partial", None, applied.get(version))
    return tuple(entries[version] for version in sorted(entries))


def _renumbered(files: Mapping[int, Migration], history: h.History) -> dict[int, int]:
    """Return {version of a file: the applied version with its content, which no longer has a file}."""
    without_file = {
        row.checksum: row.version
        for row in history.applied
        if row.checksum and row.checksum != NOTHING and not _is_of(files.get(row.version), row.checksum)
    }
    if not without_file:  # spare the checksums of pending files
        return {}
    known = {*history.versions, *(row.version for row in history.partial)}
    found = {}
    for version, migration in files.items():
        if version not in known and migration.checksum in without_file:
            found[version] = without_file.pop(migration.checksum)
    return found


def _is_of(migration: Migration | None, checksum: str) -> bool:
    """Whether a recorded checksum is that of a file."""
    return migration is not None and migration.matches(checksum)


def is_up_to_date(migrations: Sequence[Migration], applied: str | None, partial: int) -> bool:
    """Whether a row of `history.STATE` shows that exactly these files are applied, unchanged.

    It may be False although `compare` finds nothing to do; then `compare` decides.
    """
    expected = _expected_state(tuple(migrations))
    if partial or applied is None or not migrations:
        return not partial and applied is None and not migrations
    if applied == expected:
        return True
    lines, wanted = applied.split("\n"), expected.split("\n")
    # A line of what wrangler applied has no checksum after the version.
    return len(lines) == len(wanted) and all(
        line in (want, want[: want.index(" ") + 1]) for line, want in zip(lines, wanted, strict=True)
    )


@lru_cache(maxsize=8)
def _expected_state(migrations: tuple[Migration, ...]) -> str:
    return "\n".join(f"{migration.version} {migration.checksum}" for migration in migrations)


def refuse_unmanaged(entries: Sequence[Entry], history: h.History) -> None:
    """Raise HistoryError for a database with objects of its own and no recorded migration."""
    if not history.unmanaged or history.applied or history.partial:
        return
    shown = ", ".join(history.unmanaged[:5])
    more = f" and {len(history.unmanaged) - 5} more" if len(history.unmanaged) > 5 else ""
    tools = [f"{table} is the history of {OTHER_TOOLS[table]}" for table in history.other_tools]
    newest = entries[-1].version if entries else 1
    reason = f"no migrations are recorded, but it contains {shown}{more}"
    raise HistoryError(
        "; ".join([f"this database was not created by d1migrate: {reason}", *tools]),
        hint="`d1migrate adopt` finds out which of your files it has, and records those;"
        f" `d1migrate baseline --to V` (e.g. --to {newest}) records them without checking",
    )


def refuse_disagreement(entries: Sequence[Entry]) -> None:
    """Raise a HistoryError that names every version on which files and history disagree."""
    refuse_partial(entries)
    refuse_renumbered(entries)
    _refuse(
        [entry for entry in entries if entry.state == "changed" and _is_squashed(entry)],
        MissingMigration,
        "the files that it replaces are already applied",
        "`d1migrate adopt` records it in their place",
    )
    _refuse(
        [entry for entry in entries if entry.state == "changed"],
        ChecksumMismatch,
        "edited after being applied",
        "restore the file and write a new migration;"
        " if the edit is right, `d1migrate repair --accept {first} --reason …` records it",
    )
    _refuse(
        [entry for entry in entries if entry.state == "missing"],
        MissingMigration,
        "applied, but the file is missing",
        "restore the file, or update an old checkout; if it was removed on purpose,"
        " `d1migrate repair --forget {first} --reason …` removes its record",
    )


def _is_squashed(entry: Entry) -> bool:
    from d1migrate.migrate.squash import replaced_by  # few runs need it

    return entry.migration is not None and bool(replaced_by(entry.migration))


def refuse_renumbered(entries: Sequence[Entry]) -> None:
    """Raise MissingMigration for files that are applied under another number."""
    _refuse(
        [entry for entry in entries if entry.state == "renumbered"],
        MissingMigration,
        "renumbered after being applied",
        "rename the file back;"
        " if the new number is right, `d1migrate repair --accept {first} --reason …` records it",
    )


def refuse_partial(entries: Sequence[Entry]) -> None:
    """Raise PartiallyApplied for migrations that began and did not finish."""
    _refuse(
        [entry for entry in entries if entry.state == "partial"],
        PartiallyApplied,
        "began and did not finish",
        "look at the database (`d1migrate verify`) and finish or undo it by hand; then record the result:"
        " `d1migrate repair --accept {first} --reason …` or `--forget {first} --reason …`",
    )


def _refuse(found: Sequence[Entry], kind: type[HistoryError], problem: str, hint: str) -> None:
    """Raise an error with the entries, if there are any; `{first}` in the hint is the first version."""
    if found:
        named = ", ".join(
            e.name if e.was is None else f"{e.name} (applied as version {e.was})" for e in found
        )
        raise kind(f"{named}: {problem}", versions=versions(found), hint=hint.format(first=found[0].version))


def names(entries: Iterable[Entry]) -> str:
    """Return the names, for a message."""
    return ", ".join(entry.name for entry in entries)


def versions(entries: Iterable[Entry]) -> tuple[int, ...]:
    """Return the versions, for an error's attribute."""
    return tuple(entry.version for entry in entries)


def version_range(entries: Sequence[Entry]) -> str:
    """Return which versions exist, for a hint."""
    return f"the versions are {entries[0].version} to {entries[-1].version}" if entries else "there are none"
