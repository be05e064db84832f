"""Run a flow on a driver. The only code that exists twice, for synchronous and asynchronous drivers."""

from __future__ import annotations

from d1migrate.sql.batch import Pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence
    from typing import TypeVar

    from d1migrate.drivers.protocol import AsyncDriver, Driver
    from d1migrate.sql.batch import Batch, Flow, PacedFlow, Result, T

    S = TypeVar("S")


def run(flow: Flow[T], driver: Driver) -> T:
    """Send every batch the flow yields to the driver, and its results or error back into the flow.

    Returns:
        What the flow returns.

    Raises:
        Error: any error of the flow; it may also let errors of the driver pass.
    """
    return _run(flow, driver.batch)


def run_paced(flow: PacedFlow[T], driver: Driver, sleep: Callable[[float], None]) -> T:
    """Run the flow of a job, which also yields pauses.

    Args:
        flow: the flow.
        driver: the database.
        sleep: waits for a number of seconds.

    Returns:
        What the flow returns; errors as `run`.
    """

    def send(step: Batch | Pause) -> Sequence[Result]:
        if isinstance(step, Pause):
            sleep(step.seconds)
            return ()
        return driver.batch(step)

    return _run(flow, send)


def _run(flow: Generator[S, Sequence[Result], T], send: Callable[[S], Sequence[Result]]) -> T:
    try:
        step = next(flow)
        while True:
            try:
                results = send(step)
            except BaseException as error:  # an interrupt too: the flow adds what was applied
                step = flow.throw(error)
            else:
                step = flow.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def arun(flow: Flow[T], driver: AsyncDriver) -> T:
    """Send every batch the flow yields to the driver, and its results or error back into the flow.

    Results and errors as `run`; a cancellation reaches the flow too.
    """
    return await _arun(flow, driver.batch)


async def arun_paced(flow: PacedFlow[T], driver: AsyncDriver, sleep: Callable[[float], Awaitable[None]]) -> T:
    """Run the flow of a job, as `run_paced`."""

    async def send(step: Batch | Pause) -> Sequence[Result]:
        if isinstance(step, Pause):
            await sleep(step.seconds)
            return ()
        return await driver.batch(step)

    return await _arun(flow, send)


async def _arun(
    flow: Generator[S, Sequence[Result], T], send: Callable[[S], Awaitable[Sequence[Result]]]
) -> T:
    try:
        step = next(flow)
        while True:
            try:
                results = await send(step)
            except BaseException as error:
                step = flow.throw(error)
            else:
                step = flow.send(results)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
