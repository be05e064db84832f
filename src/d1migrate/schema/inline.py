"""Constraints of a table that can be part of a column, where ADD COLUMN takes them.

ORMs write every foreign key and named CHECK after the columns; a table with such a column would be rebuilt.
"""

from __future__ import annotations

from d1migrate.schema.normalize import mentioned_names
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold, quote_identifier
from d1migrate.sql.token_groups import closing
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from d1migrate.sql.definitions import TableDefinition


def inlined(table: TableDefinition, columns: Collection[str]) -> TableDefinition:
    """Return a table with the foreign keys and CHECKs of just one of some columns (folded) in that column."""
    names = frozenset(fold(column.name) for column in table.columns)
    found: dict[str, list[str]] = {}
    items: list[tuple[str | None, str]] = []
    for item in table.items:
        inside = None if item.column is not None else _inside(item.sql, names)
        if inside is None or inside[0] not in columns:
            items.append((item.column, item.sql))
        else:
            found.setdefault(inside[0], []).append(inside[1])
    if not found:
        return table
    texts = [" ".join([sql, *found.get(fold(name or ""), [])]) for name, sql in items]
    options = ", ".join(table.options)
    whole = parse_table(f"CREATE TABLE {quote_identifier(table.name)} ({', '.join(texts)}) {options}")
    return whole or table


def _inside(constraint: str, names: frozenset[str]) -> tuple[str, str] | None:
    """Return the column to which a table constraint could belong (folded), and its text there; or None."""
    alone = parse_table(f"CREATE TABLE t (c, {constraint})")
    if alone is None:
        return None
    for reference in alone.references:
        if len(reference.columns) == 1:
            tokens = significant(constraint)
            start = next(at for at, token in enumerate(tokens) if token.keyword == "FOREIGN")
            rest = tokens[closing(tokens, start + 2) + 1]
            text = constraint[: tokens[start].start] + constraint[rest.start :]
            return fold(reference.columns[0]), text
    for check in alone.checks:
        read = mentioned_names(check.expression) & names
        if len(read) == 1:
            return next(iter(read)), constraint
    return None
