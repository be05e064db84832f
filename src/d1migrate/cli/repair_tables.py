"""`repair --sync-tables` and `repair --move-history`: show what a table would record, then record it."""

from __future__ import annotations

from d1migrate.cli.gates import protect
from d1migrate.named_tuple import NamedTuple
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.flows.tables import HistoryMove
    from d1migrate.migrate.two_tables import Record
    from d1migrate.report.shapes import runs


class Permission(NamedTuple):
    """Whether to record what is shown, and why."""

    reason: str
    dry_run: bool
    yes: bool
    confirm: str | None


def sync(given: Permission, project: Project, output: Output) -> int:
    """Record in each table what only the other one does."""
    project.note_database()
    migrator = project.migrator()
    found = migrator.plan_sync_tables()
    count = len(found.names) + len(found.versions)
    recorded = {found.beside: found.names, found.history.table.name: found.versions}
    _print(recorded, output)
    if count and _is_confirmed(given, f"record {plural(count, 'migration')}", project, output):
        migrator.sync_tables(found, reason=given.reason)
        _end(f"recorded {plural(count, 'migration')}; ran nothing", output)
    elif not count:
        _end("both tables record the same migrations", output)
    if output.as_json:
        value: runs.Synchronization = {
            "recorded": _value(recorded),
            "done": bool(count) and not given.dry_run,
        }
        output.print_json(value)
    return 0


def move(given: Permission, project: Project, output: Output) -> int:
    """Move the history to the table to use."""
    project.note_database()
    migrator = project.migrator()
    found = migrator.plan_move_history()
    source, target = found.source.name, found.target.name
    recorded = {target: found.records}
    _print(recorded, output)
    _end(f"  {source} {_fate(found)}", output)
    if _is_confirmed(given, f"move the history from {source} to {target}", project, output):
        migrator.move_history(found, reason=given.reason)
        _end(f"the history is in {target} now; ran nothing", output)
    if output.as_json:
        value: runs.Move = {
            "source": source,
            "target": target,
            "drops": found.drops,
            "recorded": _value(recorded),
            "done": not given.dry_run,
        }
        output.print_json(value)
    return 0


def _fate(found: HistoryMove) -> str:
    if found.keeps:
        return "keeps its rows, and gets those of later migrations"
    return "is dropped" if found.drops else "is emptied; it stays, because files name it"


def _is_confirmed(given: Permission, action: str, project: Project, output: Output) -> bool:
    """Check that it may be done: unless it is a dry run, it has to be confirmed."""
    if given.dry_run:
        return False
    protect(given.confirm, project, output)
    if not given.yes:
        output.confirm(action)
    return True


def _print(recorded: Mapping[str, Sequence[Record]], output: Output) -> None:
    for table, records in recorded.items():
        for one in records:
            _end(f"  {clean_line(one.name)}: recorded in {table}", output)


def _end(line: str, output: Output) -> None:
    if not output.as_json:
        output.print(line)


def _value(recorded: Mapping[str, Sequence[Record]]) -> list[runs.Recorded]:
    return [
        {"table": table, "version": one.version, "name": one.name}
        for table, records in recorded.items()
        for one in records
    ]
