"""`list`: the migration files. It opens no database."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.report import table, text, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration


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
                ", ".join(_notes(m)),
            )
            for m in migrations
        ]
        headers = ("number", "name", "size", "phase", "notes")
        output.print(table.table(headers, rows, right=(0, 2), paint=output.paint, width=output.width))
    else:
        output.print(f"no migrations in {project.folder}")
    return 0


def _notes(migration: Migration) -> Iterator[str]:
    if migration.job:
        yield f"{migration.job.kind} {migration.job.table}"
    if not migration.rollback:
        yield "no rollback"
