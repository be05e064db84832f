"""What a CREATE TABLE means: two texts that mean the same have equal meanings.

Left out are the order of columns and constraints, and whether a constraint stands in its column or beside.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.schema.compare import canonical
from d1migrate.sql.names import fold, quote_literal, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Collection

    from d1migrate.sql.definitions import Check, ColumnDefinition, Key, Reference, TableDefinition


_VALUES = frozenset({"NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"})


class Part(NamedTuple):
    """A constraint: what it says, and the columns it speaks of (folded)."""

    says: tuple[Any, ...]
    columns: frozenset[str]


class Meaning(NamedTuple):
    """What a table means.

    Attributes:
        columns: {folded name: type, default, collation, expression, STORED, NOT NULL}.
        own: {folded name: the constraints that stand in that column}.
        beside: those that stand beside the columns.
        options: STRICT, WITHOUT ROWID.
    """

    columns: dict[str, tuple[Any, ...]]
    own: dict[str, list[Part]]
    beside: list[Part]
    options: tuple[bool, bool]

    def parts(self, without: Collection[str] = ()) -> Counter[tuple[Any, ...]]:
        """Return all constraints but those that stand in some columns (folded)."""
        found = [part for name, parts in self.own.items() if name not in without for part in parts]
        return Counter(part.says for part in (*found, *self.beside))


def meaning(table: TableDefinition) -> Meaning:
    """Return what a table means."""
    names = {fold(column.name) for column in table.columns}
    own = {
        fold(column.name): [
            *(_check(check, names) for check in column.checks),
            *(_key(key, names, in_column=True) for key in column.keys),
            *(_reference(reference) for reference in column.references),
        ]
        for column in table.columns
    }
    beside = [
        *(_check(check, names) for check in table.checks),
        *(_key(key, names, in_column=False) for key in table.keys),
        *(_reference(reference) for reference in table.references),
    ]
    columns = {fold(column.name): _column(column) for column in table.columns}
    return Meaning(columns, own, beside, (table.strict, table.without_rowid))


def mentions(expression: str, column: str) -> bool:
    """Whether an expression may speak of a column (folded)."""
    return any(fold(unquote(token.text)) == column for token in significant(expression))


def _column(column: ColumnDefinition) -> tuple[Any, ...]:
    return (
        " ".join(token.text.upper() for token in significant(column.type)),
        None if column.default is None else _default(column.default),
        fold(column.collation or ""),
        None if column.generated is None else canonical(column.generated),
        column.stored,
        column.not_null,
    )


def _default(sql: str) -> str:
    """Return a DEFAULT as SQLite means it: a name, in quotes or bare, is a string there."""
    tokens = significant(sql)
    is_name = len(tokens) == 1 and (
        tokens[0].kind == "quoted" or (tokens[0].kind == "word" and tokens[0].keyword not in _VALUES)
    )
    return quote_literal(unquote(sql)) if is_name else canonical(sql)


def _check(check: Check, names: Collection[str]) -> Part:
    spoken = frozenset(name for name in names if mentions(check.expression, name))
    return Part(("check", canonical(check.expression), check.name), spoken)


def _key(key: Key, names: Collection[str], *, in_column: bool) -> Part:
    terms = tuple(
        (
            canonical(term.expression) if term.column is None else fold(term.column),
            fold(term.collation or ""),
            term.descending,
        )
        for term in key.terms
    )
    # `a INTEGER PRIMARY KEY DESC` is no rowid, `a INTEGER, PRIMARY KEY (a DESC)` is one.
    is_no_rowid = in_column and any(term.descending for term in key.terms)
    columns = frozenset(name for term in key.terms for name in names if mentions(term.expression, name))
    says = (key.primary, key.autoincrement, terms, key.conflict, key.name, is_no_rowid)
    return Part(("key", *says), columns)


def _reference(reference: Reference) -> Part:
    says = (
        *(tuple(map(fold, reference.columns)), fold(reference.table), tuple(map(fold, reference.to))),
        *(reference.on_delete, reference.on_update, fold(reference.match)),
        reference.deferrable == "DEFERRABLE INITIALLY DEFERRED",
        reference.name,
    )
    return Part(("reference", *says), frozenset(map(fold, reference.columns)))
