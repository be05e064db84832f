"""`renumber`: files whose numbers collide after a merge."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate import files
from d1migrate.cli.author import write_index
from d1migrate.flows.read import read_history
from d1migrate.renumbering import moves
from d1migrate.report.text import clean
from d1migrate.run import run
from d1migrate.status import compare, refuse_partial

if TYPE_CHECKING:
    from d1migrate.cli.context import Context
    from d1migrate.renumbering import Move


def renumber_command(context: Context) -> int:
    """Give files that are not applied other numbers, where they collide or come too late."""
    context.say_database()
    migrations = files.read_migrations(context.folder)
    history = run(read_history(), context.driver)
    refuse_partial(compare((), history))
    found = moves(migrations, history.applied)
    if not context.arguments.dry_run:
        for move in reversed(found):  # the last first: it may stand where another one goes
            _write(context.folder, move)
        write_index(context)
    if context.json:
        context.out_json([{"from": m.old.name, "to": m.new.name, "version": m.new.version} for m in found])
    else:
        context.out([clean(f"{m.old.name} → {m.new.name}") for m in found] or "nothing to do")
    return 0


def _write(folder: str, move: Move) -> None:
    text = move.new.text.replace("\n", "\r\n") if move.old.has_crlf else move.new.text
    files.write_new(os.path.join(folder, f"{move.new.name}.sql"), text)
    os.unlink(os.path.join(folder, f"{move.old.name}.sql"))
