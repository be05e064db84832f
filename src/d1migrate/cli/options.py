"""Options that several commands share, as typed values. The parser builds them; nothing changes them.

The options of one command are the `Options` of its module.
"""

from __future__ import annotations

from d1migrate.errors import UsageError
from d1migrate.hints import exclusive
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.deploy_phase import Phase


PLACES = ("env", "database", "migrations", "config")
"""The global options that say which project and database; of the first two, only one can be given."""

FOUND = 3
"""The exit code of a command that checks, and found something."""

INTERRUPTED = 130
"""The exit code of a command that was interrupted: 128 + SIGINT, as shells count."""


def refuse_dry_run_with_yes(*, dry_run: bool, yes: bool) -> None:
    """Raise UsageError for a command that is both to do nothing and to do it without asking."""
    if dry_run and yes:
        raise exclusive("--dry-run", "--yes")


class GlobalOptions(NamedTuple):
    """The options that work before and after every command; `--help` describes them."""

    env: str | None = None
    database: str | None = None
    migrations: str | None = None
    config: str | None = None
    outside_project: bool = False
    format: str = "text"
    quiet: bool = False
    verbose: bool = False
    json: bool = False

    @property
    def as_json(self) -> bool:
        """Whether to print data as JSON."""
        return self.json or self.format == "json"

    @property
    def places(self) -> dict[str, str]:
        """{name: value} of the given options that say which project and database."""
        return {name: value for name in PLACES if (value := getattr(self, name))}


class ApplyOptions(NamedTuple):
    """Which pending migrations to apply, and how; a plan file records them."""

    to: str | None = None
    allow_out_of_order: bool = False
    single_transaction: bool = False
    phase: Phase | None = None


class GateOptions(NamedTuple):
    """The name that confirms a protected environment, and the reasons given for overriding gates."""

    confirm: str | None = None
    skip_after: str | None = None
    outside_window: str | None = None
    allow_irreversible: str | None = None
    no_rehearse: str | None = None
    no_restore_point: str | None = None
    no_lint: str | None = None


class DraftOptions(NamedTuple):
    """What a draft may do, and what becomes of it."""

    rename: tuple[str, ...] = ()
    backfill: tuple[str, ...] = ()
    allow_drop: tuple[str, ...] = ()
    name: str | None = None
    order: bool = False
    types: bool = False
    keep: tuple[str, ...] = ()
    dry_run: bool = False
    check: bool = False
    scale: tuple[str, ...] = ()
    online: bool = False
    expand: bool = False


GROUPS: dict[str, type[ApplyOptions | GateOptions | DraftOptions]] = {
    "apply": ApplyOptions,
    "gates": GateOptions,
    "draft": DraftOptions,
}
"""{field of an `Options`: the shared options it holds}."""


def scale_of(texts: Sequence[str]) -> dict[str, int]:
    """Read the values of `--scale`, TABLE=ROWS; return {table: rows}.

    Raises:
        UsageError: one is not of that form.
    """
    found = {}
    for text in texts:
        table, equals, rows = text.rpartition("=")
        if not (equals and table and rows.isascii() and rows.isdecimal()):
            raise UsageError(
                f"--scale {text!r} is not TABLE=ROWS", hint="for example: --scale orders=2000000"
            )
        found[table] = int(rows)
    return found
