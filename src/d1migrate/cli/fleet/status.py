"""`fleet status`: how far the newest run of a fleet is, from the counters of its journal."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.options import FOUND
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import fleet as report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.model import FailureGroup, FleetStatus
    from d1migrate.report.shapes import fleet as shapes


class Options(NamedTuple):
    """The options of `fleet status`."""

    name: str | None = None
    failed: bool = False
    versions: bool = False
    check: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Print the status, or the failures."""
    chosen = ChosenFleet(options.name, project)
    with chosen.journal() as journal:
        found = journal.status()
        groups = chosen.failures(journal, found.run) if found and options.failed else None
        versions = journal.versions(found.run) if found and options.versions else None
    if output.as_json:
        output.print_json(_value(chosen.name, found, groups, versions))
    elif found is None:
        output.print(f"no run yet; {chosen.command('up')} begins one")
    elif groups is not None:
        output.print(list(report.failure_lines(groups)) or ["no tenant failed"])
        output.print(list(report.version_lines(versions or {})))
        if groups:
            output.hint(f"after the cause is fixed, {chosen.command('retry')}, then {chosen.command('up')}")
            if any(" URL" in group.hint for group in groups):
                output.hint(f"{chosen.command('list --failed')} shows their urls")
    else:
        output.print(list(report.status_lines(found, output.paint, output.width, is_remote=chosen.is_remote)))
        output.print(list(report.version_lines(versions or {})))
        if step := report.next_step(found, chosen.command):
            output.hint(step)
    return FOUND if options.check and not (found and found.is_done) else 0


def _value(
    name: str,
    found: FleetStatus | None,
    groups: Sequence[FailureGroup] | None,
    versions: Mapping[str | None, int] | None,
) -> shapes.FleetStatus:
    from d1migrate.fleet.model import total
    from d1migrate.report import fleet_values

    waves = found.waves if found else ()
    every = total(waves)
    return {
        "fleet": name,
        "run": fleet_values.run_value(found.run) if found else None,
        **fleet_values.count_values(every),
        "appeared_count": found.counts.appeared if found else 0,
        "vanished_count": found.counts.vanished if found else 0,
        "process_count": found.processes if found else 0,
        "requests": every.requests,
        "rate": found.rate if found else None,
        "seconds_left": found.seconds_left if found else None,
        "waves": fleet_values.wave_values(waves),
        "versions": None if versions is None else fleet_values.version_values(versions),
        "failures": None if groups is None else fleet_values.failure_values(groups),
    }
