"""How one migrations table records what the other one does: under which version or name. It only decides.

The statements that write belong in `flows.tables`.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError
from d1migrate.migrate.history import AppliedMigration, order_of_application
from d1migrate.migrate.order import number_of
from d1migrate.migrate.refusals import names, refuse_partial
from d1migrate.migrate.table import MAX_VERSION, WRANGLER
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.history import History
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.migrate.table import Identified, VersionTable


class Record(NamedTuple):
    """A record to write.

    Attributes:
        version, name: the migration, as the table is to record it.
        row: the record of the other table.
    """

    version: int | None
    name: str
    row: AppliedMigration


def as_names(
    entries: Sequence[Entry], migrations: Iterable[Migration], history: History
) -> tuple[Record, ...]:
    """Return how a table of names records what a table of versions does, in the order of application.

    A record is that of the file with its version, unless the content shows that it is of another file: then
    it keeps its name.

    Args:
        entries: files and history, compared.
        migrations: the files.
        history: the history, in a table of versions.

    Raises:
        PartiallyApplied: a migration began and did not finish.
        HistoryError: it is unclear which file a record is of.
    """
    refuse_partial(entries)
    files = {migration.name: migration for migration in migrations}
    found: dict[str, Record] = {}
    problems = []
    for place in order_of_application(history.applied):
        row = history.applied[place]
        alike = [m for m in files.values() if history.table.key_of(m) == row.version]
        file = _file_of(row, alike)
        name = file.name if file else row.name
        if len(alike) > 1 and file is None:
            problems.append(f"version {row.version}, {row.name}, can be {', '.join(names(alike))}")
        elif not name:
            problems.append(f"version {row.version} has neither a file nor a name")
        elif name in found:
            problems.append(f"versions {found[name].row.version} and {row.version} are both {name}")
        elif file is None and name in files:
            problems.append(f"version {row.version} is recorded as {name}, the name of another file")
        found.setdefault(name, Record(number_of(name), name, row))
    _refuse(problems, "correct the names in the table: they decide which files wrangler does not run")
    return tuple(found.values())


def _file_of(row: AppliedMigration, alike: Sequence[Migration]) -> Migration | None:
    """Return which of the files with its version a record is of; None if it is of none, or unclear."""
    if row.checksum is not None:
        found = [m for m in alike if row.has_content_of(m)] or [m for m in alike if m.name == row.name]
    else:
        found = [m for m in alike if m.name == row.name] or list(alike)
    return found[0] if len(found) == 1 else None


def as_versions(
    rows: Iterable[AppliedMigration],
    migrations: Iterable[Migration],
    table: VersionTable,
    recorded: Mapping[int, str],
) -> tuple[Record, ...]:
    """Return how a table of versions records what a table of names does.

    Args:
        rows: what the table of names records.
        migrations: files that the table is to record later.
        table: the table of versions.
        recorded: {version: name} of what it records already.

    Raises:
        HistoryError: a name has no number that the table can hold, or another migration has it.
    """
    known, found, problems = dict(recorded), [], dict[str, None]()
    both: tuple[Identified, ...] = (*rows, *migrations)
    for one in both:
        version = table.key_of(one)
        if version is None:
            problems[f"{one.name} has no number from 0 to {MAX_VERSION}"] = None
        elif known.setdefault(version, one.name) != one.name:
            problems[f"{known[version]} and {one.name} have the same number"] = None
        elif isinstance(one, AppliedMigration):
            found.append(Record(version, one.name, one))
    _refuse(list(problems), f'keep the table that records names: table = "{WRANGLER}"')
    return tuple(found)


def _refuse(problems: Sequence[str], hint: str) -> None:
    if problems:
        raise HistoryError("; ".join(problems), hint=hint)
