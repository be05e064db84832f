"""`verify`: files against history, and the live schema against what the files build."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from d1migrate.cli.options import FOUND
from d1migrate.errors import UsageError
from d1migrate.report import differences, values
from d1migrate.report.text import clean_line

if TYPE_CHECKING:
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.verify import Verification


class Options(NamedTuple):
    """The options of `verify`."""

    check: bool = False
    fix: Literal["files", "live"] | None = None
    rename: tuple[str, ...] = ()
    backfill: tuple[str, ...] = ()
    allow_drop: tuple[str, ...] = ()


def run(options: Options, project: Project, output: Output) -> int:
    """Compare, or draft the SQL that removes the differences."""
    if options.fix:
        return _fix(options, project, output)
    found = project.migrator().verify()
    if output.as_json:
        output.print_json(values.verification(found))
    else:
        _print(found, output)
    return FOUND if options.check and not found.ok else 0


def _print(found: Verification, output: Output) -> None:
    for entry in found.entries:
        if entry.state != "applied":
            output.print(f"{clean_line(entry.name)}: {entry.state.replace('_', ' ')}")
    if found.gaps:
        output.print(f"no file for number {', '.join(map(str, found.gaps))}")
    if found.not_compared:
        output.print(f"schema not compared: {clean_line(found.not_compared)}")
    for line in differences.lines(found.differences, differences.DRIFT, output.paint):
        output.print(line)
    output.print_problems(found.problems)
    if found.ok:
        output.print("files, history and schema agree")


def _fix(options: Options, project: Project, output: Output) -> int:
    """Print SQL that makes the live schema what the files build, or write a migration for the reverse.

    The first is SQL for this one database: as a migration it would fail on every database without drift.
    """
    from d1migrate.cli.drafts import draft_or_ask, write_draft
    from d1migrate.cli.options import DraftOptions
    from d1migrate.drafting import Desired
    from d1migrate.drafting.migration_text import statements_text
    from d1migrate.migrate.other_tools import without_histories

    migrator = project.migrator()
    entries = migrator.status()
    if waiting := [entry for entry in entries if entry.state != "applied"]:
        raise UsageError(
            f"{waiting[0].name} is {waiting[0].state.replace('_', ' ')}, so drift cannot be determined",
            hint="run `up` or `adopt` first; `d1migrate status` shows all",
        )
    built = project.built_schema([entry.migration for entry in entries if entry.migration])
    kept = [table.name for table in built.tables]
    live = without_histories(migrator.schema(), *project.history_tables, keep=kept)
    draft = DraftOptions(options.rename, options.backfill, options.allow_drop)
    if options.fix == "live":
        draft = draft._replace(name="what was changed by hand")
        return write_draft(built, Desired(live), draft, project, output)
    drafted = draft_or_ask(live, Desired(built), draft, output)
    if drafted is None:
        output.note("no difference")
    else:
        output.print_data(statements_text(drafted.up))
    return 0
