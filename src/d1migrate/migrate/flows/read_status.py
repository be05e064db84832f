"""Compare files and database, and report what is wrong as far as the history shows."""

from __future__ import annotations

from d1migrate.migrate import log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.refusals import unwritable
from d1migrate.migrate.status import Entry, compare
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.errors import HistoryError
    from d1migrate.migrate import history as h
    from d1migrate.migrate.flows.leftovers import Problem
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice
    from d1migrate.sql.batch import Flow


class Status(NamedTuple):
    """Files and database compared.

    Attributes:
        entries: each migration.
        history: what the database records.
        problems: what is wrong, as far as the history shows.
    """

    entries: tuple[Entry, ...]
    history: h.History
    problems: tuple[Problem, ...]

    @property
    def pending(self) -> int:
        """How many migrations an `up` would run, or refuse as out of order."""
        return sum(entry.is_pending for entry in self.entries)


def read_status(
    migrations: Sequence[Migration],
    choice: TableChoice,
    *,
    token: str | None = None,
    if_missing: Problem | None = None,
) -> Flow[Status]:
    """Compare files and database, and report what is wrong; one request, unless something is wrong.

    Args:
        migrations: the files.
        choice: how to choose the migrations table.
        token: the token of a row that the log must have.
        if_missing: the problem to report if it does not.
    """
    history = yield from read_history(choice, token=token)
    entries = compare(migrations, history)
    problems = (yield from read_leftovers()) if history.leftovers else ()
    if if_missing and not history.has_token:
        problems = (*problems, if_missing)
    problems = (*problems, *history_problems(history, entries), *_unreadable(entries))
    return Status(entries, history, problems)


def history_problems(history: h.History, entries: Sequence[Entry]) -> tuple[Problem, ...]:
    """Report why a history is only read, and that it has two logs."""
    found = tuple(
        problem._replace(message=f"`up` and `down` refuse: {problem.message}") for problem in history.problems
    )
    if not found and (error := unwritable(history, entries)):
        found = (_only_read(error),)
    return (*found, _two_logs()) if history.has_two_logs else found


def _only_read(error: HistoryError) -> Problem:
    from d1migrate.migrate.flows.leftovers import Problem

    return Problem("history", ", ".join(error.names), f"`up` and `down` refuse: {error}; {error.hint}")


def _unreadable(entries: Iterable[Entry]) -> list[Problem]:
    """Report the files that cannot be read from disk: whether they have changed is unknown."""
    closed = [m for m in (e.migration for e in entries) if m and m.is_large and m.checksum is None]
    if not closed:
        return []
    from d1migrate.migrate.flows.leftovers import Problem

    return [Problem("file", migration.name, str(migration.unreadable)) for migration in closed]


def _two_logs() -> Problem:
    from d1migrate.migrate.flows.leftovers import Problem

    return Problem(
        "log",
        log.OLD_LOG,
        f"an older d1migrate wrote to {log.OLD_LOG} after its rows had been moved to {LOG_TABLE}: both are"
        " read, and the next command that writes moves them; stop using the older version here",
        tuple(f"{query.sql};" for query in log.carry_over()),
    )


def read_leftovers() -> Flow[tuple[Problem, ...]]:
    """Report what an interrupted rebuild left behind."""
    from d1migrate.migrate.flows import integrity

    found = yield from integrity.inspect(None, rows=False)
    return tuple(problem for problem in found.problems if problem.kind == "leftover")
