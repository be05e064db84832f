"""AUTOINCREMENT counters, which live in sqlite_sequence: lost with a rebuilt table, or lowered by the file."""

from __future__ import annotations

from d1migrate.lint.rule import REBUILD, Finding, rule
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import unquote
from d1migrate.sql.token_groups import outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement


@rule("D111", "rebuild-loses-sequence", "warning", on=REBUILD)
def rebuild_loses_sequence(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A rebuild resets the AUTOINCREMENT counter.

    Why: the counter is stored in sqlite_sequence under the table's name. After the copy it restarts at the
        highest id that remains, so the ids of deleted rows are used again.

    Given:
        CREATE TABLE invoices (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER);
    Bad:
        CREATE TABLE invoices_new (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER, note TEXT);
        INSERT INTO invoices_new (id, total) SELECT id, total FROM invoices;
        DROP TABLE invoices;
        ALTER TABLE invoices_new RENAME TO invoices;
    Good:
        CREATE TABLE invoices_new (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER, note TEXT);
        INSERT INTO invoices_new (id, total) SELECT id, total FROM invoices;
        UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'invoices') WHERE name = 'invoices_new';
        DROP TABLE invoices;
        ALTER TABLE invoices_new RENAME TO invoices;
    """
    for rebuild in replay.rebuilds:
        old, new = parse_table(rebuild.old.sql), parse_table(rebuild.new.sql)
        if old is None or not old.autoincrement:
            continue
        if new is None or not new.autoincrement:
            yield Finding(
                f"{rebuild.name} is no longer AUTOINCREMENT: ids of deleted rows are used again",
                rebuild.statement,
            )
        elif not any(
            access.kind in ("insert", "update") and access.table == "sqlite_sequence"
            for statement in replay.of("insert", "update", "replace")
            for access in statement.accesses
            if statement.target == "sqlite_sequence"
        ):
            yield Finding(
                f"the rebuild of {rebuild.name} resets its AUTOINCREMENT counter", rebuild.statement
            )


_SEQUENCE = "sqlite_sequence"


@rule("D120", "resets-counter", "warning", on=("delete", "update"))
def resets_counter(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A statement deletes or lowers the AUTOINCREMENT counter of a table.

    Why: the counter is the table's row in sqlite_sequence. Without it, numbering continues after the highest id
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
    for statement in replay.of("delete", "update"):
        if statement.target != _SEQUENCE or not _lowers(statement):
            continue
        named = _named(statement)
        names = [name for name in _counted(replay, statement) if named is None or name in named]
        if names and not _is_set_again(replay, statement):
            done = "deletes" if statement.verb == "delete" else "may lower"
            plural = "counters" if len(names) > 1 else "counter"
            message = f"this {done} the AUTOINCREMENT {plural} of {', '.join(names)}: ids of deleted rows are used again"
            yield Finding(message, statement, fix=None if statement.verb == "delete" else _raised(statement))


def _counted(replay: AnalyzedReplay, statement: ReplayedStatement) -> Iterator[str]:
    """Yield the names of the tables with a counter that existed before the file and remain."""
    for name, table in statement.before.tables.items():
        definition = parse_table(table.sql)
        number = statement.before.ids[name]
        is_old = not replay.is_new(name, statement) and number in replay.after.names
        if is_old and definition and definition.autoincrement:
            yield table.name


def _lowers(statement: ReplayedStatement) -> bool:
    """Whether a statement may leave a counter lower than it was."""
    if statement.verb == "delete":
        return True
    sets = statement.sets()
    value = [token.text.lower() for token in sets.get("seq", ())]
    return "name" in sets or ("seq" in sets and ("seq" not in value or "-" in value))


_OTHERS = frozenset("NOT <> != LIKE GLOB SELECT IS OR".split())


def _named(statement: ReplayedStatement) -> set[str] | None:
    """Return the counters that a WHERE selects by name; None if it may be any."""
    where = next((i for i in outside(statement.tokens) if statement.tokens[i].keyword == "WHERE"), None)
    tokens = statement.tokens[where + 1 :] if where is not None else []
    if not tokens or _OTHERS & {token.keyword or token.text for token in tokens}:
        return None
    literals = {unquote(t.text) for t in tokens if t.kind in ("string", "quoted") and t.text != '"name"'}
    return literals or None


def _is_set_again(replay: AnalyzedReplay, statement: ReplayedStatement) -> bool:
    """Whether a later statement restores counters from a copy."""
    return any(
        other.index > statement.index and other.target == _SEQUENCE and "SELECT" in other.words
        for other in replay.of("insert", "replace")
    )


def _raised(statement: ReplayedStatement) -> str | None:
    """Return an UPDATE of a counter rewritten so that it never lowers it."""
    value = statement.sets().get("seq")
    if not value or "name" in statement.sets():
        return None
    start, end = value[0].start, value[-1].start + len(value[-1].text)
    return f"{statement.sql[:start]}max(seq, {statement.sql[start:end]}){statement.sql[end:]};"
