"""`plan`: what an `up` or `down` would run, printed or written to a file; and what the gates say of it."""

from __future__ import annotations

from d1migrate.cli.gates import Gates
from d1migrate.cli.options import ApplyOptions, GateOptions
from d1migrate.cli.run_report import note_findings, warn_of_empty
from d1migrate.errors import QueryError, UsageError
from d1migrate.migrate.migration import Migration
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import values
from d1migrate.report.text import clean, clean_line, plural, size
from d1migrate.report.wrapping import hang

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.plan import Plan, Step
    from d1migrate.migrator import Migrator
    from d1migrate.project.gates import GateResult

_GATE_COLORS = {"passed": "green", "refused": "red", "overridden": "yellow"}
_SHOWN = 76  # characters of a statement that a plan shows


class Options(NamedTuple):
    """The options of `plan`."""

    format: Literal["text", "json", "sql"] = "text"
    down: bool = False
    output: str | None = None
    steps: int | None = None
    rollback_from: Literal["file", "history"] | None = None
    allow_loss: tuple[str, ...] = ()
    apply: ApplyOptions = ApplyOptions()
    gates: GateOptions = GateOptions()

    @property
    def of_an_up(self) -> str | None:
        """The first flag given that is only for an `up`, or None."""
        apply, gates = self.apply, self.gates
        flags = {
            "--allow-out-of-order": apply.allow_out_of_order or None,
            "--single-transaction": apply.single_transaction or None,
            "--phase": apply.phase,
            "--output": self.output,
            "--skip-after": gates.skip_after,
            "--allow-irreversible": gates.allow_irreversible,
            "--no-rehearse": gates.no_rehearse,
            "--no-lint": gates.no_lint,
        }
        return next((flag for flag, value in flags.items() if value is not None), None)


def run(options: Options, project: Project, output: Output) -> int:
    """Print or write what would run; change nothing."""
    migrator = project.migrator(allow_out_of_order=options.apply.allow_out_of_order)
    gates = Gates(options.gates, project, migrator, output)
    plan = _plan_down(options, migrator, output) if options.down else _plan_up(options, migrator)
    if not options.down:
        warn_of_empty(plan, "`up` would only record it: write its SQL first", output)
        project.warn_of_files(step.name for step in plan.steps)
    if options.output is not None:
        from d1migrate.cli import written_plan

        written_plan.write(options.output, plan, options.apply, project)
        output.note(f"wrote {options.output}")
    as_sql = options.format == "sql"
    linted = () if as_sql or options.down else gates.lint(plan)
    found = () if as_sql else gates.look(plan, linted)
    plan = plan._replace(reads=plan.reads + gates.requests(plan))  # those that `look` made count
    is_remote = project.environment.database.startswith("d1:")
    large = {} if as_sql else _runs_as_job(plan, migrator.driver)
    if output.as_json:
        output.print_json(values.plan(plan, found, large, remote=is_remote))
    elif as_sql:
        _print_sql(plan, output)
    else:
        names = [migration.name for migration in migrator.migrations]
        output.print(list(_plan_lines(plan, large, names, is_remote=is_remote)))
        print_gates(found, project.environment.shown, output)
    note_findings(linted, output)
    return 0


def _plan_up(options: Options, migrator: Migrator) -> Plan:
    if options.steps or options.rollback_from or options.allow_loss:
        raise UsageError(
            "--steps, --rollback-from and --allow-loss are for a rollback", hint="add --down to plan one"
        )
    apply = options.apply
    return migrator.plan(to=apply.to, single_transaction=apply.single_transaction, phase=apply.phase)


def _plan_down(options: Options, migrator: Migrator, output: Output) -> Plan:
    from d1migrate.cli.restore_preview import shown_if_irreversible

    if flag := options.of_an_up:
        raise UsageError(f"{flag} is for `up`", hint=f"leave out --down or {flag}")
    with shown_if_irreversible(migrator, output):
        return migrator.plan_down(
            to=options.apply.to,
            steps=options.steps,
            rollback_from=options.rollback_from,
            allow_loss=options.allow_loss,
        )


def _runs_as_job(plan: Plan, driver: Driver) -> dict[str, bool | None]:
    """Return {migration with a directive: whether its table is too large for one batch}; one read each.

    None: that depends on the migrations before it.
    """
    found: dict[str, bool | None] = {}
    for place, step in enumerate(plan.steps):
        if step.job and isinstance(step.script, Migration):
            answer = _is_too_large(step.script, driver)
            found[step.name] = None if answer is False and place else answer
    return found


def _is_too_large(migration: Migration, driver: Driver) -> bool | None:
    from d1migrate.migrate.jobs.job import is_too_large
    from d1migrate.migrate.jobs.kinds import size_check
    from d1migrate.sql.batch import Batch

    check = size_check(migration)
    if check is None:
        return False
    try:
        driver.batch(Batch((check,), reads=True))
    except QueryError as error:  # the table may be missing as yet
        return True if is_too_large(str(error)) else None
    return False


def print_gates(found: Sequence[GateResult], environment: str, output: Output) -> None:
    """Print what each gate says; for one that refuses, also what to do, and the flag that overrides it."""
    if not found:
        return
    output.print(f"gates of {clean_line(environment)}:")
    size, width = max(len(gate.name) for gate in found), output.width
    for gate in found:
        state = output.paint(f"{gate.state:10}", _GATE_COLORS[gate.state])
        extra = [gate.step] if gate.state == "refused" and gate.step else []
        if gate.state == "refused" and gate.name != "protected":
            extra.append(f"to override, add {gate.override}")
        extra += [f"reason: {gate.reason}"] if gate.reason else []
        extra += [f"warning: {gate.warning}"] if gate.warning else []
        start, indent = f"  {state}  {gate.name:{size}}  ", " " * (size + 16)
        for text in (gate.message, *extra):
            output.print(hang(clean_line(text), start, indent, width))
            start = indent


def _plan_lines(
    plan: Plan, large: Mapping[str, bool | None], names: Sequence[str], *, is_remote: bool
) -> Iterator[str]:
    """Yield the lines of a plan for people: each step, and what all of them cost."""
    if plan.waiting_for:
        from d1migrate.report.job import waiting_clause

        first = f"first: the open job of {clean_line(plan.waiting_for)}, which `up` continues"
        yield first + waiting_clause(plan.waiting_for, names)
        return
    if not plan.steps:
        yield "nothing to do"
        return
    for step in plan.steps:
        yield from _step_lines(step, is_remote=is_remote)
        if step.job:
            from d1migrate.report.job import planned

            yield f"    {planned(step.job, is_large=large.get(step.name))}"
    jobs = sum(large.get(step.name) is True for step in plan.steps)
    transactions = 1 if plan.single else len(plan.steps) - jobs
    runs = [plural(transactions, "transaction")] if transactions or not jobs else []
    runs += [plural(jobs, "job")] if jobs else []
    imports = is_remote and any(step.import_reason for step in plan.steps)
    more = ", plus one per second while D1's import runs" if imports else ""
    more += ", plus one per chunk" if jobs else ""
    yield f"{' and '.join(runs)}, {plural(plan.requests, 'request')}{more}"


def _step_lines(step: Step, *, is_remote: bool) -> Iterator[str]:
    from d1migrate.migrate.deploy_phase import describe

    facts = [plural(step.statement_count, "statement")]
    facts += [size(step.size)] if step.size else []
    facts += [describe(step.script).shown] if isinstance(step.script, Migration) else []
    yield f"{step.direction} {clean_line(step.name)}: {', '.join(facts)}"
    if not step.size:
        for statement in step.script.statements():
            line = " ".join(clean(statement.sql).split())
            yield f"    {line if len(line) <= _SHOWN else line[: _SHOWN - 1] + '…'}"
    if step.direction == "down":
        from d1migrate.migrate.data_loss import loss_lines

        yield from (
            f"    deletes {clean_line(one)}" for one in loss_lines(step.deletes_rows, step.deletes_values)
        )
    if is_remote and (why := step.import_reason):
        yield f"    by D1's import: {why}"


def _print_sql(plan: Plan, output: Output) -> None:
    """Print the steps as SQL, each as a file would have it: its statements, and its row in the history."""
    table = plan.history.table
    if plan.steps and table.name in plan.history.missing:
        output.print(f"{table.create};")
    for step in plan.steps:
        output.print(f"-- {step.direction} {clean_line(step.name)}")
        for statement in step.script.statements():
            output.print_data(f"{statement.sql};")
        if step.direction == "up":
            output.print_data(f"{table.insert_sql(step)};")
        else:
            output.print_data(f"{table.delete_sql(step)};")
