"""The gates of the environment, looked at before a command writes anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from d1migrate.errors import Error, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.project import gates
from d1migrate.project.duplicates import refuse_ambiguous, refuse_duplicates
from d1migrate.report.text import clean, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.cli.project import Context
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.plan import Plan
    from d1migrate.migrate.status import Entry
    from d1migrate.project.gates import Demand

_FLAGS = {
    "after": "skip_after",
    "window": "outside_window",
    "require_rollback": "allow_irreversible",
    "rehearse": "no_rehearse",
    "restore_point": "no_restore_point",
    "lint": "no_lint",
}
_IMPORT = 4  # requests beside the one that begins it: its place, the upload, a poll, and the history
_SHOWN = 3  # findings that a gate names

now = time.time


def checker(context: Context) -> Callable[[Plan], Mapping[str, object]]:
    """Return what looks at a plan before it is run: it raises where a gate refuses.

    The mapping it returns goes to the log: the reasons given.
    """
    refuse_mistakes(context)

    def check(plan: Plan) -> Mapping[str, object]:
        given = reasons(context)
        notes = {"lint": given["lint"]} if "lint" in given else {}
        if plan.steps:
            seen = look(context, plan)
            confirm(context, seen)
            found = _again(context, plan, seen)
            notes |= gates.overridden(found)
            for gate in found:
                if gate.warning:
                    context.say(f"warning: {gate.warning}")
        return {"overridden": notes} if notes else {}

    return check


def refuse_mistakes(context: Context) -> None:
    """Check that a command that changes a database means this one.

    Raises:
        UsageError: two environments are one database, or may be; the database may be one with gates, under
            another name; or the name that was confirmed is another one's.
    """
    refuse_duplicates(context.config)
    environment, confirmed = context.environment, context.arguments.confirm
    refuse_ambiguous(context.config, environment)
    if confirmed not in (None, environment.name) and not environment.protected:
        known = any(other.name == confirmed for other in context.config.environments)
        raise UsageError(
            f"--confirm {confirmed}, and this is {environment.shown}",
            hint=f"--env {confirmed}" if known else "it is not protected: leave --confirm out",
        )


def reasons(context: Context) -> dict[str, str]:
    """Return {gate: why it may be passed}, as given by flags.

    Raises:
        UsageError: a flag came without a reason.
    """
    found = {}
    for gate, name in _FLAGS.items():
        text = getattr(context.arguments, name, None)
        if text is not None and text.strip():
            found[gate] = text.strip()
        elif text is not None and (gate != "lint" or context.environment.has_gates):
            flag = gates.OVERRIDES[gate].split()[0]
            raise UsageError(f"{flag} without a reason", hint=f'{flag} "why": it goes to the log')
    return found


def confirm(context: Context, found: Sequence[Demand]) -> None:
    """Let a run pass whose gates pass; the name of a protected environment may be typed on a terminal.

    Raises:
        errors.Demand: a gate refuses, and nobody is there to be asked.
    """
    name, arguments = context.environment.shown, context.arguments
    refused = [gate for gate in found if gate.state == "refused"]
    if [gate.name for gate in refused] == ["protected"] and arguments.confirm is None:
        typed = context.ask(f"{name} is protected; type its name to go on: ")
        if typed is not None:
            refused = [gate for gate in [gates.protected(name, typed)] if not gate.passed]
            arguments.confirm = typed  # another plan, where another run comes between, is not asked for again
    gates.refuse(name, refused)


def look(context: Context, plan: Plan, *, judged: bool = True) -> tuple[Demand, ...]:
    """Return every gate of the environment, passed or refused. Changes nothing, asks nobody.

    Args:
        context: the command.
        plan: what is to be run, either way.
        judged: whether the linter will be asked in any case, so that it need not be here.
    """
    environment, given = context.environment, reasons(context)
    up = not plan.steps or plan.steps[0].direction == "up"
    pending = [step.script for step in plan.steps if isinstance(step.script, Migration)]
    found = []
    if environment.after and up:
        there = _entries(context, environment.after)
        found.append(gates.after(environment.after, pending, there, given))
    if environment.window:
        found.append(_window(environment.window, plan, given))
    if environment.require_rollback and up:
        found.append(gates.require_rollback(pending, given))
    if environment.rehearse and up:
        found.append(_rehearse(context, pending, environment.rehearse, given))
    if environment.has_gates and up and not judged:
        found.append(_lint(context, pending, environment.lint_level or "error", given))
    if environment.wants_restore_point or "restore_point" in given:
        how = "a copy of the file" if context.driver.capabilities.file else None
        how = "a Time Travel bookmark" if context.driver.capabilities.time_travel else how
        found.append(gates.restore_point(how, f"no restore point is taken of {environment.database}", given))
    if environment.protected:
        found.append(gates.protected(environment.shown, context.arguments.confirm))
    return tuple(found)


def _window(text: str, plan: Plan, given: Mapping[str, str]) -> Demand:
    from d1migrate.project import windows

    moment = now()
    opening = windows.look(windows.parse(text), moment)
    return gates.window(text, opening, moment, 1 if plan.single else len(plan.steps), given)


def _again(context: Context, plan: Plan, found: Sequence[Demand]) -> Sequence[Demand]:
    """Look at the window once more: a rehearsal takes its time, and so does who is to type a name.

    Raises:
        errors.Demand: it closed meanwhile.
    """
    text, given = context.environment.window, reasons(context)
    late = [_window(text, plan, given) if text and gate.name == "window" else gate for gate in found]
    gates.refuse(context.environment.shown, (gate for gate in late if gate.name == "window"))
    return late


def requests(context: Context, plan: Plan) -> int:
    """Return how many requests a run makes that are not of its plan.

    Its gates make some, to the other environment and for what they see, and so does finding the databases: as
    many as it took to `look` at them. An import makes more than a batch, at least those that are counted.
    """
    environment, given = context.environment, reasons(context)
    if not plan.steps:
        return context.driver.capabilities.lookups
    remote = context.driver.capabilities.time_travel is not None
    up = plan.steps[0].direction == "up"
    point = environment.wants_restore_point and "restore_point" not in given and remote
    rehearsed = bool(environment.rehearse) and "rehearse" not in given
    imports = sum(step.import_reason is not None for step in plan.steps) if remote else 0
    imports = min(imports, 1) if plan.single else imports
    return context.lookups + point + _IMPORT * imports + (bool(environment.after) + rehearsed if up else 0)


def protect(context: Context) -> None:
    """Let a command that tells history what is so pass, where the environment is not protected or was named.

    Raises:
        errors.Demand: it is, and was not.
    """
    refuse_mistakes(context)
    environment = context.environment
    if environment.protected:
        confirm(context, [gates.protected(environment.shown, context.arguments.confirm)])


def _entries(context: Context, name: str) -> Sequence[Entry] | str:
    """Return the files beside the history of another environment, or why it cannot be had."""
    from d1migrate.migrator import Migrator

    try:
        driver = context.open(context.config.environment(name, None))
        with Migrator(driver, context.migrator.migrations) as migrator:
            return migrator.status()
    except Error as error:
        return str(error)


def _rehearse(context: Context, pending: Sequence[Migration], level: str, given: Mapping[str, str]) -> Demand:
    if "rehearse" in given:  # it may take long
        return gates.findings("rehearse", level, ["it is not rehearsed"], given)
    from d1migrate.rehearse import rehearse

    severities = context.environment.lint
    found = rehearse(pending, context.migrator.schema(), severities=severities) if pending else None
    diagnostics = [d for migration in found.migrations for d in migration.diagnostics] if found else []
    return gates.findings("rehearse", level, _listed(diagnostics, level), given)


def _lint(context: Context, pending: Sequence[Migration], level: str, given: Mapping[str, str]) -> Demand:
    from d1migrate.lint.runner import lint

    found = lint(pending, context.migrator.schema(), severities=context.environment.lint) if pending else ()
    return gates.findings("lint", level, _listed(found, level), given)


def _listed(found: Sequence[Diagnostic], level: str) -> list[str]:
    from d1migrate.lint.check import failing

    bad = [d for d in found if failing([d], strict=level == "warning")]
    lines = [clean(f"{d.file}:{d.line}: {d.code} {d.message}") for d in bad[:_SHOWN]]
    return lines + ([f"{plural(len(bad) - _SHOWN, 'finding')} more"] if len(bad) > _SHOWN else [])
