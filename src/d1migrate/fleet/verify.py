"""`fleet verify`: compare history and schema of every tenant with the files. Nothing is written."""

from __future__ import annotations

from itertools import islice

from d1migrate.drivers.run import run
from d1migrate.errors import Error, HistoryError
from d1migrate.fleet.drift import Schemas
from d1migrate.fleet.pool import pool_of
from d1migrate.fleet.read import read_state_and
from d1migrate.fleet.tenant_errors import without_name
from d1migrate.hints import listed
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import introspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Literal

    from d1migrate.fleet.plan import FleetPlan, KnownState
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.fleet.tenant_drivers import TenantDrivers
    from d1migrate.project.fleet import FleetSettings

    State = Literal["current", "pending", "different", "unread"]

_AHEAD = 4  # tenants per thread that are taken from the inventory in advance
_TICK = 0.2
_EXAMPLES = 3
_NAMED = 3  # pending migrations
_DRIFTED = "`d1migrate verify` shows each difference; `d1migrate verify --fix files`, the SQL that removes it"


class TenantCheck(NamedTuple):
    """How a tenant compares with the files.

    Attributes:
        tenant: the tenant.
        state: "current"; "pending" if migrations are; "different" if a run would refuse it, for example
            because files and history disagree, or if its schema is not what its migrations build; "unread" if
            it did not answer.
        detail: what is pending, the error, or how its schema differs; "" if it is current.
        hint: what to do about the error, if it has a hint.
        one_by_one: whether what is pending takes more than one transaction.
    """

    tenant: Tenant
    state: State
    detail: str = ""
    hint: str = ""
    one_by_one: bool = False


class CheckGroup(NamedTuple):
    """Tenants with the same result.

    Attributes:
        state, detail, hint: as in TenantCheck.
        size: how many tenants.
        examples: the names of some of them.
    """

    state: State
    detail: str
    hint: str
    size: int
    examples: tuple[str, ...]


class FleetVerification(NamedTuple):
    """How the tenants of a fleet compare with the files; the counts add up to `total`.

    Attributes:
        total: how many tenants were checked.
        current, pending, different, unread: how many are in that state.
        groups: those that are not current, the largest group first.
        is_complete: whether all were checked; otherwise it was interrupted.
    """

    total: int
    current: int
    pending: int
    different: int
    unread: int
    groups: tuple[CheckGroup, ...]
    is_complete: bool = True


def verify_fleet(
    fleet: FleetSettings,
    plan: FleetPlan,
    tenants: Iterable[Tenant],
    drivers: TenantDrivers,
    *,
    interrupted: Callable[[], bool] = lambda: False,
) -> FleetVerification:
    """Compare the history of every tenant with the target, and its schema; one request each.

    Args:
        fleet: the settings of the fleet.
        plan: what the tenants are to be.
        tenants: the inventory.
        drivers: opens the tenants.
        interrupted: returns whether to end.

    Raises:
        UsageError, DriverError: as `inventory`.
    """
    found = Groups()
    is_complete = True
    for check in checks(fleet, plan, tenants, drivers):
        found.add(check)
        if interrupted():
            is_complete = False
            break
    return _verification(found.groups, is_complete=is_complete)


def checks(
    fleet: FleetSettings, plan: FleetPlan, tenants: Iterable[Tenant], drivers: TenantDrivers
) -> Iterator[TenantCheck]:
    """Yield the check of each tenant, in any order; arguments and errors as `verify_fleet`."""
    schemas = Schemas(plan)

    def work(tenant: Tenant) -> TenantCheck:
        try:
            with drivers.open(tenant.url) as driver:
                found, answers = run(read_state_and(plan, introspect.QUERIES), driver)
            plan.count(found)
            return _check(tenant, found, schemas.drift(found, answers))
        except Error as error:
            state: State = "different" if isinstance(error, HistoryError) else "unread"
            return _refused(tenant, state, error)
        except Exception as error:  # of a disk or SQLite: it stops no other check
            return TenantCheck(tenant, "unread", f"{type(error).__name__}: {error}")

    pool = pool_of(work, fleet)
    rest = iter(tenants)
    try:
        while True:
            for tenant in islice(rest, _AHEAD * pool.size - len(pool)):
                pool.submit(tenant)
            if not len(pool):
                return
            for _, check in pool.collect(_TICK):
                yield check
    finally:
        pool.cancel()
        pool.close()


def _check(tenant: Tenant, state: KnownState, drifted: str) -> TenantCheck:
    if state.refusal:
        return _refused(tenant, "different", state.refusal)
    if drifted:
        return TenantCheck(tenant, "different", f"schema: {drifted}", _DRIFTED)
    if state.plan.steps:
        names = listed([step.name for step in state.plan.steps], _NAMED)
        return TenantCheck(tenant, "pending", names, one_by_one=not state.together)
    return TenantCheck(tenant, "current")


def _refused(tenant: Tenant, state: State, error: Error) -> TenantCheck:
    detail, hint = (without_name(text, tenant.url, tenant.id) for text in (str(error), error.hint or ""))
    return TenantCheck(tenant, state, detail, hint)


class Groups:
    """Counts checks; of each group, only some names are kept."""

    def __init__(self) -> None:
        self._groups: dict[tuple[State, str, str], tuple[int, tuple[str, ...]]] = {}

    def add(self, check: TenantCheck) -> None:
        """Count a check."""
        key = check.state, check.detail, check.hint
        count, names = self._groups.get(key, (0, ()))
        names = (*names, check.tenant.name) if count < _EXAMPLES else names
        self._groups[key] = (count + 1, names)

    @property
    def groups(self) -> tuple[CheckGroup, ...]:
        """The groups, the largest first."""
        found = (CheckGroup(*key, count, names) for key, (count, names) in self._groups.items())
        return tuple(sorted(found, key=lambda group: -group.size))


def _verification(groups: Sequence[CheckGroup], *, is_complete: bool) -> FleetVerification:
    counts = dict.fromkeys(("current", "pending", "different", "unread"), 0)
    for group in groups:
        counts[group.state] += group.size
    others = tuple(group for group in groups if group.state != "current")
    return FleetVerification(sum(counts.values()), **counts, groups=others, is_complete=is_complete)
