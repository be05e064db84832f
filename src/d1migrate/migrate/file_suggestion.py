"""Which migrations table the files suggest.

Files may record themselves in a table of versions, or have names that only a table of names can hold.
"""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.migrate.table import MAX_VERSION, VERSIONS, WRANGLER
from d1migrate.migrate.table_choice import Suggestion, TableChoice
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Shape


class FileSuggestion:
    """What files suggest. They are parsed when it is first asked: in nearly every database a history decides.

    Args:
        migrations: the files.
        has_wrangler: whether wrangler's configuration has the database.
    """

    __slots__ = ("_has_wrangler", "_known", "_migrations")

    def __init__(self, migrations: Sequence[Migration], *, has_wrangler: bool) -> None:
        self._migrations, self._has_wrangler = migrations, has_wrangler
        self._known: Suggestion | None = None

    @property
    def shape(self) -> Shape:
        """The shape for a database without a history."""
        return self._parsed().shape

    @property
    def recording(self) -> bool | None:
        """Whether the files record themselves."""
        return self._parsed().recording

    @property
    def likely_shape(self) -> Shape:
        """The shape as far as it shows without parsing a file."""
        # Not a large file, which is not searched for every text: it would count as one that records itself.
        small = (migration for migration in self._migrations if not migration.is_large)
        recording = any(migration.mentions(f"into {VERSIONS}") for migration in small)
        return self._shape(recording=recording, other=False)

    def _parsed(self) -> Suggestion:
        if self._known is None:
            recording = record_themselves(self._migrations)
            other = not recording and creates_another(self._migrations)
            self._known = Suggestion(self._shape(recording=recording, other=other), recording)
        return self._known

    def _shape(self, *, recording: bool, other: bool) -> Shape:
        names = not recording and (self._has_wrangler or other or not have_versions(self._migrations))
        return "names" if names else "versions"


def choose_table(
    migrations: Sequence[Migration],
    *,
    configured: str | None = None,
    wrangler: str | None = None,
) -> TableChoice:
    """Return how to choose the table for some files.

    Args:
        migrations: the files.
        configured: the name of the table, if the configuration of d1migrate has it.
        wrangler: the name of wrangler's table, if wrangler's configuration has the database.
    """
    files = FileSuggestion(migrations, has_wrangler=wrangler is not None)
    return TableChoice(configured, wrangler or WRANGLER, files)


def have_versions(migrations: Iterable[Migration]) -> bool:
    """Whether every file has a number of its own, which a table of versions can hold."""
    versions = [migration.version for migration in migrations]
    return len(set(versions)) == len(versions) and all(
        v is not None and 0 <= v <= MAX_VERSION for v in versions
    )


def record_themselves(migrations: Iterable[Migration]) -> bool:
    """Whether files insert into VERSIONS, and none creates another table of that name."""
    from d1migrate.migrate.history_guard import is_record

    naming = [migration for migration in migrations if migration.mentions(VERSIONS)]
    return any(any(map(is_record, _texts(one))) for one in naming) and not creates_another(naming)


def creates_another(migrations: Iterable[Migration]) -> bool:
    """Whether files create a table that has the name of VERSIONS and another shape."""
    naming = (migration for migration in migrations if migration.mentions(VERSIONS))
    return any(any(map(_creates_another, _texts(migration))) for migration in naming)


def _texts(migration: Migration) -> Iterator[str]:
    """Yield its statements up to one that cannot be parsed: that is refused when it is to run."""
    try:
        yield from migration.texts()
    except SourceError:
        return


def _creates_another(sql: str) -> bool:
    lower = sql[:_HEAD].lower()
    if VERSIONS not in lower or "create" not in lower:
        return False
    from d1migrate.migrate.other_tools import owner_of
    from d1migrate.sql.create import parse_table

    table = parse_table(sql)
    if table is None or fold(table.name) != VERSIONS:
        return False
    primary = {fold(term.column or "") for key in table.keys if key.primary for term in key.terms}
    columns = [
        (c.name, c.type, fold(c.name) in primary or any(key.primary for key in c.keys), c.not_null, c.default)
        for c in table.columns
    ]
    # With one more column, ours, which is created first, would lack what the files index and insert.
    return owner_of(columns) != "d1migrate" or len(columns) > 3


_HEAD = 400  # characters: enough for the name of a table
