"""Checksums for migrations that were applied without one: by wrangler, or by files that record themselves.

Whether a file is still the one that ran, only the schema can show. If it is what the files build, they are
recorded as they are now, so that a later edit is noticed. What they did to rows, the schema does not show.
"""

from __future__ import annotations

from d1migrate.errors import HistoryError, SourceError
from d1migrate.hints import listed
from d1migrate.migrate.flows.verify import drift, in_order_of_application, without_file
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import Schema

_SHOWN = 5


class Unchecked(NamedTuple):
    """Applied migrations without a checksum, and whether the schema is what the applied files build.

    Attributes:
        migrations: those without a checksum.
        differences: where the live schema differs from what all applied files build.
        not_compared: why the schemas could not be compared, or None.
    """

    migrations: tuple[Migration, ...] = ()
    differences: tuple[Difference, ...] = ()
    not_compared: str | None = None

    @property
    def proved(self) -> tuple[Migration, ...]:
        """The migrations whose files may be recorded as they are."""
        return () if self.differences or self.not_compared else self.migrations


def find_unchecked(
    entries: Sequence[Entry],
    also_applied: Iterable[Migration],
    live: Schema,
    histories: Iterable[str],
    schema_of: Callable[[Iterable[Migration]], Schema],
) -> Unchecked:
    """Return the applied migrations without a checksum, with a comparison if there are any.

    Args:
        entries: files against history.
        also_applied: files that are applied, but not recorded yet.
        live: the schema of the database.
        histories: the names of history tables besides those of other tools.
        schema_of: returns what migrations build, in the order given; raises SourceError if it cannot.
    """
    found = tuple(e.migration for e in entries if e.state == "applied" and e.migration and e.checksum is None)
    if not found:
        return Unchecked()
    if why := without_file(entries):
        return Unchecked(found, not_compared=why)
    try:
        built = schema_of([*in_order_of_application(entries), *also_applied])
    except SourceError as error:  # e.g. the schema before a baseline is in no file
        return Unchecked(found, not_compared=error.headline)
    return Unchecked(found, drift(built, live, histories))


def refuse_unproved(unchecked: Unchecked) -> None:
    """Raise HistoryError for migrations without a checksum whose files may not be recorded as they are."""
    if unchecked.proved == unchecked.migrations:
        return
    names = tuple(migration.name for migration in unchecked.migrations)
    shown = listed([f"{one.kind} {one.name} is {one.problem}" for one in unchecked.differences], _SHOWN)
    reason = unchecked.not_compared or f"the schema is not what the applied files build: {shown}"
    raise HistoryError(
        f"no checksum was recorded for {listed(names, _SHOWN)}: {reason}",
        names=names,
        hint="make the files and the schema agree, then run `d1migrate adopt` again; `d1migrate repair"
        f" --accept {names[0]} --reason …` records one file without comparing",
    )
