"""`rehearse`: run pending migrations on a scratch database whose tables hold rows."""

from __future__ import annotations

from contextlib import closing

from d1migrate.cli.options import FOUND, scale_of
from d1migrate.drivers.connect import connect
from d1migrate.drivers.protocol import local_file
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.hints import exclusive
from d1migrate.lint.platform import D1
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.selector import up_to
from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse import ScratchDatabase, rehearse
from d1migrate.report import recovery_check, rehearsal
from d1migrate.report.text import clean_line, duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.lint.platform import Platform, PlatformName
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrator import Migrator
    from d1migrate.rehearse import Rehearsal, Rehearsed
    from d1migrate.rehearse.recovery_check import RecoveryCheck


class Options(NamedTuple):
    """The options of `rehearse`; `data` is "" without a FILE."""

    to: str | None = None
    all: bool = False
    platform: PlatformName | None = None
    rows: int = 50
    data: str | None = None
    scale: tuple[str, ...] = ()
    recovery: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Rehearse, and print what each migration does to the rows."""
    if options.all and options.data is not None:
        raise exclusive("--data", "--all", hint="--all starts with an empty database")
    platform = project.platform(options.platform)
    with output.working("rehearsing"):
        found = _rehearse(options, project, platform, output)
        checks = _check_recovery(options, project, platform) if options.recovery else ()
    if output.as_json:
        output.print_json(rehearsal.values(found, checks if options.recovery else None))
    else:
        paint, width = output.paint, output.width
        output.print(rehearsal.text(found, verbose=output.verbose, paint=paint, width=width))
        output.print(recovery_check.text(checks, paint=paint, width=width))
    return 0 if found.ok and all(check.ok for check in checks) else FOUND


def _rehearse(options: Options, project: Project, platform: Platform, output: Output) -> Rehearsal:
    scale, budget = scale_of(options.scale), project.target_budget if platform == D1 else None

    def watch(done: Rehearsed) -> None:
        result = duration(done.cost.seconds) if done.cost else done.verdict
        output.note(f"  {clean_line(done.name)}  {result}")

    is_named = project.has_database_on(platform)
    if options.all or (options.data is None and not is_named):
        files = project.load()
        if not options.all:
            project.note_no_database()
        return rehearse(
            up_to(files, options.to),
            rows=options.rows,
            scale=scale,
            severities=project.severities,
            table=project.choice(files).guess,
            platform=platform,
            budget=budget,
            watch=watch,
        )
    migrator = project.migrator() if is_named else _on_empty_database(project)
    if not options.data:
        project.note_database()
    return migrator.rehearse(
        to=options.to,
        rows=options.rows,
        data=options.data,
        scale=scale,
        platform=platform.name,
        budget=budget,
        watch=watch,
    )


def _check_recovery(options: Options, project: Project, platform: Platform) -> tuple[RecoveryCheck, ...]:
    """Check recovery from the migrations that are rehearsed, starting from where the rehearsal did."""
    from d1migrate.rehearse.recovery_check import check_recovery

    source = options.data if options.data != "" else local_file(project.driver)
    table = project.choice(project.load()).guess
    with closing(ScratchDatabase(table) if source is None else ScratchDatabase.of(source)) as scratch:
        applied: list[AppliedMigration] = []
        if source is not None:
            migrator = project.elsewhere(SqliteDriver(scratch.path, url=f"sqlite:{scratch.path}"))
        elif options.all or not project.has_database_on(platform):
            migrator = _on_empty_database(project)
        else:
            migrator = project.migrator()
            scratch.build(migrator.schema())
            applied = [entry.applied for entry in migrator.status() if entry.applied]
        with migrator:
            steps = migrator.plan(to=options.to).steps
        pending = [step.script for step in steps if isinstance(step.script, Migration)]
        return check_recovery(
            scratch, migrator.migrations, migrator.choice, pending, rows=options.rows, applied=applied
        )


def _on_empty_database(project: Project) -> Migrator:
    """Return the files with an empty database, for a rehearsal whose data brings schema and history."""
    return project.elsewhere(connect("sqlite::memory:"))
