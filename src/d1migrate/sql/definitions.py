"""CREATE statements as values. Texts are as written; names are without quotes."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, unquote


class Check(NamedTuple):
    """A CHECK: the text between its parentheses, and the name that SQLite gives it in errors, if any."""

    expression: str
    name: str | None = None


class NotNull(NamedTuple):
    """NOT NULL, and its ON CONFLICT action: "" or ABORT, FAIL, IGNORE, REPLACE, ROLLBACK."""

    conflict: str = ""
    name: str | None = None


class Term(NamedTuple):
    """One of the columns or expressions of a key or an index.

    Attributes:
        expression: as written, without COLLATE, ASC and DESC.
        column: the column's name; None for an expression.
        collation: its COLLATE, or None.
        descending: whether it is DESC.
    """

    expression: str
    column: str | None = None
    collation: str | None = None
    descending: bool = False


class KeyDefinition(NamedTuple):
    """PRIMARY KEY or UNIQUE, of a column or of the table; `conflict` as in NotNull."""

    terms: tuple[Term, ...]
    primary: bool = False
    autoincrement: bool = False
    conflict: str = ""
    name: str | None = None


class Reference(NamedTuple):
    """A foreign key.

    Attributes:
        columns: the referencing columns.
        table: the parent table.
        to: its columns; empty if it names none and so refers to the primary key.
        on_delete, on_update: NO ACTION, CASCADE, SET NULL, SET DEFAULT or RESTRICT.
        match: the MATCH clause, which SQLite ignores.
        deferrable: `DEFERRABLE INITIALLY DEFERRED` and the like, in capitals; "" if there is no such clause.
        name: its CONSTRAINT name.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...] = ()
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    match: str = ""
    deferrable: str = ""
    name: str | None = None


class ColumnDefinition(NamedTuple):
    """A column. `default` and `generated` are without outer parentheses; the last of several defaults counts.

    Attributes:
        stored: whether it is generated and STORED.
    """

    name: str
    type: str = ""
    checks: tuple[Check, ...] = ()
    default: str | None = None
    collation: str | None = None
    generated: str | None = None
    stored: bool = False
    not_null: NotNull | None = None
    keys: tuple[KeyDefinition, ...] = ()
    references: tuple[Reference, ...] = ()


class Item(NamedTuple):
    """A column or a table constraint, as written.

    Attributes:
        sql: from its first token to its last, with the comments between.
        leading: the comments before it, each as written.
        trailing: the comments on its last line, after it or its comma.
        column: the column's name; None for a constraint.
    """

    sql: str
    leading: tuple[str, ...] = ()
    trailing: tuple[str, ...] = ()
    column: str | None = None


class TableDefinition(NamedTuple):
    """A table. `checks`, `keys` and `references` are the table's own constraints, without those of columns.

    Attributes:
        items: the columns and table constraints, as written.
        closing_comments: the comments after the last of them.
    """

    name: str
    columns: tuple[ColumnDefinition, ...]
    checks: tuple[Check, ...] = ()
    keys: tuple[KeyDefinition, ...] = ()
    references: tuple[Reference, ...] = ()
    strict: bool = False
    without_rowid: bool = False
    items: tuple[Item, ...] = ()
    closing_comments: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """STRICT and WITHOUT ROWID, as far as it has them."""
        found = {"STRICT": self.strict, "WITHOUT ROWID": self.without_rowid}
        return tuple(option for option, is_set in found.items() if is_set)

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Every CHECK, in the order of the text."""
        return (*(check for column in self.columns for check in column.checks), *self.checks)

    @property
    def all_keys(self) -> tuple[KeyDefinition, ...]:
        """Every PRIMARY KEY and UNIQUE, in the order of the text."""
        return (*(key for column in self.columns for key in column.keys), *self.keys)

    @property
    def all_references(self) -> tuple[Reference, ...]:
        """Every foreign key, in the order of the text."""
        return (*(one for column in self.columns for one in column.references), *self.references)

    @property
    def primary_key(self) -> KeyDefinition | None:
        """The primary key; None if it has none."""
        return next((key for key in self.all_keys if key.primary), None)

    @property
    def rowid_alias(self) -> str | None:
        """The column that is the rowid itself, an INTEGER PRIMARY KEY; None if there is none."""
        key = self.primary_key
        if key is None or self.without_rowid or len(key.terms) != 1:
            return None
        name = key.terms[0].column
        column = next((c for c in self.columns if name and fold(c.name) == fold(name)), None)
        # In a column, PRIMARY KEY DESC makes an ordinary key; after the columns, it does not.
        is_ordinary = column is None or (key in column.keys and key.terms[0].descending)
        return None if is_ordinary or column is None or column.type.upper() != "INTEGER" else column.name

    @property
    def autoincrement(self) -> bool:
        """Whether ids are never assigned twice."""
        return any(key.autoincrement for key in self.all_keys)


class IndexDefinition(NamedTuple):
    """An index; `where` is the condition of a partial one."""

    name: str
    table: str
    terms: tuple[Term, ...]
    unique: bool = False
    where: str | None = None


class ViewDefinition(NamedTuple):
    """A view; `columns` are the names it gives its columns, if any."""

    name: str
    select: str
    columns: tuple[str, ...] = ()


class TriggerDefinition(NamedTuple):
    """A trigger.

    Attributes:
        timing: BEFORE, AFTER or INSTEAD OF.
        event: INSERT, DELETE or UPDATE.
        columns: the columns of UPDATE OF; empty for any other event.
        when: its condition, or None.
        body: its statements.
    """

    name: str
    table: str
    timing: str
    event: str
    columns: tuple[str, ...] = ()
    when: str | None = None
    body: tuple[str, ...] = ()


class VirtualTableDefinition(NamedTuple):
    """A virtual table: its module, folded, and the arguments, whose meaning is the module's own."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()

    @property
    def is_fts5(self) -> bool:
        """Whether it is a full-text table."""
        return self.module == "fts5"

    @property
    def options(self) -> dict[str, str]:
        """{folded name: value without quotes} of the options of an FTS5 table; none for another module."""
        named = (argument.partition("=") for argument in self.arguments if self.is_fts5 and "=" in argument)
        return {fold(name.strip()): unquote(value.strip()) for name, _, value in named}

    @property
    def content(self) -> str | None:
        """The table whose rows an FTS5 table indexes, "" if it keeps no text; None if it stores its own."""
        return self.options.get("content")


Definition = TableDefinition | IndexDefinition | ViewDefinition | TriggerDefinition | VirtualTableDefinition
