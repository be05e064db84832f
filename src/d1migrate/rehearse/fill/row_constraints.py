"""The rules a row keeps by itself: CHECKs, and what generated columns and indexes compute from it.

They are not understood but tried: a *lab* is a table in memory with just these columns and rules, and what
the engine takes there it takes in the table as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import apsw

from d1migrate.sql.checks import conjuncts
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from d1migrate.schema.model import Table
    from d1migrate.sql.batch import Value
    from d1migrate.sql.definitions import TableDefinition

REFUSED = (apsw.ConstraintError, apsw.MismatchError, apsw.SQLError, apsw.TooBigError, OverflowError)
"""What the engine raises when it is the row that is at fault."""


class RowConstraint(NamedTuple):
    """A rule and the columns, folded, that it speaks of; generated ones stand for those they come from.

    Its `text` is an expression to be true, or not false at least; or one of `kind` "generated" or "index".
    """

    columns: frozenset[str]
    text: str
    kind: str = "check"


class RowConstraints:
    """The rules of a table."""

    def __init__(self, table: Table, definition: TableDefinition) -> None:
        self.definition = definition
        self._not_null = {fold(column.name) for column in table.columns if column.not_null}
        self._sources = _sources(definition)
        self.all = [
            *(
                RowConstraint(self._columns(part.expression), part.expression)
                for check in definition.all_checks
                for part in conjuncts(check)
            ),
            *(
                RowConstraint(self._sources[fold(column.name)], column.generated, "generated")
                for column in definition.columns
                if column.generated is not None
            ),
            *(
                # What is generated cannot be made to point at something: it points at nothing.
                RowConstraint(self._columns(name), f"{name} IS NULL")
                for key in table.foreign_keys
                for name in map(quote_identifier, key.columns)
                if fold(unquote(name)) not in self._sources[fold(unquote(name))]
            ),
            *(
                RowConstraint(self._columns(index.sql.partition("(")[2]), index.sql, "index")
                for index in table.indexes
                if index.sql and None in index.columns
            ),
        ]

    @property
    def names(self) -> Set[str]:
        """The names, folded, of all columns."""
        return self._sources.keys()

    def _columns(self, text: str) -> frozenset[str]:
        return frozenset[str]().union(*(self._sources[name] for name in _names(text) & self._sources.keys()))

    def about(self, column: str) -> list[RowConstraint]:
        """Return the rules that speak of a column, whatever else they speak of."""
        return [rule for rule in self.all if column in rule.columns]

    def alone(self, column: str) -> list[RowConstraint]:
        """Return the rules that speak of a column and of no other."""
        return [rule for rule in self.all if rule.columns == {column}]

    def groups(self) -> list[frozenset[str]]:
        """Return the sets of columns that rules tie together."""
        groups: list[frozenset[str]] = []
        for rule in self.all:
            tied = [group for group in groups if group & rule.columns]
            groups = [group for group in groups if not group & rule.columns]
            groups += [rule.columns.union(*tied)] if rule.columns else []
        return groups

    def lab(self, columns: Sequence[str], rules: Iterable[RowConstraint], *, strict: bool) -> ConstraintProbe:
        """Return a lab for some of the columns and the rules that speak of no other.

        Args:
            columns: their names, folded.
            rules: the rules.
            strict: whether a CHECK has to be true; in the table it may be NULL too.
        """
        kept = set(columns)
        parts = [
            self._column(c.name, c.type, c.collation, c.generated)
            for c in self.definition.columns
            if (fold(c.name) in kept if c.generated is None else self._sources[fold(c.name)] <= kept)
        ]
        check = "CHECK (({}\n) IS TRUE)" if strict else "CHECK ({}\n)"
        parts += [check.format(rule.text) for rule in rules if rule.kind == "check"]
        name = quote_identifier(self.definition.name)
        create = f"CREATE TABLE {name} ({', '.join(parts)}){' STRICT' if self.definition.strict else ''}"
        return ConstraintProbe(name, columns, create, [rule.text for rule in rules if rule.kind == "index"])

    def _column(self, name: str, type_: str, collation: str | None, generated: str | None) -> str:
        parts = [quote_identifier(name), type_]
        parts += ["COLLATE", quote_identifier(collation)] if collation else []
        if generated is not None:
            # Stored, whatever it is in the table: so that what cannot be computed is seen at once.
            parts += ["NOT NULL"] if fold(name) in self._not_null else []
            parts += [f"AS ({generated}\n) STORED"]
        return " ".join(parts)


def _names(text: str) -> set[str]:
    return {fold(unquote(token.text)) for token in significant(text) if token.kind in ("word", "quoted")}


def _sources(definition: TableDefinition) -> dict[str, frozenset[str]]:
    """Return the columns each column comes from: itself, or those its expression speaks of."""
    sources = {fold(c.name): frozenset({fold(c.name)}) for c in definition.columns if c.generated is None}
    waiting = {fold(c.name): _names(c.generated) for c in definition.columns if c.generated is not None}
    while waiting:
        # One that waits for no other. A name may be a function's as well: then any will do.
        ready = (name for name, names in waiting.items() if not names & (waiting.keys() - {name}))
        name = next(ready, next(iter(waiting)))
        names = waiting.pop(name)
        sources[name] = frozenset[str]().union(*(sources[one] for one in names & sources.keys()))
    return sources


class ConstraintProbe:
    """A table in memory that takes values, or refuses them."""

    def __init__(self, table: str, columns: Sequence[str], create: str, indexes: Sequence[str]) -> None:
        self._statements = (create, *indexes)
        self._connection: apsw.Connection | None = None
        places = ", ".join("?" * len(columns))
        self._insert = f"INSERT INTO {table} ({', '.join(map(quote_identifier, columns))}) VALUES ({places})"
        # Only a unique index cares what is there already.
        self._clear = f"DELETE FROM {table}" if indexes else ""

    def accepts(self, values: Sequence[Value]) -> bool:
        """Whether a row of these values keeps the rules."""
        connection = self._connection or self._open()
        if not self._insert:
            return True
        try:
            connection.execute(self._insert, values)
        except REFUSED:
            return False
        if self._clear:
            connection.execute(self._clear)
        return True

    def _open(self) -> apsw.Connection:
        self._connection = apsw.Connection(":memory:")
        try:
            for statement in self._statements:
                self._connection.execute(statement)
        except apsw.Error:
            # It needs a function or collation that is not here: then only the table itself can tell.
            self._insert = ""
        return self._connection

    def close(self) -> None:
        """Give its memory back."""
        if self._connection:
            self._connection.close()
