"""As how many migrations to write a draft: one, unless its tables are too large for one batch."""

from __future__ import annotations

from functools import partial

from d1migrate.cli.options import scale_of
from d1migrate.drafting import Declarations, Stage, in_steps, online_stages
from d1migrate.drafting.ways import costly_changes, ways
from d1migrate.errors import Error
from d1migrate.hints import exclusive
from d1migrate.schema.cost import DEFAULT_BUDGET
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from d1migrate.cli.options import DraftOptions
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.drafting import Desired, Draft
    from d1migrate.drafting.ways import Way
    from d1migrate.schema.model import Schema


def stages_of(
    drafted: Draft, current: Schema, desired: Desired, options: DraftOptions, project: Project, output: Output
) -> list[Stage]:
    """Return the migrations that a draft is written as; arguments as for `write_draft`.

    Raises:
        PlanError: a table is too big for the change.
    """
    if options.online and options.expand:
        raise exclusive("--online", "--expand")
    budget, backfill = project.draft_budget, Declarations.of((), options.backfill, ()).backfill
    change = (current, desired, drafted, backfill)
    name, order, most = options.name, options.order, budget or DEFAULT_BUDGET
    write_online = partial(online_stages, *change, description=name, order=order, budget=most)
    write_steps = partial(in_steps, *change, description=name, order=order, budget=most)
    found = _ways(drafted, current, budget, options, project, output) if budget else []
    if options.expand:
        return write_steps(why=next(iter(sorted(found, key=lambda way: way.kind != "expand")), None))
    if options.online:
        for way in found:
            if not way.swaps:
                output.warn(f"{way.reason}: use --expand instead")
        return write_online()
    for way in found:
        output.note(f"{'online' if way.kind == 'online' else 'in steps'}: {way.reason}")
    why = {fold(way.table): way.reason for way in found}
    if found and all(way.kind == "online" for way in found):
        return write_online(tables=why.keys(), why=why)
    if found:
        return write_steps(why=next(way for way in found if way.kind == "expand"))
    return [Stage(name or drafted.title, drafted)]


def _ways(
    drafted: Draft, current: Schema, budget: int, options: DraftOptions, project: Project, output: Output
) -> list[Way]:
    """Return how to change the tables that are too large for one batch."""
    rows = {fold(table): count for table, count in scale_of(options.scale).items()}
    most = {change.table: change.most_rows(budget) for change in costly_changes(drafted, current)}
    if most and not rows:
        try:
            rows = _counted(most, project)
        except Error as error:  # a draft needs no database
            if project.is_database_given:
                scale = " ".join(f"--scale {table}=ROWS" for table in most)
                output.note(f"rows were not counted, {scale} declares them: {error.headline}")
    return ways(drafted, current, rows, budget)


def _counted(most: Mapping[str, int], project: Project) -> dict[str, int]:
    """Return {table, folded: its rows, counted up to a limit}.

    Production is only asked if it is named: a draft is usually made without a network.

    Raises:
        Error: the database cannot be asked.
    """
    from d1migrate.sql.batch import Batch, count_rows_up_to

    is_remote = project.names_database and project.environment.database.startswith("d1:")
    if not project.names_database or (is_remote and not project.is_database_given):
        return {}
    queries = [count_rows_up_to(table, rows) for table, rows in most.items()]
    results = project.driver.batch(Batch(tuple(queries), reads=True))
    return {fold(table): result.rows[0][0] for table, result in zip(most, results, strict=True)}
