"""Compare files and database: one Entry per migration, and the states that stop a run."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.errors import (
    ChecksumMismatch,
    HistoryError,
    MissingMigration,
    PartiallyApplied,
    SourceError,
)
from d1migrate.migrate.migration import NOTHING
from d1migrate.migrate.order import order_key
from d1migrate.migrate.other_tools import OTHER_TOOLS
from d1migrate.migrate.table import (
    MAX_VERSION,
    SUFFIX,
    WRANGLER,
    Key,
    MigrationsTable,
    VersionState,
    VersionTable,
)
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate import history as h
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Identified

State = Literal["pending", "applied", "changed", "missing", "out_of_order", "renamed", "partial"]


class Entry(NamedTuple):
    """One migration, in files and database.

    Attributes:
        version, name: the migration.
        state: how file and database compare.
        migration: the file, or None if it is missing.
        applied: the row of the migrations table, or None.
        was: the recorded name, if the file has another one. The state is "renamed" if its key is another one,
            too; a table of versions has the name only for people.
    """

    version: int | None
    name: str
    state: State
    migration: Migration | None
    applied: h.AppliedMigration | None
    was: str | None = None

    @property
    def checksum(self) -> str | None:
        """The recorded checksum of an applied migration (None: unknown), otherwise that of the file."""
        if self.applied:
            return self.applied.checksum
        return self.migration.checksum if self.migration else None

    @property
    def is_pending(self) -> bool:
        """Whether an `up` would run the file, or refuse it as out of order."""
        return self.state in ("pending", "out_of_order")

    @property
    def is_renamed(self) -> bool:
        """Whether the file has another name than what was recorded, and not another content."""
        return self.was is not None and self.state in ("applied", "renamed")

    @property
    def reversible(self) -> bool:
        """Whether there is a rollback, in the file or in the log."""
        if self.migration and self.migration.rollback:
            return self.migration.rollback.reason is None
        return bool(self.applied and self.applied.keeps_rollback)


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
    if len(entries) > len(migrations):
        entries.sort(key=lambda entry: order_key(path_of(entry, history.table)))
    return _out_of_order(entries)


def last_applied(entries: Sequence[Entry]) -> Entry | None:
    """Return the applied migration that is the last in wrangler's order; None if none is applied."""
    return next((entry for entry in reversed(entries) if entry.applied), None)


def _is_changed(migration: Migration, row: h.AppliedMigration) -> bool:
    """Whether a file is known to differ from what was applied: both must have a checksum."""
    return None not in (row.checksum, migration.checksum) and not migration.matches(row.checksum or "")


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
    return bool(row.checksum) and migration.matches(row.checksum or ""), migration.name == row.name


def _renamed(
    migrations: Sequence[Migration], history: h.History, owners: Mapping[Key | None, Migration]
) -> dict[str, h.AppliedMigration]:
    """Return {name of a file: the row with its content, which no longer has a file}."""
    key_of = history.table.key_of
    without_file = {
        row.checksum: row
        for row in history.applied
        if row.checksum and row.checksum != NOTHING and not _is_of(owners.get(key_of(row)), row.checksum)
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


def _is_of(migration: Migration | None, checksum: str) -> bool:
    """Whether a recorded checksum is that of a file."""
    return migration is not None and migration.matches(checksum)


def is_up_to_date(
    migrations: Sequence[Migration], table: MigrationsTable, applied: str | None, partial: int
) -> bool:
    """Whether the row of `history.state_query` shows that exactly these files are applied, unchanged.

    It may be False although `compare` finds nothing to do; then `compare` decides.
    """
    expected = _expected_state(tuple(migrations), table)
    if partial or applied is None or not migrations:
        return not partial and applied is None and not migrations
    if applied == expected:
        return True
    lines, wanted = applied.split("\n"), expected.split("\n")
    # A line of what wrangler applied has no checksum after the key.
    return len(lines) == len(wanted) and all(
        line in (want, want[: want.rindex(" ") + 1]) for line, want in zip(lines, wanted, strict=True)
    )


@lru_cache(maxsize=8)
def _expected_state(migrations: tuple[Migration, ...], table: MigrationsTable) -> str:
    ordered = sorted(migrations, key=table.sort_key)
    return "\n".join(f"{table.key_of(migration)} {migration.checksum}" for migration in ordered)


def refuse_unmanaged(entries: Sequence[Entry], history: h.History) -> None:
    """Raise HistoryError for a database with objects of its own and no recorded migration."""
    if not history.unmanaged or history.applied or history.partial:
        return
    shown = ", ".join(history.unmanaged[:5])
    more = f" and {len(history.unmanaged) - 5} more" if len(history.unmanaged) > 5 else ""
    tools = [f"{table} is the history of {OTHER_TOOLS[fold(table)]}" for table in history.other_tools]
    newest = entries[-1].name if entries else "NAME"
    reason = f"no migrations are recorded, but it contains {shown}{more}"
    raise HistoryError(
        "; ".join([f"this database was not created by d1migrate: {reason}", *tools]),
        hint="`d1migrate adopt` finds out which of your files it has, and records those;"
        f" `d1migrate baseline --to NAME` (e.g. --to {newest}) records them without checking",
    )


def refuse_disagreement(entries: Sequence[Entry]) -> None:
    """Raise a HistoryError that names every migration on which files and history disagree."""
    refuse_partial(entries)
    refuse_renamed(entries)
    _refuse(
        _squashed(entries),
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
    pending = next((entry.name for entry in entries if entry.is_pending), None)
    renamed = f"if it is {pending} now, `d1migrate repair --rename {{first}} {pending} --reason …`; "
    _refuse(
        [entry for entry in entries if entry.state == "missing"],
        MissingMigration,
        "applied, but the file is missing",
        f"restore the file, or update an old checkout; {renamed if pending else ''}if it was removed on"
        " purpose, `d1migrate repair --forget {first} --reason …` removes its record",
    )


def refuse_unwritable(history: h.History, entries: Sequence[Entry]) -> None:
    """Raise HistoryError for a history that is only read."""
    if error := unwritable(history, entries):
        raise error


def unwritable(history: h.History, entries: Sequence[Entry]) -> HistoryError | None:
    """Return why a history is only read; None if it can be written."""
    if history.problems:
        return _only_read(history.table, history.problems)
    table = history.table
    if history.other and (lost := unmoved(history.other, entries)):
        other = history.other.table.name
        return HistoryError(
            f"only {other} records {', '.join(row.name for row in lost)}, and the history is in {table.name}",
            names=names(lost),
            hint="`d1migrate repair --move-history --reason …` shows what it would record, and moves it",
        )
    here, there = one_sided(history, entries)
    if not here and not there:
        return None
    beside = table.beside.name if isinstance(table, VersionTable) else ""
    parts = [f"only {table.name} records {', '.join(here)}"] if here else []
    parts += [f"only {beside} records {', '.join(there)}"] if there else []
    return HistoryError(
        "; ".join(parts),
        names=(*here, *there),
        hint="`d1migrate repair --sync-tables --reason …` shows what it would record, and records it",
    )


def refuse_other_table(history: h.History) -> None:
    """Raise HistoryError if a record that is to be removed may stay in a table that is not kept in step."""
    if history.other:
        raise HistoryError(
            f"{history.other.table.name} has rows, too: they would still record what {history.table.name} no"
            " longer does",
            hint=f"`d1migrate repair --move-history --reason …` moves the history to {history.table.name}",
        )


def refuse_problems(table: MigrationsTable, problems: Sequence[str]) -> None:
    """Raise HistoryError for a migrations table that has problems."""
    if problems:
        raise _only_read(table, problems)


def _only_read(table: MigrationsTable, problems: Sequence[str]) -> HistoryError:
    return HistoryError(
        f"{table.name}: {'; '.join(problems)}", hint="until it is mended, d1migrate only reads it"
    )


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


def refuse_without_key(todo: Sequence[Entry], entries: Iterable[Entry], table: MigrationsTable) -> None:
    """Raise SourceError for files to be applied that a table of versions cannot hold.

    Args:
        todo: the files.
        entries: all of them.
        table: the migrations table.

    Raises:
        SourceError: a file has no number from 0 to 2^53 - 1, or two have the same.
    """
    known: dict[Key | None, Entry] = {table.key_of(entry): entry for entry in entries if entry.applied}
    for entry in todo:
        key = table.key_of(entry)
        file = entry.migration.file if entry.migration else entry.name
        if key is None:
            raise SourceError(
                f"{file}: {table.name} needs a number from 0 to {MAX_VERSION} at the beginning of the name",
                hint=f'rename it, or let wrangler\'s table record names: table = "{WRANGLER}"',
            )
        if key in known:
            raise SourceError(
                f"two files have version {key}: {known[key].name} and {entry.name}",
                hint="`d1migrate renumber` gives the pending one a new number",
            )
        known[key] = entry


def _squashed(entries: Sequence[Entry]) -> list[Entry]:
    """Return the squashed files whose place in the history is still that of the files they replace."""
    missing = {entry.name for entry in entries if entry.state == "missing"}
    if not missing and not any(entry.state == "changed" for entry in entries):
        return []
    from d1migrate.migrate.squash import every_replaced  # few runs need it

    found = []
    for entry in entries:
        names = {file.name for file in every_replaced(entry.migration)} if entry.migration else set()
        if (names and entry.state == "changed") or not names.isdisjoint(missing):
            found.append(entry._replace(was=None))
    return found


def refuse_renamed(entries: Sequence[Entry]) -> None:
    """Raise MissingMigration for files that are applied under another name."""
    _refuse(
        [entry for entry in entries if entry.state == "renamed"],
        MissingMigration,
        "renamed after being applied",
        "rename the file back;"
        " if the new name is right, `d1migrate repair --rename {was} {first} --reason …` records it",
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
    """Raise an error with the entries, if there are any; `{first}` in the hint is the first name."""
    if found:
        named = ", ".join(e.name if e.was is None else f"{e.name} (applied as {e.was})" for e in found)
        hint = hint.replace("{first}", found[0].name).replace("{was}", found[0].was or "")
        raise kind(f"{named}: {problem}", names=names(found), hint=hint)


def names(migrations: Iterable[Identified]) -> tuple[str, ...]:
    """Return the names."""
    return tuple(migration.name for migration in migrations)
