"""One row that shows whether anything is to be done: the query for it, and what its answer means.

A Worker asks for it on every request, so this module imports little. What the row cannot show is in `status`.
"""

from __future__ import annotations

from functools import lru_cache

from d1migrate.migrate.table import APPLIES, LOG_TABLE, SUFFIX
from d1migrate.sha256 import sha256
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable


def state_query(table: MigrationsTable) -> Query:
    """Return the query that shows in one row whether anything is to be done.

    Its columns: a line for each applied migration, in the order of the keys, as `state_lines` reads it; and
    how many are partial.
    """
    column = table.column
    joined = (
        "m.version" if table.shape == "versions" else f"substr(m.name, 1, length(m.name) - {len(SUFFIX)})"
    )
    applies = ", ".join(map(quote_literal, APPLIES))
    return Query(
        f"WITH l AS MATERIALIZED (SELECT {column}, max(id), event, action, checksum, file_digest"
        f" FROM {LOG_TABLE} GROUP BY {column})"
        f" SELECT (SELECT group_concat(line, char(10)) FROM (SELECT m.{column} || ' ' || iif(l.event = 'done'"
        f" AND l.action IN ({applies}), coalesce(l.checksum, '') || ' ' || coalesce(l.file_digest, ''), ' ')"
        " AS line"
        f" FROM {table.sql} m LEFT JOIN l ON l.{column} = {joined} ORDER BY m.{column})) AS applied,"
        " (SELECT count(*) FROM l WHERE event = 'begun') AS partial"
    )


def state_lines(applied: str) -> list[list[str]]:
    """Return [key, checksum, digest] of each line of the answer; what it does not have is empty."""
    # A name with a line break makes lines that are no lines: no file has an empty key.
    return [parts if len(parts := line.rsplit(" ", 2)) == 3 else ["", "", ""] for line in applied.split("\n")]


def is_up_to_date(
    migrations: Sequence[Migration], table: MigrationsTable, applied: str | None, partial: int
) -> bool:
    """Whether the row of `state_query` shows that exactly these files are applied, unchanged.

    It may be False although `compare` finds nothing to do; then `compare` decides.
    """
    if partial or applied is None or not migrations:
        return not partial and applied is None and not migrations
    return _is_state_of(tuple(migrations), table, applied)


@lru_cache(maxsize=8)  # a Worker asks on every request, and nearly always about the same answer
def _is_state_of(migrations: tuple[Migration, ...], table: MigrationsTable, applied: str) -> bool:
    ordered, lines = sorted(migrations, key=table.sort_key), state_lines(applied)
    return len(lines) == len(ordered) and all(
        key == str(table.key_of(migration))
        # What wrangler applied has no checksum.
        and (not checksum or digest == migration.digest or migration.matches(checksum))
        for (key, checksum, digest), migration in zip(lines, ordered, strict=True)
    )


def index_digest(migrations: Iterable[Migration]) -> str:
    """Return the digest of an index: of the names and texts of its migrations, in their order.

    Every compiler of an index and every runtime computes it in this way.
    """
    lines = (f"{migration.name} {migration.digest}" for migration in migrations)
    return sha256("\n".join(lines).encode()).hexdigest()
