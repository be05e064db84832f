"""Commands that keep what is there, and bring it back."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from d1migrate.cli import gates, restore_preview
from d1migrate.errors import Error, SourceError, UsageError
from d1migrate.project import disk
from d1migrate.report.text import clean, duration, plural, size, table, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from d1migrate.backup.dump import Dump
    from d1migrate.backup.restore import Restored, RestorePreview
    from d1migrate.cli.project import Context


def backup_command(context: Context) -> int:
    """Write a dump."""
    context.files_may_be_gone = True
    path = context.arguments.output or _file_name(context)
    if context.arguments.verify and disk.is_stream(path):
        raise UsageError(
            f"--verify reads the file again, and {path} is not a regular file", hint="--output FILE"
        )
    context.say_database()
    started = time.perf_counter()
    with _progress(context) as watch:
        dump = context.migrator.backup(path, watch=watch)
    found = _verified(context, path)
    if context.json:
        value = dump._asdict()
        context.out_json({**value, "notes": list(dump.notes), "differences": found})
    else:
        _tell_dump(context, dump, time.perf_counter() - started, known=found or ())
    if found and not context.json:
        raise SourceError(f"{path} does not restore to the same: {'; '.join(found)}")
    if found:
        return 1
    if context.arguments.verify:
        context.say("verified: it restores to the same, table by table")
    return 0


def _verified(context: Context, path: str) -> list[str] | None:
    if not context.arguments.verify:
        return None
    from d1migrate.backup import load

    return load.verify(path)


def _tell_dump(context: Context, dump: Dump, seconds: float, *, known: Sequence[str]) -> None:
    context.out_path(dump.path)
    rows = f"{plural(sum(dump.rows.values()), 'row')} of {plural(len(dump.rows), 'table')}"
    context.say(f"{rows}, {size(dump.size)}, in {duration(seconds)}")
    for note in (note for note in dump.notes if note not in known):
        context.say(f"warning: {clean(note)}")
    if dump.consistent is None:
        context.say("it was read page by page; nothing was seen to change meanwhile")
    elif not dump.consistent:
        context.say("warning: rows were written while it was read: it is not of one moment; take another one")


def _file_name(context: Context) -> str:
    environment = context.environment
    name = environment.name or os.path.splitext(os.path.basename(environment.database.partition(":")[2]))[0]
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in name) or "database"
    return f"{plain}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.sql"


@contextmanager
def _progress(context: Context) -> Iterator[Callable[[int, int], None] | None]:
    """Give what draws a bar on a terminal."""
    if not (sys.stderr and sys.stderr.isatty()) or context.arguments.quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("  rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def restore_command(context: Context) -> int:
    """Go back to a point, or load a dump, or list the points."""
    context.files_may_be_gone = True
    arguments = context.arguments
    if arguments.to is not None and arguments.file is not None:
        raise UsageError("--to and --file exclude each other")
    if arguments.file is not None:
        return _load(context)
    return _list(context) if arguments.to is None else _go_back(context)


def _list(context: Context) -> int:
    found = context.migrator.restore_points()
    if context.json:
        context.out_json([point._asdict() | {"at": int(point.at)} for point in found])
        return 0
    now = time.time()
    rows = [(p.name, when(int(p.at), now=now), str(p.version), size(p.size) if p.path else "") for p in found]
    context.out(
        table(("restore point", "taken", "version", "size"), rows, right=(2, 3)) if rows else "none yet"
    )
    return 0


def _load(context: Context) -> int:
    gates.protect(context)
    facts = context.watched().restore_file(context.arguments.file)
    rows = sum(int(found[0]) for found in facts.rows.values())
    if context.json:
        context.out_json(
            {
                "file": context.arguments.file,
                "version": facts.version,
                "compared": facts.known,
                "rows": rows,
                "notes": list(facts.notes),
            }
        )
        return 0
    whole = f"{plural(rows, 'row')} of {plural(len(facts.rows), 'table')}"
    if facts.known:
        context.out(f"restored {whole}, each unchanged")
        if facts.consistent is False:
            context.say("warning: it was written while rows were: it is not of one moment")
    else:
        context.out(f"loaded {whole}; another tool wrote the dump, which has no checksums of its own")
    for note in facts.notes:
        context.say(f"warning: {clean(note)}")
    return 0


def _go_back(context: Context) -> int:
    migrator = context.migrator
    context.say_database()
    seen = migrator.plan_restore(context.arguments.to)
    restore_preview.tell(context, seen)
    _confirm(context)
    done = migrator.restore(
        seen.point, began=lambda undo: context.say(f"what is there now is kept as {undo.name}")
    )
    _tell_restored(context, seen, done)
    return 0


def _confirm(context: Context) -> None:
    """Let a restore go on that was confirmed: by the typed name, or a flag.

    Raises:
        UsageError: it was not.
    """
    environment = context.environment
    gates.protect(context)
    if environment.protected or context.arguments.yes:
        return
    name = environment.name or os.path.basename(environment.database.partition(":")[2])
    typed = context.ask(f"all that was written since is taken out; type {name} to go on: ")
    if typed is None:
        raise UsageError("a restore has to be confirmed, and there is no terminal to ask on", hint="--yes")
    if typed != name:
        raise UsageError(f"{typed!r} is not {name!r}: nothing was done")


def _tell_restored(context: Context, seen: RestorePreview, done: Restored) -> None:
    is_verified, why_not = _verify(context)
    undo = done.undo.name if done.undo else None
    if context.json:
        value: dict[str, Any] = {
            "restored_to": done.point.name,
            "undo": undo,
            "set_aside": done.aside,
            "version": done.version,
            "no_longer_applied": list(seen.undone),
            "applied_again": list(seen.redone),
            "log_rows_kept": done.log,
            "verified": is_verified,
        }
        context.out_json(value)
        return
    context.out(f"restored to {done.point.name}: version {done.version}")
    if done.aside:
        context.out(f"the damaged file is kept as {done.aside}")
    if undo:
        context.out(f"to undo it: d1migrate restore --to {undo}")
    if is_verified:
        context.say("schema and history agree with the files")
    elif is_verified is None:
        context.say(f"warning: could not check whether files and database agree: {clean(why_not)}")
    else:
        context.say("warning: files and database disagree: see `d1migrate verify`")


def _verify(context: Context) -> tuple[bool | None, str]:
    """Return whether files and database agree; None and the reason if the database cannot be asked."""
    try:
        return context.migrator.verify().ok, ""
    except Error as error:  # the restore is done all the same
        return None, str(error)
