"""Foreign keys in a transaction of a Durable Object: they are enforced, and checked before it ends.

Other code of the object may have switched them off, until it is evicted. And a deferred violation is found
when the event ends. Then everything the event wrote is undone, and no code gets an error. So it is looked for
at the end of each migration that may leave one.
"""

from __future__ import annotations

from d1migrate.errors import QueryError, UsageError
from d1migrate.sql.batch import Query
from d1migrate.sql.deferred_keys import DEFER_OFF, DEFERRABLE, ORPHANS, defers, drops
from d1migrate.sql.durable_object import KEYS_OFF, KEYS_OFF_HINT, VIOLATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from d1migrate.sql.batch import Result

    class Run(Protocol):
        """What runs one query."""

        def __call__(self, query: Query, index: int | None = None) -> Result:
            """Run the query; an error has `index`, its position in the batch."""


_KEYS_ON, _KEYS = Query("PRAGMA foreign_keys = ON"), Query("PRAGMA foreign_keys")
_DEFER_ON, _DEFER_OFF = Query("PRAGMA defer_foreign_keys = ON"), Query(DEFER_OFF)
_ORPHANED = Query('SELECT group_concat(DISTINCT "table") FROM pragma_foreign_key_check')


def enforce(read: Run) -> None:
    """Switch foreign keys on, which has no effect within a transaction.

    Raises:
        UsageError: they are off and stay off, because the event has written already.
    """
    read(_KEYS_ON)
    if not _value(read, _KEYS):
        raise UsageError(KEYS_OFF, hint=KEYS_OFF_HINT)


def run_checked(queries: Sequence[Query], read: Run, run: Run) -> list[Result]:
    """Run the queries of a transaction.

    Args:
        queries: the queries.
        read: what runs a query for its rows.
        run: what runs a query for its costs.

    Raises:
        QueryError: also if they leave a violation of a deferred foreign key.
    """
    deferring = next((index for index, query in enumerate(queries) if defers(query.sql)), None)
    deferrable = bool(_value(read, DEFERRABLE))
    if deferring is None and not deferrable:
        return [run(query, index) for index, query in enumerate(queries)]
    before = _orphans(read)
    if deferrable and any(drops(query.sql) for query in queries):
        # SQLite counts the rows that refer to a dropped table, and renaming another table to it does not
        # reduce the count. It is reset below, but only for what the pragma deferred.
        read(_DEFER_ON)
    try:
        results = [run(query, index) for index, query in enumerate(queries)]
        _refuse_orphans(read, before, deferring)
    finally:
        read(_DEFER_OFF)
    return results


def _orphans(read: Run) -> int:
    try:
        return int(_value(read, ORPHANS))
    except QueryError:  # a key that refers to no key; perhaps the migration corrects that
        return 0


def _refuse_orphans(read: Run, before: int, deferring: int | None) -> None:
    if _value(read, ORPHANS, deferring) > before:
        tables = _value(read, _ORPHANED)
        hint = f"after it, rows of these tables would refer to rows that do not exist: {tables}"
        raise QueryError(VIOLATED, index=deferring, hint=hint)


def _value(read: Run, query: Query, index: int | None = None) -> Any:
    return read(query, index).rows[0][0]
