"""Ask SQLite's authorizer once for a series of INSERTs, not for each: a tenth of the time of a large file.

The authorizer is asked about names, never about literals, and the INSERTs of a series differ in nothing else.
But what an INSERT sets off may ask with the values of its row: a trigger that selects from
`pragma_table_info(new.x)`, or a virtual table, which prepares SQL of its own. So everything is asked for in
the first series, which shows whether there is either.
"""

from __future__ import annotations

from d1migrate.sql import d1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    Authorizer = Callable[[int, str | None, str | None, str | None, str | None], int]


class SeriesAuthorizer:
    """The authorizer of a connection while series that follow each other run.

    It has the connection's own one only while it is open: otherwise, each would keep the other in memory.

    Args:
        connection: the connection.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._asked = set[tuple[int, str | None]]()
        self.is_open = False

    def open(self, authorize: Authorizer) -> None:
        """Record what is asked about the next series, and ask the connection's own authorizer."""
        self._authorize, self.is_open = authorize, True
        self._connection.authorizer = self._ask

    def decide(self) -> None:
        """Ask no more until `close` if that series only inserts into one table and reads its parents."""
        tables = [table for action, table in self._asked if action == d1.INSERT]
        plain = {action for action, _ in self._asked} <= {d1.INSERT, d1.READ} and len(tables) == 1
        self._asked.clear()
        self._connection.authorizer = self._authorize
        if plain and self._is_stored(tables[0]):
            self._connection.authorizer = None

    def close(self) -> None:
        """Ask for every statement again."""
        self._connection.authorizer = self._authorize
        self.is_open = False
        del self._authorize

    def _ask(
        self, action: int, arg1: str | None, arg2: str | None, database: str | None, cause: str | None
    ) -> int:
        self._asked.add((action, arg1))
        return self._authorize(action, arg1, arg2, database, cause)

    def _is_stored(self, table: str | None) -> bool:
        """Whether the rows of a table are its own, and not those of a module or a view."""
        found = "SELECT rootpage > 0 FROM main.sqlite_schema WHERE type = 'table' AND name = ?"
        return bool(self._connection.execute(found, (table,)).get)
