"""`restore`: go back to a restore point, load a backup, or list the points."""

from __future__ import annotations

import os
import time

from d1migrate.cli import restore_preview
from d1migrate.cli.gates import protect, refuse_object
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.cli.output import unconfirmed
from d1migrate.errors import Error, UsageError
from d1migrate.hints import exclusive
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.table import records
from d1migrate.report.text import clean, plural, size, when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.backup.load import Manifest
    from d1migrate.backup.local_points import RestorePoint
    from d1migrate.backup.restore import RestorePreview, RestoreResult
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrator import Migrator
    from d1migrate.report.shapes import backups


class Options(NamedTuple):
    """The options of `restore`."""

    to: str | None = None
    file: str | None = None
    dry_run: bool = False
    yes: bool = False
    confirm: str | None = None


def run(options: Options, project: Project, output: Output) -> int:
    """Restore what the options name; without any, list the restore points."""
    if options.to is not None and options.file is not None:
        raise exclusive("--to", "--file")
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    refuse_object(project)  # which has no points either: one is taken before a change
    if options.dry_run and options.to is None:
        raise UsageError("--dry-run is for --to", hint="`d1migrate restore` lists the restore points")
    if options.file is not None:
        _load(options.file, options.confirm, project, output)
    elif options.to is not None:
        _go_back(options.to, options, project, output)
    else:
        _list(project.migrator(files_may_be_missing=True), output)
    return 0


def _list(migrator: Migrator, output: Output) -> None:
    found = migrator.restore_points()
    if output.as_json:
        output.print_json({"restore_points": [_point(point) for point in found]})
        return
    if not found:
        output.print("no restore points yet")
        output.note(
            "the next `up` or `down` takes one; `d1migrate restore --file FILE` loads a backup into a new one"
        )
        return
    now = time.time()
    rows = [
        (p.name, when(int(p.at), now=now), p.current or "none", size(p.size) if p.path else "") for p in found
    ]
    headers = ("restore point", "taken", "last migration", "size")
    output.print(records(headers, rows, right=(3,), paint=output.paint, width=output.width))


def _load(path: str, confirmed: str | None, project: Project, output: Output) -> None:
    protect(confirmed, project, output)
    facts = project.watched(project.migrator(files_may_be_missing=True)).restore_file(path)
    if output.as_json:
        output.print_json(_loaded(path, facts))
        return
    rows = sum(int(found[0]) for found in facts.rows.values())
    whole = f"{plural(rows, 'row')} in {plural(len(facts.rows), 'table')}"
    if facts.known:
        output.print(f"restored {whole}, each unchanged")
        if facts.consistent is False:
            output.warn("rows were written during the backup, so it mixes several moments")
    else:
        output.print(f"loaded {whole}; another tool wrote the dump, which has no checksums of its own")
    for note in facts.notes:
        output.warn(clean(note))


def _go_back(to: str, options: Options, project: Project, output: Output) -> None:
    migrator = project.migrator(files_may_be_missing=True)
    project.note_database()
    seen = migrator.plan_restore(to)
    restore_preview.show(seen, output)
    if options.dry_run:
        if output.as_json:
            output.print_json(restore_preview.value(seen))
        return
    _confirm(options, project, output)
    done = migrator.restore(
        seen.point, began=lambda undo: output.note(f"the current state is kept as {undo.name}")
    )
    _print_restored(seen, done, migrator, project, output)


def _confirm(options: Options, project: Project, output: Output) -> None:
    """Check that a restore is confirmed: by the typed name, or by a flag.

    Raises:
        UsageError: it is not.
    """
    environment = project.environment
    protect(options.confirm, project, output)
    if environment.protected or options.yes:
        return
    name = environment.name or os.path.basename(environment.database.partition(":")[2])
    typed = output.ask(f"everything written since then is removed; type {name} to continue: ")
    if typed is None:
        raise unconfirmed("restore")
    if typed != name:
        raise UsageError(f"{typed!r} is not {name!r}: nothing was changed")


def _print_restored(
    seen: RestorePreview, done: RestoreResult, migrator: Migrator, project: Project, output: Output
) -> None:
    is_verified, why_not = _verify(migrator)
    if output.as_json:
        output.print_json(_restored(seen, done, verified=is_verified))
        return
    output.print(f"restored to {done.point.name}: {done.current or 'no migration'}")
    if done.aside:
        output.print(f"the damaged file is kept as {done.aside}")
    if done.undo:
        output.print(f"to undo it: {project.command(f'restore --to {done.undo.name}')}")
    if is_verified:
        output.note("schema and history agree with the files")
    elif is_verified is None:
        output.warn(f"could not check whether files and database agree: {clean(why_not)}")
    else:
        output.warn("files and database disagree: see `d1migrate verify`")


def _verify(migrator: Migrator) -> tuple[bool | None, str]:
    """Return whether files and database agree; None and the reason if the database cannot be read."""
    try:
        return migrator.verify().ok, ""
    except Error as error:  # the restore is done all the same
        return None, str(error)


# --- for programs ---


def _point(point: RestorePoint) -> backups.RestorePoint:
    return {
        "name": point.name,
        "file": point.path or None,
        "bytes": point.size if point.path else None,
        "taken_at": int(point.at),
        "current": point.current or None,
    }


def _loaded(path: str, facts: Manifest) -> backups.LoadedBackup:
    return {
        "file": path,
        "current": facts.current,
        "rows": {table: int(found[0]) for table, found in facts.rows.items()},
        "consistent": facts.consistent if facts.known else None,
        "notes": list(facts.notes),
        "verified": facts.known,
    }


def _restored(seen: RestorePreview, done: RestoreResult, *, verified: bool | None) -> backups.Restore:
    return {
        "restored_to": done.point.name,
        "undo": done.undo.name if done.undo else None,
        "damaged_file": done.aside,
        "current": done.current,
        "no_longer_applied": list(seen.undone),
        "applied_again": list(seen.redone),
        "log_rows_kept": done.log,
        "verified": verified,
    }
