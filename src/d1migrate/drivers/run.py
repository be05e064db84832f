"""Run a flow on a driver. The only code that exists twice, for synchronous and asynchronous drivers."""

from __future__ import annotations

from d1migrate.sql.batch import Pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from d1migrate.drivers.protocol import AsyncDriver, Driver
    from d1migrate.sql.batch import Flow, PacedFlow, Result, T


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


def run_paced(flow: PacedFlow[T], driver: Driver, sleep: Callable[[float], None]) -> T:
    """Run the flow of a job, which also yields pauses.

    Args:
        flow: the flow.
        driver: the database.
        sleep: waits for a number of seconds.

    Returns:
        What the flow returns; errors as `run`.
    """
    results: Sequence[Result] | None = None
    error: BaseException | None = None
    try:
        while True:
            # The first value that is sent into a generator has to be None.
            step = flow.throw(error) if error else flow.send(results)  # type: ignore[arg-type]
            error = None
            try:
                if isinstance(step, Pause):
                    sleep(step.seconds)
                    results = ()
                else:
                    results = driver.batch(step)
            except BaseException as caught:
                error = caught
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun_paced(flow: PacedFlow[T], driver: AsyncDriver, sleep: Callable[[float], Awaitable[None]]) -> T:
    """Run the flow of a job, as `run_paced`."""
    results: Sequence[Result] | None = None
    error: BaseException | None = None
    try:
        while True:
            step = flow.throw(error) if error else flow.send(results)  # type: ignore[arg-type]
            error = None
            try:
                if isinstance(step, Pause):
                    await sleep(step.seconds)
                    results = ()
                else:
                    results = await driver.batch(step)
            except BaseException as caught:
                error = caught
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
