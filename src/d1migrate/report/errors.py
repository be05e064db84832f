"""Errors as the JSON that a failed command prints."""

from __future__ import annotations

from typing import cast

from d1migrate import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.lint.check import Diagnostic
    from d1migrate.report.shapes.errors import AnyError

_NAMES = {
    "applied": "applied_names",
    "pending": "pending_names",
    "migration": "name",
    "gates": "refused_by",
    "rule": "code",
    "unknown": "outcome_unknown",
    "actual": "value",
}
"""{attribute: its key}, if another document has that key for something else: `pending` is a count."""
_HIDDEN = ("gate", "source", "shown_from")


def value(error: errors.Error) -> AnyError:
    """Return an error with its attributes."""
    facts = {name: fact for name, fact in vars(error).items() if name not in _HIDDEN}
    message = str(error)
    if isinstance(error, errors.ParseError):
        message = str(error.args[0])  # the place and the line are attributes
    if isinstance(error, errors.UnsafeMigration):
        from d1migrate.report.findings import finding

        message = error.headline
        facts["diagnostics"] = [finding(one) for one in cast("Iterable[Diagnostic]", error.diagnostics)]
    if isinstance(error, errors.Irreversible):
        previews = error.restore_points.items()
        facts["restore_points"] = [{"name": name, "preview": preview} for name, preview in previews]
    found = {"type": type(error).__name__, "message": message}
    return cast("AnyError", found | {_NAMES.get(name, name): _plain(fact) for name, fact in facts.items()})


def _plain(fact: object) -> object:
    return list(fact) if isinstance(fact, tuple) else fact
