"""`fleet list`: the tenants of a fleet one by one, with what the journal has of each."""

from __future__ import annotations

from itertools import islice

from d1migrate.cli.fleet.chosen import ChosenFleet
from d1migrate.hints import exclusive
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.fleet.journal import Journal
    from d1migrate.fleet.tenant import Tenant
    from d1migrate.report.shapes import fleet as shapes

_AT_ONCE = 500  # tenants that the journal is asked for


class Options(NamedTuple):
    """The options of `fleet list`."""

    name: str | None = None
    only: tuple[str, ...] = ()
    wave: int | None = None
    failed: bool = False
    vanished: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Print each tenant as soon as it is known: there may be a million of them."""
    chosen = ChosenFleet(options.name, project)
    chosen.refuse_objects()
    with chosen.journal() as journal:
        rows = _vanished(options, journal) if options.vanished else _listed(options, chosen, journal)
        if output.as_json:
            output.print_json_rows({"fleet": chosen.name}, "tenants", rows)
            return 0
        for row in rows:
            output.print(_line(row))
    return 0


def _listed(options: Options, chosen: ChosenFleet, journal: Journal) -> Iterator[shapes.FleetTenant]:
    rows = _rows(chosen, chosen.tenants(options.only, wave=options.wave), journal)
    return (row for row in rows if row["state"] == "failed" or not options.failed)


def _vanished(options: Options, journal: Journal) -> Iterator[shapes.FleetTenant]:
    """Yield the tenants that the list had in the run before the newest one, and has no longer."""
    if options.only or options.wave or options.failed:
        raise exclusive("--vanished", "--only" if options.only else "--wave" if options.wave else "--failed")
    if status := journal.status():
        for tenant, name in journal.vanished(status.run):
            yield {
                "id": tenant,
                "name": name,
                "url": None,
                "wave": None,
                "state": "vanished",
                "current": None,
                "message": None,
                "hint": None,
            }


def _rows(
    chosen: ChosenFleet, tenants: Iterable[tuple[Tenant, int]], journal: Journal
) -> Iterator[shapes.FleetTenant]:
    rest, has_run = iter(tenants), journal.status() is not None
    while some := tuple(islice(rest, _AT_ONCE)):
        known = journal.tenants([tenant.id for tenant, _ in some]) if has_run else {}
        for tenant, wave in some:
            found = known.get(tenant.id)
            yield {
                "id": tenant.id,
                "name": tenant.name,
                "url": tenant.url,
                "wave": wave + 1,
                "state": found.state if found else None,
                "current": found.current if found else None,
                "message": chosen.for_tenant(found.error, tenant.url) if found and found.error else None,
                "hint": chosen.for_tenant(found.hint, tenant.url) if found and found.hint else None,
            }


def _line(row: shapes.FleetTenant) -> str:
    """Return a tenant in one line; the columns of fixed width are first."""
    state = row["state"] or "new"
    parts = [f"{row['wave'] or '-':>4}  {state:8}  {clean_line(row['name'])}"]
    parts.append(clean_line(row["url"] or row["id"]))
    parts += [f"at {clean_line(row['current'])}"] if row["current"] else []
    parts += [clean_line(row["message"].partition("\n")[0])] if row["message"] else []
    return "  ".join(parts)
