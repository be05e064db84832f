"""The gates of a fleet's environment, as a run asks them: once, for each state, or before each claim."""

from __future__ import annotations

import time

from d1migrate.cli.gates import opening_of, reasons_of, refuse_confirmed, typed_name
from d1migrate.errors import Error
from d1migrate.project import gates
from d1migrate.project.gates import Facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.cli.fleet.chosen import ChosenFleet
    from d1migrate.cli.options import GateOptions
    from d1migrate.cli.output import Output
    from d1migrate.fleet.checks import StateChecks
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.project.gates import GateResult

now = time.time


class FleetGates:
    """The gates of the environment that a fleet names.

    Args:
        options: the confirmed name, and the reasons for overriding gates.
        chosen: the fleet.
        output: prints warnings, and asks for the name of a protected environment.

    Raises:
        UsageError: the confirmed name is another one's; or a flag has no reason.
    """

    def __init__(self, options: GateOptions, chosen: ChosenFleet, output: Output) -> None:
        self._options, self._chosen, self._output = options, chosen, output
        self.environment = chosen.environment
        refuse_confirmed(chosen.project.config, self.environment, options.confirm)
        self.reasons = reasons_of(options, self.environment)

    @property
    def settings(self) -> FleetSettings:
        """Those of the fleet, without restore points if there is a reason to take none."""
        settings = self._chosen.settings
        return settings._replace(restore_points="none") if "restore_point" in self.reasons else settings

    def confirm(self, count: Callable[[], int]) -> None:
        """Check the window, then the name of a protected environment; on a terminal, ask for it once.

        Args:
            count: returns how many tenants are to be migrated.

        Raises:
            errors.Gate: the window is closed, or the name was not given.
        """
        self.refuse_closed()
        environment, given = self.environment, self._options.confirm
        if environment.protected:
            if given is None:
                from d1migrate.report.fleet import tenants

                what = f"{environment.shown} is protected, and {tenants(count())} are to be migrated"
                given = typed_name(what, self._output)
            gates.refuse(environment.shown, [gates.protected(environment.shown, given)])

    def refuse_closed(self) -> None:
        """Check the maintenance window; raises as `gates.refuse_closed`."""
        gates.refuse_closed(self.environment, now(), self.reasons)

    def checks(self) -> StateChecks:
        """Return the linter and the gates that look at a plan."""
        from functools import partial

        from d1migrate.cli.run_report import note_findings
        from d1migrate.fleet.checks import StateChecks

        return StateChecks(
            self.environment,
            self.settings,
            reasons=self.reasons,
            lint=self._options.no_lint is None,
            read_first=self._read_first if self.environment.after else None,
            warn=partial(note_findings, output=self._output),
        )

    def look(self, pending: Sequence[Migration], applied: Sequence[Migration]) -> tuple[GateResult, ...]:
        """Return every gate of the environment, passed or refused. Changes nothing, asks nobody.

        Args:
            pending: the migrations that are to be applied.
            applied: those before them.
        """
        from d1migrate.fleet.checks import for_tenants, restore_points_of

        environment = for_tenants(self.environment, self.settings)
        if not environment.has_gates:
            return ()
        facts = Facts(
            1,
            now(),
            pending=pending,
            opening=opening_of(environment),
            first=self._first() if environment.after else (),
            restore_point=restore_points_of(self.settings),
            confirmed=self._options.confirm,
        )
        if pending:
            facts = self._examined(facts, pending, applied)
        return gates.check(environment, facts, self.reasons)

    def _examined(self, facts: Facts, pending: Sequence[Migration], applied: Sequence[Migration]) -> Facts:
        """Add what the linter and a rehearsal find, on the schema that the applied files build."""
        from d1migrate.lint.runner import lint
        from d1migrate.rehearse.gate import findings_for_gate

        project, environment = self._chosen.project, self.environment
        schema, table = project.built_schema(applied), project.choice(applied).guess
        found = lint(pending, schema, severities=environment.lint, table=table)
        return facts._replace(
            linted=gates.count_findings(found, environment.lint_level or "error"),
            rehearsed=findings_for_gate(environment, pending, lambda: schema, table, self.reasons),
        )

    def _first(self) -> Sequence[Entry] | Error:
        try:
            return self._read_first()
        except Error as error:
            return error

    def _read_first(self) -> Sequence[Entry]:
        """Return the status of the environment that must have the migrations first."""
        project = self._chosen.project
        environment = project.config.environment(self.environment.after, None)
        with project.reader(environment, project.load()) as migrator:
            return migrator.status()
