"""One `[env.NAME]` section of a configuration: a database, and the gates for runs that change it."""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.settings import LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_GATES = ("after", "window", "rehearse", "account", "protected", "restore_point", "require_rollback")
_IN_NAMES = dict.fromkeys(map(ord, "._-"))  # besides letters and digits


class Environment(NamedTuple):
    """A database to work on.

    Attributes:
        name: as in `[env.NAME]`; None if `--database` named the database.
        database: its url.
        out_of_order: "refuse" or "allow".
        lint: {code of a rule, or its letter: severity}.
        lint_level: what the linter must not find: "error", "warning" for both, None if not configured.
        after: the environment that must have the migrations first.
        window: when it may be changed, as `windows.parse` reads it.
        protected: whether its name must be given.
        restore_point: whether a restore point is taken first; None if not configured.
        require_rollback: whether every migration must have a rollback.
        rehearse: what a rehearsal must not find, as `lint_level`; None for no rehearsal.
        account: the Cloudflare account it must be in.
        budget: the most entries that one batch may write, if that is configured.
    """

    name: str | None
    database: str
    out_of_order: str = "refuse"
    lint: Mapping[str, str] = {}
    lint_level: str | None = None
    after: str | None = None
    window: str | None = None
    protected: bool = False
    restore_point: bool | None = None
    require_rollback: bool = False
    rehearse: str | None = None
    account: str | None = None
    budget: int | None = None

    @property
    def shown(self) -> str:
        """Its name in messages."""
        return self.name or self.database

    @property
    def described(self) -> str:
        """Its name, if it has one, and its url."""
        return f"{self.name}: {self.database}" if self.name else self.database

    @property
    def entries_per_batch(self) -> int | None:
        """The most entries that one batch may write; None: any number, as nothing stops it in a file."""
        if self.budget is not None or not self.database.startswith("d1:"):
            return self.budget
        from d1migrate.schema.cost import DEFAULT_BUDGET

        return DEFAULT_BUDGET

    @property
    def wants_restore_point(self) -> bool:
        """Whether a restore point is taken before a change; for d1 by default."""
        return self.database.startswith("d1:") if self.restore_point is None else self.restore_point

    @property
    def has_gates(self) -> bool:
        """Whether it has any gates."""
        gates = (self.after, self.window, self.protected, self.require_rollback, self.rehearse)
        return any(gates) or self.lint_level is not None or self.wants_restore_point


def read_gates(path: str, where: str, section: dict[str, Any]) -> dict[str, Any]:
    """Return the gates of a section and its account, as fields of an Environment.

    Args:
        path: the file.
        where: the section, for messages.
        section: its settings, as `settings.check` accepts them.

    Raises:
        UsageError: the window is malformed.
    """
    if "window" in section:
        from d1migrate.project.windows import parse

        try:
            parse(section["window"])
        except UsageError as error:
            raise UsageError(f"{path}: {where}{error}", hint=error.hint) from None
    return {key: section[key] for key in _GATES if key in section}


def read_budget(path: str, where: str, section: dict[str, Any]) -> int | None:
    """Return the budget of a section, if it has one.

    Raises:
        UsageError: it is less than an entry.
    """
    budget: int | None = section.get("budget")
    if budget is not None and budget < 1:
        raise UsageError(
            f"{path}: {where}budget is {budget}, expected at least 1",
            hint="remove it for the default, or set a larger one",
        )
    return budget


def split_level(
    path: str, where: str, lint: dict[str, Any] | str | None
) -> tuple[dict[str, Any], str | None]:
    """Return the severities and the level of a section's `lint`: a table, with `level` or not, or a level.

    Raises:
        UsageError: there is no such level.
    """
    if not isinstance(lint, dict):
        return {}, lint
    level = lint.get("level")
    if level is not None and level not in LEVELS:
        raise UsageError(f'{path}: {where}lint: level is {level!r}, expected "error" or "warning"')
    return {code: severity for code, severity in lint.items() if code != "level"}, level


def refuse_name(path: str, name: str, what: str = "an environment") -> None:
    """Check the name of an environment or a fleet, which is typed in commands and shown in messages.

    Raises:
        UsageError: it could be mistaken for another name, or for something else.
    """
    if not (name.isascii() and name[:1].isalnum() and name.translate(_IN_NAMES).isalnum()):
        raise UsageError(
            f"{path}: {name!r} cannot be the name of {what}",
            hint="ASCII letters, digits, '.', '_' and '-', the first a letter or digit",
        )


def refuse_circles(path: str, first: dict[str, str | None]) -> None:
    """Check that every `after` names another environment, and that they form no circle.

    Args:
        path: the file.
        first: {environment: its `after`}.

    Raises:
        UsageError: one does not.
    """
    for name, after in first.items():
        if after is not None and after not in first:
            hint = did_you_mean(after, first, otherwise=f"it has: {', '.join(first)}")
            raise UsageError(f"{path}: [env.{name}] after: no environment {after!r}", hint=hint)
        seen, at = {name}, after
        while at is not None:
            if at in seen:
                raise UsageError(f"{path}: [env.{name}] after = {after!r} leads back to {at}")
            seen.add(at)
            at = first.get(at)
