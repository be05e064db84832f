"""Every flow inside workerd: in each Python that Workers run, over both shapes of the binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.workerd import ROOT

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.pyodide import PyodideWorkerd, Shape

IN_EITHER_TABLE = [
    *("apply", "apply_to", "rollback", "rollback_files", "without_statements", "out_of_order"),
    *("failing_statement", "disagreement", "lost_log", "partial", "delicate", "remembered", "limits"),
    *("pending_and_schema", "names_of_tables", "other_table"),
]
FLOWS = [
    *("unreadable", "strangers", "unreadable_history", "recorded_by_wrangler", "applied_by_wrangler"),
    *("wranglers_table_beside", "own_table", "sources", "wrong_calls"),
]


@pytest.mark.parametrize("flow", IN_EITHER_TABLE)
def test_flow_in_either_table(inside: PyodideWorkerd, shape: Shape, table: TableShape, flow: str) -> None:
    """The function of that name in inside/flows.py, whose docstring says what it asserts."""
    inside.call(f"flows:{flow}", database=inside.database(), shape=shape, table=table)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(inside: PyodideWorkerd, shape: Shape, flow: str) -> None:
    """As above, without a table to choose."""
    inside.call(f"flows:{flow}", database=inside.database(), shape=shape)


def test_nothing_to_do_is_one_query(inside: PyodideWorkerd, shape: Shape, table: TableShape) -> None:
    """One call of the binding, of one statement."""
    database = inside.database()
    inside.call("flows:prepared", database=database, shape=shape, table=table)

    calls = inside.call("flows:one_query", database=database, shape=shape, table=table).calls

    assert calls == {"batch": 1, "prepare": 1, "exec": 0, "dump": 0, "statement": 0}


def test_applying_is_one_query_a_migration(inside: PyodideWorkerd, shape: Shape, table: TableShape) -> None:
    """An empty database costs two queries to read, and each migration one."""
    calls = inside.call("flows:prepared", database=inside.database(), shape=shape, table=table).calls

    assert calls["batch"] == 2 + 3


def test_a_history_of_200(inside: PyodideWorkerd, shape: Shape, table: TableShape) -> None:
    """Calls within the free plan's 50 queries get there: 47 migrations at first, then two reads a call."""
    seen = inside.call("flows:history_of_200", database=inside.database(), shape=shape, table=table).result

    assert seen == [47, 94, 141, 188]


def test_verify(inside: PyodideWorkerd, shape: Shape) -> None:
    """The digests of HUMMBL's index tell what is missing, extra and different."""
    index = (ROOT / "workers" / "src" / "migrations_index.py").read_text()

    inside.call("flows:verify", database=inside.database(), shape=shape, index=index)
