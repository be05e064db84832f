"""Run a flow on a driver. The only code that exists twice, for synchronous and asynchronous drivers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.drivers.protocol import AsyncDriver, Driver
    from d1migrate.sql.batch import Flow, T


def run(flow: Flow[T], driver: Driver) -> T:
    """Send every batch the flow yields to the driver, and its results or error back into the flow.

    Returns:
        What the flow returns.

    Raises:
        Error: any error of the flow; it may also let errors of the driver pass.
    """
    try:
        batch = next(flow)
        while True:
            try:
                results = driver.batch(batch)
            except BaseException as error:  # an interrupt too: the flow adds what was applied
                batch = flow.throw(error)
            else:
                batch = flow.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun(flow: Flow[T], driver: AsyncDriver) -> T:
    """Send every batch the flow yields to the driver, and its results or error back into the flow.

    Results and errors as `run`; a cancellation reaches the flow too.
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
