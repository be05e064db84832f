"""`repair`: correct the recorded history by hand, or list what there is to correct.

What it does to whole tables is in `repair_tables`.
"""

from __future__ import annotations

from shlex import quote

from d1migrate.cli import repair_tables
from d1migrate.cli.gates import protect, refuse_mistakes, refuse_object
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import UsageError
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.refusals import repairable
from d1migrate.migrate.status import compare
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import errors, values
from d1migrate.report.text import clean, clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.repair import Correction
    from d1migrate.migrate.status import Entry
    from d1migrate.migrator import Migrator


class Options(NamedTuple):
    """The options of `repair`."""

    reason: str | None = None
    accept: str | None = None
    rename: tuple[str, str] | None = None
    forget: str | None = None
    sync_tables: bool = False
    move_history: bool = False
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Correct the record of one migration, or the tables; without options, list what there is to correct."""
    if options == Options():
        _list(project, output)
        return 0
    one = [options.accept, options.rename, options.forget]
    both = [options.sync_tables, options.move_history]
    if sum(given is not None for given in one) + sum(both) != 1:
        raise UsageError(
            "repair takes one of --accept, --rename, --forget, --sync-tables and --move-history",
            hint="`d1migrate repair` lists what there is to repair, with the command for each",
        )
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    if not options.dry_run:
        refuse_object(project)
    if not options.reason and not options.dry_run:
        command = f'`d1migrate repair {_flag(options)} --reason "…"`'
        raise UsageError("repair needs a reason, which is logged", hint=command)
    given = repair_tables.Permission(options.reason or "", options.dry_run, options.yes, options.confirm)
    if options.sync_tables:
        return repair_tables.sync(given, project, output)
    if options.move_history:
        return repair_tables.move(given, project, output)
    return _correct(options, project, output)


def _flag(options: Options) -> str:
    """Return the flag of a correction, as it was typed."""
    if options.sync_tables or options.move_history:
        return "--sync-tables" if options.sync_tables else "--move-history"
    if options.rename is not None:
        return f"--rename {' '.join(map(quote, options.rename))}"
    return (
        f"--accept {quote(options.accept)}" if options.accept else f"--forget {quote(options.forget or '')}"
    )


def _list(project: Project, output: Output) -> None:
    """Print what is wrong with the recorded history, and what corrects it."""
    migrator = project.migrator(files_may_be_missing=True)
    history = run_flow(read_history(migrator.choice), migrator.driver)
    found = list(repairable(history, compare(migrator.migrations, history)))
    for one in found:
        one.hint = one.hint and output.with_flags(one.hint)
    if output.as_json:
        output.print_json({"to_repair": [errors.value(one) for one in found]})
        return
    project.note_database()
    for one in found:
        output.print([clean_line(str(one)), f"hint: {clean_line(one.hint or '')}"], wrap=True)
    if not found:
        output.print("nothing to repair: files and history agree")


def _correct(options: Options, project: Project, output: Output) -> int:
    """Show what is about to be recorded, and record it after confirmation."""
    refuse_mistakes(project, options.confirm)
    project.note_database()
    migrator = project.migrator()
    found = _decide(options, migrator)
    entry, (question, done) = found.entry, _words(found)
    if not output.as_json:
        output.note(clean_line(f"{entry.name}: {_why(entry)}"))
    if options.dry_run:
        done = f"would {question}"
    else:
        protect(options.confirm, project, output)
        if not options.yes:
            output.confirm(f"{question} (runs nothing)")
        migrator.correct(found, reason=options.reason or "")
    if output.as_json:
        output.print_json({"migration": values.entry(entry), "done": not options.dry_run})
    else:
        output.print(clean(done), wrap=True)
    return 0


def _decide(options: Options, migrator: Migrator) -> Correction:
    if options.accept is not None:
        return migrator.plan_accept(options.accept)
    if options.rename is not None:
        return migrator.plan_rename(*options.rename)
    return migrator.plan_forget(options.forget or "")


def _why(entry: Entry) -> str:
    """Return how a migration is recorded now."""
    if entry.was is not None:
        return f"recorded as {entry.was}"
    return {
        "changed": "edited after being applied",
        "missing": "applied, but the file is missing",
        "partial": "began and did not finish",
    }.get(entry.state, "applied, without a checksum")


def _words(found: Correction) -> tuple[str, str]:
    """Return what is about to be done, and that it was done."""
    name, was = clean_line(found.entry.name), clean_line(found.entry.was or "")
    if found.action == "accept":
        return f"accept {name} as it is now", f"accepted {name} as it is now"
    if found.action == "rename":
        return f"record {name} in place of {was}", f"{name} is recorded as applied, in place of {was}"
    return f"forget {name}", f"forgot {name}; objects it created, if any, still exist"
