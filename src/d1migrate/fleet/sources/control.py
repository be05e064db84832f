"""`query`: the tenants that the application's own database lists."""

from __future__ import annotations

import json

from d1migrate.errors import QueryError, SourceError, UsageError
from d1migrate.fleet.sources.rows import IDS, NAME, read_row
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split
from d1migrate.sql.statement import shape_of
from d1migrate.sql.token_groups import closing
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from d1migrate.drivers.protocol import Driver
    from d1migrate.fleet.tenant import Listed

MOST = 50_000_000  # bytes of a result: D1 returns no more
_ONE = "write one SELECT, for example: SELECT database_id, name FROM tenants"
_ABSENT = "x'6e6f20636f6c756d6e'"  # 'no column' as a BLOB, which no id or name is


def list_control(driver: Driver, sql: str, folder: str) -> Iterator[Listed]:
    """Yield the tenants that a query returns, in its order.

    Args:
        driver: the control database.
        sql: the query.
        folder: what paths in its column `url` are relative to.

    Raises:
        UsageError: the query is not one SELECT, fails, lacks a column, returns no rows or more than D1 can,
            or a row is not a tenant.
        DriverError: the database does not answer.
    """
    inner = _single(sql)
    columns = _columns(driver, inner)
    column = next((name for name in IDS if name in columns), None)
    if column is None:
        raise UsageError(
            f"query has no column {' or '.join(IDS)}",
            hint="name the column of the ids, for example: SELECT uuid AS database_id, name FROM tenants",
        )
    name = "t.name" if NAME in columns else "NULL"
    (rows,) = _ask(driver, f"SELECT t.{column} AS id, {name} AS name FROM ({inner}\n) AS t")
    if sum(len(str(value)) for row in rows for value in row) > MOST:
        raise UsageError(
            "query returns more than 50 MB, the most that D1 returns",
            hint='list the tenants in a file, or by their names on the account: databases = "d1:tenant-*"',
        )
    for number, (value, called) in enumerate(rows, 1):
        place = f"row {number} of the query"
        try:
            yield read_row(column, value, called, place, folder)
        except UsageError as error:
            raise UsageError(f"{place}: {error}", hint=error.hint) from None


def _single(sql: str) -> str:
    """Return the statement of a query, without its semicolon and comments after it.

    Raises:
        UsageError: it is not one SELECT that can be a subquery.
    """
    try:
        statements = [statement.sql for statement in split(sql, file="query") if statement.sql]
    except SourceError as error:
        raise UsageError(str(error), hint=error.hint) from None
    if len(statements) != 1:
        raise UsageError(f"query has {len(statements)} statements", hint=_ONE)
    tokens = significant(f"({statements[0]}\n)")
    if shape_of(tokens[1:-1]).verb not in ("select", "values"):
        raise UsageError("query is not a SELECT", hint=_ONE)
    if closing(tokens, 0) != len(tokens) - 1:
        raise UsageError("query has a parenthesis that does not match", hint=_ONE)
    return statements[0]


def _columns(driver: Driver, inner: str) -> frozenset[str]:
    """Return which of the columns that matter a query has.

    A driver returns rows without the names of columns. In a subquery, a name that is not a column there is
    the one of the query around it, which is `_ABSENT`. So is a mistyped name within the query itself:
    therefore the query is also run as it is, up to its first row.

    Raises:
        UsageError: the query fails, or has no rows.
    """
    wanted = (*IDS, NAME)
    outer = ", ".join(f"{_ABSENT} AS {name}" for name in wanted)
    tested = ", ".join(f"{name} IS {_ABSENT}" for name in wanted)
    first, found = _ask(
        driver,
        f"SELECT 1 AS one FROM ({inner}\n) AS t LIMIT 1",
        f"SELECT (SELECT json_array({tested}) FROM ({inner}\n) AS t LIMIT 1) AS found FROM (SELECT {outer})",
    )
    if not first:
        raise UsageError("query returns no rows", hint="a fleet without tenants is more likely a mistake")
    absent = json.loads(found[0][0])
    return frozenset(name for name, is_absent in zip(wanted, absent, strict=True) if not is_absent)


def _ask(driver: Driver, *sql: str) -> Sequence[Sequence[tuple[Any, ...]]]:
    """Return the rows of queries, which are sent as one request."""
    try:
        return [result.rows for result in driver.batch(Batch(tuple(map(Query, sql)), reads=True))]
    except QueryError as error:
        raise UsageError(f"query: {error}", hint=error.hint) from error
