"""D: the AUTOINCREMENT counters in sqlite_sequence, written by the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.replay.model import definition
from d1migrate.lint.rule import Finding, rule
from d1migrate.lint.sqltext import depths
from d1migrate.sql.names import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.replay.model import Replay, ReplayedStatement

_SEQUENCE = "sqlite_sequence"


@rule("D120", "resets-counter", "warning")
def resets_counter(replay: Replay) -> Iterator[Finding]:
    """A statement deletes or lowers the AUTOINCREMENT counter of a table.

    Why: the counter is the table's row in sqlite_sequence; without it, numbering continues after the highest id
        that remains, so the ids of deleted rows are used again.

    Given:
        CREATE TABLE invoices (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER);
    Bad:
        CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
        INSERT INTO notes VALUES (7, 'seven');
        DELETE FROM sqlite_sequence;
        INSERT INTO sqlite_sequence VALUES ('notes', 7);
    Good:
        CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
        INSERT INTO notes VALUES (7, 'seven');
    """
    for ran in replay.of("delete", "update"):
        if ran.target != _SEQUENCE or not _lowers(ran):
            continue
        named = _named(ran)
        names = [name for name in _counted(replay, ran) if named is None or name in named]
        if names and not _is_set_again(replay, ran):
            done = "deletes" if ran.verb == "delete" else "may lower"
            plural = "counters" if len(names) > 1 else "counter"
            message = f"this {done} the AUTOINCREMENT {plural} of {', '.join(names)}: old ids are used again"
            yield Finding(message, ran, fix=None if ran.verb == "delete" else _raised(ran))


def _counted(replay: Replay, ran: ReplayedStatement) -> Iterator[str]:
    """Yield the names of the tables from before the file that stay and have a counter."""
    for name, table in ran.before.tables.items():
        there = definition(table)
        number = ran.before.ids[name]
        is_old = not replay.is_new(name, ran) and number in replay.survivors
        if is_old and there and there.autoincrement:
            yield table.name


def _lowers(ran: ReplayedStatement) -> bool:
    """Whether a statement may leave a counter lower than it was."""
    if ran.verb == "delete":
        return True
    sets = ran.sets()
    value = [token.text.lower() for token in sets.get("seq", ())]
    return "name" in sets or ("seq" in sets and ("seq" not in value or "-" in value))


_OTHERS = frozenset("NOT <> != LIKE GLOB SELECT IS OR".split())


def _named(ran: ReplayedStatement) -> set[str] | None:
    """Return the counters that a WHERE asks for by name; None if it may be any."""
    where = next((i for i, t, d in depths(ran.tokens) if t.keyword == "WHERE" and d == 0), None)
    tokens = ran.tokens[where + 1 :] if where is not None else []
    if not tokens or _OTHERS & {token.keyword or token.text for token in tokens}:
        return None
    literals = {unquote(t.text) for t in tokens if t.kind in ("string", "quoted") and t.text != '"name"'}
    return literals or None


def _is_set_again(replay: Replay, ran: ReplayedStatement) -> bool:
    """Whether counters that were held somewhere are put back after a statement."""
    return any(
        other.index > ran.index and other.target == _SEQUENCE and "SELECT" in other.words
        for other in replay.of("insert", "replace")
    )


def _raised(ran: ReplayedStatement) -> str | None:
    """Return an UPDATE of a counter as one that never lowers it."""
    value = ran.sets().get("seq")
    if not value or "name" in ran.sets():
        return None
    start, end = value[0].start, value[-1].start + len(value[-1].text)
    return f"{ran.sql[:start]}max(seq, {ran.sql[start:end]}){ran.sql[end:]};"
