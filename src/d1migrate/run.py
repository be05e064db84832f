"""Drive a flow over a driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d1migrate.batch import Flow, T
    from d1migrate.drivers import Driver


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
