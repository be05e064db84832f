"""The sync triggers: they keep the shadow a subset of the table.

A trigger never writes a value. So it cannot break the application because of a CHECK or NOT NULL that only
the new table has, it cannot copy a NEW that another trigger has changed since, and a stale row never blocks a
parent. Triggers that copied values refused upserts of the application and left stale rows (measured).
"""

from __future__ import annotations

from d1migrate.sql.names import ROWIDS, fold
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.migrate.jobs.online.plan import OnlinePlan, Parent, Unique


def create_triggers(plan: OnlinePlan) -> list[str]:
    """Return the CREATE TRIGGER statements."""
    return [safe_form(sql) for sql in _Triggers(plan).statements()]


def trigger_names(plan: OnlinePlan) -> list[str]:
    """Return the quoted names of the sync triggers."""
    tags = ["insert", "update", "move", "delete"]
    tags += ["before_insert", "before_update"] if plan.uniques else []
    for number, parent in enumerate(plan.parents):
        events = ["insert", "update", "delete", *(["displaced"] if parent.uniques else [])]
        tags += [f"parent_{number}_{event}" for event in events if parent.is_watched]
    return [plan.sync(tag) for tag in tags]


def column(name: str) -> str:
    """Return the name of a key's column, quoted unless it is the rowid."""
    return name if fold(name) in ROWIDS else q(name)


def row_of(names: Sequence[str], prefix: str = "") -> str:
    """Return columns as a row value, or the only one as it is."""
    found = [f"{prefix}{column(name)}" for name in names]
    return found[0] if len(found) == 1 else f"({', '.join(found)})"


class _Triggers:
    def __init__(self, plan: OnlinePlan) -> None:
        self._plan = plan
        self._table, self._shadow, self._log = q(plan.table), q(plan.shadow), q(plan.log)

    def statements(self) -> Iterator[str]:
        plan = self._plan
        moves = " OR ".join(f"OLD.{column(k)} IS NOT NEW.{column(k)}" for k in plan.key)
        yield self._trigger("insert", "AFTER INSERT", [self._out("NEW"), self._note("NEW")])
        yield self._trigger("update", "AFTER UPDATE", [self._out("OLD"), self._note("OLD")])
        # The key that a row moves to, apart: most updates then write one row to the log and not two. Before
        # the update, which may never happen: OR REPLACE deletes the row that has this key, and an action of a
        # foreign key of the table to itself may then delete the row that is updated.
        yield self._trigger("move", "BEFORE UPDATE", [self._out("NEW"), self._note("NEW")], when=moves)
        yield self._trigger("delete", "AFTER DELETE", [self._out("OLD")])
        if plan.uniques:
            # SQLite fires no trigger for the rows that OR REPLACE deletes.
            inserted = [sql for unique in plan.uniques for sql in self._displaced(unique, "")]
            same = " AND ".join(f"{column(k)} IS OLD.{column(k)}" for k in plan.key)
            updated = [
                sql for unique in plan.uniques for sql in self._displaced(unique, f" AND NOT ({same})")
            ]
            columns = {name for unique in plan.uniques for name in unique.columns}
            is_any = not all(unique.columns for unique in plan.uniques)
            of = "" if is_any else f" OF {', '.join(map(q, sorted(columns)))}"
            yield self._trigger("before_insert", "BEFORE INSERT", inserted)
            yield self._trigger("before_update", f"BEFORE UPDATE{of}", updated)
        for number, parent in enumerate(plan.parents):
            if parent.is_watched:
                yield from self._of_parent(number, parent)

    def _trigger(self, tag: str, event: str, body: Sequence[str], *, when: str = "", on: str = "") -> str:
        condition = f" WHEN {when}" if when else ""
        return (
            f"CREATE TRIGGER {self._plan.sync(tag)} {event} ON {on or self._table}{condition}"
            f" BEGIN {'; '.join(body)}; END"
        )

    def _out(self, row: str) -> str:
        pairs = zip(self._plan.shadow_key, self._plan.key, strict=True)
        # With IS, SQLite would not search by the rowid.
        same = " AND ".join(f"{column(mine)} = {row}.{column(its)}" for mine, its in pairs)
        return f"DELETE FROM {self._shadow} WHERE {same}"

    def _note(self, row: str) -> str:
        """Return the INSERT of a key. An outer OR REPLACE or upsert overrides OR IGNORE, but not this."""
        values = ", ".join(f"{row}.{column(k)}" for k in self._plan.key)
        return f"INSERT INTO {self._log} VALUES ({values}) ON CONFLICT DO NOTHING"

    def _displaced(self, unique: Unique, other: str) -> Iterator[str]:
        """Yield the statements for the rows with the same values in a unique key."""
        keys = ", ".join(map(column, self._plan.key))
        found = f"SELECT {keys} FROM {self._table} WHERE {_conflicts(unique)}{other}"
        yield f"INSERT INTO {self._log} {found} ON CONFLICT DO NOTHING"
        yield f"DELETE FROM {self._shadow} WHERE {row_of(self._plan.shadow_key)} IN ({found})"

    def _of_parent(self, number: int, parent: Parent) -> Iterator[str]:
        """Yield the triggers on a parent: the shadow must not refuse its writes, nor be changed by them."""
        pairs = list(zip(parent.columns, parent.to, strict=True))
        old, new = (
            " AND ".join(f"{q(mine)} = {row}.{q(to)}" for mine, to in pairs) for row in ("OLD", "NEW")
        )
        to = ", ".join(map(q, parent.to))
        displaced = [
            f"{row_of(parent.columns)} IN (SELECT {to} FROM {q(parent.table)} WHERE {_conflicts(unique)})"
            for unique in parent.uniques
        ]
        moved = " OR ".join(f"OLD.{q(to)} IS NOT NEW.{q(to)}" for to in parent.to)
        yield self._on_parent(number, parent, "insert", [new, *displaced])
        yield self._on_parent(number, parent, "update", [old, new], when=moved)
        yield self._on_parent(number, parent, "delete", [old])
        if displaced:
            columns = {name for unique in parent.uniques for name in unique.columns}
            is_any = not all(unique.columns for unique in parent.uniques)
            of = "" if is_any else f" OF {', '.join(map(q, sorted(columns)))}"
            yield self._on_parent(number, parent, "displaced", displaced, event=f"UPDATE{of}")

    def _on_parent(
        self, number: int, parent: Parent, tag: str, rows: Sequence[str], *, event: str = "", when: str = ""
    ) -> str:
        """Return a trigger that takes rows out of the shadow, and notes their keys.

        Args:
            number: that of the foreign key.
            parent: the foreign key.
            tag: of the trigger's name.
            rows: conditions over the shadow.
            event: the event; the tag by default.
            when: the trigger's condition.
        """
        keys = ", ".join(map(column, self._plan.shadow_key))
        body = list[str]()
        for condition in rows:
            found = f"FROM {self._shadow} WHERE {condition}"
            body += [
                f"INSERT INTO {self._log} SELECT {keys} {found} ON CONFLICT DO NOTHING",
                f"DELETE {found}",
            ]
        timing = f"BEFORE {event or tag.upper()}"
        return self._trigger(f"parent_{number}_{tag}", timing, body, when=when, on=q(parent.table))


def _conflicts(unique: Unique) -> str:
    """Return the condition that a row has the values of NEW in a unique key."""
    # Each expression of an index, over NEW: a row with the names of the columns.
    names = ", ".join(f"NEW.{q(name)} AS {q(name)}" for name in unique.reads)
    terms = [
        f"({sql}){f' COLLATE {collation}' if collation else ''} = "
        + (f"NEW.{sql}" if is_column else f"(SELECT {sql} FROM (SELECT {names}))")
        for sql, is_column, collation in unique.terms
    ]
    # SQLite uses a partial index only if its condition is in the query.
    return " AND ".join([*terms, *([f"({unique.where})"] if unique.where else [])])
