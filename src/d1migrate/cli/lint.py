"""Commands that judge migrations before they run."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate import __version__
from d1migrate.drivers.protocol import local_file
from d1migrate.drivers.run import run
from d1migrate.errors import UsageError
from d1migrate.lint.check import failing
from d1migrate.lint.runner import lint
from d1migrate.migrate.flows.read import read_history_and_schema
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import compare
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_file
from d1migrate.report import findings
from d1migrate.report.text import clean_line, duration, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.project import Context
    from d1migrate.lint.check import Diagnostic
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.rehearse import Rehearsed
    from d1migrate.rehearse.recovery_check import RecoveryCheck

_FOUND = 3
_PENDING = ("pending", "out_of_order")


def lint_command(context: Context) -> int:
    """Say what is wrong with migrations."""
    arguments = context.arguments
    if arguments.fix:
        return _fix(context)
    if arguments.dry_run or arguments.yes:
        raise UsageError("--dry-run and --yes belong to --fix")
    found, count = _lint(context)
    if context.json:
        context.out_json(findings.values(found))
    elif arguments.format == "sarif":
        context.out_json(findings.sarif(found, __version__))
    elif arguments.format == "github":
        context.out_data("\n".join(findings.github(found)))
    else:
        context.out(findings.text(found, verbose=arguments.verbose, paint=context.paint))
        context.say(f"{plural(count, 'migration')} judged")
    return _FOUND if failing(found, strict=arguments.strict) else 0


def _fix(context: Context) -> int:
    """Rewrite what loses rows by a rebuild, and judge nothing else."""
    from d1migrate.cli.lint_fix import Target, fix

    arguments = context.arguments
    if arguments.all or arguments.format != "text":
        raise UsageError("--fix rewrites pending files, or those named: no --all, no --format")
    if arguments.files:
        migrations, named = _named(context)
        target = Target(migrations, [m for m in migrations if m.version in named])
    elif context.names_database:
        context.say_database()
        history, schema = run(read_history_and_schema(), context.driver)
        entries = compare(context.migrator.migrations, history)
        todo = [e.migration for e in entries if e.migration and e.state in _PENDING]
        target = Target(todo, todo, schema)
    else:
        raise UsageError("--fix without a database rewrites the files that are named", hint="lint --fix FILE")
    return _FOUND if fix(context, target) else 0


def _named(context: Context) -> tuple[Sequence[Migration], set[int]]:
    """Return the migrations with the files that are named, and the versions of these."""
    arguments = context.arguments
    beside = not arguments.files or os.path.isdir(context.folder)
    migrations = context.load() if beside else ()
    drafts, named = _chosen(arguments.files, migrations)
    return (*migrations, *drafts), named


def _lint(context: Context) -> tuple[Sequence[Diagnostic], int]:
    """Return the findings, and how many files were looked at."""
    arguments = context.arguments
    if arguments.files and arguments.all:
        raise UsageError("FILE and --all exclude each other")
    if arguments.files or arguments.all or not context.names_database:
        migrations, named = _named(context)
        only = named if arguments.files else {migration.version for migration in migrations}
        return lint(migrations, severities=context.severities, only=only), len(only)
    migrator = context.migrator
    context.say_database()
    pending = sum(e.state in _PENDING for e in migrator.status())
    return migrator.lint(), pending


def gate_command(context: Context) -> int:
    """Say whether code of a version can run on the database."""
    version = context.arguments.code_version
    found = context.migrator.gate(version)
    context.say_database()
    if context.json:
        context.out_json({"fits": found.fits, **found._asdict()})
        return 0 if found.fits else _FOUND
    context.out([clean_line(f"needed and not applied: {name}") for name in found.needed])
    context.out([clean_line(f"applied and breaks this code: {line}") for line in found.breaking])
    context.out([clean_line(f"cannot be determined: {line}") for line in found.unclear])
    fits = "fits" if found.fits else "does not fit"
    context.out(f"the database (version {found.current_version}) {fits} code of version {version}")
    return 0 if found.fits else _FOUND


def rehearse_command(context: Context) -> int:
    """Run pending migrations where every table holds rows."""
    from d1migrate.rehearse import rehearse
    from d1migrate.report import recovery_check, rehearsal

    arguments = context.arguments
    scale = dict(_scaled(text) for text in arguments.scale)

    def watch(done: Rehearsed) -> None:
        context.say(
            f"  {clean_line(done.name)}  {duration(done.cost.seconds) if done.cost else done.verdict}"
        )

    if arguments.all and arguments.data is not None:
        raise UsageError("--data and --all exclude each other", hint="--all begins with an empty database")
    if arguments.all or (arguments.data is None and not context.names_database):
        migrations = [m for m in context.load() if arguments.to is None or m.version <= arguments.to]
        severities = context.severities
        found = rehearse(migrations, rows=arguments.rows, scale=scale, severities=severities, watch=watch)
    else:
        migrator = context.migrator if context.names_database else _without_database(context)
        if not arguments.data:
            context.say_database()
        found = migrator.rehearse(
            to=arguments.to, rows=arguments.rows, data=arguments.data, scale=scale, watch=watch
        )
    ways = _ways_back(context) if arguments.way_back else ()
    if context.json:
        value = rehearsal.values(found)
        context.out_json({**value, "ways_back": recovery_check.values(ways)} if arguments.way_back else value)
    else:
        context.out(rehearsal.text(found, verbose=arguments.verbose, paint=context.paint))
        context.out(recovery_check.text(ways, paint=context.paint))
    return 0 if found.ok and all(way.ok for way in ways) else _FOUND


def _ways_back(context: Context) -> tuple[RecoveryCheck, ...]:
    """Prove the ways back of what is rehearsed, where it begins as the rehearsal did."""
    from d1migrate.rehearse import ScratchDatabase
    from d1migrate.rehearse.recovery_check import check_recovery

    arguments = context.arguments
    source = arguments.data if arguments.data != "" else local_file(context.driver)
    with closing(ScratchDatabase() if source is None else ScratchDatabase.of(source)) as ground:
        applied: list[AppliedMigration] = []
        if source is not None:
            migrator = Migrator(f"sqlite:{ground.path}", context.load())
        elif arguments.all or not context.names_database:
            migrator = _without_database(context)
        else:
            migrator = context.migrator
            ground.build(migrator.schema())
            applied = [entry.applied for entry in migrator.status() if entry.applied]
        steps = migrator.plan(to=arguments.to).steps
        migrator.close()
        pending = [step.script for step in steps if isinstance(step.script, Migration)]
        return check_recovery(ground, migrator.migrations, pending, rows=arguments.rows, applied=applied)


def _without_database(context: Context) -> Migrator:
    """Return the files with an empty database: the data to rehearse on brings all that is asked of one."""
    return Migrator("sqlite::memory:", context.load(), severities=context.severities)


def _scaled(text: str) -> tuple[str, int]:
    """Read TABLE=ROWS."""
    table, equals, rows = text.rpartition("=")
    if not (equals and table and rows.isascii() and rows.isdecimal()):
        raise UsageError(f"--scale {text!r} is not TABLE=ROWS", hint="--scale orders=2000000")
    return table, int(rows)


def _chosen(paths: Sequence[str], migrations: Sequence[Migration]) -> tuple[tuple[Migration, ...], set[int]]:
    """Return the files that lie elsewhere, as if they came next, and the versions of all that are named."""
    there = {os.path.realpath(migration.file): migration.version for migration in migrations}
    following = max(there.values(), default=0) + 1
    elsewhere = [path for path in paths if os.path.realpath(path) not in there]
    drafts = tuple(load_file(path, version=following + place) for place, path in enumerate(elsewhere))
    named = {there[real] for path in paths if (real := os.path.realpath(path)) in there}
    return drafts, named | {draft.version for draft in drafts}
