"""`diff`: write the migration that leads to a desired schema."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress

from d1migrate.cli.drafts import run_draft
from d1migrate.cli.options import DraftOptions
from d1migrate.drafting import Desired, missing_in_database, missing_in_files, read, renames_with
from d1migrate.drafting.sources import Source, load_source, read_database, read_from_tool
from d1migrate.drafting.sources.source import EXAMPLES, TOOLS
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import SourceError, UsageError
from d1migrate.hints import did_you_mean
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.verify import drift
from d1migrate.migrate.other_tools import without_histories
from d1migrate.migrate.refusals import refuse_open_job
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.config import is_same_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema


class Options(NamedTuple):
    """The options of `diff`."""

    to: str | None = None
    python: str | None = None
    app: tuple[str, ...] = ()
    source: Literal["files", "live"] = "files"
    draft: DraftOptions = DraftOptions()


def run(options: Options, project: Project, output: Output) -> int:
    """Compare a desired schema with what the migrations build, or with the live schema."""
    desired = _desired(options, project)
    is_live = options.source == "live"
    current = (
        _live_schema(project, output)
        if is_live
        else project.built_schema(project.load(missing_ok=desired.models is not None))
    )
    # A table that either side names counts, even if it has the name of another tool's.
    named, existing = ([table.name for table in schema.tables] for schema in (desired.schema, current))
    existing = existing if desired.models is None else named
    hidden = project.history_tables
    desired = desired._replace(schema=without_histories(desired.schema, *hidden, keep=existing))
    current = without_histories(current, *hidden, keep=named)
    desired = _with_missing_rows(desired, current, project, is_live=is_live)
    return run_draft(current, desired, options.draft, project, output)


def _desired(options: Options, project: Project) -> Desired:
    """Return the desired schema: of `--to`, else of the configuration's source, else of the schema file."""
    settings = project.config.schema
    source = _source(options.to, settings.source, project)
    _refuse_useless(options, source)
    if source.kind in TOOLS:
        python = options.python or settings.python
        project.refuse_foreign_program(source.text)
        folder = os.path.abspath(project.root)
        return read_from_tool(source, folder=folder, python=python, apps=options.app)
    if source.kind == "sqlite":
        return read_database(source.target, name=source.text)
    if source.kind == "folder":
        return Desired(project.built_schema(_migrations(source.target, options, project)))
    return read(_text(source.target, project.schema_file), file=source.target)


def _source(given: str | None, configured: str | None, project: Project) -> Source:
    """Return the source of the desired schema; errors as `Source.of`."""
    if given is not None:
        return Source.of(given)
    if configured is None:
        return Source("file", project.schema_file)
    try:
        return Source.of(configured, project.root)
    except UsageError as error:
        raise UsageError(f"{project.config.path}: `source`: {error}", hint=error.hint) from None


def _migrations(folder: str, options: Options, project: Project) -> tuple[Migration, ...]:
    """Return the migrations of a folder. The live schema may be compared with the project's own.

    Raises:
        UsageError: the project's own folder would be compared with itself.
    """
    if not is_same_path(folder, project.folder):
        return load_source(folder)
    if options.source == "files":
        raise UsageError(
            f"{folder} is the migrations folder of the project, and --to takes the desired schema",
            hint="`d1migrate schema --at latest --output schema.sql` writes what the migrations build: edit"
            " that file, and run `d1migrate diff`",
        )
    return load_source(folder, project.pattern)


def _refuse_useless(options: Options, source: Source) -> None:
    """Refuse an option that the source does not use.

    Raises:
        UsageError: there is one.
    """
    # A whole schema is compared exactly, and leaves nothing outside.
    for flag, value, kinds, example, what in (
        ("--python", options.python, ("python", "django"), "django", "imports models"),
        ("--app", options.app, ("django",), "django", "chooses apps of a Django project"),
        ("--keep", options.draft.keep, TOOLS, "python", "is for models"),
        ("--types", options.draft.types, TOOLS, "python", "is for models"),
    ):
        if value and source.kind not in kinds:
            raise UsageError(
                f"{flag} {what}, and {source.text} has none",
                hint=f"leave it out, or name the models: `--to {EXAMPLES[example]}`",
            )


def _with_missing_rows(desired: Desired, current: Schema, project: Project, *, is_live: bool) -> Desired:
    """Return the desired schema with the rows that files or database lack, and the renames of these."""
    if desired.models is None or not desired.models.rows:
        return desired
    rows = desired.models.rows
    if is_live:
        missing = missing_in_database(rows, current, project.migrator().driver)
    else:
        migrations = project.load(missing_ok=True)
        missing = missing_in_files(rows, migrations, project.choice(migrations).guess)
    renames = renames_with(missing, current, desired.schema)
    models = desired.models._replace(rows=missing)
    return desired._replace(models=models, renames=(*desired.renames, *renames))


def _live_schema(project: Project, output: Output) -> Schema:
    """Return the live schema; warn if it is not what the files build, as on other databases.

    Raises:
        HistoryError: a job is open, so the schema is still changing.
    """
    migrator = project.migrator()
    refuse_open_job(run_flow(read_history(migrator.choice), migrator.driver))
    live = migrator.schema()
    with suppress(SourceError):  # then there is nothing to compare with
        if drift(project.built_schema(migrator.migrations), live, project.history_tables):
            output.warn(
                "the live schema is not what the migrations build, so this migration may fail on other"
                " databases: `d1migrate verify` shows the difference"
            )
    return live


def _text(path: str, usual: str) -> str:
    """Read a schema that people wrote; `usual` is where it usually is.

    Raises:
        UsageError: there is no such file, or it is not text.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        known = [usual] if os.path.isfile(usual) else []
        target = path if path.endswith(".sql") else usual  # it may be the name of a migration
        write = f"`d1migrate schema --at latest --output {shlex.quote(target)}` writes one"
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint=did_you_mean(path, known, otherwise=write)
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8") from error
