"""Drive a flow over a driver: the one thing that is there twice, for drivers that wait and that await."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d1migrate.drivers.protocol import AsyncDriver, Driver
    from d1migrate.sql.batch import Flow, T


def run(flow: Flow[T], driver: Driver) -> T:
    """Send every batch the flow yields to the driver, and the answer or the error back into the flow.

    Returns:
        What the flow returns.

    Raises:
        Error: whatever the flow raises; errors of the driver that it does not handle pass through it.
    """
    try:
        batch = next(flow)
        while True:
            try:
                results = driver.batch(batch)
            except BaseException as error:  # an interrupt too: the flow says what was applied
                batch = flow.throw(error)
            else:
                batch = flow.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun(flow: Flow[T], driver: AsyncDriver) -> T:
    """Send every batch the flow yields to the driver, and the answer or the error back into the flow.

    Returns and raises what `run` does; a cancellation reaches the flow too.
    """
    try:
        batch = next(flow)
        while True:
            try:
                results = await driver.batch(batch)
            except BaseException as error:
                batch = flow.throw(error)
            else:
                batch = flow.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
