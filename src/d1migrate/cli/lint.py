"""`lint`: check migrations before they run. `--fix` is in `lint_fix`."""

from __future__ import annotations

import os

from d1migrate import __version__
from d1migrate.cli.options import FOUND, scale_of
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import Error, UsageError
from d1migrate.hints import exclusive
from d1migrate.lint.check import failing
from d1migrate.lint.platform import D1, Target
from d1migrate.lint.runner import lint
from d1migrate.migrate.flows.read import read_history_and_schema
from d1migrate.migrate.status import compare
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.files import load_file
from d1migrate.report import findings
from d1migrate.report.text import json_text, plural
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from d1migrate.cli.lint_fix import Fixable
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.lint.check import Diagnostic
    from d1migrate.lint.platform import Platform, PlatformName
    from d1migrate.migrate.migration import Migration


class Options(NamedTuple):
    """The options of `lint`."""

    files: tuple[str, ...] = ()
    all: bool = False
    strict: bool = False
    platform: PlatformName | None = None
    scale: tuple[str, ...] = ()
    fix: bool = False
    dry_run: bool = False
    yes: bool = False
    format: Literal["text", "json", "github", "sarif"] = "text"


def run(options: Options, project: Project, output: Output) -> int:
    """Print what is wrong with migrations."""
    if options.fix:
        return _fix(options, project, output)
    if options.dry_run or options.yes:
        raise UsageError("--dry-run and --yes belong to --fix")
    platform = project.platform(options.platform)
    with output.working("checking the migrations"):
        found, count = _lint(options, project, platform)
    if output.as_json:
        output.print_json(findings.lint(found, platform))
    elif options.format == "sarif":
        output.print_data(json_text(findings.sarif(found, __version__, platform)))
    elif options.format == "github":
        output.print_data("\n".join(findings.github(found)))
    else:
        lines = findings.text(
            found,
            verbose=output.verbose,
            paint=output.paint,
            width=output.width,
        )
        output.print(lines, wrap=True)
        where = "" if platform == D1 else f" for {platform.label}"
        output.note(f"checked {plural(count, 'migration')}{where}")
    project.warn_of_files()
    return FOUND if failing(found, strict=options.strict) else 0


def _lint(options: Options, project: Project, platform: Platform) -> tuple[Sequence[Diagnostic], int]:
    """Return the findings, and how many files were checked."""
    if options.files and options.all:
        raise exclusive("FILE", "--all")
    target = _target(options, project)
    if options.files or options.all or not project.has_database_on(platform):
        migrations, named = _named(options.files, project)
        if not (options.files or options.all):
            project.note_no_database()
        only = named if options.files else {migration.name for migration in migrations}
        table = project.choice(migrations).guess
        found = lint(
            migrations,
            severities=project.severities,
            only=only,
            table=table,
            platform=platform,
            target=target,
        )
        return found, len(only)
    migrator = project.migrator()
    project.note_database()
    pending = sum(e.is_pending for e in migrator.status())
    return migrator.lint(platform=platform.name, target=target), pending


def _target(options: Options, project: Project) -> Target | None:
    """Return the database that `--scale` describes.

    Raises:
        UsageError: nothing limits a batch there.
    """
    if not options.scale:
        return None
    rows, budget = scale_of(options.scale), project.target_budget
    if budget is None:
        raise UsageError(
            "--scale has no use here: nothing limits a batch in a SQLite file",
            hint="for D1, name its environment, or set `budget = 50000` in d1migrate.toml",
        )
    return Target({fold(table): count for table, count in rows.items()}, budget)


def _fix(options: Options, project: Project, output: Output) -> int:
    """Rewrite rebuilds that lose rows, add a missing `;` or directive; check nothing else."""
    from d1migrate.cli.lint_fix import fix

    if options.all or options.format not in ("text", "json"):
        raise UsageError("--fix cannot be used with --all, or with --format github or sarif")
    platform = project.platform(options.platform)
    left = fix(
        _fixable(options, project, platform, output),
        platform,
        project,
        output,
        dry_run=options.dry_run,
        confirmed=options.yes,
    )
    return FOUND if left else 0


def _fixable(options: Options, project: Project, platform: Platform, output: Output) -> Fixable:
    """Return what --fix may rewrite: the named files, or those that are pending."""
    from d1migrate.cli.lint_fix import Fixable

    target = _target(options, project)
    if options.files:
        migrations, named = _named(options.files, project)
        only = [m for m in migrations if m.name in named]
        if target is None and project.has_database_on(platform):
            target = _counted(only, project, output)
        return Fixable(migrations, only, target=target)
    if not project.has_database_on(platform):
        raise UsageError(
            "--fix without a database rewrites the files you name",
            hint="name the files: `d1migrate lint --fix FILE`",
        )
    project.note_database()
    migrator = project.migrator()
    history, schema = run_flow(read_history_and_schema(migrator.choice), project.driver)
    entries = compare(migrator.migrations, history)
    todo = [e.migration for e in entries if e.migration and e.is_pending]
    return Fixable(todo, todo, schema, target or migrator.target(todo, schema))


def _counted(migrations: Sequence[Migration], project: Project, output: Output) -> Target | None:
    """Return how many rows the database has; None if it cannot be reached: --fix works without."""
    try:
        migrator = project.migrator()
        return migrator.target(migrations, migrator.schema())
    except Error as error:
        output.warn(f"cannot count rows: {error}")
        return None


def _named(paths: Sequence[str], project: Project) -> tuple[Sequence[Migration], set[str]]:
    """Return the migrations with the named files, and the names of the named files."""
    in_use = not paths or os.path.isdir(project.folder)
    migrations = project.load() if in_use else ()
    drafts, named = _chosen(paths, migrations)
    return (*migrations, *drafts), named


def _chosen(paths: Sequence[str], migrations: Sequence[Migration]) -> tuple[tuple[Migration, ...], set[str]]:
    """Return the files that are elsewhere, numbered as if they came next, and the names of all named."""
    known = {os.path.realpath(migration.file): migration.name for migration in migrations}
    following = max((m.version for m in migrations if m.version is not None), default=0) + 1
    elsewhere = [path for path in paths if os.path.realpath(path) not in known]
    for path in elsewhere:
        _refuse_name(path, migrations)
    drafts = tuple(load_file(path, version=following + place) for place, path in enumerate(elsewhere))
    named = {known[real] for path in paths if (real := os.path.realpath(path)) in known}
    return drafts, named | {draft.name for draft in drafts}


def _refuse_name(path: str, migrations: Sequence[Migration]) -> None:
    """Refuse the number or the name of a migration, which other commands take, instead of its file.

    Raises:
        UsageError: it is one.
    """
    meant = next((m.file for m in migrations if path in (m.name, str(m.version))), None)
    if meant and not os.path.exists(path):
        raise UsageError(f"{path} does not exist", hint=f"did you mean {meant}?")
