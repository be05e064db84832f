"""The binding's driver passes the suite of all drivers, in every Python and shape that Workers have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate import errors
from d1migrate.drivers.protocol import Capabilities
from d1migrate.sql.batch import Result
from tests.conformance.test_driver_contract import *  # noqa: F403 - its tests, with the fixture below
from tests.runtime.pyodide import InsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Batch
    from tests.runtime.pyodide import PyodideWorkerd, Shape


class BridgedDriver:
    """A Driver outside, whose batches a BindingDriver inside runs."""

    def __init__(self, inside: PyodideWorkerd, shape: Shape) -> None:
        self.url = f"binding of {inside.python}, {shape}"
        self._inside, self._shape, self._database = inside, shape, inside.database()
        self.capabilities = Capabilities()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it inside."""
        queries = [(query.sql, list(query.params)) for query in batch.queries]
        try:
            answer = self._inside.call(
                "bridge:batch",
                database=self._database,
                shape=self._shape,
                queries=queries,
                reads=batch.reads,
            )
        except InsideError as error:
            raise getattr(errors, error.type, AssertionError)(error.message) from error
        return [Result(tuple(map(tuple, rows)), *cost) for rows, *cost in answer.result]

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture  # type: ignore[no-redef]
def driver(inside: PyodideWorkerd, shape: Shape) -> Driver:
    """The binding of each Python and shape, over a fresh database."""
    return BridgedDriver(inside, shape)
