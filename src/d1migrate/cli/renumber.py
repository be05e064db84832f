"""`renumber`: files whose numbers collide after a merge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate.cli.diff import prepare, write_index
from d1migrate.drivers.run import run
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.renumber import moves
from d1migrate.migrate.status import compare, refuse_partial
from d1migrate.project import disk, files, journal
from d1migrate.project.journal import Change, Journal
from d1migrate.report.text import clean_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from d1migrate.cli.project import Context
    from d1migrate.migrate.renumber import Move


def renumber_command(context: Context) -> int:
    """Give files that are not applied other numbers, where they collide or come too late."""
    if context.arguments.dry_run:
        return _renumber(context)
    prepare(context)
    with disk.locked(context.folder):
        return _renumber(context)


def _renumber(context: Context) -> int:
    dry_run = context.arguments.dry_run
    context.say_database()
    resumed = journal.resume(context.folder, "renumber", dry_run=dry_run)
    if resumed and dry_run:
        return _print(context, resumed)
    migrations = files.read_migrations(context.folder)
    history = run(read_history(), context.driver)
    refuse_partial(compare((), history))
    found = moves(migrations, history.applied)
    report = [{"from": m.old.name, "to": m.new.name, "version": m.new.version} for m in found]
    if not dry_run:
        if found:
            journal.run(context.folder, Journal("renumber", _changes(context.folder, found), report))
        write_index(context)
    return _print(context, [*(resumed or ()), *report])


def _changes(folder: str, found: Sequence[Move]) -> tuple[Change, ...]:
    """Return the change of each file; one may get the name that another one leaves."""
    texts = {
        f"{m.new.name}.sql": m.new.text.replace("\n", "\r\n") if m.old.has_crlf else m.new.text for m in found
    }
    names = dict.fromkeys((*texts, *(f"{move.old.name}.sql" for move in found)))
    moved = {f"{move.old.name}.sql" for move in found}
    return tuple(
        Change(name, journal.digest(os.path.join(folder, name)) if name in moved else None, texts.get(name))
        for name in names
    )


def _print(context: Context, report: Sequence[dict[str, Any]]) -> int:
    if context.json:
        context.out_json(report)
    else:
        context.out([clean_line(f"{one['from']} → {one['to']}") for one in report] or "nothing to do")
    return 0
