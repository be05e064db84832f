"""Commands that change a database."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from d1migrate.cli import gates, plan, restore_preview
from d1migrate.errors import UsageError
from d1migrate.report import values
from d1migrate.report.text import clean, clean_line, duration, plural

if TYPE_CHECKING:
    from d1migrate.cli.project import Context
    from d1migrate.migrate.flows.steps import Report


def up_command(context: Context) -> int:
    """Apply what is pending."""
    arguments = context.arguments
    if arguments.dry_run and arguments.plan is not None:
        raise UsageError("--dry-run and --plan exclude each other")
    if arguments.dry_run:
        return plan.plan_command(context)
    check = gates.checker(context) if arguments.plan is None else plan.checker(context)
    migrator = context.watched()
    started = time.perf_counter()
    report = migrator.up(
        to=arguments.to,
        single_transaction=arguments.single_transaction,
        phase=arguments.phase,
        lint=arguments.no_lint is None,
        check=check,
    )
    return _tell(context, report, "applied", time.perf_counter() - started)


def down_command(context: Context) -> int:
    """Take migrations back."""
    arguments = context.arguments
    if arguments.dry_run:
        arguments.down = True
        return plan.plan_command(context)
    migrator = context.watched()
    started = time.perf_counter()
    with restore_preview.other_ways_back(context):
        report = migrator.down(
            to=arguments.to,
            steps=arguments.steps,
            rollback_from=arguments.rollback_from,
            allow_loss=arguments.allow_loss,
            check=gates.checker(context),
        )
    return _tell(context, report, "rolled back", time.perf_counter() - started)


def _tell(context: Context, report: Report, done: str, seconds: float) -> int:
    if context.json:
        context.out_json(values.report(report))
        context.complain(report.problems)
        return 0 if report.ok else 1
    for row in report.meanwhile:
        context.out(f"applied meanwhile by another run: {clean_line(row.name)}")
    if report.steps:
        context.out(f"{done} {plural(len(report.steps), 'migration')} in {duration(seconds)}")
    elif not report.meanwhile:
        context.out("nothing to do")
    context.complain(report.problems)
    return 0 if report.ok else 1


def baseline_command(context: Context) -> int:
    """Record what the user vouches for, or begin with a file that builds what there is."""
    arguments = context.arguments
    if (arguments.to is None) == (arguments.description is None):
        raise UsageError("baseline takes one of DESCRIPTION and --to V")
    if arguments.description is not None:
        from d1migrate.cli.adopt import write_baseline

        return write_baseline(context)
    if arguments.dry_run:
        raise UsageError("--dry-run is for the file of a DESCRIPTION", hint="`d1migrate adopt --dry-run`")
    gates.protect(context)
    recorded = context.migrator.baseline(to=context.arguments.to)
    if context.json:
        context.out_json({"recorded": [{"version": m.version, "name": m.name} for m in recorded]})
        return 0
    for migration in recorded:
        context.out(f"  {migration.name}")
    context.out(f"recorded {plural(len(recorded), 'migration')} as applied; ran nothing")
    return 0


def repair_command(context: Context) -> int:
    """Make history agree with the files."""
    arguments = context.arguments
    if (arguments.accept is None) == (arguments.forget is None):
        raise UsageError("repair takes one of --accept V and --forget V")
    gates.protect(context)
    if arguments.accept is not None:
        entry = context.migrator.accept(arguments.accept, reason=arguments.reason)
        done = f"accepted {entry.name} as it is now" + (f"; it was version {entry.was}" if entry.was else "")
    else:
        entry = context.migrator.forget(arguments.forget, reason=arguments.reason)
        done = f"forgot {entry.name}; its objects, if any, are still there"
    if context.json:
        context.out_json(values.entry(entry))
    else:
        context.out(clean(done))
    return 0
