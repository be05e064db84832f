"""`index`: write or check the modules that embed the migrations, for Workers."""

from __future__ import annotations

import os

from d1migrate.cli.migration_files import current_index, index_texts
from d1migrate.cli.options import FOUND
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.report.shapes.files import GeneratedFile


class Options(NamedTuple):
    """The options of `index`."""

    output: str | None = None
    check: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Write the modules that are not up to date, or report whether they are."""
    texts: dict[str, str] = {}
    for owner, paths in _modules(options, project):
        if options.output is None and not options.check:
            owner.refuse_outside_index()
        texts |= index_texts(paths, owner, output)
    stale = [path for path, text in texts.items() if current_index(path) != text]
    for path in () if options.check else stale:
        files.replace(path, texts[path])
    if output.as_json:
        found = [_value(path, stale, writes=not options.check) for path in texts]
        output.print_json({"files": found})
    elif options.check:
        for path in texts:
            output.note(f"{path} is {'not up to date' if path in stale else 'up to date'}")
        if stale:
            named = f" --output {options.output}" if options.output is not None else ""
            output.hint(f"`d1migrate index{named}` writes {'it' if len(stale) == 1 else 'them'}")
    else:
        for path in texts:
            output.print_path(path)
    return FOUND if options.check and stale else 0


def _modules(options: Options, project: Project) -> list[tuple[Project, tuple[str, ...]]]:
    """Return the modules, with the project or the class whose migrations each embeds.

    Raises:
        UsageError: nothing names a module, or the name is that of a folder.
    """
    owners = project.owners_of_folder if project.is_owner_given else project.owners
    found = [(owner, owner.config.indexes) for owner in owners if owner.config.indexes]
    if options.output is not None:
        found = [(project, (options.output,))]
    if not found:
        raise UsageError(
            "no index is configured", hint="pass --output FILE, or set `index = …` in d1migrate.toml"
        )
    if folder := next((path for _, paths in found for path in paths if os.path.isdir(path)), None):
        raise UsageError(
            f"{folder} is a folder", hint="name the module to write, e.g. src/migrations_index.py"
        )
    return found


def _value(path: str, stale: Sequence[str], *, writes: bool) -> GeneratedFile:
    return {"file": path, "up_to_date": path not in stale, "written": writes and path in stale}
