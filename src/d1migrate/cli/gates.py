"""The gates of an environment: what is asked before a command writes to its database.

`project.gates` decides whether a gate passes. This module finds out what they decide on, and asks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from d1migrate.errors import Error, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.project import gates
from d1migrate.project.duplicates import refuse_ambiguous, refuse_duplicates
from d1migrate.report.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.options import GateOptions
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator
    from d1migrate.project.environment import Environment
    from d1migrate.project.gates import GateResult

_IMPORT = 4  # requests besides the one that begins it: its place, the upload, a poll, and the history
_SHOWN = 3  # findings that a gate lists

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
        self._reasons = _reasons(options, self._environment)

    def check(self, plan: Plan) -> Mapping[str, object]:
        """Check a plan before it runs; what it returns goes to the log: the reasons for overridden gates.

        Raises:
            errors.Gate: a gate refuses.
        """
        notes = {"lint": self._reasons["lint"]} if "lint" in self._reasons else {}
        if plan.steps:
            seen = self.look(plan, linted=True)
            self._confirm(seen)
            found = self._look_again(plan, seen)
            notes |= gates.overridden(found)
            for gate in found:
                if gate.warning:
                    self._output.warn(gate.warning)
        return {"overridden": notes} if notes else {}

    def look(self, plan: Plan, *, linted: bool) -> tuple[GateResult, ...]:
        """Return every gate of the environment, passed or refused. Changes nothing, asks nobody.

        Args:
            plan: what is about to run, up or down.
            linted: whether the run itself will lint, so that the gate need not.
        """
        environment, given = self._environment, self._reasons
        up = not plan.steps or plan.steps[0].direction == "up"
        pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
        found = []
        if environment.after and up:
            there = self._entries(environment.after)
            found.append(gates.after(environment.after, pending, there, given))
        if environment.window:
            found.append(self._window(environment.window, plan))
        if environment.require_rollback and up:
            found.append(gates.require_rollback(pending, given))
        if environment.rehearse and up:
            found.append(self._rehearse(pending, environment.rehearse))
        if environment.has_gates and up and not linted:
            found.append(self._lint(pending, environment.lint_level or "error"))
        if environment.wants_restore_point or "restore_point" in given:
            capabilities = self._project.driver.capabilities
            how = "a copy of the file" if capabilities.file else None
            how = "a Time Travel bookmark" if capabilities.time_travel else how
            why_not = f"no restore point is taken of {environment.database}"
            found.append(gates.restore_point(how, why_not, given))
        if environment.protected:
            found.append(gates.protected(environment.shown, self._confirmed))
        return tuple(found)

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
        point = environment.wants_restore_point and "restore_point" not in given and is_remote
        rehearsed = bool(environment.rehearse) and "rehearse" not in given
        imports = sum(step.import_reason is not None for step in plan.steps) if is_remote else 0
        imports = min(imports, 1) if plan.single else imports
        others = bool(environment.after) + rehearsed if up else 0
        return self._project.lookups + point + _IMPORT * imports + others

    def _confirm(self, found: Sequence[GateResult]) -> None:
        """Refuse unless all gates pass; a protected environment's name may be typed on a terminal."""
        name = self._environment.shown
        refused = [gate for gate in found if gate.state == "refused"]
        if [gate.name for gate in refused] == ["protected"] and self._confirmed is None:
            # Kept: if another run comes between, the new plan does not ask again.
            self._confirmed = _typed_name(name, self._output)
            refused = [gate for gate in [gates.protected(name, self._confirmed)] if not gate.passed]
        gates.refuse(name, refused)

    def _look_again(self, plan: Plan, found: Sequence[GateResult]) -> Sequence[GateResult]:
        """Check the window once more: a rehearsal and typing a name take time."""
        text = self._environment.window
        late = [self._window(text, plan) if text and gate.name == "window" else gate for gate in found]
        gates.refuse(self._environment.shown, (gate for gate in late if gate.name == "window"))
        return late

    def _window(self, text: str, plan: Plan) -> GateResult:
        from d1migrate.project import windows

        moment = now()
        opening = windows.look(windows.parse(text), moment)
        return gates.window(text, opening, moment, 1 if plan.single else len(plan.steps), self._reasons)

    def _entries(self, name: str) -> Sequence[Entry] | str:
        """Return the status of another environment, or why it cannot be read."""
        from d1migrate.migrator import Migrator

        try:
            driver = self._project.open(self._project.config.environment(name, None))
            with Migrator(driver, self._migrator.migrations) as migrator:
                return migrator.status()
        except Error as error:
            return str(error)

    def _rehearse(self, pending: Sequence[Migration], level: str) -> GateResult:
        if "rehearse" in self._reasons:  # it may take long
            return gates.findings("rehearse", level, ["it is not rehearsed"], self._reasons)
        from d1migrate.rehearse import rehearse

        severities = self._environment.lint
        found = rehearse(pending, self._migrator.schema(), severities=severities) if pending else None
        diagnostics = [d for migration in found.migrations for d in migration.diagnostics] if found else []
        return gates.findings("rehearse", level, _listed(diagnostics, level), self._reasons)

    def _lint(self, pending: Sequence[Migration], level: str) -> GateResult:
        from d1migrate.lint.runner import lint

        severities = self._environment.lint
        found = lint(pending, self._migrator.schema(), severities=severities) if pending else ()
        return gates.findings("lint", level, _listed(found, level), self._reasons)


def protect(confirmed: str | None, project: Project, output: Output) -> None:
    """Check the one gate of a command that runs no plan: a protected environment must be named.

    Args:
        confirmed: the name that `--confirm` gave.
        project: the environment.
        output: asks for the name on a terminal.

    Raises:
        errors.Gate: the environment is protected, and its name was not given.
        UsageError: as `refuse_mistakes`.
    """
    refuse_mistakes(project, confirmed)
    environment = project.environment
    if environment.protected:
        name = environment.shown
        given = confirmed if confirmed is not None else _typed_name(name, output)
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
    if confirmed not in (None, environment.name) and not environment.protected:
        known = any(other.name == confirmed for other in project.config.environments)
        raise UsageError(
            f"--confirm {confirmed}, but this is {environment.shown}",
            hint=f"use --env {confirmed}" if known else "it is not protected: leave --confirm out",
        )


def _typed_name(name: str, output: Output) -> str | None:
    """Return what is typed for the name of a protected environment, None without a terminal."""
    return output.ask(f"{name} is protected; type its name to continue: ")


def _reasons(options: GateOptions, environment: Environment) -> dict[str, str]:
    """Return {gate: why it may be overridden}, as flags give them.

    Raises:
        UsageError: a flag has no reason.
    """
    given = {
        "after": options.skip_after,
        "window": options.outside_window,
        "require_rollback": options.allow_irreversible,
        "rehearse": options.no_rehearse,
        "restore_point": options.no_restore_point,
        "lint": options.no_lint,
    }
    found = {}
    for gate, text in given.items():
        if text is not None and text.strip():
            found[gate] = text.strip()
        elif text is not None and (gate != "lint" or environment.has_gates):
            flag = gates.OVERRIDES[gate].split()[0]
            raise UsageError(f"{flag} without a reason", hint=f'add the reason, which is logged: {flag} "…"')
    return found


def _listed(found: Sequence[Diagnostic], level: str) -> list[str]:
    from d1migrate.lint.check import failing

    bad = [d for d in found if failing([d], strict=level == "warning")]
    lines = [clean(f"{d.file}:{d.line}: {d.code} {d.message}") for d in bad[:_SHOWN]]
    return lines + ([f"{plural(len(bad) - _SHOWN, 'finding')} more"] if len(bad) > _SHOWN else [])
