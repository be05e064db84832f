"""One row that shows whether anything is to be done: the query for it, and what its answer means.

A Worker asks for it on every request, so this module imports little. What the row cannot show is in `status`.
"""

from __future__ import annotations

from functools import lru_cache

from d1migrate.migrate.order import order_key
from d1migrate.migrate.table import APPLIES, LOG_TABLE, MAX_VERSION, SUFFIX
from d1migrate.sha256 import sha256
from d1migrate.sql.batch import Query
from d1migrate.sql.names import quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.migrate.history import History
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable

INDEX = "index"
"""What the log notes of the step that completes an index: its digest."""


def state_query(table: MigrationsTable) -> Query:
    """Return the query that shows in one row whether anything is to be done.

    Its columns: a line for each applied migration, in the order of the keys, as `state_lines` reads it; and
    how many are partial.
    """
    logged, applies = joined_log(table)
    return Query(
        f"WITH {newest_logged(table)}"
        f" SELECT (SELECT group_concat(line, char(10)) FROM (SELECT m.{table.column} || ' ' || iif({applies},"
        " coalesce(l.checksum, '') || ' ' || coalesce(l.file_digest, ''), ' ') AS line"
        f" FROM {table.sql} m {logged} ORDER BY m.{table.column})) AS applied,"
        " (SELECT count(*) FROM l WHERE event = 'begun') AS partial"
    )


def newest_logged(table: MigrationsTable) -> str:
    """Return the common table expression `l`: the newest row of the log for each key."""
    column = table.column
    return (
        f"l AS MATERIALIZED (SELECT {column}, max(id), event, action, checksum, file_digest"
        f" FROM {LOG_TABLE} GROUP BY {column})"
    )


def joined_log(table: MigrationsTable) -> tuple[str, str]:
    """Return the join of `l` to the migrations table `m`, and the condition that its row applied it."""
    column = table.column
    key = "m.version" if table.shape == "versions" else f"substr(m.name, 1, length(m.name) - {len(SUFFIX)})"
    actions = ", ".join(map(quote_literal, APPLIES))
    return f"LEFT JOIN l ON l.{column} = {key}", f"l.event = 'done' AND l.action IN ({actions})"


def state_lines(applied: str) -> list[list[str]]:
    """Return [key, checksum, digest] of each line of the answer; what it does not have is empty."""
    # A name with a line break makes lines that are no lines: no file has an empty key.
    return [parts if len(parts := line.rsplit(" ", 2)) == 3 else ["", "", ""] for line in applied.split("\n")]


def is_up_to_date(
    migrations: Sequence[Migration],
    table: MigrationsTable,
    applied: str | None,
    partial: int,
    *,
    accept_newer: bool = False,
) -> bool:
    """Whether the row of `state_query` shows that exactly these files are applied, unchanged.

    With `accept_newer`, migrations that come after these files may be applied, too. It may be False although
    there is nothing to do; then `plan_up` decides.
    """
    if partial or applied is None or not migrations:
        return not partial and applied is None and not migrations
    return _is_state_of(tuple(migrations), table, applied, accept_newer=accept_newer)


def is_newer(history: History, migrations: Sequence[Migration]) -> bool:
    """Whether the files are the unedited beginning of a history: what else is applied comes after them."""
    key_of = history.table.key_of
    lines = [[str(key_of(row)), row.checksum or "", row.file_digest or ""] for row in history.applied]
    return not history.partial and _are_applied(migrations, history.table, lines, accept_newer=True)


@lru_cache(maxsize=8)  # a Worker asks on every request, and nearly always about the same answer
def _is_state_of(
    migrations: tuple[Migration, ...], table: MigrationsTable, applied: str, *, accept_newer: bool
) -> bool:
    return _are_applied(migrations, table, state_lines(applied), accept_newer=accept_newer)


def _are_applied(
    migrations: Sequence[Migration],
    table: MigrationsTable,
    lines: Sequence[Sequence[str]],
    *,
    accept_newer: bool,
) -> bool:
    """Whether the lines of what is applied are these files, unchanged, or begin with them."""
    recorded = {key: (checksum, digest) for key, checksum, digest in lines}
    files = {str(table.key_of(migration)): migration for migration in migrations}
    others = recorded.keys() - files.keys()
    if len(recorded) < len(lines) or len(recorded) - len(others) < len(migrations):
        return False
    if others and not (accept_newer and _come_after(others, migrations, table)):
        return False
    for key, migration in files.items():
        checksum, digest = recorded[key]
        # What wrangler applied has no checksum.
        if checksum and digest != migration.digest and not migration.matches(checksum):
            return False
    return True


def _come_after(keys: Iterable[str], migrations: Sequence[Migration], table: MigrationsTable) -> bool:
    """Whether keys without a file come after the last file, in wrangler's order; there must be a file."""
    last = order_key(migrations[-1].name + SUFFIX) if migrations else None
    return last is not None and all(
        _is_key(key, table) and order_key(key if table.shape == "names" else key + SUFFIX) > last
        for key in keys
    )


def _is_key(text: str, table: MigrationsTable) -> bool:
    """Whether a text from the migrations table identifies a migration, and is no damaged row."""
    if table.shape == "names":
        return text.endswith(SUFFIX)
    return text.isdecimal() and int(text) <= MAX_VERSION


def notes_query(table: MigrationsTable) -> Query:
    """Return the query for the notes of the log's newest row; no row if the table has none."""
    return Query(
        f"SELECT detail FROM {LOG_TABLE} WHERE EXISTS (SELECT 1 FROM {table.sql}) ORDER BY id DESC LIMIT 1"
    )


def is_complete(migrations: Sequence[Migration], notes: str | None) -> bool:
    """Whether the notes of the log's newest row show that exactly these files are applied, unchanged.

    That is known only if nobody writes to the migrations table without the log, as in a Durable Object. It
    takes the same time for any number of files.
    """
    # In a note of another kind, the quotes would be escaped.
    return notes is not None and f'"{INDEX}": "{_known_digest(tuple(migrations))}"' in notes


@lru_cache(maxsize=8)
def _known_digest(migrations: tuple[Migration, ...]) -> str:
    return index_digest(migrations)


def index_digest(migrations: Iterable[Migration]) -> str:
    """Return the digest of an index: of the names and texts of its migrations, in their order.

    Every compiler of an index and every runtime computes it in this way.
    """
    lines = (f"{migration.name} {migration.digest}" for migration in migrations)
    return sha256("\n".join(lines).encode()).hexdigest()
