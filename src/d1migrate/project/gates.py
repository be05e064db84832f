"""Gates: rules of an environment for runs that change it. Functions decide; the clock is an argument.

`check` gives the results of all gates that an environment has, from `Facts` that the caller found out.
"""

from __future__ import annotations

from d1migrate import errors
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.d1 import QUERY_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.project.environment import Environment
    from d1migrate.project.windows import Opening

    Name = Literal["after", "window", "require_rollback", "rehearse", "lint", "restore_point", "protected"]

OVERRIDES: dict[Name, str] = {
    "after": "--skip-after REASON",
    "window": "--outside-window REASON",
    "require_rollback": "--allow-irreversible REASON",
    "rehearse": "--no-rehearse REASON",
    "lint": "--no-lint REASON",
    "restore_point": "--no-restore-point REASON",
    "protected": "--confirm NAME",
}
"""{gate: the flag that overrides it}, in the order in which gates are checked."""

_SHOWN = 3  # findings that a gate lists

_REASONS = {
    "after": "staging is being rebuilt",
    "window": "hotfix for ticket 812",
    "require_rollback": "it only adds a table",
    "rehearse": "rehearsed on a copy of the data",
    "lint": "checked by hand",
    "restore_point": "a snapshot was taken at 13:00",
}


class GateResult(NamedTuple):
    """One gate, and whether a run passes it.

    Attributes:
        name: its name in d1migrate.toml.
        passed: whether the run passes.
        message: what was found.
        override: the flag that overrides the gate.
        reason: the reason given with that flag, if the gate does not pass; otherwise None.
        warning: None, or a warning for a gate that passes.
        step: what makes it pass, if it does not and that is known; otherwise None.
    """

    name: Name
    passed: bool
    message: str
    override: str
    reason: str | None = None
    warning: str | None = None
    step: str | None = None

    @property
    def state(self) -> Literal["passed", "refused", "overridden"]:
        """Passed, refused or overridden."""
        return "passed" if self.passed else "refused" if self.reason is None else "overridden"


class Findings(NamedTuple):
    """What the linter or a rehearsal found.

    Attributes:
        refused: the findings at the configured level, one line each.
        warnings: how many warnings there are, if the level is `error`.
    """

    refused: Sequence[str] = ()
    warnings: int = 0


class Facts(NamedTuple):
    """What the gates of an environment decide on.

    Attributes:
        transactions: how many are to run.
        now: in epoch seconds.
        pending: the migrations to apply; None for a run that rolls back, which has fewer gates.
        first: the status of the environment named by `after`, or the error of reading it.
        opening: what `windows.look` returned for the window; None without one.
        rehearsed: the findings of a rehearsal.
        linted: those of the linter; None if the run itself lints.
        restore_point: what is taken first; None for nothing.
        confirmed: the name that was given.
    """

    transactions: int
    now: float
    pending: Sequence[Migration] | None = None
    first: Sequence[Entry] | errors.Error = ()
    opening: Opening | None = None
    rehearsed: Findings = Findings()
    linted: Findings | None = None
    restore_point: str | None = None
    confirmed: str | None = None


def check(environment: Environment, facts: Facts, reasons: Mapping[str, str]) -> tuple[GateResult, ...]:
    """Return every gate of an environment, passed or not, in the order of OVERRIDES.

    Args:
        environment: its settings say which gates it has.
        facts: what they decide on.
        reasons: {gate: the reason to override it}.
    """
    found = []
    pending = facts.pending
    if environment.after and pending is not None:
        found.append(after(environment.after, pending, facts.first, reasons))
    if environment.window and facts.opening is not None:
        found.append(window(environment.window, facts.opening, facts.now, facts.transactions, reasons))
    if environment.require_rollback and pending is not None:
        found.append(require_rollback(pending, reasons))
    if environment.rehearse and pending is not None:
        step = f"`d1migrate rehearse --env {environment.shown}` shows what happens to the rows"
        found.append(findings("rehearse", environment.rehearse, facts.rehearsed, reasons, step))
    if environment.has_gates and pending is not None and facts.linted is not None:
        step = f"`d1migrate lint --env {environment.shown}` shows each finding with a fix"
        found.append(findings("lint", environment.lint_level or "error", facts.linted, reasons, step))
    if environment.wants_restore_point or "restore_point" in reasons:
        why_not = f"no restore point is taken of {environment.database}"
        found.append(restore_point(facts.restore_point, why_not, reasons))
    if environment.protected:
        found.append(protected(environment.shown, facts.confirmed))
    return tuple(found)


def refuse(environment: str, gates: Iterable[GateResult]) -> None:
    """Refuse a run unless each gate passes or is overridden with a reason.

    Raises:
        errors.Gate: it lists every gate that refuses, with what was found and its flag.
    """
    closed = [gate for gate in gates if gate.state == "refused"]
    if closed:
        raise errors.Gate(
            "\n".join(f"{environment} refuses ({gate.name}): {gate.message}" for gate in closed),
            gates=[gate.name for gate in closed],
            hint=_next_step(closed),
        )


def refuse_closed(environment: Environment, now: float, reasons: Mapping[str, str]) -> None:
    """Refuse to continue while the maintenance window of an environment is closed.

    Args:
        environment: the environment.
        now: in epoch seconds.
        reasons: {gate: the reason to override it}.

    Raises:
        errors.Gate: the window is closed, and there is no reason to override it.
    """
    if environment.window:
        from d1migrate.project import windows

        opening = windows.look(windows.parse(environment.window), now)
        refuse(environment.shown, [window(environment.window, opening, now, 1, reasons)])


def _next_step(closed: Sequence[GateResult]) -> str:
    """Return what to do about gates that refuse: an override comes last."""
    steps = [gate.step for gate in closed if gate.step]
    flags = [gate.override for gate in closed if gate.name != "protected"]
    return "; ".join(steps + ([f"to override, add {' '.join(flags)}"] if flags else []))


def without_reason(gate: Name) -> errors.UsageError:
    """Return the error of a flag that overrides a gate without a reason."""
    flag = OVERRIDES[gate].split()[0]
    return errors.UsageError(
        f"{flag} without a reason", hint=f'add the reason, which is logged: {flag} "{_REASONS[gate]}"'
    )


def overridden(gates: Iterable[GateResult]) -> dict[str, str]:
    """Return {gate: reason} of the gates that a run overrides, for the log."""
    return {gate.name: gate.reason for gate in gates if gate.reason is not None}


def _gate(
    name: Name, problem: str | None, fine: str, reasons: Mapping[str, str], step: str | None = None
) -> GateResult:
    """Return the result of a gate, which passes if there is no problem."""
    if problem is None:
        return GateResult(name, True, fine, OVERRIDES[name])
    return GateResult(name, False, problem, OVERRIDES[name], reasons.get(name), step=step)


def after(
    first: str,
    pending: Sequence[Migration],
    there: Sequence[Entry] | errors.Error,
    reasons: Mapping[str, str],
) -> GateResult:
    """Check that another environment has what is pending here, with the same checksums.

    Args:
        first: the environment that must have it.
        pending: the migrations to apply.
        there: the status of that environment, or the error of reading it.
        reasons: {gate: the reason to override it}.
    """
    if isinstance(there, errors.Error):
        return _gate("after", f"{first} cannot be read: {there}", "", reasons, there.hint)
    known = {entry.name: entry for entry in there}
    problems, steps = [], []
    for migration in pending:
        if lacks := _lacks(first, known.get(migration.name)):
            problems.append(f"{migration.name} {lacks[0]}")
            steps.append(lacks[1])
    names = ", ".join(migration.name for migration in pending)
    fine = f"{first} has {names}, with the same content" if names else "nothing is pending"
    step = "; ".join(dict.fromkeys(steps))
    return _gate("after", "; ".join(problems) or None, fine, reasons, step)


def _lacks(first: str, entry: Entry | None) -> tuple[str, str] | None:
    """Return why a migration does not count as applied, and what to do; None if it counts."""
    if entry is None or entry.applied is None or entry.state not in ("applied", "changed"):
        return f"is not applied in {first}", f"first run `d1migrate up --env {first}`"
    accept = f"`d1migrate repair --env {first} --accept {entry.name} --reason …`"
    if entry.state == "changed":
        problem = f"was applied in {first} with different content"
        return problem, f"restore the file; or if the edit changes nothing there, {accept}"
    if entry.applied.checksum is None:
        problem = f"was applied in {first} by wrangler, which keeps no checksum"
        return problem, f"{accept} records the checksum"
    return None


def window(text: str, opening: Opening, now: float, count: int, reasons: Mapping[str, str]) -> GateResult:
    """Check that a maintenance window is open.

    Args:
        text: the window, as configured.
        opening: what `windows.look` returned for it.
        now: in epoch seconds.
        count: the number of transactions to run.
        reasons: {gate: the reason to override it}.
    """
    shown = opening.shown()
    warning = None
    if opening.is_open and opening.changes is not None:
        left = int(opening.changes - now)
        if count * QUERY_SECONDS > left:
            warning = (
                f"the window closes in {left // 60} min {left % 60} s, and D1 gives {count}"
                f" transaction{'s' if count > 1 else ''} up to {count * QUERY_SECONDS} s"
            )
    problem = None if opening.is_open else f"the window {text} is closed; it opens {shown}"
    step = "run the command again when the window opens"
    return _gate("window", problem, f"open until {shown}", reasons, step)._replace(warning=warning)


def protected(name: str, confirmed: str | None) -> GateResult:
    """Check that the environment's name was given."""
    if confirmed == name:
        return GateResult("protected", True, "its name was given", OVERRIDES["protected"])
    found = "its name was not given" if confirmed is None else f"{confirmed!r} is not its name"
    message, step = f"it is protected, and {found}", f"to confirm, add --confirm {name}"
    return GateResult("protected", False, message, OVERRIDES["protected"], step=step)


def require_rollback(pending: Sequence[Migration], reasons: Mapping[str, str]) -> GateResult:
    """Check that every migration has a rollback."""
    without = {migration.name: why for migration in pending if (why := migration.why_irreversible)}
    problem = "; ".join(f"{name} {why}" for name, why in without.items())
    fine = "every migration has a rollback" if pending else "nothing is pending"
    step = f"write a `-- Rollback:` block in {', '.join(without)}"
    return _gate("require_rollback", problem or None, fine, reasons, step)


def findings(name: Name, level: str, found: Findings, reasons: Mapping[str, str], step: str) -> GateResult:
    """Check that `lint` or `rehearse` finds nothing at a level: `error`, or `warning` for both.

    Args:
        name: the gate.
        level: as configured.
        found: what was found.
        reasons: {gate: the reason to override it}.
        step: what to do about findings.
    """
    fine = "no errors" if level == "error" else "no errors or warnings"
    if found.warnings:
        fine += f", {found.warnings} warning{'s' if found.warnings > 1 else ''}"
    return _gate(name, "; ".join(found.refused) or None, fine, reasons, step)


def count_findings(found: Sequence[Diagnostic], level: str) -> Findings:
    """Return what a gate decides on, of what the linter or a rehearsal found.

    Args:
        found: the findings.
        level: `error`, or `warning` to refuse warnings too.
    """
    from d1migrate.lint.check import failing

    bad = [d for d in found if failing([d], strict=level == "warning")]
    lines = [f"{d.file}:{d.line}: {d.code} {d.message}" for d in bad[:_SHOWN]]
    rest = len(bad) - _SHOWN
    lines += [f"{rest} finding{'s' if rest > 1 else ''} more"] if rest > 0 else []
    return Findings(lines, sum(d.severity == "warning" and d.allowed is None for d in found if d not in bad))


def restore_point(how: str | None, why_not: str, reasons: Mapping[str, str]) -> GateResult:
    """Check that a restore point is taken before the run.

    Args:
        how: what is taken; None for nothing.
        why_not: why nothing is taken.
        reasons: {gate: the reason to override it}.
    """
    if how is not None and "restore_point" in reasons:
        why_not, how = f"{how} is skipped", None
    return _gate("restore_point", None if how else why_not, f"{how} is taken first", reasons)
