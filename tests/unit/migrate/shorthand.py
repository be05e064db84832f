"""Migrations and histories in a few letters, for tables of cases.

`"1a 2b"` is version 1 with content a and version 2 with content b; the content decides the checksum. In a history, `?`
is content that nobody recorded a checksum of, as after wrangler.
"""

from __future__ import annotations

from d1migrate.migrate.history import AppliedMigration, History, Partial
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.migrate.table_state import NameState, TableState, VersionState

ROLLBACK = "-- Rollback:\n--   DROP TABLE {};\n"


def files(text: str, *, rollback: str = ROLLBACK) -> list[Migration]:
    """Migrations, each of which creates the table that it is called after."""
    return [_file(int(word[:-1]), word[-1], rollback) for word in text.split()]


def _file(version: int, content: str, rollback: str = ROLLBACK) -> Migration:
    sql = f"CREATE TABLE {content} (id INTEGER PRIMARY KEY);\n{rollback.format(content)}"
    return Migration(version, f"{version:03}_{content}", sql)


def history(
    applied: str = "",
    partial: str = "",
    *,
    keeps_rollback: bool = False,
    table: MigrationsTable = USUAL_TABLE,
) -> History:
    """The row of a database that has these migrations, in either table."""
    rows = [_row(int(word[:-1]), word[-1], keeps_rollback=keeps_rollback) for word in applied.split()]
    begun = [Partial(int(word[:-1]), f"{int(word[:-1]):03}_{word[-1]}", "up") for word in partial.split()]
    names = tuple((row.place, f"{row.name}.sql") for row in rows)
    state: TableState = VersionState.of([row.place for row in rows])
    if table.shape == "names":
        state = NameState(names, names[-1][0] if names else 0)
    return History(tuple(rows), tuple(begun), head="token-9", table=table, rows=state)


def _row(version: int, content: str, *, keeps_rollback: bool) -> AppliedMigration:
    if content == "?":
        return AppliedMigration(version, f"{version:03}_by_wrangler", 1_790_000_000, place=version)
    of = _file(version, content)
    digest = of.rollback.digest if of.rollback else None
    return AppliedMigration(
        version, of.name, 1_790_000_000, of.checksum, digest, keeps_rollback, version, version
    )
