"""`squash`: one file in the place of many."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from d1migrate.cli.diff import prepare, write_index
from d1migrate.drafting.squash import squash
from d1migrate.errors import UsageError
from d1migrate.migrate import source
from d1migrate.project import disk, journal
from d1migrate.project.journal import Change, Journal
from d1migrate.report.text import clean_line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.project import Context
    from d1migrate.migrate.migration import Migration


def squash_command(context: Context) -> int:
    """Write one file that does what the files up to a version do, proved on scratch databases, for theirs."""
    if context.arguments.dry_run:
        return _squash(context)
    prepare(context)
    with disk.locked(context.folder):
        return _squash(context)


def _squash(context: Context) -> int:
    arguments = context.arguments
    command = f"squash --to {arguments.to}"
    resumed = journal.resume(context.folder, command, dry_run=arguments.dry_run)
    if resumed:
        return _tell(context, resumed)
    migrations = context.load()
    chosen = [migration for migration in migrations if migration.version <= arguments.to]
    if not chosen or chosen[-1].version != arguments.to or len(chosen) == 1:
        known = ", ".join(str(m.version) for m in migrations[1:]) or "none"
        raise UsageError(f"there is nothing to squash up to version {arguments.to}", hint=f"one of: {known}")
    slug = source.new_name((), arguments.name, now="").partition("_")[2].removesuffix(".sql")
    now = time.time()
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    one = squash(chosen, slug, arguments.name, date=date, now=int(now * 1000))
    if arguments.dry_run:
        context.out_data(one.text)
        return 0
    report = {"path": f"{one.name}.sql", "squashed": [migration.name for migration in chosen]}
    journal.run(context.folder, Journal(command, _changes(chosen, one), report))
    return _tell(context, report)


def _changes(chosen: Sequence[Migration], one: Migration) -> tuple[Change, ...]:
    """Return the change of each file; the new one may have the name of the last."""
    name = f"{one.name}.sql"
    found = {os.path.basename(m.file): journal.digest(m.file) for m in chosen}
    gone = (Change(old, before, None) for old, before in found.items() if old != name)
    return (Change(name, found.get(name), one.text), *gone)


def _tell(context: Context, report: dict[str, Any]) -> int:
    """Write the index, and report what was done."""
    write_index(context)
    path, names = os.path.join(context.folder, report["path"]), report["squashed"]
    if context.json:
        context.out_json({"path": path, "squashed": names})
    else:
        context.out(clean_line(path))
        context.say(
            f"it replaces {plural(len(names), 'file')}; if these are applied, `d1migrate adopt` records"
            " it in their place"
        )
    return 0
