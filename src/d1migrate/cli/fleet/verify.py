"""`fleet verify`: the history of each tenant against the migration files; the journal is not asked."""

from __future__ import annotations

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.cli.options import FOUND, INTERRUPTED
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import fleet as report
from d1migrate.report import fleet_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.verify import FleetVerification
    from d1migrate.report.shapes import fleet as shapes


class Options(NamedTuple):
    """The options of `fleet verify`."""

    name: str | None = None
    only: tuple[str, ...] = ()
    wave: int | None = None
    check: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Compare each tenant, and print how many differ in the same way."""
    from d1migrate.cli.interrupts import Interrupts
    from d1migrate.fleet.verify import verify_fleet

    chosen = ChosenFleet(options.name, project)
    chosen.refuse_objects()
    chosen.refuse_wave(options.wave)
    plan, drivers = chosen.plan(), chosen.drivers()
    tenants = (tenant for tenant, _ in chosen.tenants(options.only, wave=options.wave))
    with output.working(f"comparing the tenants of {chosen.name}"), Interrupts() as interrupted:
        try:
            found = verify_fleet(chosen.settings, plan, tenants, drivers, interrupted=interrupted)
        finally:
            drivers.close()
    found = found._replace(groups=chosen.checked(found.groups))
    if output.as_json:
        output.print_json(_value(chosen.name, found))
    else:
        output.print([*report.group_lines(found.groups), report.verified_line(found)])
    if not found.is_complete:
        output.note("interrupted: not all tenants were compared")
        return INTERRUPTED
    return FOUND if options.check and found.groups else 0


def _value(name: str, found: FleetVerification) -> shapes.FleetVerification:
    return {
        "fleet": name,
        "tenant_count": found.total,
        "current_count": found.current,
        "pending_count": found.pending,
        "different_count": found.different,
        "unread_count": found.unread,
        "groups": fleet_values.group_values(found.groups),
    }
