"""What `pause`, `resume` and `stop` share: a change of the newest run, and what is printed of it."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.actor import current_actor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.model import Run
    from d1migrate.report.shapes import fleet as shapes

    Change = Callable[[Journal, str], Run | None]
    """Changes the newest run if its state allows that, and returns it; None if there is no run."""


class Options(NamedTuple):
    """The options of `fleet pause`, `resume` and `stop`."""

    name: str | None = None


def change(name: str | None, project: Project, output: Output, act: Change, state: str, step: str) -> int:
    """Change the newest run of a fleet, and print what to do next.

    Args:
        name: the fleet, if its name was typed.
        project: the project.
        output: prints it.
        act: the change.
        state: that of the run after it.
        step: what to do next; `{action}` is the command line of an action.

    Raises:
        UsageError: there was no run, or its state does not allow it.
    """
    chosen = ChosenFleet(name, project)
    with chosen.journal() as journal:
        run = act(journal, current_actor())
    if run is None:
        raise chosen.no_run()
    if run.state != state:
        reason = f": {run.reason}" if run.reason else ""
        raise UsageError(
            f"run {run.number} of the fleet {chosen.name} is {run.state}{reason}",
            hint=f"{chosen.command('status')} shows it",
        )
    actions = {action: chosen.command(action) for action in ("up", "resume")}
    if output.as_json:
        from d1migrate.report import fleet_values

        value: shapes.FleetChange = {"fleet": chosen.name, "run": fleet_values.run_value(run)}
        output.print_json(value)
    else:
        output.print(f"run {run.number} is {state}")
        output.hint(step.format(**actions))
    return 0
