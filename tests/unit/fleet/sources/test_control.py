"""Tenants that a query returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.connect import connect
from d1migrate.errors import UsageError
from d1migrate.fleet.sources import control
from d1migrate.fleet.sources.control import list_control
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.drivers.protocol import Driver

ONE, TWO = "2f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f", "3f5b1c9e-8a3d-4c1b-9e7f-0d6a5b4c3e2f"


@pytest.fixture
def driver() -> Iterator[Driver]:
    """A control database."""
    found = connect("sqlite::memory:")
    found.batch(
        Batch(
            (
                Query("CREATE TABLE tenants (n INTEGER PRIMARY KEY, uuid, label, active)"),
                Query(f"INSERT INTO tenants VALUES (7, '{TWO.upper()}', 'corp', 1), (8, '{ONE}', 'acme', 1)"),
                Query(
                    "INSERT INTO tenants VALUES (9, NULL, 'gone', 0), (10, 'x', 'odd', 2), (11, 5, 'int', 3)"
                ),
            )
        )
    )
    yield found
    found.close()


def listed(driver: Driver, sql: str) -> list[tuple[str, str]]:
    """Ids and names."""
    return [(one.tenant.id, one.tenant.name) for one in list_control(driver, sql, ".")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT uuid AS database_id, label AS name FROM tenants WHERE active = 1 ORDER BY label",
        "SELECT label AS NAME, uuid AS Id, active FROM tenants WHERE active = 1 ORDER BY label; -- all",
        "WITH t AS (SELECT * FROM tenants) SELECT 'd1:' || uuid AS url, label AS name FROM t WHERE active=1 ORDER BY 2",
        "SELECT n AS id, uuid AS database_id, label AS name FROM tenants WHERE active = 1 ORDER BY n DESC -- new",
    ],
)
def test_columns(driver: Driver, sql: str) -> None:
    """By their names, in the order of the query."""
    assert listed(driver, sql) == [(ONE, "acme"), (TWO, "corp")]


def test_without_names(driver: Driver) -> None:
    """A tenant is called by what the query has."""
    assert listed(driver, f"SELECT uuid AS id FROM tenants WHERE uuid = '{ONE}'") == [(ONE, ONE)]
    assert listed(driver, f"SELECT uuid AS id, NULL AS name FROM tenants WHERE uuid = '{ONE}'") == [
        (ONE, ONE)
    ]
    assert listed(driver, f"SELECT uuid AS id, n AS name FROM tenants WHERE uuid = '{ONE}'") == [(ONE, "8")]


@pytest.mark.parametrize(
    ("sql", "message", "hint"),
    [
        (
            "SELECT label AS name, uuid FROM tenants",
            "query has no column database_id or url or id",
            "AS database_id",
        ),
        ("SELECT uuid AS id FROM tenants WHERE 0", "query returns no rows", "mistake"),
        (
            "SELECT uuid AS id FROM tenants WHERE active < 1",
            "row 1 of the query: id is NULL",
            "leave the row out",
        ),
        (
            "SELECT uuid AS id FROM tenants WHERE active IN (1, 2)",
            "row 3 of the query: id is 'x', which is not the id of a D1",
            "an id looks like",
        ),
        ("SELECT uuid AS id FROM tenants WHERE active = 3", "id is '5', which is not the id", "an id looks"),
        ("SELECT x'00' AS id", "id is \"b'\\\\x00'\", which is not the id", "an id looks"),
        ("SELECT database_id FROM tenants", "query: no such column: database_id", ""),
        ("SELECT uuid AS id FROM tenants WHERE url = 3", "query: no such column: url", ""),
        ("SELECT id FROM customers", "query: no such table: customers", ""),
        ("SELECT 1; SELECT 2", "query has 2 statements", "write one SELECT"),
        (" -- nothing", "query has 0 statements", "write one SELECT"),
        ("DELETE FROM tenants RETURNING uuid AS id", "query is not a SELECT", "write one SELECT"),
        ("PRAGMA table_list", "query is not a SELECT", "write one SELECT"),
        ("SELECT uuid AS id FROM tenants) UNION ALL SELECT (1", "a parenthesis that does not match", "write"),
        ("SELECT (uuid AS id FROM tenants", "a parenthesis that does not match", "write"),
        ("SELECT 'uuid AS id", "query:1:8: ", ""),
        ("SELECT uuid AS id FROM tenants WHERE label = ?1", "query: Wrong number of parameter bindings", ""),
    ],
)
def test_a_query_that_is_wrong(driver: Driver, sql: str, message: str, hint: str) -> None:
    """With the row."""
    with pytest.raises(UsageError) as caught:
        listed(driver, sql)
    assert message in str(caught.value)
    assert hint in (caught.value.hint or "")


def test_a_result_that_d1_would_not_return(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is migrated, wherever the control database is."""
    monkeypatch.setattr(control, "MOST", 79)
    with pytest.raises(UsageError, match="more than 50 MB") as caught:
        listed(driver, "SELECT uuid AS id, label AS name FROM tenants WHERE active = 1")
    assert "d1:tenant-*" in (caught.value.hint or "")
