"""Locate the statement to name in an error if a table cannot be squashed."""

from __future__ import annotations

from d1migrate.drafting.squash.expressions import is_volatile
from d1migrate.migrate.history_guard import is_record
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold
from d1migrate.sql.statement import effects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.migrate.migration import Migration

_ROWS = frozenset({"insert", "update", "delete"})


class _Statement(NamedTuple):
    file: str
    line: int
    sql: str


class Locations:
    """The statements of some files, without those by which files record themselves.

    Attributes:
        has_records: whether a file records itself.
    """

    def __init__(self, migrations: Iterable[Migration]) -> None:
        self._all: list[_Statement] = []
        self.has_records = False
        for migration in migrations:
            for statement in migration.statements():
                if is_record(statement.sql):
                    self.has_records = True
                else:
                    self._all.append(_Statement(migration.file, statement.line, statement.sql))

    @property
    def statements(self) -> Iterator[str]:
        """The SQL of each statement."""
        return (statement.sql for statement in self._all)

    def of(self, table: str) -> str:
        """Return `file:line` of the last statement that writes rows of a table.

        A statement that uses the time or random numbers is preferred.
        """
        names, written = {fold(table)}, list[_Statement]()
        for statement in reversed(self._all):
            for effect in effects(statement.sql):
                if effect.kind == "rename" and effect.to in names:
                    names.add(effect.table)
                elif effect.kind in _ROWS and effect.table in names:
                    written.append(statement)
        found = next((s for s in written if is_volatile(s.sql)), written[0] if written else self._all[-1])
        return f"{found.file}:{found.line}"
