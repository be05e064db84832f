"""`index`: write or check the modules that embed the migrations, for Workers."""

from __future__ import annotations

import os
from contextlib import ExitStack

from d1migrate.cli.index_files import current_module, language_of, module_texts, workflow_text
from d1migrate.cli.options import FOUND
from d1migrate.errors import UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk, files
from d1migrate.project.config import is_same_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.cli.index_files import Language
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.project.fleet import FleetSettings
    from d1migrate.report.shapes.files import GeneratedFile


class Options(NamedTuple):
    """The options of `index`."""

    output: str | None = None
    check: bool = False
    runtime: str | None = None
    format: str = "text"

    @property
    def language(self) -> Language | None:
        """The only language to write, or None."""
        return self.format if self.format in ("py", "ts") else None  # type: ignore[return-value]


class Modules(NamedTuple):
    """What embeds the migrations of one folder.

    Attributes:
        owner: the project, class of Durable Objects, or fleet whose migrations they are.
        indexes: the paths of the indexes.
        runtime: the path of their runtime, if one is to be written.
        workflows: the fleets whose Workflow imports an index of them.
    """

    owner: Project
    indexes: tuple[str, ...]
    runtime: str | None
    workflows: tuple[FleetSettings, ...] = ()


def run(options: Options, project: Project, output: Output) -> int:
    """Write the modules that are not up to date, or report whether they are."""
    _refuse_empty(options)
    modules = _modules(options, project)
    with ExitStack() as locks:
        # Otherwise a `new` meanwhile could write an index with its file, and this an older one over it.
        for folder in sorted({os.path.realpath(each.owner.folder) for each in modules}):
            locks.enter_context(disk.locked(folder))
        texts, stale = _texts(modules, options, output)
        for path in () if options.check else stale:
            files.replace(path, texts[path])
    if output.as_json:
        found = [_value(path, stale, writes=not options.check) for path in texts]
        output.print_json({"files": found})
    elif options.check:
        _report(texts, stale, options, output)
    elif not any(map(disk.is_stdout, texts)):  # what is piped on is a module, without a path in it
        for path in texts:
            output.print(path)
    return FOUND if options.check and stale else 0


def _texts(modules: Sequence[Modules], options: Options, output: Output) -> tuple[dict[str, str], list[str]]:
    """Return {path: text}, and the paths whose files have other texts."""
    texts: dict[str, str] = {}
    for owner, indexes, runtime, _ in modules:
        if options.output is None and not options.check:
            owner.refuse_outside_index()
        language = options.language if options.output is not None else None
        texts |= module_texts(indexes, runtime, owner, output, language=language)
    for owner, _, _, workflows in modules:
        for fleet in workflows:
            path = fleet.workflow or ""
            if any(is_same_path(path, other) for other in texts):
                raise UsageError(
                    f"{path} cannot be both the workflow of the fleet {fleet.name} and another module",
                    hint="name another file, e.g. src/lib/fleet.ts",
                )
            texts[path] = workflow_text(owner.config, fleet)
    return texts, [path for path, text in texts.items() if current_module(path) != text]


def _report(paths: Iterable[str], stale: Sequence[str], options: Options, output: Output) -> None:
    """Print which modules are up to date, and what writes the others."""
    for path in paths:
        output.note(f"{path} is {'not up to date' if path in stale else 'up to date'}")
    if stale:
        from shlex import quote

        flags = {"output": options.output, "format": options.language, "runtime": options.runtime}
        named = "".join(f" --{flag} {quote(value)}" for flag, value in flags.items() if value is not None)
        output.hint(f"`d1migrate index{named}` writes {'it' if len(stale) == 1 else 'them'}")


def _refuse_empty(options: Options) -> None:
    for flag, path in (("--output", options.output), ("--runtime", options.runtime)):
        if path == "":
            raise UsageError(f"{flag} is empty")


def _modules(options: Options, project: Project) -> list[Modules]:
    """Return what is to be written.

    Raises:
        UsageError: nothing names a module, or the name is that of a folder.
    """
    if options.output is not None:
        found = [Modules(project, (options.output,), options.runtime)]
    else:
        found = _configured(options, project)
    if not found and options.language == "ts":
        found = [Modules(project, (os.path.join(project.folder, "index.ts"),), options.runtime)]
    if not found:
        raise UsageError(
            "no index is configured", hint="pass --output FILE, or set `index = …` in d1migrate.toml"
        )
    indexes = [path for modules in found for path in modules.indexes]
    runtimes = [modules.runtime for modules in found if modules.runtime]
    _refuse_paths(indexes, runtimes, [fleet.workflow or "" for each in found for fleet in each.workflows])
    return found


def _refuse_paths(indexes: Sequence[str], runtimes: Sequence[str], workflows: Sequence[str]) -> None:
    for path in runtimes:
        if any(is_same_path(path, index) for index in indexes):
            raise UsageError(f"{path} cannot be both an index and the runtime", hint="name another file")
    if folder := next(filter(os.path.isdir, (*indexes, *runtimes, *workflows)), None):
        raise UsageError(
            f"{folder} is a folder", hint="name the module to write, e.g. src/migrations_index.py"
        )


def _configured(options: Options, project: Project) -> list[Modules]:
    """Return the configured indexes of the wanted language, and the runtimes."""
    found: list[Modules] = []
    for owner in project.owners_of_folder if project.is_owner_given else project.owners:
        own, wanted = owner.config, options.language
        indexes = tuple(path for path in own.indexes if wanted in (None, language_of(path)))
        workflows = own.workflows if wanted != "py" else ()
        if indexes or own.runtime or workflows:
            found.append(Modules(owner, indexes, options.runtime or own.runtime, workflows))
    return found


def _value(path: str, stale: Sequence[str], *, writes: bool) -> GeneratedFile:
    return {"file": path, "up_to_date": path not in stale, "written": writes and path in stale}
