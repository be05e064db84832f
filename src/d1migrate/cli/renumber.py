"""`renumber`: give new numbers to files whose numbers collide after a merge."""

from __future__ import annotations

import os

from d1migrate.cli.index_files import write_indexes
from d1migrate.cli.migration_files import check_writable, current_time
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.drivers.run import run as run_flow
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.refusals import refuse_open_job, refuse_partial
from d1migrate.migrate.renumber import moves
from d1migrate.migrate.status import compare
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk, files, journal, rollback_folder
from d1migrate.project.journal import Change, Journal
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.renumber import Move
    from d1migrate.report.shapes.files import RenamedFile


class Options(NamedTuple):
    """The options of `renumber`."""

    dry_run: bool = False
    yes: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Renumber files that are not applied, if their numbers collide or are too low, after confirmation."""
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    if options.dry_run:
        _renumber(options, project, output)
        return 0
    check_writable(project)
    with disk.locked(project.folder):
        _renumber(options, project, output)
    return 0


def _renumber(options: Options, project: Project, output: Output) -> None:
    project.note_database()
    resumed = journal.resume(project.folder, "renumber", dry_run=options.dry_run)
    if resumed and options.dry_run:
        _print(resumed, output, done=False)
        return
    migrator = project.migrator()
    history = run_flow(read_history(migrator.choice), migrator.driver)
    entries = compare(migrator.migrations, history)
    refuse_open_job(history)
    refuse_partial(entries)
    found = moves(entries, history.table, now=current_time())
    report: list[RenamedFile] = [
        {"version": move.new.version, "name": move.new.name, "was": move.old.name} for move in found
    ]
    moved = [*(resumed or ()), *report]
    if not output.as_json:
        _print(moved, output, done=False)
    if not options.dry_run:
        if found:
            if not options.yes:
                output.confirm(f"rename {plural(len(found), 'file')}")
            journal.run(project.folder, Journal("renumber", _changes(project.folder, found), report))
            output.note(f"renamed {plural(len(found), 'file')}")
            _note_generated(project.folder, found, output)
        write_indexes(project, output)
    if output.as_json:
        _print(moved, output, done=bool(moved) and not options.dry_run)


def _note_generated(folder: str, found: Sequence[Move], output: Output) -> None:
    """Say what else names the files: only their generator knows what is in it."""
    if os.path.isfile(tags := files.journal_of(folder)):
        output.note(f"{clean_line(tags)} has the old names: change the `tag` of each there")
    for old, new in found:
        before, after = os.path.dirname(old.name), os.path.dirname(new.name)
        if before != after and os.path.isdir(path := os.path.join(folder, before)):
            left = clean_line(", ".join(sorted(os.listdir(path))))
            output.note(f"{clean_line(before)} still has {left}: move it to {clean_line(after)}")


def _changes(folder: str, found: Sequence[Move]) -> tuple[Change, ...]:
    """Return the change of each file and rollback file; one may get the name that another gives up."""
    before: dict[str, str | None] = {}
    texts: dict[str, str] = {}
    for old, new in found:
        before[f"{old.name}.sql"] = journal.digest(old.file)
        texts[f"{new.name}.sql"] = new.text.replace("\n", "\r\n") if old.has_crlf else new.text
        if old.rollback_file:
            name = os.path.relpath(old.rollback_file.path, folder)
            before[name] = journal.digest(old.rollback_file.path)
            renamed = rollback_folder.path_of(folder, new.name)
            texts[os.path.relpath(renamed, folder)] = old.rollback_file.text
    names = dict.fromkeys((*texts, *before))
    return tuple(Change(name, before.get(name), texts.get(name)) for name in names)


def _print(renamed: Sequence[RenamedFile], output: Output, *, done: bool) -> None:
    if output.as_json:
        output.print_json({"renamed": renamed, "done": done})
    else:
        output.print([clean_line(f"{one['was']} → {one['name']}") for one in renamed] or "nothing to do")
