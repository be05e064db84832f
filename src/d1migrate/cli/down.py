"""`down`: roll back applied migrations. With --dry-run the parser runs `plan` instead."""

from __future__ import annotations

import time

from d1migrate.cli.gates import Gates, refuse_object
from d1migrate.cli.options import GateOptions
from d1migrate.cli.restore_preview import shown_if_irreversible
from d1migrate.cli.run_report import print_report
from d1migrate.errors import HistoryError
from d1migrate.migrate.table import NameTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `down`."""

    to: str | None = None
    steps: int | None = None
    rollback_from: Literal["file", "history"] | None = None
    allow_loss: tuple[str, ...] = ()
    gates: GateOptions = GateOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Roll back migrations, newest first."""
    refuse_object(project)
    migrator = project.migrator(restore_points=options.gates.no_restore_point is None)
    gates = Gates(options.gates, project, migrator, output)
    started = time.perf_counter()
    watched = project.watched(migrator)
    try:
        with shown_if_irreversible(migrator, output):
            report = watched.down(
                to=options.to,
                steps=options.steps,
                rollback_from=options.rollback_from,
                allow_loss=options.allow_loss,
                check=gates.check,
            )
    except HistoryError as refusal:
        if options.to is not None or options.steps not in (None, 1):
            raise
        from d1migrate.cli.job.cancel import cancel_instead

        return cancel_instead(refusal, migrator, gates, output)
    table = report.table
    if report.steps and table and (isinstance(table, NameTable) or table.mirrored):
        output.note(
            "wrangler now counts what was rolled back as pending:"
            " `wrangler d1 migrations apply` would apply it again"
        )
    return print_report(
        report, values.report(report), time.perf_counter() - started, output, done="rolled back"
    )
