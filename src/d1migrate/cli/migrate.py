"""Commands that change a database, and the plan of them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from d1migrate.cli import gates
from d1migrate.errors import UsageError
from d1migrate.history import TABLES
from d1migrate.identities import refuse_twins
from d1migrate.recording import MIGRATIONS_TABLE
from d1migrate.report import values
from d1migrate.report.text import clean, duration, plural, size
from d1migrate.sql.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.context import Context
    from d1migrate.environments import Gate
    from d1migrate.flows.steps import Report
    from d1migrate.plan import Plan, Step

_GATE_COLOURS = {"passed": "green", "refused": "red", "overridden": "yellow"}
_SHOWN = 76  # characters of a statement that a plan shows


def up_command(context: Context) -> int:
    """Apply what is pending."""
    arguments = context.arguments
    if arguments.dry_run:
        return plan_command(context)
    migrator = context.watched()
    started = time.perf_counter()
    report = migrator.up(
        to=arguments.to,
        single_transaction=arguments.single_transaction,
        lint=arguments.no_lint is None,
        check=gates.checker(context),
    )
    return _tell(context, report, "applied", time.perf_counter() - started)


def down_command(context: Context) -> int:
    """Take migrations back."""
    arguments, migrator = context.arguments, context.watched()
    started = time.perf_counter()
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
        return 0
    for row in report.meanwhile:
        context.out(f"applied meanwhile by another run: {clean(row.name)}")
    if report.steps:
        context.out(f"{done} {plural(len(report.steps), 'migration')} in {duration(seconds)}")
    elif not report.meanwhile:
        context.out("nothing to do")
    return 0


def plan_command(context: Context) -> int:
    """Show what would be run, and what the gates of the environment say."""
    arguments = context.arguments
    refuse_twins(context.config)
    plan = _plan(context)
    found = () if getattr(arguments, "sql", False) else gates.look(context, plan, judged=False)
    plan = plan._replace(reads=plan.reads + gates.requests(context, plan))
    if context.json:
        context.out_json({**values.plan(plan), "gates": values.gates(found)})
    elif getattr(arguments, "sql", False):
        if plan.steps and MIGRATIONS_TABLE in plan.missing:
            context.out(f"{TABLES[MIGRATIONS_TABLE]};")
        for step in plan.steps:
            _print_sql(context, step)
    else:
        _print_plan(context, plan)
        _print_gates(context, found)
    return 0


def _plan(context: Context) -> Plan:
    arguments = context.arguments
    if getattr(arguments, "down", False):
        return context.migrator.plan_down(
            to=arguments.to,
            steps=arguments.steps,
            rollback_from=arguments.rollback_from,
            allow_loss=arguments.allow_loss,
        )
    if any(getattr(arguments, name, None) for name in ("steps", "rollback_from", "allow_loss")):
        raise UsageError("--steps, --rollback-from and --allow-loss belong to a rollback", hint="add --down")
    return context.migrator.plan(to=arguments.to, single_transaction=arguments.single_transaction)


def _print_gates(context: Context, found: Sequence[Gate]) -> None:
    """Print what each gate says, with the flag that lets a run through one that refuses."""
    if not found:
        return
    name = str(context.environment.name)
    context.out(f"gates of {clean(name)}:")
    width = max(len(gate.name) for gate in found)
    for gate in found:
        state = context.paint(f"{gate.state:10}", _GATE_COLOURS[gate.state])
        context.out(f"  {state}  {gate.name:{width}}  {clean(gate.message)}")
        extra = [gate.override.replace("NAME", name)] if gate.state == "refused" else []
        extra += [f"reason: {gate.reason}"] if gate.reason else []
        extra += [f"warning: {gate.warning}"] if gate.warning else []
        context.out([f"  {'':10}  {'':{width}}  {clean(line)}" for line in extra])


def _print_plan(context: Context, plan: Plan) -> None:
    if not plan.steps:
        context.out("nothing to do")
        return
    for step in plan.steps:
        amount = plural(step.statement_count, "statement")
        context.out(
            f"{step.direction} {clean(step.name)}: {amount}{f', {size(step.size)}' if step.size else ''}"
        )
        if not step.size:
            for statement in step.script.statements():
                line = " ".join(clean(statement.sql).split())
                context.out(f"    {line if len(line) <= _SHOWN else line[: _SHOWN - 1] + '…'}")
    transactions = 1 if plan.single else len(plan.steps)
    context.out(f"{plural(transactions, 'transaction')}, {plural(plan.requests, 'request')}")


def _print_sql(context: Context, step: Step) -> None:
    """Print a step as a file would have it: its statements, and its row in the migrations table."""
    context.out(f"-- {step.direction} {clean(step.name)}")
    for statement in step.script.statements():
        context.out(f"{clean(statement.sql) if sys.stdout.isatty() else statement.sql};")
    if step.direction == "up":
        context.out(
            "INSERT INTO schema_migrations (version, name, applied_at)\n"
            f"VALUES ({step.version}, {quote_literal(step.name)}, strftime('%s', 'now'))\n"
            "ON CONFLICT(version) DO NOTHING;"
        )
    else:
        context.out(f"DELETE FROM schema_migrations WHERE version = {step.version};")


def baseline_command(context: Context) -> int:
    """Record what the user vouches for."""
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
