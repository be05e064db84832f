"""Gates: rules of an environment for runs that change it. Functions decide; the clock is an argument.

`check` gives the results of all gates that an environment has, from `Facts` that the caller found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate import errors
from d1migrate.sql.d1 import QUERY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.status import Entry
    from d1migrate.project.environment import Environment
    from d1migrate.project.windows import Opening

OVERRIDES = {
    "after": "--skip-after REASON",
    "window": "--outside-window REASON",
    "require_rollback": "--allow-irreversible REASON",
    "rehearse": "--no-rehearse REASON",
    "lint": "--no-lint REASON",
    "restore_point": "--no-restore-point REASON",
    "protected": "--confirm NAME",
}
"""{gate: the flag that overrides it}, in the order in which gates are checked."""


class GateResult(NamedTuple):
    """One gate, and whether a run passes it.

    Attributes:
        name: its name in d1migrate.toml.
        passed: whether the run passes.
        message: what was found.
        override: the flag that overrides the gate.
        reason: the reason given with that flag, if the gate does not pass; otherwise None.
        warning: None, or a warning for a gate that passes.
    """

    name: str
    passed: bool
    message: str
    override: str
    reason: str | None = None
    warning: str | None = None

    @property
    def state(self) -> str:
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
        first: the status of the environment named by `after`, or why it cannot be read.
        opening: what `windows.look` returned for the window; None without one.
        rehearsed: the findings of a rehearsal.
        linted: those of the linter; None if the run itself lints.
        restore_point: what is taken first; None for nothing.
        confirmed: the name that was given.
    """

    transactions: int
    now: float
    pending: Sequence[Migration] | None = None
    first: Sequence[Entry] | str = ()
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
        found.append(findings("rehearse", environment.rehearse, facts.rehearsed, reasons))
    if environment.has_gates and pending is not None and facts.linted is not None:
        found.append(findings("lint", environment.lint_level or "error", facts.linted, reasons))
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
            hint=_next_step(environment, closed),
        )


def _next_step(environment: str, closed: Sequence[GateResult]) -> str:
    """Return what to do about gates that refuse: an override comes last."""
    flags = [gate.override for gate in closed if gate.name != "protected"]
    steps = [f"meet these conditions; to override them, add {' '.join(flags)}"] if flags else []
    if len(flags) < len(closed):
        steps.append(f"to confirm, add --confirm {environment}")
    return "; ".join(steps)


def overridden(gates: Iterable[GateResult]) -> dict[str, str]:
    """Return {gate: reason} of the gates that a run overrides, for the log."""
    return {gate.name: gate.reason for gate in gates if gate.reason is not None}


def _gate(
    name: str, problem: str | None, fine: str, reasons: Mapping[str, str], warning: str | None = None
) -> GateResult:
    """Return the result of a gate, which passes if there is no problem."""
    if problem is None:
        return GateResult(name, True, fine, OVERRIDES[name], None, warning)
    return GateResult(name, False, problem, OVERRIDES[name], reasons.get(name), warning)


def after(
    first: str, pending: Sequence[Migration], there: Sequence[Entry] | str, reasons: Mapping[str, str]
) -> GateResult:
    """Check that another environment has what is pending here, with the same checksums.

    Args:
        first: the environment that must have it.
        pending: the migrations to apply.
        there: the status of that environment, or why it cannot be read.
        reasons: {gate: the reason to override it}.
    """
    if isinstance(there, str):
        return _gate("after", f"{first} cannot be read: {there}", "", reasons)
    known = {entry.name: entry for entry in there}
    problems = [
        f"{migration.name} {problem}"
        for migration in pending
        if (problem := _lacks(first, known.get(migration.name))) is not None
    ]
    names = ", ".join(migration.name for migration in pending)
    fine = f"{first} has {names}, with the same content" if names else "nothing is pending"
    return _gate("after", "; ".join(problems) or None, fine, reasons)


def _lacks(first: str, entry: Entry | None) -> str | None:
    """Return why a migration does not count as applied, or None."""
    if entry is None or entry.applied is None or entry.state not in ("applied", "changed"):
        return f"is not applied in {first}"
    if entry.state == "changed":
        return f"was applied in {first} with different content"
    if entry.applied.checksum is None:
        return (
            f"was applied in {first} by wrangler, which keeps no checksum"
            f" (`d1migrate repair --env {first} --accept {entry.name} --reason …` records it)"
        )
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
    return _gate("window", problem, f"open until {shown}", reasons, warning)


def protected(name: str, confirmed: str | None) -> GateResult:
    """Check that the environment's name was given."""
    if confirmed == name:
        return GateResult("protected", True, "its name was given", OVERRIDES["protected"])
    found = "its name was not given" if confirmed is None else f"{confirmed!r} is not its name"
    return GateResult("protected", False, f"it is protected, and {found}", OVERRIDES["protected"])


def require_rollback(pending: Sequence[Migration], reasons: Mapping[str, str]) -> GateResult:
    """Check that every migration has a rollback."""
    without = []
    for migration in pending:
        if migration.rollback is None:
            without.append(f"{migration.name} has no rollback block")
        elif migration.rollback.reason is not None:
            without.append(f"{migration.name} is declared irreversible: {migration.rollback.reason}")
    fine = "every migration has a rollback" if pending else "nothing is pending"
    return _gate("require_rollback", "; ".join(without) or None, fine, reasons)


def findings(name: str, level: str, found: Findings, reasons: Mapping[str, str]) -> GateResult:
    """Check that `lint` or `rehearse` finds nothing at a level: `error`, or `warning` for both.

    Args:
        name: the gate.
        level: as configured.
        found: what was found.
        reasons: {gate: the reason to override it}.
    """
    fine = "no errors" if level == "error" else "no errors or warnings"
    if found.warnings:
        fine += f", {found.warnings} warning{'s' if found.warnings > 1 else ''}"
    return _gate(name, "; ".join(found.refused) or None, fine, reasons)


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
