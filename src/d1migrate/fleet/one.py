"""`migrate_one`: bring one database to the target; what a task of a queue, or a step of a workflow, calls."""

from __future__ import annotations

from d1migrate.drivers.run import arun, run
from d1migrate.errors import UsageError
from d1migrate.fleet.flow import Outcome, migrate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.drivers.cloudflare import Api
    from d1migrate.drivers.protocol import AsyncDriver, Driver
    from d1migrate.fleet.plan import FleetPlan
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.schema.model import Schema


def migrate_one(
    target: Driver | str, plan: FleetPlan, *, inspect: bool = False, restore_point: bool = False
) -> Outcome:
    """Bring a database to the target of a plan: each migration exactly once, whole or not at all.

    It can be called again at any time, also by several processes at once, and after a lost answer or a kill:
    then there is nothing to do, or it does the rest. Threads may share the plan, not the target.

    Args:
        target: a driver, which stays open; or a url, as `connect` takes it. All `d1:` urls of a thread share
            a connection, which stays open.
        plan: the plan.
        inspect: whether to look for what is wrong with the database after something was applied.
        restore_point: whether to take a restore point before the first batch that writes.

    Raises:
        UnavailableError, AmbiguousError: the database did not answer: call it again later.
        Error: any other, as `Migrator.up`: the database needs a person.
    """
    if isinstance(target, str):
        from contextlib import closing

        from d1migrate.drivers.connect import connect

        with closing(connect(target, api=_shared_api)) as driver:
            return migrate_one(driver, plan, inspect=inspect, restore_point=restore_point)
    new_stamp = _stamps(_actor(plan))
    if restore_point:
        from d1migrate.backup.before_run import before_first_stamp

        new_stamp = before_first_stamp(target, plan.choice, None, new_stamp)
    return run(migrate(plan, new_stamp, _find_broken if inspect else None), target)


async def migrate_one_async(
    target: AsyncDriver | Driver | str | object,
    plan: FleetPlan,
    *,
    inspect: bool = False,
    restore_point: bool = False,
) -> Outcome:
    """Bring a database to the target of a plan; arguments, results and errors as `migrate_one`.

    Args:
        target: an asynchronous driver; or in a Python Worker, a D1 binding such as `env.DB`. Neither can be
            inspected, or has restore points. Any other driver, or a url, is used in a thread.
        plan: the plan; without its `by`, a Worker logs "worker".
        inspect: as for `migrate_one`.
        restore_point: as for `migrate_one`.

    Raises:
        UsageError: the target has another type, cannot be inspected, or has no restore points.
        Error: as `migrate_one`.
    """
    from inspect import iscoroutinefunction
    from typing import cast

    is_binding = hasattr(target, "prepare")
    if is_binding or not (isinstance(target, str) or hasattr(target, "batch")):
        from d1migrate.drivers.binding import BindingDriver

        target = BindingDriver(target)
    if not iscoroutinefunction(getattr(target, "batch", None)):
        from asyncio import to_thread

        other = cast("Driver | str", target)
        return await to_thread(migrate_one, other, plan, inspect=inspect, restore_point=restore_point)
    driver = cast("AsyncDriver", target)
    if inspect or restore_point:
        raise UsageError(
            f"{driver.url} cannot be inspected, and has no restore points",
            hint="leave out `inspect` and `restore_point`",
        )
    new_stamp = _stamps("worker" if is_binding and plan.by is None else _actor(plan))
    return await arun(migrate(plan, new_stamp), driver)


def _shared_api() -> Api:
    from d1migrate.drivers.api_pool import shared_api

    return shared_api()


def _actor(plan: FleetPlan) -> str:
    from d1migrate.project.actor import current_actor

    plan.by = plan.by or current_actor()
    return plan.by


def _stamps(by: str) -> NewStamp:
    from d1migrate.project.actor import stamp

    return lambda: stamp(by)


def _find_broken(schema: Schema, table: MigrationsTable) -> Iterable[tuple[str, str, str]]:
    from d1migrate.lint.replay.replayer import broken_objects

    return broken_objects(schema, table)
