"""`env`: the environments, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.cli import gates
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import Error
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.project.duplicates import refuse_duplicates
from d1migrate.report import text, values
from d1migrate.report.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration
    from d1migrate.project.environment import Environment
    from d1migrate.project.listing import Folder

_AT_ONCE = 8  # requests

Files = tuple["Migration", ...] | Error
"""The migrations of a folder, or why they cannot be read."""


class Options(NamedTuple):
    """`env` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Show every environment: its last migration, what protects it, and whether it can be reached."""
    from concurrent.futures import ThreadPoolExecutor

    refuse_duplicates(project.config)
    environments = project.config.listed()
    if not environments:
        raise project.config.no_environment(None)
    files = _load(environments, project)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(
            pool.map(lambda environment, loaded: _look(environment, loaded, project), environments, files)
        )
    if output.as_json:
        output.print_json({"environments": found})
        return 0
    headers = ("environment", "database", "last migration", "pending", "protection", "reachable")
    rows = [
        (
            e["environment"],
            e["database"],
            "none" if e["reachable"] and e["current"] is None else _shown(e["current"]),
            _shown(e["pending"]),
            _protection(environment, e["protection"]["window"]),
            "yes" if e["reachable"] else f"no: {e['error']}" if e["reachable"] is False else e["error"],
        )
        for environment, e in zip(environments, found, strict=True)
    ]
    output.print(text.records(headers, rows, right=(3,), paint=output.paint, width=output.width))
    for e in found:
        for problem in e["problems"] or ():
            output.warn(clean_line(f"{e['environment']}: {problem['message']}"))
    return 0


def _load(environments: Sequence[Environment], project: Project) -> list[Files]:
    """Read the files of each environment, once for all that share a folder."""
    from d1migrate.project.files import load_folder

    by_folder: dict[Folder, Files] = {}
    found: list[Files] = []
    for environment in environments:
        try:
            folder = project.config.folder(environment)
            if folder not in by_folder:
                by_folder[folder] = load_folder(folder)
            found.append(by_folder[folder])
        except Error as error:
            found.append(error)
    return found


def _look(environment: Environment, files: Files, project: Project) -> dict[str, Any]:
    """Look at one environment, in one request; one that cannot be reached is listed with the reason."""
    value: dict[str, Any] = {"environment": environment.name, "database": environment.database}
    value |= dict.fromkeys(_KNOWN)
    value |= {"protection": _protections(environment), "reachable": None, "error": None}
    if isinstance(files, Error):
        return value | {"error": str(files)}
    try:
        with project.reader(environment, files) as migrator:
            flow = read_status(migrator.migrations, migrator.choice)
            found = values.status(run_flow(flow, migrator.driver), environment.name, environment.database)
    except Error as error:
        return value | {"reachable": False, "error": str(error)}
    known = {key: found[key] for key in _KNOWN}
    return value | known | {"reachable": True}


_KNOWN = ("table", "current", "current_version", "latest", "latest_version", "pending", "problems")


def _protections(environment: Environment) -> dict[str, Any]:
    """What an environment requires before it is changed."""
    window = None
    if opening := gates.opening_of(environment):
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
    """What an environment requires, in a few words."""
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
