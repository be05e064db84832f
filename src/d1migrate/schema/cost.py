"""What a batch costs a D1 database: the entries that it writes, and the budget that one batch has.

Production D1 stops a batch that takes too much CPU time. Entries, the rows and index entries that a batch
writes, predict that time best: a row may cost ten times as much with indexes as without. The constants are
measured (d1-facts §11); a rehearsal counts instead of estimating (`rehearse.cost`).
"""

from __future__ import annotations

from collections import Counter

from d1migrate.schema.keys import is_indexed, is_without_rowid, rowid_alias
from d1migrate.schema.queries import column_affinity
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Index, Table

DEFAULT_BUDGET = 50_000
"""The most entries that one batch may write, unless the setting `budget` has another number.

Cloudflare does not publish the limit. Production has stopped a rebuild of 24,429 rows with 8 indexes, so
244,290 entries, and an UPDATE of 153,000 rows (d1-facts §11). This is a fifth of the first, 0.2 s of CPU on
a developer's machine."""

BYTES_OF_ENTRY = 600
"""How many bytes of a copied row cost as much as an entry: a default budget is 30 MB."""

REFERENCED = 3
"""What DROP TABLE costs for each row and foreign key that references the table, in entries: it deletes row by
row, and looks into every child, even an empty one."""

DROPPED_COLUMN = 1
"""What DROP COLUMN costs for each row, in entries: it rewrites the table in one statement."""

_COPIES = 2  # each row is held in a copy, and written back


def separate_indexes(table: Table) -> int:
    """Return how many indexes are separate from the table: WITHOUT ROWID, the key is the table itself."""
    return len(table.indexes) - (1 if is_without_rowid(table) else 0)


def touched_indexes(table: Table, columns: Collection[str]) -> int:
    """Return how many indexes get new entries when columns are set (folded names)."""
    is_key_set = not set(map(fold, table.primary_key)).isdisjoint(columns)
    if is_key_set and (is_without_rowid(table) or rowid_alias(table)):
        return separate_indexes(table)
    return sum(_has(index, columns) for index in table.indexes)


def _has(index: Index, columns: Collection[str]) -> bool:
    """Whether an index uses one of some columns, also in an expression or in WHERE."""
    names = {fold(name) for name in index.columns if name}
    if index.sql:
        names |= {fold(unquote(token.text)) for token in significant(index.sql)}
    return not names.isdisjoint(columns)


def rebuild_costs(old: Table, new: Table, catalog: Catalog) -> Counter[str]:
    """Return {table: the entries that a guarded rebuild costs for each of its rows}.

    A child without an index on its foreign key is in it, too: it gets an index meanwhile.

    Args:
        old: the table before.
        new: the table after.
        catalog: the schema before.
    """
    found = Counter({old.name: _COPIES + separate_indexes(new) + drop_cost(old, catalog)})
    for name, key in catalog.references(fold(old.name)):
        if not is_indexed(catalog.tables[name], key):
            found[catalog.tables[name].name] += 1
    return found


def long_columns(table: Table) -> list[str]:
    """Return the stored columns of a table that may hold long values."""
    return [
        column.name
        for column in table.columns
        if not column.generated and column_affinity(table, column) in ("TEXT", "BLOB")
    ]


def drop_cost(table: Table, catalog: Catalog) -> int:
    """Return the entries that DROP TABLE costs for each row: none if no foreign key references the table."""
    return REFERENCED * sum(1 for _ in catalog.references(fold(table.name)))


def is_over(entries: int | None, budget: int | None) -> bool:
    """Whether a batch writes more than it may; None: the number, or a limit, does not exist."""
    return entries is not None and budget is not None and entries > budget
