"""Databases to fill with generated rows, and what must be true of them afterwards."""

from __future__ import annotations

from typing import Any

import apsw

from d1migrate.rehearse.fill.filler import Filled, fill
from d1migrate.sql.names import quote_identifier

ROWS = 50


def database(schema: str) -> apsw.Connection:
    """A database with a schema and no rows."""
    connection = apsw.Connection(":memory:")
    connection.execute(schema)
    return connection


def rows(connection: apsw.Connection, sql: str) -> list[Any]:
    """The rows of a query; of one column, its values."""
    found = connection.execute(sql).fetchall()
    return [row[0] for row in found] if found and len(found[0]) == 1 else found


def content(connection: apsw.Connection, result: Filled) -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {name: rows(connection, f"SELECT * FROM {quote_identifier(name)}") for name in result.rows}


def sound(connection: apsw.Connection) -> None:
    """Assert that the database satisfies its constraints: keys, CHECKs, NOT NULLs, types and indexes."""
    assert rows(connection, "PRAGMA foreign_key_check") == []
    assert rows(connection, "PRAGMA integrity_check") == ["ok"]


def filled(schema: str, expected: int = ROWS) -> apsw.Connection:
    """Fill a database twice; every table has its rows, all constraints hold, and both are the same."""
    connection, again = database(schema), database(schema)
    result = fill(connection)
    assert result.empty == {}
    assert result.rows == dict.fromkeys(result.rows, expected)
    sound(connection)
    assert result == fill(again)
    assert content(connection, result) == content(again, result)
    return connection
