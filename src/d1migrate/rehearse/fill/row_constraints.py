"""The constraints on a single row: CHECKs, and what generated columns and indexes compute from it.

They are not analyzed but tried. A *probe* is a table in memory with some columns and constraints: values that
SQLite accepts there, it also accepts in the real table.
"""

from __future__ import annotations

import apsw

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.checks import parts_of
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from d1migrate.schema.model import Table
    from d1migrate.sql.batch import Value
    from d1migrate.sql.definitions import TableDefinition

REFUSED = (apsw.ConstraintError, apsw.MismatchError, apsw.SQLError, apsw.TooBigError, OverflowError)
"""What the engine raises if the row is at fault."""


class RowConstraint(NamedTuple):
    """A constraint on a row.

    Attributes:
        columns: the columns that it uses, folded; for a generated column, those that this is computed from.
        text: an expression that must not be false; for the other kinds, the expression of a generated column,
            or the CREATE statement of an index.
        kind: "check", "generated" or "index".
    """

    columns: frozenset[str]
    text: str
    kind: str = "check"


class RowConstraints:
    """The constraints on the rows of a table."""

    def __init__(self, table: Table, definition: TableDefinition) -> None:
        self.definition = definition
        self._not_null = {fold(column.name) for column in table.columns if column.not_null}
        self._sources = _sources(definition)
        self.all = [
            *(
                RowConstraint(self._columns(part.expression), part.expression)
                for check in definition.all_checks
                for part in parts_of(check)
            ),
            *(
                RowConstraint(self._sources[fold(column.name)], column.generated, "generated")
                for column in definition.columns
                if column.generated is not None
            ),
            *(
                # A generated foreign key cannot be given a parent, so it has to be NULL.
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
        """Return the constraints that use a column, alone or with others."""
        return [each for each in self.all if column in each.columns]

    def alone(self, column: str) -> list[RowConstraint]:
        """Return the constraints that use a column and no other."""
        return [each for each in self.all if each.columns == {column}]

    def groups(self) -> list[frozenset[str]]:
        """Return the sets of columns that constraints tie together."""
        groups: list[frozenset[str]] = []
        for constraint in self.all:
            tied = [group for group in groups if group & constraint.columns]
            groups = [group for group in groups if not group & constraint.columns]
            groups += [constraint.columns.union(*tied)] if constraint.columns else []
        return groups

    def probe(
        self, columns: Sequence[str], constraints: Iterable[RowConstraint], *, strict: bool
    ) -> ConstraintProbe:
        """Return a probe for some of the columns and constraints that use no others.

        Args:
            columns: their names, folded.
            constraints: the constraints.
            strict: whether a CHECK has to be true; in the table it may also be NULL.
        """
        kept = set(columns)
        parts = [
            self._column(c.name, c.type, c.collation, c.generated)
            for c in self.definition.columns
            if (fold(c.name) in kept if c.generated is None else self._sources[fold(c.name)] <= kept)
        ]
        check = "CHECK (({}\n) IS TRUE)" if strict else "CHECK ({}\n)"
        parts += [check.format(each.text) for each in constraints if each.kind == "check"]
        name = quote_identifier(self.definition.name)
        create = f"CREATE TABLE {name} ({', '.join(parts)}){' STRICT' if self.definition.strict else ''}"
        indexes = [each.text for each in constraints if each.kind == "index"]
        return ConstraintProbe(name, columns, create, indexes)

    def _column(self, name: str, type_: str, collation: str | None, generated: str | None) -> str:
        parts = [quote_identifier(name), type_]
        parts += ["COLLATE", quote_identifier(collation)] if collation else []
        if generated is not None:
            # STORED even if it is VIRTUAL in the table, so that an expression that fails shows at once.
            parts += ["NOT NULL"] if fold(name) in self._not_null else []
            parts += [f"AS ({generated}\n) STORED"]
        return " ".join(parts)


def _names(text: str) -> set[str]:
    return {fold(unquote(token.text)) for token in significant(text) if token.kind in ("word", "quoted")}


def _sources(definition: TableDefinition) -> dict[str, frozenset[str]]:
    """Return {column: itself, or the columns that its expression is computed from}."""
    sources = {fold(c.name): frozenset({fold(c.name)}) for c in definition.columns if c.generated is None}
    waiting = {fold(c.name): _names(c.generated) for c in definition.columns if c.generated is not None}
    while waiting:
        # Take one that depends on no other. A name may also be a function's: then any will do.
        ready = (name for name, names in waiting.items() if not names & (waiting.keys() - {name}))
        name = next(ready, next(iter(waiting)))
        names = waiting.pop(name)
        sources[name] = frozenset[str]().union(*(sources[one] for one in names & sources.keys()))
    return sources


class ConstraintProbe:
    """A table in memory that accepts or refuses values."""

    def __init__(self, table: str, columns: Sequence[str], create: str, indexes: Sequence[str]) -> None:
        self._statements = (create, *indexes)
        self._connection: apsw.Connection | None = None
        places = ", ".join("?" * len(columns))
        self._insert = f"INSERT INTO {table} ({', '.join(map(quote_identifier, columns))}) VALUES ({places})"
        # Only a unique index depends on earlier rows.
        self._clear = f"DELETE FROM {table}" if indexes else ""

    def accepts(self, values: Sequence[Value]) -> bool:
        """Whether a row with these values satisfies the constraints."""
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
            # It needs a function or collation that is missing here: then only the real table can decide.
            self._insert = ""
        return self._connection

    def close(self) -> None:
        """Free its memory."""
        if self._connection:
            self._connection.close()
