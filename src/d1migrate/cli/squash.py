"""`squash`: replace many files with one that does the same."""

from __future__ import annotations

import os
import shlex
import time

from d1migrate.cli.index_files import write_indexes
from d1migrate.cli.migration_files import check_writable
from d1migrate.cli.options import refuse_dry_run_with_yes
from d1migrate.drafting.squash import squash
from d1migrate.drivers.run import run as run_flow
from d1migrate.errors import Error, UsageError
from d1migrate.migrate.file_name import with_words
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.order import order_key
from d1migrate.migrate.refusals import refuse_open_job
from d1migrate.migrate.selector import up_to
from d1migrate.migrate.table import SUFFIX
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk, journal
from d1migrate.project.journal import Change, Journal
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.migration import Migration
    from d1migrate.report.shapes.files import Squash


_OBJECTS = "an object that has applied the old files refuses the new one, and `adopt` cannot change an object"


class Options(NamedTuple):
    """The options of `squash`."""

    to: str
    name: str = "squashed"
    dry_run: bool = False
    yes: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Replace the files up to one, after confirmation. Scratch databases prove first that this is safe."""
    refuse_dry_run_with_yes(dry_run=options.dry_run, yes=options.yes)
    if options.dry_run:
        _squash(options, project, output)
        return 0
    check_writable(project)
    with disk.locked(project.folder):
        _squash(options, project, output)
    return 0


def _squash(options: Options, project: Project, output: Output) -> None:
    command = f"squash --to {shlex.quote(options.to)}"
    resumed = journal.resume(project.folder, command, dry_run=options.dry_run)
    if resumed:
        _finish(resumed, project, output)
        return
    migrations = project.load()
    chosen = _chosen(migrations, options.to)
    _refuse_open_job(chosen, project)
    _refuse_place(with_words(chosen[-1].name + SUFFIX, options.name), migrations[len(chosen) :], project)
    now = time.time()
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    with output.working(f"proving that one file does what {plural(len(chosen), 'file')} did"):
        one = squash(chosen, options.name, date=date, now=int(now * 1000), choice=project.choice(migrations))
    if options.dry_run:
        if output.as_json:
            output.print_json(_value([migration.name for migration in chosen], sql=one.text))
        else:
            output.print_data(one.text)
        return
    report = {"file": f"{one.name}.sql", "squashed": [migration.name for migration in chosen]}
    if not options.yes:
        _confirm(report, project, output)
    changes = (*_changes(chosen, one), *_without_rollback_files(chosen, project.folder))
    journal.run(project.folder, Journal(command, changes, report))
    _finish(report, project, output)


def _confirm(report: dict[str, Any], project: Project, output: Output) -> None:
    """Show what is about to be replaced, and ask for a yes."""
    path, names = os.path.join(project.folder, report["file"]), report["squashed"]
    files = plural(len(names), "file")
    output.note(clean_line(f"{path} replaces {files}: {', '.join(names)}"))
    if project.platform(None).name == "durable-object":
        output.warn(_OBJECTS)
    output.confirm(f"replace {files} with {clean_line(path)}")


def _chosen(migrations: Sequence[Migration], to: str) -> Sequence[Migration]:
    """Return the files up to one of them.

    Raises:
        UsageError: there is no such file, or only one up to it.
    """
    chosen = up_to(migrations, to)
    if len(chosen) == 1:
        following = f": try --to {migrations[1].name}" if len(migrations) > 1 else ""
        raise UsageError(
            f"nothing to squash: {chosen[0].name} is the first file",
            hint=f"a squash needs at least two files{following}",
        )
    return chosen


def _refuse_open_job(chosen: Sequence[Migration], project: Project) -> None:
    """Refuse to replace the file of a job that is open: its chunks need the file.

    A remote database is only asked if it is named. Otherwise `up` refuses the missing file, and `adopt` the
    job.

    Raises:
        HistoryError: such a job is open.
    """
    try:
        migrator = project.migrator()
        if migrator.driver.capabilities.file is None and not project.is_database_given:
            return
        history = run_flow(read_history(migrator.choice), migrator.driver)
    except Error:  # a squash needs no database
        return
    if history.job and any(migration.name == history.job.name for migration in chosen):
        refuse_open_job(history)


def _refuse_place(path: str, following: Sequence[Migration], project: Project) -> None:
    """Raise UsageError for a name that wrangler would run after the files that follow, or not at all."""
    if following and order_key(path) > order_key(following[0].name + SUFFIX):
        raise UsageError(
            f"{path} would be after {following[0].name} in wrangler's order",
            hint="choose a --name that is earlier in the alphabet, or squash up to that file, too",
        )
    if not project.is_migration(path):
        raise UsageError(f"{path} does not match the pattern for migrations, {project.pattern!r}")


def _changes(chosen: Sequence[Migration], one: Migration) -> tuple[Change, ...]:
    """Return the change of each file; the new one may have the name of the last."""
    name = f"{one.name}.sql"
    found = {m.name + SUFFIX: journal.digest(m.file) for m in chosen}
    gone = (Change(old, before, None) for old, before in found.items() if old != name)
    return (Change(name, found.get(name), one.text), *gone)


def _without_rollback_files(chosen: Sequence[Migration], folder: str) -> Iterator[Change]:
    """Yield the removal of each rollback file: the new file declares that there is no rollback."""
    for migration in chosen:
        if migration.rollback_file:
            path = migration.rollback_file.path
            yield Change(os.path.relpath(path, folder), journal.digest(path), None)


def _finish(report: dict[str, Any], project: Project, output: Output) -> None:
    """Write the indexes, and print what was done."""
    write_indexes(project, output)
    path, names = os.path.join(project.folder, report["file"]), report["squashed"]
    if output.as_json:
        output.print_json(_value(names, file=path))
    else:
        output.print(clean_line(path))
        replaced = f"it replaces {plural(len(names), 'file')}"
        if project.platform(None).name == "durable-object":
            output.note(f"{replaced}; {_OBJECTS}")
        else:
            output.note(
                f"{replaced}; in a database that has them, run `d1migrate adopt` before anything applies the"
                " new file there"
            )


def _value(squashed: Sequence[str], *, file: str | None = None, sql: str | None = None) -> Squash:
    return {"file": file, "sql": sql, "squashed": list(squashed)}
