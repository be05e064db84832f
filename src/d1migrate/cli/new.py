"""`new`: write the next migration file, from a template."""

from __future__ import annotations

import re
from shlex import quote

from d1migrate.cli.migration_files import write_next
from d1migrate.errors import UsageError
from d1migrate.migrate.template import template
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
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
    _refuse_file_name(description)

    def text_of(new: NewFile) -> str:
        return template(new.name, description, date=new.date, records=new.records)

    written = write_next(description, text_of, project, output)
    if output.as_json:
        output.print_json(written)
    return 0


def _refuse_file_name(description: str) -> None:
    """Refuse the name of a file instead of a description: the file would have two numbers, or `_sql.sql`.

    Raises:
        UsageError: it is one.
    """
    name = description.rpartition("/")[2]
    words = re.sub(r"^V?\d+__?", "", name).removesuffix(".sql")
    if words and (words != name or name.endswith(".sql")):
        raise UsageError(
            f"{description!r} is the name of a file, and `new` takes a description",
            hint=f"`new` adds the number and .sql: `d1migrate new {quote(words)}`",
        )
