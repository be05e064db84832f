"""What is checked before tenants are migrated: once for each state that they are found in.

`project.gates` decides whether a gate passes. The gate `protected` is asked once for a whole run, by the
command; the window before each claim, by `refuse_closed`.
"""

from __future__ import annotations

import threading

from d1migrate.errors import Error
from d1migrate.fleet.once import Once
from d1migrate.fleet.plan import Checked
from d1migrate.migrate.migration import Migration
from d1migrate.project import gates
from d1migrate.project.gates import Facts
from d1migrate.rehearse.gate import findings_for_gate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.project.environment import Environment
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.schema.model import Schema

    Warn = Callable[[Sequence[Diagnostic]], None]

_POINTS = {"all": "a restore point of each tenant", "canary": "a restore point of each in the first wave"}
_MOST_CHECKS = 1000  # schemas: every tenant may have one of its own


def for_tenants(environment: Environment, fleet: FleetSettings) -> Environment:
    """Return an environment with the gates that it has for the tenants of a fleet.

    By default it takes restore points of its own database only, not of a fleet's.
    """
    return environment._replace(
        database=f"the tenants of {fleet.name}", restore_point=environment.restore_point is True
    )


def restore_points_of(fleet: FleetSettings) -> str | None:
    """Return which restore points a run takes, in words; None for none."""
    return _POINTS.get(fleet.restore_points)


class StateChecks:
    """The linter and the gates of an environment, as the `check` of a FleetPlan; for any number of threads.

    A plan is checked once for each schema that it is to run on, however many states and tenants have it.

    Args:
        environment: whose gates and severities apply.
        fleet: the fleet.
        reasons: {gate: the reason to override it}; it is logged by each tenant.
        lint: whether lint errors refuse a plan; if not, each tenant's log has it.
        read_first: returns the status of the environment named by `after`; called once at most.
        warn: gets the linter's warnings, from any thread.
    """

    def __init__(
        self,
        environment: Environment,
        fleet: FleetSettings,
        *,
        reasons: Mapping[str, str] | None = None,
        lint: bool = True,
        read_first: Callable[[], Sequence[Entry]] | None = None,
        warn: Warn | None = None,
    ) -> None:
        self._environment = for_tenants(environment, fleet)._replace(protected=False, window=None)
        self._window, self._fleet = environment.window, fleet
        self._reasons, self._lint, self._warn = dict(reasons or {}), lint, warn
        self._read_first = read_first
        self._checks: dict[tuple[object, ...], Once[Checked]] = {}
        self._entries: Once[Sequence[Entry]] = Once()
        self._lock = threading.Lock()

    def __call__(self, plan: Plan, schema: Schema) -> Checked:
        """Check a plan before it runs; return the notes for the log, and the schema after the plan.

        Raises:
            UnsafeMigration: the linter found errors.
            Gate: a gate refuses.
        """
        key = (tuple(step.name for step in plan.steps), plan.history.table, schema)
        with self._lock:
            if len(self._checks) >= _MOST_CHECKS:
                self._checks.clear()
            checked = self._checks.setdefault(key, Once())
        return checked.get(lambda: self._check(plan, schema))  # a rehearsal takes seconds

    def _check(self, plan: Plan, schema: Schema) -> Checked:
        pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
        environment = self._environment
        expected = self._refuse_unsafe(pending, plan, schema) if self._lint else None
        facts = Facts(
            1,
            0,
            pending=pending,
            first=self._first if environment.after else (),
            rehearsed=findings_for_gate(
                environment, pending, lambda: schema, plan.history.table, self._reasons
            ),
            restore_point=restore_points_of(self._fleet),
        )
        found = gates.check(environment, facts, self._reasons)
        gates.refuse(environment.shown, found)
        return Checked(self._notes(gates.overridden(found)), expected)

    def _refuse_unsafe(self, pending: Sequence[Migration], plan: Plan, schema: Schema) -> Schema:
        """Return the schema after the plan, unless the linter finds errors."""
        from d1migrate.lint.runner import refuse_errors

        severities, strict = self._environment.lint, self._environment.lint_level == "warning"
        built, warnings = refuse_errors(pending, schema, plan.history.table, severities, strict=strict)
        if self._warn and warnings:
            self._warn(warnings)
        return built

    def _notes(self, overridden: dict[str, str]) -> dict[str, object]:
        """Return what each tenant logs."""
        own = ("window", "lint") if self._window else ("lint",)
        overridden |= {gate: self._reasons[gate] for gate in own if gate in self._reasons}
        notes: dict[str, object] = {} if self._lint else {"lint": False}
        return notes | ({"overridden": overridden} if overridden else {})

    @property
    def _first(self) -> Sequence[Entry] | Error:
        """The status of the environment that must have the migrations first, or the error of reading it."""
        try:
            return self._entries.get(self._read_first) if self._read_first else ()
        except Error as error:
            return error
