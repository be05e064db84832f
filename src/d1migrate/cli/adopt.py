"""`adopt` and `baseline`: databases that did not start here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from d1migrate.cli import gates
from d1migrate.errors import AmbiguousError, Error, UsageError
from d1migrate.migrate.history import OLD_TABLE
from d1migrate.report.text import clean, clean_line, plural, table

if TYPE_CHECKING:
    from d1migrate.cli.project import Context
    from d1migrate.migrate.adopt.flow import Adoption
    from d1migrate.migrate.adopt.model import Assessment, Evidence

_COLOURS = dict.fromkeys(("applied", "recorded", "assumed", "squashed"), "green") | {"pending": "yellow"}
"""Others are red."""
_OPEN = ("partly applied", "contradicted")


def adopt_command(context: Context) -> int:
    """Show what is known of every file, and record what is proved."""
    arguments = context.arguments
    if arguments.dry_run and arguments.yes:
        raise UsageError("--dry-run and --yes exclude each other")
    context.say_database()
    found = _look(context)
    if not context.json:
        _print(context, found)
    done = None if arguments.dry_run else _record(context, found)
    if context.json:
        context.out_json(_json(found, recorded=done is not None))
    elif not arguments.dry_run:
        context.out(f"recorded {done}; ran nothing" if done else "nothing to record")
    return 0


def _look(context: Context) -> Adoption:
    from d1migrate.drivers.wrangler import history_tables
    from d1migrate.migrate.adopt.flow import Hints
    from d1migrate.project.files import load_journal

    wrangler, arguments = context.config.wrangler, context.arguments
    tables = history_tables(wrangler) if wrangler else ()
    hints = Hints(arguments.assume, arguments.pending, load_journal(context.folder), tables)
    return context.migrator.plan_adopt(hints)


def _record(context: Context, found: Adoption) -> str | None:
    """Record what is proved, once that is confirmed; return what was recorded."""
    from d1migrate.migrate.adopt.evidence import refuse_undecided

    refuse_undecided(found.assessments)
    what = _what(context, found)
    if what is None:
        return None
    gates.protect(context)
    if not context.arguments.yes:
        typed = context.ask(f"record {what}, and run nothing? [y/N] ")
        if typed is None:
            raise UsageError(
                f"to record {what} has to be confirmed, and there is no terminal to ask on",
                hint="--yes, or --dry-run to look only",
            )
        if typed.lower() not in ("y", "yes"):
            raise UsageError("not confirmed: nothing was recorded")
    context.migrator.adopt(found)
    return what


def _what(context: Context, found: Adoption) -> str | None:
    """Say what there is to record."""
    parts = []
    if found.to_record:
        parts.append(f"{plural(len(found.to_record), 'migration')} as applied")
    if found.is_beginning:
        parts.append("that the history begins here, with no migration applied")
    if found.to_mirror:
        parts.append(f"{plural(len(found.to_mirror), 'name')} in {clean_line(context.config.mirror or '')}")
    return " and ".join(parts) or None


def write_baseline(context: Context) -> int:
    """Write down what the database holds as the first file, and record it as applied."""
    from d1migrate.cli.diff import next_file, write_file

    arguments, context.files_may_be_gone = context.arguments, True
    if context.migrator.migrations:
        raise UsageError(
            f"{context.folder} holds files already, and what there is comes before them",
            hint="`d1migrate adopt` finds out which of them the database has",
        )
    name, date = next_file(context, arguments.description)
    found, migration = context.migrator.plan_baseline(name, arguments.description, date=date)
    if arguments.dry_run:
        context.out_data(migration.text)
        return 0
    gates.protect(context)
    path = write_file(context, name, migration.text)
    try:
        context.migrator.record_baseline(found, migration)
    except AmbiguousError:
        raise
    except Error:
        os.unlink(path)
        raise
    if context.json:
        context.out_json({"path": path, "version": migration.version, "name": migration.name})
    else:
        context.out(path)
        context.say("recorded as applied; a new database built from it is like this one, without its rows")
    return 0


def _print(context: Context, found: Adoption) -> None:
    if not found.assessments:
        context.out(f"no migrations in {context.folder}")
        return
    rows = [(str(j.migration.version), j.migration.name, j.state, j.because) for j in found.assessments]
    header, *lines = table(("version", "name", "state", "because"), rows, right=(0,))
    context.out(context.paint(header, "dim"))
    for assessment, line in zip(found.assessments, lines, strict=True):
        shade = _COLOURS.get(assessment.state, "red")
        context.out(
            line.replace(f"  {assessment.state}  ", f"  {context.paint(assessment.state, shade)}  ", 1)
        )
        if assessment.state in _OPEN:
            _print_evidence(context, assessment)
    if found.unmanaged_objects:
        names = ", ".join(f"{key.kind} {key.shown}" for key in found.unmanaged_objects)
        context.out(clean_line(f"no file creates: {names}"))
    for record in found.unknown_records:
        context.out(clean_line(f"no file is {record.entry}, which {record.tool} has as {record.state}"))
    if found.set_aside:
        name, tool = found.set_aside.table, found.set_aside.name
        context.out(f"{name} is {tool}'s: it will be kept as {OLD_TABLE}, and {tool} not find it any more")


def _print_evidence(context: Context, assessment: Assessment) -> None:
    for one in assessment.evidence:
        seen = f"changed since by {one.later}" if one.later else one.seen
        context.out(clean_line(f"    {one.kind} {one.name}: {seen}"))
        if one.seen == "different":
            context.out(clean(f"        file  {one.expected or 'drops it'}"))
            context.out(clean(f"        live  {one.actual or 'it is not there'}"))


def _json(found: Adoption, *, recorded: bool) -> dict[str, Any]:
    """What was found; `recorded` lists the versions that this run recorded."""
    return {
        "migrations": [_assessment(assessment) for assessment in found.assessments],
        "no_file_makes": [{"kind": key.kind, "name": key.shown} for key in found.unmanaged_objects],
        "no_file_is": [record._asdict() for record in found.unknown_records],
        "set_aside": found.set_aside and {"table": found.set_aside.table, "as": OLD_TABLE},
        "recorded": [j.migration.version for j in found.to_record] if recorded else [],
    }


def _assessment(assessment: Assessment) -> dict[str, Any]:
    return {
        "version": assessment.migration.version,
        "name": assessment.migration.name,
        "state": assessment.state,
        "because": assessment.because,
        "objects": [_evidence(one) for one in assessment.evidence],
        "records": [record._asdict() for record in assessment.records],
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return one._asdict()
