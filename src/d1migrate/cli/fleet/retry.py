"""`fleet retry`: let the next `fleet up` try failed tenants again."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import fleet as report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.report.shapes import fleet as shapes


class Options(NamedTuple):
    """The options of `fleet retry`."""

    name: str | None = None
    only: tuple[str, ...] = ()
    wave: int | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Put failed tenants back to be done."""
    chosen = ChosenFleet(options.name, project)
    chosen.refuse_wave(options.wave)
    wave = options.wave and options.wave - 1
    with chosen.journal() as journal:
        run = chosen.status(journal).run
        count = journal.retry(only=chosen.failed(journal, run, options.only), wave=wave)
        found = chosen.status(journal)
    if output.as_json:
        from d1migrate.report import fleet_values

        value: shapes.FleetRetry = {
            "fleet": chosen.name,
            "run": fleet_values.run_value(found.run),
            "retried_count": count,
        }
        output.print_json(value)
    elif count:
        output.print(f"{report.tenants(count)} can be tried again")
        output.hint(f"{chosen.command('up')} tries again")
    else:
        output.print("no tenant failed" if wave is None else f"no tenant of wave {options.wave} failed")
    return 0
