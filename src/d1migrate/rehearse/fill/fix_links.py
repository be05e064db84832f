"""Foreign keys made true: rows that point at nothing are given a parent, or NULL, or go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

from d1migrate.rehearse.fill.row_constraints import REFUSED
from d1migrate.schema.keys import is_without_rowid
from d1migrate.sql.names import ROWIDS, fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d1migrate.rehearse.fill.foreign_keys import Link, ParentKey, Parents
    from d1migrate.rehearse.fill.row_plan import RowPlan

_RELINKING = 2  # rounds that look for another parent: that may take the key away others point at
_PARENTS_TRIED = 60


def repair(connection: apsw.Connection, plans: Iterable[RowPlan], parents: Parents) -> dict[str, Link]:
    """Mend every row of the plans' tables that points at nothing, until none does.

    Returns:
        For each table that lost rows, the foreign key that took the last of them.
    """
    tables = [_Linked(connection, plan) for plan in plans if plan.links]
    turn, broken = 0, 1
    lost = {}
    while broken:
        parents.forget()
        broken = 0
        for table in tables:
            for link, row in table.orphans():
                if not table.mend(link, row, parents if turn < _RELINKING else None, broken):
                    lost[table.name] = link
                broken += 1
        turn += 1
    return lost


class _Linked:
    """A table with foreign keys. Its rows go by rowid, or by the primary key where they have none."""

    def __init__(self, connection: apsw.Connection, plan: RowPlan) -> None:
        self._connection = connection
        self._links = {link.number: link for link in plan.links}
        self.name = plan.table.name
        self._name = f"main.{quote_identifier(self.name)}"
        self._by_rowid = not is_without_rowid(plan.table)
        keys = [*plan.table.primary_key]
        if self._by_rowid:
            taken = {fold(column.name) for column in plan.table.columns}
            keys = [name for name in ROWIDS if name not in taken][:1]
        self._keys = [quote_identifier(key) for key in keys]
        self._this = " AND ".join(f"{key} = ?" for key in self._keys)

    def orphans(self) -> list[tuple[Link, ParentKey]]:
        """Return the rows that point at nothing, each with the link that does."""
        check = 'SELECT "rowid", fkid FROM pragma_foreign_key_check(?, ?)'
        try:
            found = list(self._connection.execute(check, (self.name, "main")))
        except apsw.SQLError:
            return []  # a mismatch of keys: nothing can be said of this table, by nobody
        if self._by_rowid:
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
        points = " AND ".join(f"c.{column} NOT NULL" for column, _ in pairs)
        # With +, only the parent's column says how the two compare, as it is for a foreign key.
        there = " AND ".join(f"p.{to} = +c.{column}" for column, to in pairs)
        sql = (
            f"SELECT {', '.join(self._keys)} FROM {self._name} c WHERE {points} AND NOT EXISTS"
            f" (SELECT 1 FROM main.{quote_identifier(link.parent)} p WHERE {there})"
        )
        return list(self._connection.execute(sql))

    def mend(self, link: Link, row: ParentKey, parents: Parents | None, turn: int) -> bool:
        """Give a row another parent, if there are any to look at, or NULL; delete it, and say so, if not."""
        keys = self._candidates(link, row, parents) if parents else []
        start = turn % len(keys) if keys else 0
        for key in [*keys[start:], *keys[:start]][:_PARENTS_TRIED]:
            if self._update(link.columns, key, row):
                return True
        if link.loose and self._update(link.loose, (None,) * len(link.loose), row):
            return True
        self._connection.execute(f"DELETE FROM {self._name} WHERE {self._this}", row)
        return False

    def _candidates(self, link: Link, row: ParentKey, parents: Parents) -> list[ParentKey]:
        """Return the keys that leave alone what other links of the row share with this one."""
        columns = ", ".join(map(quote_identifier, link.columns))
        sql = f"SELECT {columns} FROM {self._name} WHERE {self._this}"
        now: Any = self._connection.execute(sql, row).fetchone()
        if now is None:
            return []
        others = {column for other in self._links.values() if other != link for column in other.columns}
        bound = {c: value for c, value in zip(link.columns, now, strict=True) if c in others}
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
