"""The normal form of a CREATE statement: equivalent statements have equal forms.

White space, comments, quotes and case of names, names of constraints, the order of columns, constraints and
table options, and whether a constraint belongs to a column or to the table make no difference.
"""

from __future__ import annotations

from collections import Counter

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.scope import Scope
from d1migrate.sql.canonical import (
    canonical_expression,
    canonical_name,
    canonical_text,
    canonical_words,
)
from d1migrate.sql.create import parse
from d1migrate.sql.definitions import (
    ColumnDefinition,
    IndexDefinition,
    TableDefinition,
    TriggerDefinition,
    ViewDefinition,
    VirtualTableDefinition,
)
from d1migrate.sql.names import fold, quote_literal, unquote
from d1migrate.sql.token_groups import bare, joined
from d1migrate.sql.tokens import significant
from d1migrate.sql.triggers import without_case_parentheses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Literal

    from d1migrate.sql.definitions import Check, KeyDefinition, Reference, Term


_VALUES = frozenset({"TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"})
_TABLE_NAMES = frozenset({"content", "content_rowid"})
_NO_SCOPE = Scope()


class Constraint(NamedTuple):
    """A constraint: its kind, its normal form, and the columns it mentions (folded)."""

    kind: Literal["check", "key", "reference"]
    text: str
    columns: frozenset[str]


class NormalForm(NamedTuple):
    """The normal form of a table.

    Attributes:
        columns: {folded name: the column without its keys, checks and references}.
        column_constraints: {folded name: the constraints in that column}.
        table_constraints: the constraints of the table itself.
        options: STRICT, WITHOUT ROWID.
    """

    columns: dict[str, str]
    column_constraints: dict[str, list[Constraint]]
    table_constraints: list[Constraint]
    options: tuple[str, ...]

    def constraints(self, without: Collection[str] = ()) -> Counter[str]:
        """Return all constraints except those in some columns (folded)."""
        found = [
            part for name, parts in self.column_constraints.items() if name not in without for part in parts
        ]
        return Counter(part.text for part in (*found, *self.table_constraints))

    @property
    def text(self) -> str:
        """All of it as one text."""
        items = sorted(self.columns.values()) + sorted(self.constraints().elements())
        return f"({', '.join(items)}) {', '.join(self.options)}"


def canonical(sql: str, scope: Scope | None = None) -> str:
    """Return the normal form of a CREATE statement, or of any other SQL.

    Args:
        sql: the statement.
        scope: the schema that it belongs to.
    """
    scope = scope or _NO_SCOPE
    match parse(sql):
        case TableDefinition() as table:
            return f"CREATE TABLE {canonical_name(table.name)} {normal_form(table, scope).text}"
        case IndexDefinition() as index:
            return _index(index, scope.names(sql))
        case ViewDefinition() as view:
            columns = f" ({', '.join(map(canonical_name, view.columns))})" if view.columns else ""
            select = canonical_text(view.select, scope.names(sql))
            return f"CREATE VIEW {canonical_name(view.name)}{columns} AS {select}"
        case TriggerDefinition() as trigger:
            return _trigger(trigger, scope.names(sql))
        case VirtualTableDefinition(name, module, arguments):
            listed = ", ".join(map(_argument, arguments))
            return f"CREATE VIRTUAL TABLE {canonical_name(name)} USING {module} ({listed})"
        case _:
            return canonical_text(sql, scope.names(sql))


# --- tables ---


def normal_form(table: TableDefinition, scope: Scope | None = None) -> NormalForm:
    """Return the normal form of a table; `scope` as in `canonical`."""
    names = {fold(column.name) for column in table.columns}
    primary = [fold(term.column or "") for term in table.primary_key.terms] if table.primary_key else []

    def parts(of: ColumnDefinition | TableDefinition) -> list[Constraint]:
        is_rowid = isinstance(of, ColumnDefinition) and fold(of.type) == "integer"
        return [
            *(_check(check, names) for check in of.checks),
            *(_key(key, names, in_rowid=is_rowid) for key in of.keys),
            *(_reference(reference, key_of(reference.table)) for reference in of.references),
        ]

    def key_of(parent: str) -> Sequence[str]:
        return primary if fold(parent) == fold(table.name) else scope.primary_key(parent) if scope else ()

    own = {fold(column.name): parts(column) for column in table.columns}
    alias = table.rowid_alias
    columns = {
        fold(column.name): _column(column, names, is_rowid=column.name == alias) for column in table.columns
    }
    return NormalForm(columns, own, parts(table), table.options)


def mentions(expression: str, column: str) -> bool:
    """Whether an expression may read a column (folded)."""
    return column in mentioned_names(expression)


def mentioned_names(expression: str) -> frozenset[str]:
    """Return the names that an expression may read, folded, and what else its tokens are."""
    return frozenset(fold(unquote(token.text)) for token in significant(expression))


def _column(column: ColumnDefinition, names: Collection[str], *, is_rowid: bool) -> str:
    words = [canonical_name(column.name)]
    if column.type:
        words.append(canonical_type(column.type))
    if column.not_null is not None and not is_rowid:  # a rowid is never NULL, with or without it
        words.append(f"NOT NULL{_conflict(column.not_null.conflict)}")
    if column.default is not None and (default := _default(column.default)):
        words.append(f"DEFAULT {default}")
    words += _collation(column.collation)
    if column.generated is not None:
        stored = " STORED" if column.stored else ""
        words.append(f"AS ({canonical_expression(column.generated, names)}){stored}")
    return " ".join(words)


def canonical_type(declared: str) -> str:
    """Return the normal form of a declared type."""
    return fold(joined([unquote(token.text) for token in significant(declared)])).replace(" (", "(")


def _default(sql: str) -> str:
    """Return a DEFAULT as SQLite reads it: a bare or quoted name is a string there; "" for NULL."""
    tokens = bare(significant(sql))
    if [token.keyword for token in tokens] == ["NULL"]:
        return ""
    is_name = len(tokens) == 1 and (
        tokens[0].kind == "quoted" or (tokens[0].kind == "word" and tokens[0].keyword not in _VALUES)
    )
    return quote_literal(unquote(tokens[0].text)) if is_name else joined(canonical_words(tokens))


def _collation(collation: str | None) -> list[str]:
    is_default = collation is None or fold(collation) == "binary"
    return [] if is_default else [f"COLLATE {canonical_name(collation or '')}"]


def _conflict(conflict: str) -> str:
    return "" if conflict in ("", "ABORT") else f" ON CONFLICT {conflict}"


def _check(check: Check, names: Collection[str]) -> Constraint:
    read = mentioned_names(check.expression).intersection(names)
    return Constraint("check", f"CHECK ({canonical_expression(check.expression, names)})", read)


def _key(key: KeyDefinition, names: Collection[str], *, in_rowid: bool) -> Constraint:
    terms = ", ".join(_term(term, names) for term in key.terms)
    words = ["PRIMARY KEY" if key.primary else "UNIQUE", f"({terms})"]
    if key.autoincrement:
        words.append("AUTOINCREMENT")
    # `a INTEGER PRIMARY KEY DESC` is not the rowid, `a INTEGER, PRIMARY KEY (a DESC)` is.
    if key.primary and in_rowid and key.terms[0].descending:
        words.append("of no rowid")
    read = (mentioned_names(term.expression) for term in key.terms)
    columns = frozenset().union(*read).intersection(names)
    return Constraint("key", " ".join(words) + _conflict(key.conflict), columns)


def _term(term: Term, names: Collection[str]) -> str:
    column = term.column
    what = canonical_expression(term.expression, names) if column is None else canonical_name(column)
    direction = ["DESC"] if term.descending else []
    return " ".join([what, *_collation(term.collation), *direction])


def _reference(reference: Reference, key: Sequence[str]) -> Constraint:
    """Return the normal form of a foreign key; if it names no columns, it refers to the primary key."""
    to = ", ".join(map(canonical_name, reference.to or key))
    columns = ", ".join(map(canonical_name, reference.columns))
    words = [f"FOREIGN KEY ({columns}) REFERENCES {canonical_name(reference.table)}"]
    if to:
        words.append(f"({to})")
    for event, action in (("DELETE", reference.on_delete), ("UPDATE", reference.on_update)):
        if action != "NO ACTION":
            words.append(f"ON {event} {action}")
    if reference.deferrable == "DEFERRABLE INITIALLY DEFERRED":
        words.append(reference.deferrable)
    return Constraint("reference", " ".join(words), frozenset(map(fold, reference.columns)))


# --- others ---


def _index(index: IndexDefinition, names: Collection[str]) -> str:
    unique = "UNIQUE " if index.unique else ""
    terms = ", ".join(_term(term, names) for term in index.terms)
    where = f" WHERE {canonical_expression(index.where, names)}" if index.where else ""
    name, table = map(canonical_name, (index.name, index.table))
    return f"CREATE {unique}INDEX {name} ON {table} ({terms}){where}"


def _trigger(trigger: TriggerDefinition, names: Collection[str]) -> str:
    """Return the normal form of a trigger, without the parentheses around CASE that D1's server needs."""
    columns = f" OF {', '.join(sorted(map(canonical_name, trigger.columns)))}" if trigger.columns else ""
    when = f" WHEN {_statement(trigger.when, names)}" if trigger.when else ""
    body = " ".join(f"{_statement(sql, names)};" for sql in trigger.body)
    return (
        f"CREATE TRIGGER {canonical_name(trigger.name)} {trigger.timing} {trigger.event}{columns}"
        f" ON {canonical_name(trigger.table)}{when} BEGIN {body} END"
    )


def _statement(sql: str, names: Collection[str]) -> str:
    return joined(without_case_parentheses(canonical_words(bare(significant(sql)), names)))


def _argument(text: str) -> str:
    """Return an argument of a virtual table: a column, or `option = value`."""
    name, equals, value = text.partition("=")
    if not equals:
        return " ".join(canonical_name(unquote(token.text)) for token in significant(text))
    option = fold(name.strip())
    value = unquote(value.strip())
    return f"{option}={quote_literal(fold(value) if option in _TABLE_NAMES else value)}"
