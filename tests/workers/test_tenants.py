"""`migrate_one_async(env.DB, plan)` inside workerd: in each Python that Workers run, over both shapes of the binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.pyodide import PyodideWorkerd, Shape


@pytest.mark.parametrize("what", ["one_request", "delicate", "refused", "ahead"])
def test_tenant(inside: PyodideWorkerd, shape: Shape, table: TableShape, what: str) -> None:
    """The function of that name in inside/tenants.py, whose docstring says what it asserts."""
    inside.call(f"tenants:{what}", database=inside.database(), shape=shape, table=table)


@pytest.mark.parametrize("do", ["lose answer", "throw before"])
@pytest.mark.parametrize("batch", [2, 4])
def test_lost_answers(inside: PyodideWorkerd, shape: Shape, table: TableShape, batch: int, do: str) -> None:
    """Of the batch that creates the history, or of the one that goes on."""
    faults = [{"batch": batch, "do": do}]
    inside.call("tenants:lost_answers", database=inside.database(), shape=shape, table=table, faults=faults)
