"""REPLACE, which deletes the row that it conflicts with."""

from __future__ import annotations

from d1migrate.lint.cascade_loss import cascade_losses, sentence
from d1migrate.lint.column_copies import columns_into, values_of
from d1migrate.lint.rule import Finding, rule
from d1migrate.schema.keys import unique_keys
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.statement import first_row, insert_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.keys import UniqueKey


@rule("D103", "replace-deletes-children", "error", on=("insert", "replace", "update"))
def replace_deletes_children(replay: AnalyzedReplay) -> Iterator[Finding]:
    """REPLACE deletes the conflicting row, and with it the rows that reference it.

    Why: INSERT OR REPLACE is a DELETE followed by an INSERT, and foreign keys act on the DELETE. An upsert changes
        the row in place.

    Given:
        CREATE TABLE plans (id TEXT PRIMARY KEY, price INTEGER);
        CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, plan_id TEXT REFERENCES plans(id) ON DELETE CASCADE);
        CREATE INDEX idx_subscriptions_plan ON subscriptions(plan_id);
    Bad:
        INSERT OR REPLACE INTO plans (id, price) VALUES ('pro', 20);
    Good:
        INSERT INTO plans (id, price) VALUES ('pro', 20) ON CONFLICT(id) DO UPDATE SET price = excluded.price;
    """
    for statement in replay.of("insert", "replace", "update"):
        is_made_here = (
            replay.is_new(statement.target, statement) and statement.target not in replay.before.tables
        )
        if not statement.replaces or is_made_here or replay.is_empty(statement.target, statement):
            continue
        if losses := cascade_losses(replay, statement, statement.target, itself=True):
            table = statement.before.tables[statement.target].name
            message = f"REPLACE on {table} {sentence(losses)} if the row already exists"
            yield Finding(message, statement, fix=_upsert(statement))


def _upsert(statement: ReplayedStatement) -> str | None:
    """Return an INSERT OR REPLACE … VALUES as an upsert, or None for any other statement."""
    table = statement.before.tables[statement.target]
    key = [quote_identifier(name) for name in table.primary_key]
    insert = insert_of(statement.tokens)
    if insert is None or not first_row(insert.source) or not key:
        return None
    head, named = statement.words.index("INTO"), insert.columns
    columns = [
        quote_identifier(c.name)
        for c in table.columns
        if not c.primary_key and not c.generated and (fold(c.name) in named or not named)
    ]
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns)
    action = f"UPDATE SET {sets}" if sets else "NOTHING"
    return (
        f"INSERT {statement.sql[statement.tokens[head].start :]} ON CONFLICT({', '.join(key)}) DO {action};"
    )


@rule("D118", "replace-drops-values", "warning", on=("insert", "replace", "update"))
def replace_drops_values(replay: AnalyzedReplay) -> Iterator[Finding]:
    """REPLACE deletes the conflicting row and does not restore all of its values.

    Why: INSERT OR REPLACE is a DELETE followed by an INSERT: a column without a value in the statement gets its
        default, an omitted id a new number, and a row that conflicts on another UNIQUE key is deleted. An upsert
        changes only the columns that it names.

    Given:
        CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, edited_by TEXT);
    Bad:
        INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light');
    Good:
        INSERT INTO settings (key, value) VALUES ('theme', 'light') ON CONFLICT(key) DO UPDATE SET value = excluded.value;
    """
    for statement in replay.of("insert", "replace", "update"):
        if not statement.replaces or replay.is_empty(statement.target, statement):
            continue
        if replay.is_new(statement.target, statement) and not _holds_old_rows(replay, statement):
            continue
        if cascade_losses(replay, statement, statement.target, itself=True):  # D103 reports it
            continue
        table, keys = (
            statement.before.tables[statement.target],
            unique_keys(statement.before.tables[statement.target]),
        )
        if statement.verb == "update":
            if any(key.columns is None or key.columns.keys() & statement.sets().keys() for key in keys):
                yield Finding(
                    f"UPDATE OR REPLACE deletes rows of {table.name} that have the new key", statement
                )
            continue
        named = set(columns_into(statement, table))
        left = [c for c in table.columns if not c.generated and fold(c.name) not in named]
        lost = [f"{table.name}.{c.name}" for c in left if not _is_time(c.default)]
        if lost and any(key.columns is None or key.columns.keys() <= named for key in keys):
            yield Finding(
                f"REPLACE deletes the conflicting row and gives no value for {', '.join(lost)}",
                statement,
            )
        elif not left and _takes_others(statement, keys):
            words = "REPLACE" if "REPLACE" in statement.words else "ON CONFLICT REPLACE"
            yield Finding(f"{words} deletes rows of {table.name} with another primary key", statement)


def _holds_old_rows(replay: AnalyzedReplay, statement: ReplayedStatement) -> bool:
    """Whether rows of other tables were copied into the table of a statement before it."""
    number = statement.before.ids[statement.target]
    return any(
        copy.adds and copy.into.table == number and copy.statement.index < statement.index
        for fill in replay.writers.get(number, ())
        for copy in replay.lineage.copies_by(fill)
    )


def _takes_others(statement: ReplayedStatement, keys: Sequence[UniqueKey]) -> bool:
    """Whether a REPLACE of all columns may delete a row because of a key other than the primary key."""
    if "REPLACE" in statement.words:
        return len(keys) > 1 and bool(values_of(statement))
    return any(key.conflict == "REPLACE" for key in keys)


def _is_time(default: str | None) -> bool:
    """Whether a default is the current time, which a row that is written now should have."""
    text = (default or "").upper()
    return text.startswith("CURRENT_") or "'NOW'" in text or "UNIXEPOCH()" in text
