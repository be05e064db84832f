"""Which table is to hold the history of a database, by the configuration and the files.

Which one does, by what the database has, is in `table_decision`.
"""

from __future__ import annotations

from d1migrate.errors import SourceError
from d1migrate.migrate.table import (
    MAX_VERSION,
    VERSIONS,
    WRANGLER,
    MigrationsTable,
    NameTable,
    VersionTable,
)
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import Shape


class Suggestion(NamedTuple):
    """What files suggest, where it is known.

    Attributes:
        shape: the shape for a database without a history.
        recording: whether the files record themselves: if not, and both tables have rows, wrangler's is the
            one. None if there are no files to ask.
    """

    shape: Shape = "versions"
    recording: bool | None = False

    @property
    def likely_shape(self) -> Shape:
        """The shape."""
        return self.shape


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
        recording = any(migration.has_text(f"into {VERSIONS}") for migration in self._migrations)
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


class TableChoice(NamedTuple):
    """How to choose the migrations table of a database.

    Attributes:
        configured: its name, if the configuration has it.
        wrangler: the name of wrangler's table.
        files: what the files suggest.
    """

    configured: str | None = None
    wrangler: str = WRANGLER
    files: Suggestion | FileSuggestion = Suggestion()

    @property
    def versions(self) -> str:
        """The name of the table of versions."""
        named = self.configured is not None and fold(self.configured) != fold(self.wrangler)
        return self.configured if named and self.configured else VERSIONS

    @property
    def guess(self) -> MigrationsTable:
        """The table of a database without a history, which most others also have."""
        return self.empty(self._configured_shape or self.files.shape)

    @property
    def first_guess(self) -> MigrationsTable:
        """The guess as far as it needs no parsing, for a request whose answer shows if it is wrong."""
        return self.empty(self._configured_shape or self.files.likely_shape)

    @property
    def _configured_shape(self) -> Shape | None:
        if self.configured is None:
            return None
        return "names" if fold(self.configured) == fold(self.wrangler) else "versions"

    def empty(self, shape: Shape) -> MigrationsTable:
        """Return the table of a shape in a database that has neither."""
        beside = NameTable(self.wrangler)
        return beside if shape == "names" else VersionTable(self.versions, beside)


USUAL = TableChoice()
"""The choice without a configuration or files."""


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
    from d1migrate.migrate.history_guard import is_record  # an index of a Worker has the answer

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
    from d1migrate.migrate.other_tools import owner_of  # few files create it
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
