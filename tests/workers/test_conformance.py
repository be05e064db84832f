"""The drivers of a binding and of an object pass the suite of all drivers, in every Python and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate import errors
from d1migrate.drivers.protocol import Capabilities
from d1migrate.sql.batch import Result
from tests.conformance.test_driver_contract import *  # noqa: F403 - its tests, with the fixture below
from tests.runtime.answers import InsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.sql.batch import Batch
    from tests.runtime.pyodide import PyodideWorkerd, Shape


class BridgedDriver:
    """A Driver outside, whose batches a driver inside runs: a BindingDriver, or a StorageDriver in an object."""

    def __init__(self, inside: PyodideWorkerd, shape: Shape, place: str) -> None:
        self.url = f"{place} of {inside.python}, {shape}"
        self._inside, self._shape = inside, shape
        self._function = "bridge:batch" if place == "binding" else "objects:batch"
        # An object has the name of a database that stays empty.
        self._place: dict[str, Any] = {"database" if place == "binding" else "object": inside.database()}
        self.capabilities = Capabilities()

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it inside."""
        queries = [(query.sql, list(query.params)) for query in batch.queries]
        try:
            answer = self._inside.call(
                self._function,
                **self._place,
                shape=self._shape,
                queries=queries,
                reads=batch.reads,
                last_rows=batch.last_rows,
            )
        except InsideError as error:
            raise getattr(errors, error.type, AssertionError)(error.message) from error
        except RuntimeError as error:  # the object was reset, and the event with it
            raise errors.AmbiguousError(str(error)) from error
        return [Result(tuple(map(tuple, rows)), *cost) for rows, *cost in answer.result]

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.fixture(params=["binding", "object"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the rows are."""
    name: str = request.param
    return name


@pytest.fixture  # type: ignore[no-redef]
def driver(inside: PyodideWorkerd, shape: Shape, place: str) -> Driver:
    """The driver in each Python, of each shape, over a fresh database or object."""
    return BridgedDriver(inside, shape, place)
