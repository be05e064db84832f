"""What the names in a schema's SQL can refer to: visible columns, and keys that are not written out."""

from __future__ import annotations

from functools import cache

from d1migrate.sql.create import parse, parse_table
from d1migrate.sql.definitions import TableDefinition, ViewDefinition, VirtualTableDefinition
from d1migrate.sql.names import ROWIDS, fold, unquote
from d1migrate.sql.token_groups import text_at
from d1migrate.sql.tokens import KEYWORDS, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Schema
    from d1migrate.sql.definitions import Definition


class Scope:
    """The tables and views that the SQL of a schema can name.

    Args:
        sql_of: returns the CREATE statement of a table or view by its folded name, or None.
    """

    def __init__(self, sql_of: Callable[[str], str | None] = lambda _: None) -> None:
        self._sql_of = sql_of
        self._names: dict[str, frozenset[str]] = {}
        self._definitions: dict[str, Definition | None] = {}

    @classmethod
    def of(cls, schema: Schema) -> Scope:
        """Return the scope of a schema, which is not walked before a name is looked up."""

        @cache
        def sqls() -> dict[str, str]:
            views = {fold(view.name): view.sql for view in schema.views}
            return views | {fold(table.name): table.sql for table in schema.tables}

        return cls(lambda name: sqls().get(name))

    @classmethod
    def within(cls, catalog: Catalog) -> Scope:
        """Return the scope of a catalog: what nothing names is not looked at."""

        def sql_of(name: str) -> str | None:
            found = catalog.tables.get(name) or catalog.views.get(name)
            return found.sql if found else None

        return cls(sql_of)

    def names(self, sql: str) -> frozenset[str]:
        """Return what `"…"` can refer to in an index, a view or a trigger, folded.

        That is the tables, views and columns that the statement mentions, and the names that it uses without
        double quotes.
        """
        return self._mentioned(sql) if '"' in sql else frozenset()

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Return the primary key of a table, folded: REFERENCES without columns refers to it."""
        sql = self._sql_of(fold(table))
        definition = parse_table(sql) if sql else None
        key = definition.primary_key if definition else None
        return tuple(fold(term.column or "") for term in key.terms) if key else ()

    def _definition(self, name: str) -> Definition | None:
        if name not in self._definitions:
            sql = self._sql_of(name)
            self._definitions[name] = parse(sql) if sql else None
        return self._definitions[name]

    def _mentioned(self, sql: str) -> frozenset[str]:
        found = set(ROWIDS)
        tokens = significant(sql)
        for at, token in enumerate(tokens):
            if token.kind not in ("word", "quoted", "string"):
                continue
            name = fold(unquote(token.text))
            is_alias = at > 0 and tokens[at - 1].keyword == "AS"
            is_open = token.text[0] in "\"'" or token.keyword in KEYWORDS
            is_called = text_at(tokens, at + 1) == "("
            if is_alias or self._sql_of(name) is not None or not (is_open or is_called):
                found.add(name)
            found |= self._of(name)
        return frozenset(found)

    def _of(self, name: str) -> frozenset[str]:
        """Return the columns of a table or view."""
        if name not in self._names:
            self._names[name] = frozenset()  # a view that mentions itself
            self._names[name] = self._columns(name)
        return self._names[name]

    def _columns(self, name: str) -> frozenset[str]:
        match self._definition(name):
            case TableDefinition(columns=columns):
                return frozenset(fold(column.name) for column in columns)
            case VirtualTableDefinition(arguments=arguments):
                return frozenset(fold(unquote(significant(text)[0].text)) for text in arguments)
            case ViewDefinition():  # includes the names it gives its columns
                return self._mentioned(self._sql_of(name) or "")
            case _:
                return frozenset()


def strings_now(sql: str, before: Scope, after: Scope) -> list[str]:
    """Return the names in double quotes that refer to something in one scope and to nothing in another."""
    lost = before.names(sql) - after.names(sql)
    quoted = [unquote(token.text) for token in significant(sql) if token.text[0] == '"'] if lost else []
    return [name for name in quoted if fold(name) in lost]
