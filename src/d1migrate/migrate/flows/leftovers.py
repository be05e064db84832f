"""What an interrupted rebuild leaves behind. A transaction leaves nothing; an import may.

A guard is the worst of it: DELETE and UPDATE on its table succeed and do nothing. A hold table may have the
only copy of rows; the copy of an online rebuild, whose job somebody removed, does not.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import HELPER, fold, is_helper, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from d1migrate.schema.model import Schema, Table

_COUNTS = f"{HELPER}counts"  # it holds row counts, not rows
_HOLD, _LOG, _SYNC = (f"{HELPER}{kind}_" for kind in ("hold", "log", "sync"))
"""How the names begin of a copy, of the keys to copy again, and of the triggers of an online rebuild."""


class Problem(NamedTuple):
    """Something wrong with a database.

    Attributes:
        kind: leftover, orphans, parent (a foreign key to a missing table), foreign keys (they cannot be
            checked), missing (an index or trigger), broken (a view or trigger), search (a full-text table),
            rewound (the log lacks what a restore wrote), history (it is only read), log (there are two),
            file (a migration cannot be read), or unknown.
        name: the object, or migrations.
        message: the problem.
        fix: SQL that fixes it, or shows more of it; () if there is none.
        is_new: False if the problem existed before the run that found it.
    """

    kind: Literal[
        "leftover", "orphans", "parent", "foreign keys", "missing", "broken", "search", "rewound",
        "history", "log", "file", "unknown",
    ]  # fmt: skip
    name: str
    message: str
    fix: tuple[str, ...] = ()
    is_new: bool = True


def hold_tables(schema: Schema) -> tuple[str, ...]:
    """Return the helper tables that may hold rows of other tables."""
    return tuple(
        table.name for table in schema.tables if is_helper(table.name) and fold(table.name) != _COUNTS
    )


def leftovers(schema: Schema, rows: Mapping[str, int], expected: Schema | None) -> Iterator[Problem]:
    """Yield the helpers that exist, each with the SQL that removes it safely.

    Args:
        schema: the live schema.
        rows: {helper table: its rows}.
        expected: the schema that should exist, or None if that is not known.
    """
    for table in schema.tables:
        for trigger in table.triggers:
            if is_helper(trigger.name):
                yield _trigger(trigger.name, table.name)
        for index in table.indexes:
            if index.sql and is_helper(index.name) and not is_helper(table.name):
                yield Problem(
                    "leftover",
                    index.name,
                    f"index {index.name} on {table.name} was left behind by a rebuild",
                    (f"DROP INDEX {quote_identifier(index.name)};",),
                )
    for table in schema.tables:
        if is_helper(table.name):
            yield _table(table, rows.get(table.name, 0), schema, expected)


def _trigger(name: str, table: str) -> Problem:
    if fold(name).startswith(_SYNC):
        effect = f"writes to {table} cost more, and fail without the tables of the rebuild: drop it first"
    else:
        effect = f"DELETE and UPDATE on {table} succeed and do nothing"
    message = f"trigger {name} was left behind by a rebuild: while it exists, {effect}"
    return Problem("leftover", name, message, (f"DROP TRIGGER {quote_identifier(name)};",))


def _table(table: Table, count: int, schema: Schema, expected: Schema | None) -> Problem:
    drop = (f"DROP TABLE {quote_identifier(table.name)};",)
    left = f"table {table.name} was left behind by a rebuild"
    if fold(table.name) == _COUNTS or fold(table.name).startswith(_LOG) or not count:
        return Problem("leftover", table.name, f"{left}; it holds no rows of other tables", drop)
    if copied := _copied(table, schema):
        return Problem("leftover", table.name, f"{left}: it is an unfinished copy of {copied}", drop)
    rows = "1 row" if count == 1 else f"{count} rows"
    if expected is None:
        return Problem(
            "leftover",
            table.name,
            f"{left}: it holds {rows}, maybe the only copy; `d1migrate verify` reports of which table",
        )
    existing = {fold(other.name) for other in schema.tables}
    if fold(table.name).startswith(f"{HELPER}sequence"):
        message = f"{left}: it holds the counter of an AUTOINCREMENT, which must not restart: keep it"
        return Problem("leftover", table.name, message)
    covering = [t for t in (*expected.tables, *schema.tables) if not is_helper(t.name) and _covers(t, table)]
    missing = sorted({t.name for t in expected.tables if fold(t.name) not in existing})
    if missing or not covering:
        of = f" of {', '.join(missing)}, which is missing" if missing else ""
        return Problem("leftover", table.name, f"{left}: it holds {rows}, maybe the only copy{of}: keep it")
    names = ", ".join(sorted({t.name for t in covering}))
    return Problem(
        "leftover",
        table.name,
        f"{left}: it holds {rows}, probably of {names}; check that they are there, then drop it",
        drop,
    )


def _copied(shadow: Table, schema: Schema) -> str | None:
    """Return the table that an online rebuild copies; its triggers are still there, so it was not dropped."""
    tag = f"{_SYNC}{fold(shadow.name).removeprefix(_HOLD)}_delete"
    owners = (t.name for t in schema.tables for trigger in t.triggers if fold(trigger.name) == tag)
    return next(owners, None)


def _covers(table: Table, hold: Table) -> bool:
    """Whether a table has all columns of a hold table, except for the helper's own."""
    columns = {fold(column.name) for column in table.columns}
    return all(fold(c.name) in columns or is_helper(c.name) for c in hold.columns)
