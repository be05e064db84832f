"""The SQL of the journal: its parameters, and that nothing that a run sends looks at all tenants."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import apsw.ext
import pytest

from d1migrate.fleet import journal_sql
from d1migrate.fleet.journal_sql import Operation, operation
from d1migrate.fleet.journal_tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS = {name: found for name, found in vars(journal_sql).items() if isinstance(found, Operation)}
TENANTS = r"fleet_tenants|t|l"  # the table's names in the statements


@pytest.fixture(scope="module")
def journal() -> Iterator[apsw.Connection]:
    """An empty journal."""
    with closing(apsw.Connection(":memory:")) as connection:
        for table in TABLES:
            connection.execute(table)
        yield connection


def test_parameters_are_numbered() -> None:
    """In the order of their first use, in each statement from 1: no runtime binds more than a statement has."""
    (statement,) = operation("test", "SELECT :run, :owner, ':' || :run").statements
    assert statement == ("SELECT ?1, ?2, ':' || ?1", ("run", "owner"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_statement_has_its_parameters(journal: apsw.Connection, name: str) -> None:
    """And the columns of its rows have names that differ: JavaScript keeps a row as an object."""
    for sql, params in OPERATIONS[name].statements:
        details = apsw.ext.query_info(journal, sql)
        assert details.bindings_count == len(params)
        names = [column for column, _ in details.description]
        assert len(set(names)) == len(names)
        assert not re.search(r"[A-Za-z_ ]:[a-z]", sql)


@pytest.mark.parametrize("name", OPERATIONS)
def test_tenants_are_searched(journal: apsw.Connection, name: str) -> None:
    """Of a million, a scan takes half a second, on D1 all that a request may take."""
    for sql, params in OPERATIONS[name].statements:
        if sql.startswith("CREATE"):
            continue
        plan = journal.execute(f"EXPLAIN QUERY PLAN {sql}", ("1",) * len(params)).fetchall()
        steps = [str(step) for *_, step in plan]
        scans = [
            step
            for step in steps
            if re.match(rf"SCAN ({TENANTS})\b(?! USING COVERING INDEX fleet_failed)", step)
        ]
        assert scans == [], steps


def test_outcomes_are_read_once(journal: apsw.Connection) -> None:
    """500 of them took 130 ms when they were read for each tenant, and take 6 ms."""
    for sql, params in journal_sql.FINISH.statements:
        plan = journal.execute(f"EXPLAIN QUERY PLAN {sql}", ("1",) * len(params)).fetchall()
        assert not any("fleet_leased" in str(step) for *_, step in plan), plan
