"""`env`: the environments, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.cli import gates
from d1migrate.errors import Error, UsageError
from d1migrate.project.duplicates import refuse_duplicates
from d1migrate.report import text, values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.project import Context
    from d1migrate.migrate.migration import Migration
    from d1migrate.project.environment import Environment

_AT_ONCE = 8  # requests


def env_command(context: Context) -> int:
    """Show every environment: where it stands, what protects it, and whether it can be reached."""
    from concurrent.futures import ThreadPoolExecutor

    refuse_duplicates(context.config)
    environments = context.config.listed()
    if not environments:
        raise UsageError("no environments", hint="[env.local] database = … in d1migrate.toml")
    files: dict[str, tuple[Migration, ...] | Error] = {}
    for environment in environments:
        _load(context, environment, files)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(lambda environment: _look(context, environment, files), environments))
    if context.json:
        context.out_json(found)
        return 0
    headers = ("environment", "database", "version", "pending", "protection", "reachable")
    rows = [
        (
            e["environment"],
            e["database"],
            _shown(e["current_version"]),
            _shown(e["pending"]),
            _protection(environment, e["protection"]["window"]),
            "yes" if e["reachable"] else f"no: {e['error']}" if e["reachable"] is False else e["error"],
        )
        for environment, e in zip(environments, found, strict=True)
    ]
    context.out(text.table(headers, rows, right=(2, 3)))
    return 0


def _load(
    context: Context, environment: Environment, files: dict[str, tuple[Migration, ...] | Error]
) -> None:
    """Read an environment's files, once for all that share a folder."""
    from d1migrate.project.files import load_migrations

    folder = environment.database
    try:
        folder = context.config.folder(environment)
        if folder not in files:
            files[folder] = load_migrations(folder)
    except Error as error:
        files[folder] = error
    files[environment.database] = files[folder]


def _look(
    context: Context, environment: Environment, files: Mapping[str, tuple[Migration, ...] | Error]
) -> dict[str, Any]:
    """Look at one environment, in one request; what cannot be reached is said, not left out."""
    from d1migrate.migrator import Migrator

    value: dict[str, Any] = {"environment": environment.name, "database": environment.database}
    value |= {"current_version": None, "latest_version": None, "pending": None}
    value |= {"protection": _protections(environment), "reachable": None, "error": None}
    migrations = files[environment.database]
    if isinstance(migrations, Error):
        return value | {"error": str(migrations)}
    try:
        with Migrator(context.open(environment), migrations) as migrator:
            found = values.status(migrator.status(), (), environment.name, environment.database)
    except Error as error:
        return value | {"reachable": False, "error": str(error)}
    known = {key: found[key] for key in ("current_version", "latest_version", "pending")}
    return value | known | {"reachable": True}


def _protections(environment: Environment) -> dict[str, Any]:
    """What an environment demands before it is changed."""
    window = None
    if environment.window:
        from d1migrate.project import windows

        opening = windows.look(windows.parse(environment.window), gates.now())
        window = {"window": environment.window, "open": opening.is_open, "changes_at": opening.changes}
        window["shown"] = opening.shown()
    return {
        "protected": environment.protected,
        "after": environment.after,
        "window": window,
        "require_rollback": environment.require_rollback,
        "restore_point": environment.wants_restore_point,
        "lint": environment.lint_level,
        "rehearse": environment.rehearse,
    }


def _protection(environment: Environment, window: Mapping[str, Any] | None) -> str:
    """The same in a few words."""
    words = ["protected"] if environment.protected else []
    words += [f"after {environment.after}"] if environment.after else []
    if window:
        words.append(f"window {'open' if window['open'] else 'closed'} until {window['shown']}")
    words += ["rollbacks required"] if environment.require_rollback else []
    words += [f"lint {environment.lint_level}"] if environment.lint_level else []
    words += [f"rehearse {environment.rehearse}"] if environment.rehearse else []
    words += ["restore point"] if environment.wants_restore_point else []
    return ", ".join(words) or "none"


def _shown(value: int | None) -> str:
    return "?" if value is None else str(value)
