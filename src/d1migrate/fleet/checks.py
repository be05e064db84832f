"""What is checked before tenants are migrated: once for each state that they are found in.

`project.gates` decides whether a gate passes. The gate `protected` is asked once for a whole run, by the
command; the window before each claim, by `refuse_closed`.
"""

from __future__ import annotations

import threading
from functools import cached_property

from d1migrate.errors import Error
from d1migrate.fleet.plan import Checked
from d1migrate.migrate.migration import Migration
from d1migrate.project import gates
from d1migrate.project.gates import Facts, Findings

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

_POINTS = {
    "all": "a Time Travel bookmark of each",
    "canary": "a Time Travel bookmark of each in the first wave",
}


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
        # By default an environment takes restore points of its own database only, not of a fleet's.
        self._environment = environment._replace(
            database=f"the tenants of {fleet.name}",
            restore_point=environment.restore_point is True,
            protected=False,
            window=None,
        )
        self._window, self._fleet = environment.window, fleet
        self._reasons, self._lint, self._warn = dict(reasons or {}), lint, warn
        self._read_first = read_first
        self._checks: dict[tuple[object, ...], _Check] = {}
        self._turn, self._reading = threading.Lock(), threading.Lock()

    def __call__(self, plan: Plan, schema: Schema) -> Checked:
        """Check a plan before it runs; return the notes for the log, and the schema after the plan.

        Raises:
            UnsafeMigration: the linter found errors.
            Gate: a gate refuses.
        """
        key = (tuple(step.name for step in plan.steps), plan.history.table, schema)
        with self._turn:
            check = self._checks.setdefault(key, _Check())
        with check.turn:  # the others wait for the first: a rehearsal takes seconds
            if check.found is None:
                try:
                    check.found = self._check(plan, schema)
                except Error as error:
                    check.found = error
        if isinstance(check.found, Error):
            raise check.found.with_traceback(None)
        return check.found

    def _check(self, plan: Plan, schema: Schema) -> Checked:
        pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
        environment = self._environment
        expected = self._refuse_unsafe(pending, plan, schema) if self._lint else None
        facts = Facts(
            1,
            0,
            pending=pending,
            first=self._first if environment.after else (),
            rehearsed=self._rehearse(pending, plan, schema),
            restore_point=_POINTS.get(self._fleet.restore_points),
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

    @cached_property
    def _entries(self) -> Sequence[Entry] | Error:
        if self._read_first is None:
            return ()
        try:
            return self._read_first()
        except Error as error:
            return error

    @property
    def _first(self) -> Sequence[Entry] | Error:
        """The status of the environment that must have the migrations first, or the error of reading it."""
        with self._reading:
            return self._entries

    def _rehearse(self, pending: Sequence[Migration], plan: Plan, schema: Schema) -> Findings:
        level = self._environment.rehearse
        if "rehearse" in self._reasons:  # it may take long
            return Findings(["it is not rehearsed"])
        if not (pending and level):
            return Findings()
        from d1migrate.rehearse import rehearse

        found = rehearse(pending, schema, severities=self._environment.lint, table=plan.history.table)
        diagnostics = [d for migration in found.migrations for d in migration.diagnostics]
        return gates.count_findings(diagnostics, level)


class _Check:
    """The result of a check that is made once."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.found: Checked | Error | None = None


def refuse_closed(environment: Environment, now: float, reasons: Mapping[str, str]) -> None:
    """Refuse to go on while the maintenance window of an environment is closed.

    Args:
        environment: the environment.
        now: in epoch seconds.
        reasons: {gate: the reason to override it}.

    Raises:
        Gate: the window is closed, and there is no reason to override it.
    """
    if environment.window:
        from d1migrate.project import windows

        opening = windows.look(windows.parse(environment.window), now)
        found = gates.window(environment.window, opening, now, 1, reasons)
        gates.refuse(environment.shown, [found])
