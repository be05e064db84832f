"""What `[env.NAME]` of a configuration demands before it is changed: reading and checking it."""

from __future__ import annotations

from typing import Any

from d1migrate.errors import UsageError

LEVELS = ("error", "warning")
_KINDS = {
    **dict.fromkeys(("after", "window", "rehearse", "account"), str),
    **dict.fromkeys(("protected", "restore_point", "require_rollback"), bool),
}
KEYS = frozenset(_KINDS)


def read(path: str, where: str, section: dict[str, Any]) -> dict[str, Any]:
    """Return what a section demands, as the fields of an Environment.

    Args:
        path: the file.
        where: the section, for messages.
        section: its keys; others than KEYS are left alone.

    Raises:
        UsageError: a value is of the wrong kind, or cannot be understood.
    """
    for key, kind in _KINDS.items():
        if key in section and not isinstance(section[key], kind):
            wanted = "true or false" if kind is bool else "a string"
            raise UsageError(f"{path}: {where}{key} is {section[key]!r}, not {wanted}")
    _refuse_level(path, where, "rehearse", section.get("rehearse"))
    if "window" in section:
        from d1migrate.windows import parse  # most configurations have none

        try:
            parse(section["window"])
        except UsageError as error:
            raise UsageError(f"{path}: {where}{error}", hint=error.hint) from None
    return {key: section[key] for key in _KINDS if key in section}


def split_level(path: str, where: str, lint: object) -> tuple[object, str | None]:
    """Return the severities and the level of a section's `lint`: a table that may hold `level`, or a level.

    Raises:
        UsageError: there is no such level.
    """
    level = lint.get("level") if isinstance(lint, dict) else lint if isinstance(lint, str) else None
    _refuse_level(path, where, "lint", level)
    if isinstance(lint, dict):
        return {code: severity for code, severity in lint.items() if code != "level"}, level
    return ({} if level else lint), level


def _refuse_level(path: str, where: str, key: str, level: object) -> None:
    if level is not None and level not in LEVELS:
        raise UsageError(f"{path}: {where}{key} is {level!r}", hint='"error" or "warning"')


def refuse_circles(path: str, first: dict[str, str | None]) -> None:
    """Check that every `after` names another environment, and that following them comes to an end.

    Args:
        path: the file.
        first: {environment: its `after`}.

    Raises:
        UsageError: one does not.
    """
    for name, after in first.items():
        if after is not None and after not in first:
            known = ", ".join(first)
            raise UsageError(f"{path}: [env.{name}] after: no environment {after!r}", hint=f"it has: {known}")
        seen, at = {name}, after
        while at is not None:
            if at in seen:
                raise UsageError(f"{path}: [env.{name}] after = {after!r} leads back to {at}")
            seen.add(at)
            at = first.get(at)
