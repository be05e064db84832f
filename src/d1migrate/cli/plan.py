"""`plan`: what would be run, printed or written to a file, and what a file of it is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d1migrate.cli import gates, restore_preview
from d1migrate.errors import UsageError
from d1migrate.migrate import plan_file
from d1migrate.migrate.history import TABLES
from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.migrate.migration import Migration
from d1migrate.project import files
from d1migrate.project.identity import identify
from d1migrate.report import values
from d1migrate.report.text import clean, clean_line, plural, size
from d1migrate.sql.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from d1migrate.cli.project import Context
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.project.gates import Demand

_GATE_COLOURS = {"passed": "green", "refused": "red", "overridden": "yellow"}
_OPTIONS = {"to": None, "single_transaction": False, "allow_out_of_order": False, "phase": None}
_OF_AN_UP = (
    *("allow_out_of_order", "single_transaction", "phase", "output"),
    *("skip_after", "allow_irreversible", "no_rehearse", "no_lint"),
)
_SHOWN = 76  # characters of a statement that a plan shows


def plan_command(context: Context) -> int:
    """Show what would be run, and what the gates of the environment say."""
    arguments = context.arguments
    gates.refuse_mistakes(context)
    plan = _plan(context)
    if getattr(arguments, "output", None) is not None:
        _write(context, plan)
    found = () if getattr(arguments, "sql", False) else gates.look(context, plan, judged=False)
    plan = plan._replace(reads=plan.reads + gates.requests(context, plan))
    if context.json:
        context.out_json({**values.plan(plan, remote=_is_remote(context)), "gates": values.gates(found)})
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
        if found := [name for name in _OF_AN_UP if getattr(arguments, name, None) not in (None, False)]:
            raise UsageError(f"--{found[0].replace('_', '-')} is for an `up`", hint="leave out --down")
        with restore_preview.other_ways_back(context):
            return context.migrator.plan_down(
                to=arguments.to,
                steps=arguments.steps,
                rollback_from=arguments.rollback_from,
                allow_loss=arguments.allow_loss,
            )
    if any(getattr(arguments, name, None) for name in ("steps", "rollback_from", "allow_loss")):
        raise UsageError("--steps, --rollback-from and --allow-loss belong to a rollback", hint="add --down")
    return context.migrator.plan(
        to=arguments.to, single_transaction=arguments.single_transaction, phase=arguments.phase
    )


def _print_gates(context: Context, found: Sequence[Demand]) -> None:
    """Print what each gate says, with the flag that lets a run through one that refuses."""
    if not found:
        return
    name = context.environment.shown
    context.out(f"gates of {clean_line(name)}:")
    width = max(len(gate.name) for gate in found)
    for gate in found:
        state = context.paint(f"{gate.state:10}", _GATE_COLOURS[gate.state])
        context.out(f"  {state}  {gate.name:{width}}  {clean_line(gate.message)}")
        extra = [gate.override.replace("NAME", name)] if gate.state == "refused" else []
        extra += [f"reason: {gate.reason}"] if gate.reason else []
        extra += [f"warning: {gate.warning}"] if gate.warning else []
        context.out([f"  {'':10}  {'':{width}}  {clean_line(line)}" for line in extra])


def _print_plan(context: Context, plan: Plan) -> None:
    if not plan.steps:
        context.out("nothing to do")
        return
    from d1migrate.migrate.deploy_phase import describe  # `up` has no use for it

    for step in plan.steps:
        facts = [plural(step.statement_count, "statement")]
        facts += [size(step.size)] if step.size else []
        facts += [describe(step.script).shown] if isinstance(step.script, Migration) else []
        context.out(f"{step.direction} {clean_line(step.name)}: {', '.join(facts)}")
        if not step.size:
            for statement in step.script.statements():
                line = " ".join(clean(statement.sql).split())
                context.out(f"    {line if len(line) <= _SHOWN else line[: _SHOWN - 1] + '…'}")
        if step.deletes:
            lost = (
                f"{clean_line(name)} {'uncounted' if n is None else n}" for name, n in step.deletes.items()
            )
            context.out(f"    deletes rows: {', '.join(lost)}")
        if _is_remote(context) and (why := step.import_reason):
            context.out(f"    by D1's import: {why}")
    transactions = 1 if plan.single else len(plan.steps)
    imports = _is_remote(context) and any(step.import_reason for step in plan.steps)
    more = ", and one a second that D1's import takes" if imports else ""
    context.out(f"{plural(transactions, 'transaction')}, {plural(plan.requests, 'request')}{more}")


def _is_remote(context: Context) -> bool:
    return context.environment.database.startswith("d1:")


def _print_sql(context: Context, step: Step) -> None:
    """Print a step as a file would have it: its statements, and its row in the migrations table."""
    context.out(f"-- {step.direction} {clean_line(step.name)}")
    for statement in step.script.statements():
        context.out_data(f"{statement.sql};")
    if step.direction == "up":
        context.out(
            "INSERT INTO schema_migrations (version, name, applied_at)\n"
            f"VALUES ({step.version}, {quote_literal(step.name)}, strftime('%s', 'now'))\n"
            "ON CONFLICT(version) DO NOTHING;"
        )
    else:
        context.out(f"DELETE FROM schema_migrations WHERE version = {step.version};")


def checker(context: Context) -> Callable[[Plan], Mapping[str, object]]:
    """Return what holds a plan against the file of `up --plan`, and then looks at the gates.

    The file says what was asked for; what is run comes from the migration files alone.

    Raises:
        UsageError: there is no such file, it is no plan, or flags ask for something else.
        PlanError: it was edited.
    """
    arguments = context.arguments
    text = files.read_text(arguments.plan)
    if text is None:
        raise UsageError(f"no plan {arguments.plan}", hint="`d1migrate plan --output FILE` writes one")
    if any(getattr(arguments, name) != default for name, default in _OPTIONS.items()):
        raise UsageError("--plan says what to apply: no --to, --phase, --single-transaction or the like")
    written = plan_file.load(text, arguments.plan)
    for name, value in plan_file.options(written, arguments.plan).items():
        setattr(arguments, name, value)
    look = gates.checker(context)

    def check(plan: Plan) -> Mapping[str, object]:
        plan_file.refuse_stale(written, _described(context, plan), arguments.plan)
        return look(plan)

    return check


def _write(context: Context, plan: Plan) -> None:
    """Write a plan to a file, for `up --plan`."""
    files.replace(context.arguments.output, plan_file.dump(_described(context, plan)))
    context.say(f"wrote {context.arguments.output}")


def _described(context: Context, plan: Plan) -> dict[str, Any]:
    environment = context.environment
    return plan_file.describe(
        plan,
        environment=environment.name,
        database=environment.database,
        database_id=identify(environment, context.config.wrangler).id,
        options={name: getattr(context.arguments, name) for name in _OPTIONS},
    )
