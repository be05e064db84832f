"""Names that D1 does not know, and the name that is most likely meant."""

from __future__ import annotations

import re

from d1migrate.hints import nearest
from d1migrate.sql.d1 import FUNCTIONS
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.catalog import Catalog

_UNKNOWN = re.compile(
    r"no such (table|view|index|trigger|column|function): (?:main\.)?(.+)"
    r"|(?:has no|unknown) (column) (?:named )?(.+?)(?: in foreign key definition)?$"
)


def meant_in(statement: ReplayedStatement, error: str) -> str | None:
    """Return the name in the schema that is nearest to the unknown one in an error, or None."""
    found = _UNKNOWN.search(error)
    if found is None:
        return None
    kind, name = found[1] or found[3], unquote((found[2] or found[4]).rpartition(".")[2])
    meant = nearest(name, _known(statement, kind))
    return None if meant is None or fold(meant) == fold(name) else meant


def _known(statement: ReplayedStatement, kind: str) -> Iterable[str]:
    """Return the names of a kind; only the columns of tables that a statement mentions."""
    catalog = statement.before
    if kind == "function":
        return FUNCTIONS
    if kind == "column":
        mentioned = {fold(unquote(token.text)) for token in significant(statement.sql)}
        tables = [table for name, table in catalog.tables.items() if name in mentioned]
        return [column.name for table in tables for column in table.columns]
    if kind == "table":
        return [*(table.name for table in catalog.tables.values()), *_views(catalog)]
    if kind == "view":
        return _views(catalog)
    if kind == "trigger":
        return [trigger.name for trigger in catalog.triggers()]
    return [index.name for table in catalog.tables.values() for index in table.indexes if index.sql]


def _views(catalog: Catalog) -> list[str]:
    return [view.name for view in catalog.views.values()]
