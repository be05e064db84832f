"""Virtual tables that change: made anew, and filled again from where their rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.errors import PlanError
from d1migrate.schema.changes import RebuildVirtual
from d1migrate.schema.queries import content_of
from d1migrate.sql.create import parse_virtual_table
from d1migrate.sql.names import HELPER, fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d1migrate.schema.model import Table


def rebuild_virtual(old: Table, new: Table, backfill: Mapping[tuple[str, str], str]) -> RebuildVirtual:
    """Return what makes a virtual table another one.

    Args:
        old: what it is.
        new: what it becomes.
        backfill: as `diff` has it.

    Raises:
        PlanError: one of them is no virtual table, or of another module, or keeps no rows to fill it with.
    """
    before, after = _module(old), _module(new)
    if before != after:
        raise PlanError(
            f"{old.name} would become {after or 'an ordinary table'}, and it is {before or 'one'}",
            hint="give the new one another name, fill it, and drop the old one in a later migration",
        )
    if "" in (content_of(old), content_of(new)):
        raise PlanError(
            f"{old.name} changes, and is a full-text table without content: its texts are nowhere to be read",
            hint="drop it, create it, and insert the texts again, in a migration of your own",
        )
    if before == "fts5vocab":
        return RebuildVirtual(old, new, "nothing")
    holds = [column.name for column in old.columns] if content_of(old) is None else []
    if content_of(new) is not None:
        return RebuildVirtual(old, new, "content", dropped=tuple(holds))
    values = list(_values(old, new, backfill, is_tree=before != "fts5"))
    read = {value for _, value in values}
    gone = tuple(name for name in holds if quote_identifier(name) not in read)
    return RebuildVirtual(old, new, "itself", tuple(values), gone)


def _values(
    old: Table, new: Table, backfill: Mapping[tuple[str, str], str], *, is_tree: bool
) -> Iterator[tuple[str, str]]:
    there = {fold(column.name): quote_identifier(column.name) for column in old.columns}
    if is_tree:  # the first column of an R*Tree is its rowid, whatever it is called
        there[fold(new.columns[0].name)] = quote_identifier(old.columns[0].name)
    for column in new.columns:
        value = backfill.get((fold(old.name), fold(column.name))) or there.get(fold(column.name))
        if value is not None:
            yield column.name, value


def virtual_statements(change: RebuildVirtual, number: int) -> list[str]:
    """Return the statements of it, without `;`; `number` as in `rebuild_statements`."""
    name, hold = quote_identifier(change.new.name), quote_identifier(f"{HELPER}hold_{number}")
    anew = [f"DROP TABLE {quote_identifier(change.old.name)}", change.new.sql]
    if change.filled_by != "itself":
        return anew + [reindex_statement(change.new.name)] * (change.filled_by == "content")
    has_rowid = _module(change.new) == "fts5"
    rowid = quote_identifier(f"{HELPER}rowid")
    held = [f"rowid AS {rowid}"] * has_rowid + [quote_identifier(c.name) for c in change.old.columns]
    into = ["rowid"] * has_rowid + [quote_identifier(column) for column, _ in change.values]
    values = [rowid] * has_rowid + [value for _, value in change.values]
    return [
        f"CREATE TABLE {hold} AS SELECT {', '.join(held)} FROM {quote_identifier(change.old.name)}",
        *anew,
        f"INSERT INTO {name} ({', '.join(into)}) SELECT {', '.join(values)} FROM {hold}",
        f"DROP TABLE {hold}",
    ]


def reindex_statement(name: str) -> str:
    """Return the statement that reads the content of a full-text table anew."""
    return f"INSERT INTO {quote_identifier(name)} ({quote_identifier(name)}) VALUES ('rebuild')"


def _module(table: Table) -> str:
    definition = parse_virtual_table(table.sql)
    return definition.module if definition else ""
