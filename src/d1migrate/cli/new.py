"""`new`: write the next migration file, from a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.cli.migration_files import write_next
from d1migrate.migrate.template import template

if TYPE_CHECKING:
    from d1migrate.cli.migration_files import NewFile
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `new`."""

    description: str


def run(options: Options, project: Project, output: Output) -> int:
    """Write the file and print its path."""
    description = options.description

    def text_of(new: NewFile) -> str:
        return template(new.name, description, date=new.date, records=new.records)

    written = write_next(description, text_of, project, output)
    if output.as_json:
        output.print_json(written)
    return 0
