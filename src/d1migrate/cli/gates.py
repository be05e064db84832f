"""The gates of an environment: what is asked before a command writes to its database.

`project.gates` decides whether a gate passes. This module finds out what they decide on, and asks.
"""

from __future__ import annotations

import time

from d1migrate.drivers.url import class_of
from d1migrate.errors import Error, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.project import gates
from d1migrate.project.duplicates import refuse_ambiguous, refuse_duplicates
from d1migrate.project.gates import Facts, Findings, count_findings
from d1migrate.report.text import plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.options import GateOptions
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator
    from d1migrate.project.config import Config
    from d1migrate.project.environment import Environment
    from d1migrate.project.gates import GateResult
    from d1migrate.project.windows import Opening
    from d1migrate.schema.model import Schema

_IMPORT = 4  # requests besides the one that begins it: its place, the upload, a poll, and the history

now = time.time


class Gates:
    """The gates of the environment that a command is about to change.

    Args:
        options: the confirmed name, and the reasons for overriding gates.
        project: the environment, and the others.
        migrator: the database with the files.
        output: prints warnings, and asks for the name of a protected environment.

    Raises:
        UsageError: as `refuse_mistakes`; or a flag has no reason.
    """

    def __init__(self, options: GateOptions, project: Project, migrator: Migrator, output: Output) -> None:
        refuse_mistakes(project, options.confirm)
        self._project, self._migrator, self._output = project, migrator, output
        self._environment = project.environment
        self._confirmed = options.confirm
        self._reasons = reasons_of(options, self._environment)
        self._has_counted = False

    def check(self, plan: Plan) -> Mapping[str, object]:
        """Check a plan before it runs; what it returns goes to the log: the reasons for overridden gates.

        Raises:
            errors.Gate: a gate refuses.
        """
        notes = {"lint": self._reasons["lint"]} if "lint" in self._reasons else {}
        if plan.steps:
            facts = self._ask_for_name(self._facts(plan))
            # A rehearsal, and a person who types the name, take time: the window may have closed.
            found = self._decide(facts._replace(opening=opening_of(self._environment), now=now()))
            gates.refuse(self._environment.shown, found)
            notes |= gates.overridden(found)
            for gate in found:
                if gate.warning:
                    self._output.warn(gate.warning)
        return {"overridden": notes} if notes else {}

    def confirm_job(self) -> None:
        """Check the window, and the name of a protected environment, before an open job continues.

        All other gates were checked before it began.

        Raises:
            errors.Gate: the window is closed, or the name was not given.
        """
        self.refuse_closed()
        if self._environment.protected:
            shown = self._environment.shown
            if self._confirmed is None:
                self._confirmed = typed_name(f"{shown} is protected", self._output)
            gates.refuse(shown, [gates.protected(shown, self._confirmed)])

    def refuse_closed(self) -> None:
        """Check the maintenance window before a chunk of a job; raises as `gates.refuse_closed`."""
        gates.refuse_closed(self._environment, now(), self._reasons)

    def look(self, plan: Plan, found: Sequence[Diagnostic]) -> tuple[GateResult, ...]:
        """Return every gate of the environment, passed or refused. Changes nothing, asks nobody.

        Args:
            plan: the plan.
            found: what `lint` found.
        """
        return self._decide(self._facts(plan, found))

    def lint(self, plan: Plan) -> Sequence[Diagnostic]:
        """Return what the linter finds in the files of a plan; one or two requests if any are pending."""
        pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
        if not pending:
            return ()
        from d1migrate.lint.runner import lint

        severities, table, schema = self._environment.lint, plan.history.table, self._migrator.schema()
        target = self._migrator.target(pending, schema)
        return lint(pending, schema, severities=severities, table=table, target=target)

    def requests(self, plan: Plan) -> int:
        """Return how many requests a run makes besides those of its plan.

        Its gates make some, to the other environment and for what they see. So does finding the databases: as
        many as it took to `look` at them. An import makes more than a batch, at least those counted here.
        """
        environment, given = self._environment, self._reasons
        if not plan.steps:
            return self._project.driver.capabilities.lookups
        up = plan.steps[0].direction == "up"
        is_remote = self._project.driver.capabilities.time_travel is not None
        takes_bookmark = environment.wants_restore_point and "restore_point" not in given and is_remote
        reads = [environment.after, environment.rehearse and "rehearse" not in given] if up else []
        imports = sum(step.import_reason is not None for step in plan.steps) if is_remote else 0
        imports = min(imports, 1) if plan.single else imports
        others = sum(1 for needed in (takes_bookmark, *reads, up and self._has_counted) if needed)
        return self._project.lookups + _IMPORT * imports + others

    def _decide(self, facts: Facts) -> tuple[GateResult, ...]:
        return gates.check(self._environment, facts, self._reasons)

    def _ask_for_name(self, facts: Facts) -> Facts:
        """Ask for the name of a protected environment if nothing else refuses and no flag gave it."""
        refused = [gate.name for gate in self._decide(facts) if gate.state == "refused"]
        if refused == ["protected"] and self._confirmed is None:
            # Kept: if another run comes between, the new plan does not ask again.
            self._confirmed = typed_name(f"{self._environment.shown} is protected", self._output)
        return facts._replace(confirmed=self._confirmed)

    def _facts(self, plan: Plan, linted: Sequence[Diagnostic] | None = None) -> Facts:
        """Find out what the gates decide on; `linted` is None if the run itself lints."""
        environment = self._environment
        facts = Facts(
            1 if plan.single else len(plan.steps),
            now(),
            opening=opening_of(self._environment),
            restore_point=self._restore_point(),
            confirmed=self._confirmed,
        )
        if plan.steps and plan.steps[0].direction == "down":
            return facts
        pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
        lint_level = environment.lint_level or "error"
        return facts._replace(
            pending=pending,
            first=self._entries(environment.after) if environment.after else (),
            rehearsed=self._rehearse(pending, plan),
            linted=None if linted is None else count_findings(linted, lint_level),
        )

    def _restore_point(self) -> str | None:
        """Return what can be taken before the run, None for nothing."""
        capabilities = self._project.driver.capabilities
        if capabilities.time_travel:
            return "a Time Travel bookmark"
        return "a copy of the file" if capabilities.file else None

    def _entries(self, name: str) -> Sequence[Entry] | Error:
        """Return the status of another environment, or the error of reading it."""
        try:
            environment = self._project.config.environment(name, None)
            with self._project.reader(environment, self._migrator.migrations) as migrator:
                return migrator.status()
        except Error as error:
            return error

    def _rehearse(self, pending: Sequence[Migration], plan: Plan) -> Findings:
        if not self._environment.rehearse:
            return Findings()
        from d1migrate.rehearse.gate import findings_for_gate

        def count_rows(schema: Schema) -> Mapping[str, int]:
            target = self._migrator.target(pending, schema)
            self._has_counted = bool(target and target.rows)
            return target.rows if target else {}

        with self._output.working(f"rehearsing {plural(len(pending), 'migration')}"):
            return findings_for_gate(
                self._environment,
                pending,
                self._migrator.schema,
                plan.history.table,
                self._reasons,
                count_rows,
            )


def opening_of(environment: Environment) -> Opening | None:
    """Return whether the maintenance window of an environment is open now; None without one."""
    if not environment.window:
        return None
    from d1migrate.project import windows

    return windows.look(windows.parse(environment.window), now())


def refuse_object(project: Project) -> None:
    """Check that the database may be changed at all.

    Raises:
        UsageError: it is a Durable Object, which its Worker alone can change.
    """
    url = project.environment.database
    if class_of(url):
        from d1migrate.drivers.durable_object import read_only

        raise read_only(url)


def protect(confirmed: str | None, project: Project, output: Output) -> None:
    """Check the one gate of a command that runs no plan: a protected environment must be named.

    Args:
        confirmed: the name that `--confirm` gave.
        project: the environment.
        output: asks for the name on a terminal.

    Raises:
        errors.Gate: the environment is protected, and its name was not given.
        UsageError: as `refuse_mistakes` and `refuse_object`.
    """
    refuse_object(project)
    refuse_mistakes(project, confirmed)
    environment = project.environment
    if environment.protected:
        name = environment.shown
        given = confirmed if confirmed is not None else typed_name(f"{name} is protected", output)
        gates.refuse(name, [gates.protected(name, given)])


def refuse_mistakes(project: Project, confirmed: str | None) -> None:
    """Check that a command that changes a database means this one.

    Raises:
        UsageError: two environments are one database, or may be; the database may be one with gates, under
            another name; or the confirmed name is another one's.
    """
    refuse_duplicates(project.config)
    environment = project.environment
    refuse_ambiguous(project.config, environment)
    refuse_confirmed(project.config, environment, confirmed)


def refuse_confirmed(config: Config, environment: Environment, confirmed: str | None) -> None:
    """Check that a confirmed name is not another environment's; a protected one checks it itself.

    Raises:
        UsageError: it is.
    """
    if confirmed not in (None, environment.name) and not environment.protected:
        known = any(other.name == confirmed for other in config.environments)
        raise UsageError(
            f"--confirm {confirmed}, but this is {environment.shown}",
            hint=f"use --env {confirmed}" if known else "it is not protected: leave --confirm out",
        )


def typed_name(what: str, output: Output) -> str | None:
    """Return what is typed for the name of a protected environment, None without a terminal.

    Args:
        what: the environment, and why its name is needed.
        output: asks for it.
    """
    return output.ask(f"{what}; type its name to continue: ")


def reasons_of(options: GateOptions, environment: Environment) -> dict[str, str]:
    """Return {gate: why it may be overridden}, as flags give them.

    Raises:
        UsageError: a flag has no reason.
    """
    given: dict[gates.Name, str | None] = {
        "after": options.skip_after,
        "window": options.outside_window,
        "require_rollback": options.allow_irreversible,
        "rehearse": options.no_rehearse,
        "restore_point": options.no_restore_point,
        "lint": options.no_lint,
    }
    found: dict[str, str] = {}
    for gate, text in given.items():
        if text is not None and text.strip():
            found[gate] = text.strip()
        elif text is not None and (gate != "lint" or environment.has_gates):
            raise gates.without_reason(gate)
    return found
