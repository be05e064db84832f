"""`init`: find out what a project has, and write what it lacks. Nothing is overwritten."""

from __future__ import annotations

import os

from d1migrate.cli.migration_files import next_file, write_file
from d1migrate.cli.next_step import next_step
from d1migrate.drivers.run import run as run_flow
from d1migrate.drivers.wrangler import binding_of
from d1migrate.drivers.wrangler_config import in_language_of
from d1migrate.errors import DamagedError, HistoryError
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.migrate.template import example
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files
from d1migrate.report.text import clean_line, plural, state_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from d1migrate.cli.migration_files import NewFile
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.read_status import Status
    from d1migrate.migrate.migration import Migration
    from d1migrate.project.config import Config
    from d1migrate.project.generators import Generator
    from d1migrate.project.init import Settings, Start
    from d1migrate.project.model_tools import ModelTool
    from d1migrate.report.shapes import runs

_FIRST = "initial schema"
_LOCAL = ("sqlite:", "wrangler:", "do:")


class Options(NamedTuple):
    """The options of `init`."""

    dry_run: bool = False


class _Found(NamedTuple):
    """What a project has.

    Attributes:
        project: the project.
        generator: the tool that generates its migrations, if any.
        models: the tool that it has for its models, if any.
        migrations: the files.
        status: files and database compared; None if the database was not read.
        problem: why it could not be read.
    """

    project: Project
    generator: Generator | None
    models: ModelTool | None
    migrations: tuple[Migration, ...]
    status: Status | None
    problem: DamagedError | HistoryError | None

    @property
    def is_unmanaged(self) -> bool:
        """Whether the database has tables, and no migration is recorded."""
        return self.status is not None and bool(self.status.history.unmanaged)

    @property
    def wants_example(self) -> bool:
        """Whether nobody has begun: no file, no other tool's configuration, nothing in a SQLite database."""
        is_file = self.project.environment.database.startswith("sqlite:")
        has_history = self.status is None or self.status.history.applied or self.is_unmanaged
        return is_file and not (self.migrations or self.generator or self.models or has_history)


class _Step(NamedTuple):
    """A command to type next, and what it does."""

    command: str
    effect: str


def run(options: Options, project: Project, output: Output) -> int:
    """Write what is missing; show what the project has, and what to do next."""
    start = project.examine()
    if start.missing:
        project = project.with_settings(start.missing)
    found = _look(project, start)
    first = next_file(_FIRST, project) if found.wants_example else None
    created = {start.missing.path: start.missing.text} if start.missing else {}
    if first:
        created[os.path.join(project.folder, first.name)] = _text(first)
    if not options.dry_run:
        if first:
            write_file(first.name, _text(first), project, output)
        if start.missing:  # last: until then, the next `init` writes what an interrupted one did not
            files.write_new(start.missing.path, start.missing.text)
        found = _look(project, start)
    steps = _EXAMPLE_STEPS if first else _steps(found)
    if output.as_json:
        output.print_json(_json(found, created, steps, dry_run=options.dry_run))
        return 0
    _print(found, created, output, dry_run=options.dry_run)
    if start.missing and project.config.wrangler:
        _note_wrangler(start.missing, project, project.config.wrangler, output)
    _note_classes(project, output)
    if found.models and not found.generator:
        _note_models(found, found.models, output)
    _note_steps(steps, output)
    return 0


def _text(first: NewFile) -> str:
    return example(first.name, _FIRST, date=first.date, records=first.records)


def _look(project: Project, start: Start) -> _Found:
    """Read the files, and a local database; for a remote one, a token may be missing yet."""
    migrations = project.load(missing_ok=True)
    status, problem = None, None
    with project.reader(project.environment, migrations) as reader:
        if project.environment.database.startswith(_LOCAL):
            try:
                status = run_flow(read_status(migrations, reader.choice), reader.driver)
            except (DamagedError, HistoryError) as error:
                problem = error
    return _Found(project, start.generator, start.models, migrations, status, problem)


# --- what to do next ---

_NEW = _Step('d1migrate new "add users"', "create the next file")
_EXAMPLE_STEPS = (
    _Step("d1migrate up", "apply the example"),
    _Step("d1migrate down", "roll it back"),
    _NEW,
)


def _steps(found: _Found) -> tuple[_Step, ...]:
    """Return at most three steps."""
    project, status = found.project, found.status
    check = _step(project, "status", "show what is applied and what is pending")
    generate = found.generator and _Step(found.generator.command, "generate the next file")
    if not generate and project.config.schema.source:
        generate = _step(project, "diff", "write the migration that leads to the models")
    if found.is_unmanaged and found.migrations:
        return (_step(project, "adopt", "find out which files the database has, and record them"),)
    if found.is_unmanaged:
        return (_step(project, 'baseline "as found"', "write its schema into the first file"),)
    if status is None or next_step(status.entries, project):
        return (check if found.migrations else generate or _NEW,)
    steps = [check] if found.migrations else []
    if pending := status.pending:
        return (*steps, _step(project, "up", f"apply {plural(pending, 'migration')}"))
    if any(row.checksum is None for row in status.history.applied):
        steps.append(_step(project, "adopt", "record the checksums of what is applied"))
    return (*steps, generate or _NEW)


def _step(project: Project, command: str, effect: str) -> _Step:
    return _Step(project.command(command), effect)


def _note_wrangler(settings: Settings, project: Project, wrangler: str, output: Output) -> None:
    """Say how wrangler finds the same files, if it looks in another folder."""
    folder, pattern = settings.content.get("migrations"), settings.content.get("pattern")
    if folder:
        both = {"migrations_pattern": f"{folder}/{pattern}"} if pattern else {}
        lines = in_language_of(wrangler, migrations_dir=folder, **both)
        binding = binding_of(project.environment.database, wrangler)
        where = f"to the binding {binding.binding} in {wrangler}" if binding else f"in {wrangler}"
        output.note(clean_line(f"for wrangler to apply the same files, add {lines} {where}"))


def _note_classes(project: Project, output: Output) -> None:
    """Say how the classes of Durable Objects get migrations of their own."""
    from d1migrate.project.init import how_to_configure, unconfigured_classes

    if found := unconfigured_classes(project.config):
        section = how_to_configure(found[0])
        output.note(clean_line(f"for migrations of Durable Objects ({', '.join(found)}), add {section}"))


def _note_models(found: _Found, models: ModelTool, output: Output) -> None:
    """Say how migrations are written from models, and what the tool's own history is good for."""
    config = found.project.config
    if config.schema.source is None:
        prefix = "tool.d1migrate." if str(config.path).endswith("pyproject.toml") else ""
        where = config.path if config.path != config.wrangler else "d1migrate.toml"
        source = models.source or "python:MODULE:OBJECT"
        output.note(
            clean_line(f"for migrations from the models of {models.tool}, add to {where}:")
            + f'\n[{prefix}schema]\nsource = "{clean_line(source)}"'
        )
    if found.is_unmanaged and not found.migrations:
        output.note(
            f"`adopt` takes over the history in {models.history} instead, if the folder has the migrations of"
            f" {models.tool} as SQL"
        )


def _note_steps(steps: Sequence[_Step], output: Output) -> None:
    width = max(len(step.command) for step in steps)
    for first, step in zip(("next: ", *["      "] * len(steps)), steps, strict=False):
        output.note(f"{first}{step.command.ljust(width)}  {step.effect}")


# --- what was found ---


def _print(found: _Found, created: Mapping[str, str], output: Output, *, dry_run: bool) -> None:
    for path, text in created.items():
        output.print(f"{'would create' if dry_run else 'created'} {clean_line(path)}")
        if dry_run:
            output.print([f"  {line}".rstrip() for line in text.rstrip("\n").split("\n")])
    rows = dict(_rows(found))
    width = max(map(len, rows))
    output.print([f"{label.ljust(width)}  {clean_line(value)}" for label, value in rows.items()])
    if found.problem:
        output.warn(f"cannot read the database: {clean_line(found.problem.headline)}")
    if not created:
        output.note("already set up: nothing to write")


def _configurations(config: Config) -> list[str]:
    """Return the paths of the configurations that are read: d1migrate's own, and wrangler's."""
    return list(dict.fromkeys(os.path.relpath(path) for path in (config.path, config.wrangler) if path))


def _rows(found: _Found) -> Iterator[tuple[str, str]]:
    """Yield what a project has: a label and a value."""
    config, environment = found.project.config, found.project.environment
    yield "configuration", ", ".join(_configurations(config))
    if found.generator:
        yield "generator", f"{found.generator.tool}, {found.generator.config}"
    if found.models:
        yield "models", f"{found.models.tool}, {found.models.config}"
    binding = binding_of(environment.database, config.wrangler) if config.wrangler else None
    name = f" ({binding.database_name})" if binding and binding.database_name else ""
    yield "database", f"{environment.described}{name}"
    count = plural(len(found.migrations), "file") if found.migrations else "no files yet"
    yield "migrations", f"{os.path.join(found.project.folder, found.project.pattern)}: {count}"
    yield "history", f"{_table(found)}: {_counted(found.status)}"


def _table(found: _Found) -> str:
    """Return the table of the history: the one that the database has, or else the one that it will get."""
    table = found.status.history.table if found.status else found.project.choice(found.migrations).guess
    return table.name


def _counted(status: Status | None) -> str:
    if status is None:
        return "not read"
    return state_counts(entry.state for entry in status.entries) or "empty"


def _json(found: _Found, created: Mapping[str, str], steps: Sequence[_Step], *, dry_run: bool) -> runs.Setup:
    project, status = found.project, found.status
    return {
        "created": list(created),
        "done": bool(created) and not dry_run,
        "configurations": _configurations(project.config),
        "generator": found.generator and found.generator.config,
        "environment": project.environment.name,
        "database": project.environment.database,
        "folder": project.folder,
        "pattern": project.pattern,
        "file_count": len(found.migrations),
        "table": _table(found),
        "applied": len(status.history.applied) if status else None,
        "pending": status.pending if status else None,
        "next": [step.command for step in steps],
    }
