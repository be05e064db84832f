"""`backup`: write a dump that restores."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager

from d1migrate.errors import SourceError, UsageError
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk
from d1migrate.report.text import clean, duration, plural, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d1migrate.backup.dump import Dump
    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.project.environment import Environment
    from d1migrate.report.shapes import backups


class Options(NamedTuple):
    """The options of `backup`."""

    output: str | None = None
    verify: bool = False


def run(options: Options, project: Project, output: Output) -> int:
    """Write the dump, and with `verify` restore it and compare."""
    path = options.output or _default_path(project.environment)
    if options.verify and disk.is_stream(path):
        raise UsageError(
            f"--verify reads the file again, but {path} is not a regular file",
            hint="name one with --output FILE",
        )
    project.note_database()
    started = time.perf_counter()
    with _progress(output) as watch:
        dump = project.migrator(files_may_be_missing=True).backup(path, watch=watch)
    found = None
    if options.verify:
        with output.working(f"restoring {path} to a scratch database"):
            found = _differences(path)
    if output.as_json:
        output.print_json(_value(dump, found))
        if found:
            return 1
    else:
        _print(dump, time.perf_counter() - started, output, known=found or ())
    if found:
        raise SourceError(f"{path} does not restore to the same database: {'; '.join(found)}")
    if options.verify:
        output.note("verified: it restores to the same database, table by table")
    return 0


def _value(dump: Dump, differences: Sequence[str] | None) -> backups.Backup:
    return {
        "file": dump.path,
        "bytes": dump.size,
        "sha256": dump.sha256,
        "current": dump.current,
        "rows": dump.rows,
        "consistent": dump.consistent,
        "notes": list(dump.notes),
        "verified": None if differences is None else not differences,
        "mismatches": list(differences or ()),
    }


def _differences(path: str) -> list[str]:
    from d1migrate.backup import load

    return load.verify(path)


def _print(dump: Dump, seconds: float, output: Output, *, known: Sequence[str]) -> None:
    output.print_path(dump.path)
    rows = f"{plural(sum(dump.rows.values()), 'row')} in {plural(len(dump.rows), 'table')}"
    output.note(f"{rows}, {size(dump.size)}, in {duration(seconds)}")
    for note in (note for note in dump.notes if note not in known):
        output.warn(clean(note))
    if dump.consistent is None:
        output.note("the database was read in pages, and no change was seen meanwhile")
    elif not dump.consistent:
        output.warn("rows were written during the backup, so it mixes several moments; make another backup")


def _default_path(environment: Environment) -> str:
    name = environment.name or os.path.splitext(os.path.basename(environment.database.partition(":")[2]))[0]
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "database"
    return f"{plain}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sql"


@contextmanager
def _progress(output: Output) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that draws a bar, or None if no bar is wanted."""
    if not output.shows_progress:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("  rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
