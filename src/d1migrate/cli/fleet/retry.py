"""`fleet retry`: let the next `fleet up` try failed tenants again."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.fleet.control import print_change
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.fleet import tenants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `fleet retry`."""

    name: str | None = None
    only: tuple[str, ...] = ()


def run(options: Options, project: Project, output: Output) -> int:
    """Put failed tenants back to be done."""
    chosen = ChosenFleet(options.name, project)
    with chosen.journal() as journal:
        run = chosen.status(journal).run
        count = journal.retry(only=chosen.failed(journal, run, options.only))
        found = chosen.status(journal)
    done = f"{tenants(count)} can be tried again" if count else "no tenant failed"
    step = f"{chosen.command('up')} tries again" if count else None
    return print_change(chosen, found.run, done, step, output, retried=count)
