"""`list`: the migration files. It opens no database."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.report import table, text, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """`list` has only the global options."""


def run(_options: Options, project: Project, output: Output) -> int:
    """Show the files."""
    migrations = project.load()
    project.warn_of_files()
    if output.as_json:
        output.print_json(values.files(migrations))
    elif migrations:
        from d1migrate.migrate.deploy_phase import describe

        rows = [
            (
                text.number(m.version),
                m.name,
                text.size(m.size),
                describe(m).phase or "?",
                "" if m.rollback else "no rollback",
            )
            for m in migrations
        ]
        headers = ("number", "name", "size", "phase", "notes")
        output.print(table.table(headers, rows, right=(0, 2), paint=output.paint, width=output.width))
    else:
        output.print(f"no migrations in {project.folder}")
    return 0
