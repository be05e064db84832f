"""Which table is to hold the history of a database, by the configuration and by what the files suggest.

How the files suggest it is in `file_suggestion`; which table does, by what the database has, in
`table_decision`.
"""

from __future__ import annotations

from d1migrate.migrate.table import (
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
    from typing import Protocol

    from d1migrate.migrate.table import Shape

    class Files(Protocol):
        """What files suggest, whether it is known or still to be read."""

        @property
        def shape(self) -> Shape:
            """The shape for a database without a history."""

        @property
        def recording(self) -> bool | None:
            """Whether the files record themselves."""

        @property
        def likely_shape(self) -> Shape:
            """The shape as far as it shows without parsing a file."""


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


class TableChoice(NamedTuple):
    """How to choose the migrations table of a database.

    Attributes:
        configured: its name, if the configuration has it.
        wrangler: the name of wrangler's table.
        files: what the files suggest.
    """

    configured: str | None = None
    wrangler: str = WRANGLER
    files: Files = Suggestion()

    @property
    def versions(self) -> str:
        """The name of the table of versions."""
        named = self.configured is not None and fold(self.configured) != fold(self.wrangler)
        return self.configured if named and self.configured else VERSIONS

    @property
    def is_of_versions(self) -> bool:
        """Whether the history may be in the table called `versions`, and not only in wrangler's."""
        return fold(self.configured or self.versions) != fold(self.wrangler)

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
