"""`index`: write or check the Python module that embeds the migrations, for Workers."""

from __future__ import annotations

import os

from d1migrate.cli.migration_files import current_index, index_text
from d1migrate.cli.options import FOUND
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


class Options(NamedTuple):
    """The options of `index`."""

    output: str | None = None
    check: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Write the module unless it is up to date, or report whether it is."""
    path = options.output or project.config.index_module
    if path is None:
        raise UsageError(
            "no index is configured", hint="pass --output FILE, or set `index = …` in d1migrate.toml"
        )
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder", hint="name the module to write, e.g. src/migrations_index.py")
    if options.output is None and not options.check:
        project.refuse_outside_index()
    text = index_text(project, output)
    is_current = current_index(path) == text
    writes = not is_current and not options.check
    if writes:
        files.replace(path, text)
    if output.as_json:
        output.print_json({"file": path, "up_to_date": is_current, "written": writes})
    elif options.check:
        output.note(f"{path} is {'up to date' if is_current else 'not up to date'}")
        if not is_current:
            named = f" --output {path}" if options.output is not None else ""
            output.hint(f"`d1migrate index{named}` writes it")
    else:
        output.print_path(path)
    return FOUND if options.check and not is_current else 0
