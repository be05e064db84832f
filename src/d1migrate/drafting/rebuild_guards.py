"""The SQL around the DROP TABLE of a rebuild that people wrote: the same guards as in a drafted rebuild.

A drafted rebuild (`schema.rebuild`) holds the rows in a table of its own; here, the copy in the file does.
"""

from __future__ import annotations

from d1migrate.schema.cascade import dependants
from d1migrate.schema.keys import parent_columns
from d1migrate.schema.rebuild import counter_statements, drop_guards
from d1migrate.schema.rebuild_checks import count_statements, recount_statements
from d1migrate.sql.names import HELPER, fold, quote_literal, unquote
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.tokens import significant
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Table


class RebuildGuards:
    """The guards for one table that is dropped and created again.

    Args:
        table: the table that is dropped.
        catalog: the schema before it is dropped.
        number: distinguishes the helpers of several rebuilds in one file.
    """

    def __init__(self, table: Table, catalog: Catalog, number: int) -> None:
        self.table, self._catalog, self._number = table, catalog, number

    @property
    def hold(self) -> str:
        """The quoted name of a table that holds the rows meanwhile."""
        return q(f"{HELPER}hold_{self._number}")

    def drop(self, *, apart: Iterable[str] = ()) -> list[str]:
        """Return DROP TABLE with guards around it, and assertions that no other table lost or gained rows.

        Args:
            apart: tables, folded, that the rebuild drops as well: they are guarded, but not counted.
        """
        itself = fold(self.table.name)
        on, off = drop_guards(self._catalog, itself)
        reached = [name for name in dependants(self._catalog, [itself]) if name not in (itself, *apart)]
        counted = [self._catalog.tables[name].name for name in reached]
        before, after = (count_statements(counted), recount_statements(counted)) if counted else ([], [])
        # A foreign key of the table to itself acts while the table is dropped, which would fire its triggers.
        is_own_child = any(child == itself for child, _ in self._catalog.references(itself))
        fired = self.table.triggers if is_own_child else ()
        off_first = [f"DROP TRIGGER IF EXISTS {q(trigger.name)}" for trigger in fired]
        return [*before, *on, *off_first, f"DROP TABLE {q(self.table.name)}", *off, *after]

    def keys_are_copied(self, copy: Table) -> list[str]:
        """Return assertions that a copy has every key that a row of another table references."""
        copied = {fold(column.name) for column in copy.columns}
        found = []
        for child, key in self._catalog.references(fold(self.table.name)):
            to = parent_columns(self.table, key)
            if child in (fold(copy.name), fold(self.table.name)) or not copied >= {fold(name) for name in to}:
                continue
            name = self._catalog.tables[child].name
            message = quote_literal(f"a key of {self.table.name} that {name} references is not copied")
            old, new = (
                " AND ".join(f"{a}.{q(t)} = c.{q(f)}" for t, f in zip(to, key.columns, strict=True))
                for a in ("o", "n")
            )
            found.append(
                f"SELECT json_extract('{{}}', {message}) FROM {q(name)} AS c"
                f" WHERE EXISTS (SELECT 1 FROM {q(self.table.name)} AS o WHERE {old})"
                f" AND NOT EXISTS (SELECT 1 FROM {q(copy.name)} AS n WHERE {new})"
            )
        return found

    def counter(self, new: Table) -> tuple[list[str], list[str]]:
        """Return what saves the AUTOINCREMENT counter, and what restores it after the copy."""
        return counter_statements(self.table, new, self._number)


def lost_objects(rebuild: Rebuild, dropped: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the CREATE statements of the indexes and of the triggers that a rebuild does not recreate.

    Args:
        rebuild: the rebuild.
        dropped: the objects that the file drops by name, folded: these are meant to be dropped.
    """
    named, kept = set(dropped), {fold(column.name) for column in rebuild.new.columns}
    known = named | {fold(index.name) for index in rebuild.new.indexes}
    known |= {fold(trigger.name) for trigger in rebuild.new.triggers}
    indexes = [
        index.sql
        for index in rebuild.old.indexes
        if index.sql
        and fold(index.name) not in known
        and all(column is None or fold(column) in kept for column in index.columns)
    ]
    return indexes, [safe_form(t.sql) for t in rebuild.old.triggers if fold(t.name) not in known]


def with_table_name(sql: str, old: str, new: str) -> str:
    """Return a CREATE statement with another name for a table that it creates, is on, or references."""
    tokens = significant(sql)
    found, at = [], 0
    for place, token in enumerate(tokens):
        if token.kind not in ("word", "quoted", "string") or fold(unquote(token.text)) != fold(old):
            continue
        before = tokens[place - 1].keyword if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        if before in ("TABLE", "EXISTS", "REFERENCES", "ON") or after == ".":
            found += [sql[at : token.start], q(new)]
            at = token.start + len(token.text)
    return "".join([*found, sql[at:]])


def writable_columns(table: Table) -> list[str]:
    """Return the columns of a table that can be written, quoted."""
    return [q(column.name) for column in table.columns if not column.generated]


def statement_lines(statements: Sequence[str]) -> str:
    """Return statements as lines of a file, each with its `;`."""
    return "\n".join(f"{statement};" for statement in statements)
