"""`env`: the environments, side by side."""

from __future__ import annotations

from d1migrate.cli import gates
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import Error
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.duplicates import refuse_duplicates
from d1migrate.report import errors, values
from d1migrate.report.table import records
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.read_status import Status
    from d1migrate.migrate.migration import Migration
    from d1migrate.project.environment import Environment
    from d1migrate.project.listing import Folder
    from d1migrate.project.windows import Opening
    from d1migrate.report.shapes import history

_AT_ONCE = 8  # requests

Files = tuple["Migration", ...] | Error
"""The migrations of a folder, or why they cannot be read."""


class Options(NamedTuple):
    """`env` has only the global options."""


class _Seen(NamedTuple):
    """What was found of an environment.

    Attributes:
        environment: the environment.
        opening: whether its maintenance window is open; None without one.
        status: files and database compared; None if they cannot be read.
        reachable: whether the database can be read; None if that was not tried, because of the files.
        error: why files or database cannot be read.
    """

    environment: Environment
    opening: Opening | None
    status: Status | None = None
    reachable: bool | None = None
    error: Error | None = None


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
        output.print_json({"environments": [_value(one) for one in found]})
        return 0
    headers = ("environment", "database", "last migration", "pending", "protection", "reachable")
    rows = [_row(one) for one in found]
    output.print(records(headers, rows, right=(3,), paint=output.paint, width=output.width))
    for one in found:
        for problem in one.status.problems if one.status else ():
            output.warn(clean_line(f"{one.environment.name}: {problem.message}"))
    return 0


def _load(environments: Sequence[Environment], project: Project) -> list[Files]:
    """Read the files of each environment, once for all that share a folder."""
    from d1migrate.project.files import load_folder

    by_folder: dict[Folder, Files] = {}
    found: list[Files] = []
    for environment in environments:
        try:
            folder = project.config_of(environment).folder(environment)
            if folder not in by_folder:
                by_folder[folder] = load_folder(folder)
            found.append(by_folder[folder])
        except Error as error:
            found.append(error)
    return found


def _look(environment: Environment, files: Files, project: Project) -> _Seen:
    """Look at one environment, in one request; one that cannot be reached is listed with the reason."""
    opening = gates.opening_of(environment)
    if isinstance(files, Error):
        return _Seen(environment, opening, error=files)
    try:
        with project.reader(environment, files) as migrator:
            status = run_flow(read_status(migrator.migrations, migrator.choice), migrator.driver)
    except Error as error:
        return _Seen(environment, opening, reachable=False, error=error)
    return _Seen(environment, opening, status, reachable=True)


def _row(one: _Seen) -> tuple[str, ...]:
    """Return the row of an environment in the table."""
    environment, status = one.environment, one.status
    return (
        environment.shown,
        environment.database,
        (status.history.current.name if status.history.current else "none") if status else "?",
        str(status.pending) if status else "?",
        _protection(environment, one.opening),
        f"{'no: ' if one.reachable is False else ''}{one.error}" if one.error else "yes",
    )


def _value(one: _Seen) -> history.Environment:
    """Return an environment as JSON."""
    environment = one.environment
    status = one.status and values.status(one.status, environment.name, environment.database)
    return {
        "environment": environment.shown,
        "database": environment.database,
        "protection": _protections(environment, one.opening),
        "reachable": one.reachable,
        "error": errors.value(one.error) if one.error else None,
        "table": status and status["table"],
        "current": status and status["current"],
        "current_version": status and status["current_version"],
        "latest": status and status["latest"],
        "latest_version": status and status["latest_version"],
        "pending": status and status["pending"],
        "problems": status and status["problems"],
    }


def _protections(environment: Environment, opening: Opening | None) -> history.Protection:
    """Return what an environment requires before it is changed, as JSON."""
    return {
        "protected": environment.protected,
        "after": environment.after,
        "window": opening
        and {
            "schedule": environment.window or "",
            "open": opening.is_open,
            "changes_at": opening.changes,
        },
        "require_rollback": environment.require_rollback,
        "restore_point": environment.wants_restore_point,
        "lint": environment.lint_level,
        "rehearse": environment.rehearse,
    }


def _protection(environment: Environment, opening: Opening | None) -> str:
    """Return what an environment requires, in a few words."""
    words = ["protected"] if environment.protected else []
    words += [f"after {environment.after}"] if environment.after else []
    words += [f"window {'open' if opening.is_open else 'closed'} until {opening.shown()}"] if opening else []
    words += ["rollbacks required"] if environment.require_rollback else []
    words += [f"lint {environment.lint_level}"] if environment.lint_level else []
    words += [f"rehearse {environment.rehearse}"] if environment.rehearse else []
    words += ["restore point"] if environment.wants_restore_point else []
    return ", ".join(words) or "none"
