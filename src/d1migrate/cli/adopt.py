"""`adopt`: find out which files a database already has, and record those."""

from __future__ import annotations

from d1migrate.cli.gates import protect, refuse_object
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.migrate.other_tools import OLD_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.report import values
from d1migrate.report.table import table
from d1migrate.report.text import clean, clean_line, number, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.adopt.flow import Adoption
    from d1migrate.migrate.adopt.model import Assessment, Evidence, Record
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes import runs

_COLORS = dict.fromkeys(("applied", "recorded", "assumed", "squashed"), "green") | {"pending": "yellow"}
"""All others are red."""
_OPEN = ("partly applied", "contradicted")


class Options(NamedTuple):
    """The options of `adopt`."""

    dry_run: bool = False
    yes: bool = False
    assume: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Show what is known of every file, and record what is proved."""
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    if not options.dry_run:
        refuse_object(project)
    project.note_database()
    migrator = project.migrator()
    found = look(options, project, migrator)
    if not output.as_json:
        _print(found, project.folder, output)
    done = None
    if not options.dry_run:
        done = _record(found, options, project, migrator, output)
    if output.as_json:
        output.print_json(_json(found, done=done is not None))
    elif not options.dry_run:
        output.print(f"recorded {done}; ran nothing" if done else "nothing to record")
    return 0


def look(options: Options, project: Project, migrator: Migrator) -> Adoption:
    """Find out which files a database has; errors as `Migrator.plan_adopt`."""
    from d1migrate.drivers.wrangler import history_tables
    from d1migrate.migrate.adopt.flow import Hints
    from d1migrate.project.files import load_journal

    wrangler = project.config.wrangler
    tables = history_tables(wrangler) if wrangler else ()
    return migrator.plan_adopt(Hints(options.assume, options.pending, load_journal(project.folder), tables))


def _record(
    found: Adoption, options: Options, project: Project, migrator: Migrator, output: Output
) -> str | None:
    """Record what is proved, after confirmation; returns what was recorded."""
    from d1migrate.migrate.adopt.flow import refuse

    refuse(found)
    what = _what(found)
    if what is None:
        return None
    protect(options.confirm, project, output)
    if not options.yes:
        output.confirm(f"record {what} (runs nothing)")
    migrator.adopt(found)
    return what


def _what(found: Adoption) -> str | None:
    """Return what there is to record, or None."""
    parts = []
    if found.to_record:
        parts.append(f"{plural(len(found.to_record), 'migration')} as applied")
    if proved := found.unchecked.proved:
        checksums = "checksum" if len(proved) == 1 else "checksums"
        parts.append(f"the {checksums} of {plural(len(proved), 'applied migration')}")
    if found.is_beginning:
        parts.append("that the history begins here, with no migration applied")
    return " and ".join(parts) or None


def _print(found: Adoption, folder: str, output: Output) -> None:
    if not found.assessments:
        output.print(f"no migrations in {folder}")
        return
    rows = [(number(j.migration.version), j.migration.name, j.state, j.because) for j in found.assessments]
    shades = {2: [_COLORS.get(j.state, "red") for j in found.assessments]}
    headers = ("number", "name", "state", "because")
    below = {
        row: list(_evidence_lines(assessment))
        for row, assessment in enumerate(found.assessments)
        if assessment.state in _OPEN
    }
    output.print(
        table(headers, rows, right=(0,), shades=shades, paint=output.paint, width=output.width, below=below)
    )
    if found.unmanaged_objects:
        names = ", ".join(f"{key.kind} {key.shown}" for key in found.unmanaged_objects)
        output.print(clean_line(f"not created by any file: {names}"))
    for record in found.unknown_records:
        output.print(
            clean_line(f"no file for {record.entry}, which {record.tool} recorded as {record.state}")
        )
    if found.unchecked.proved != found.unchecked.migrations:
        _print_differences(found, output)
    if found.set_aside:
        name, tool = found.set_aside.table, found.set_aside.name
        output.print(
            f"{name} belongs to {tool}: it will be renamed {OLD_TABLE}, and {tool} cannot use it then"
        )


def _print_differences(found: Adoption, output: Output) -> None:
    """Show why applied migrations without a checksum get none."""
    from d1migrate.report import differences

    unchecked = found.unchecked
    count = plural(len(unchecked.migrations), "applied migration")
    if unchecked.not_compared:
        output.print(clean_line(f"no checksum for {count}: {unchecked.not_compared}"))
        return
    output.print(f"no checksum for {count}: the schema is not what the applied files build")
    output.print(list(differences.lines(unchecked.differences, differences.DRIFT, output.paint)))


def _evidence_lines(assessment: Assessment) -> Iterator[str]:
    for one in assessment.evidence:
        seen = f"changed since by {one.later}" if one.later else one.seen
        yield clean_line(f"    {one.kind} {one.name}: {seen}")
        if one.seen == "different":
            yield clean(f"        file  {one.expected or 'drops it'}")
            yield clean(f"        live  {one.actual or 'does not exist'}")


# --- for programs ---


def _json(found: Adoption, *, done: bool) -> runs.Adoption:
    unchecked = found.unchecked
    return {
        "migrations": [_assessment(assessment) for assessment in found.assessments],
        "unmanaged_objects": [{"kind": key.kind, "name": key.shown} for key in found.unmanaged_objects],
        "unknown_records": [_record_of(record) for record in found.unknown_records],
        "set_aside": {"table": found.set_aside.table, "renamed_to": OLD_TABLE} if found.set_aside else None,
        "without_checksum": values.migrations(unchecked.migrations),
        "differences": values.drift(unchecked.differences),
        "not_compared": unchecked.not_compared,
        "recorded": values.migrations(one.migration for one in found.to_record),
        "checksums_recorded": values.migrations(unchecked.proved),
        "done": done,
    }


def _assessment(assessment: Assessment) -> runs.Assessment:
    return {
        "version": assessment.migration.version,
        "name": assessment.migration.name,
        "state": assessment.state,
        "reason": assessment.because,
        "objects": [_evidence(one) for one in assessment.evidence],
        "records": [_record_of(record) for record in assessment.records],
    }


def _evidence(one: Evidence) -> runs.Evidence:
    return {
        "kind": one.kind,
        "name": one.name,
        "state": one.seen,
        "changed_by": one.later,
        "expected": one.expected,
        "actual": one.actual,
    }


def _record_of(record: Record) -> runs.ToolRecord:
    return {
        "tool": record.tool,
        "table": record.table,
        "name": record.entry,
        "matched_by": record.how,
        "applied_at": record.at,
        "state": record.state,
        "note": record.note,
    }
