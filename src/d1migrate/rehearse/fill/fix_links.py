"""Fix rows that reference a missing row: give them another parent, or NULL, or delete them."""

from __future__ import annotations

import apsw

from d1migrate.rehearse.fill.row_constraints import REFUSED
from d1migrate.schema.keys import is_without_rowid
from d1migrate.sql.names import ROWIDS, fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from d1migrate.rehearse.fill.foreign_keys import Link, ParentKey, Parents
    from d1migrate.rehearse.fill.row_plan import RowPlan

_RELINKING = 2  # rounds that look for another parent; a new parent may change a key that others reference
_PARENTS_TRIED = 60


def fix_links(connection: apsw.Connection, plans: Iterable[RowPlan], parents: Parents) -> dict[str, Link]:
    """Fix every row of the plans' tables that references a missing row, until none does.

    Returns:
        {table that lost rows: the foreign key for which the last of them was deleted}.
    """
    tables = [_Linked(connection, plan) for plan in plans if plan.links]
    turn, broken = 0, 1
    lost = {}
    while broken:
        parents.forget()
        broken = 0
        for table in tables:
            for link, row in table.orphans():
                if not table.fix(link, row, parents if turn < _RELINKING else None, broken):
                    lost[table.name] = link
                broken += 1
        turn += 1
    return lost


class _Linked:
    """A table with foreign keys. The rowid identifies its rows, or the primary key if it has none."""

    def __init__(self, connection: apsw.Connection, plan: RowPlan) -> None:
        self._connection = connection
        self._links = {link.number: link for link in plan.links}
        self.name = plan.table.name
        self._name = f"main.{quote_identifier(self.name)}"
        self._has_rowid = not is_without_rowid(plan.table)
        keys = [*plan.table.primary_key]
        if self._has_rowid:
            taken = {fold(column.name) for column in plan.table.columns}
            keys = [name for name in ROWIDS if name not in taken][:1]
        self._keys = [quote_identifier(key) for key in keys]
        self._this = " AND ".join(f"{key} = ?" for key in self._keys)

    def orphans(self) -> list[tuple[Link, ParentKey]]:
        """Return the rows that reference a missing row, each with its link."""
        check = 'SELECT "rowid", fkid FROM pragma_foreign_key_check(?, ?)'
        try:
            found = list(self._connection.execute(check, (self.name, "main")))
        except apsw.SQLError:
            return []  # a foreign key mismatch: SQLite can check nothing in this table
        if self._has_rowid:
            return [(self._links[number], (row,)) for row, number in found if number in self._links]
        broken = {number for _, number in found} & self._links.keys()
        return [
            (self._links[number], row)
            for number in sorted(broken)
            for row in self._orphans(self._links[number])
        ]

    def _orphans(self, link: Link) -> list[ParentKey]:
        pairs = [
            (quote_identifier(a), quote_identifier(b)) for a, b in zip(link.columns, link.to, strict=True)
        ]
        is_link = " AND ".join(f"c.{column} NOT NULL" for column, _ in pairs)
        # The + makes only the parent's column decide how the two compare, as SQLite does for a foreign key.
        is_parent = " AND ".join(f"p.{to} = +c.{column}" for column, to in pairs)
        sql = (
            f"SELECT {', '.join(self._keys)} FROM {self._name} c WHERE {is_link} AND NOT EXISTS"
            f" (SELECT 1 FROM main.{quote_identifier(link.parent)} p WHERE {is_parent})"
        )
        return list(self._connection.execute(sql))

    def fix(self, link: Link, row: ParentKey, parents: Parents | None, turn: int) -> bool:
        """Give a row another parent or NULL; if neither works, delete it and return False."""
        keys = self._candidates(link, row, parents) if parents else []
        start = turn % len(keys) if keys else 0
        for key in [*keys[start:], *keys[:start]][:_PARENTS_TRIED]:
            if self._update(link.columns, key, row):
                return True
        if link.nullable and self._update(link.nullable, (None,) * len(link.nullable), row):
            return True
        self._connection.execute(f"DELETE FROM {self._name} WHERE {self._this}", row)
        return False

    def _candidates(self, link: Link, row: ParentKey, parents: Parents) -> list[ParentKey]:
        """Return the keys that keep the columns which other links of the row share with this one."""
        columns = ", ".join(map(quote_identifier, link.columns))
        sql = f"SELECT {columns} FROM {self._name} WHERE {self._this}"
        values: Any = self._connection.execute(sql, row).fetchone()
        if values is None:
            return []
        others = {column for other in self._links.values() if other != link for column in other.columns}
        bound = {c: value for c, value in zip(link.columns, values, strict=True) if c in others}
        return parents.matching(link, bound)

    def _update(self, columns: Iterable[str], values: ParentKey, row: ParentKey) -> bool:
        places = ", ".join(f"{quote_identifier(column)} = ?" for column in columns)
        try:
            self._connection.execute(
                f"UPDATE OR ABORT {self._name} SET {places} WHERE {self._this}", (*values, *row)
            )
        except REFUSED:
            return False
        return True
