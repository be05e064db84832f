"""Virtual tables that change: rebuilt, and filled again from wherever their rows are stored."""

from __future__ import annotations

from d1migrate.errors import PlanError
from d1migrate.schema.changes import RebuildVirtual
from d1migrate.schema.queries import content_of
from d1migrate.sql.create import parse_virtual_table
from d1migrate.sql.names import HELPER, fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from d1migrate.schema.model import Table


def rebuild_virtual(old: Table, new: Table, backfill: Mapping[tuple[str, str], str]) -> RebuildVirtual:
    """Return the change that rebuilds a virtual table.

    Args:
        old: the table that exists.
        new: the table that should exist.
        backfill: as in `diff`.

    Raises:
        PlanError: they differ in module, one is not a virtual table, or the rows cannot be read.
    """
    before, after = _module(old), _module(new)
    if before != after:
        raise PlanError(
            f"{old.name} is {_kind(before)} and cannot become {_kind(after)}",
            hint="create the new one under another name, fill it, and drop the old one in a later migration",
        )
    if "" in (content_of(old), content_of(new)):
        raise PlanError(
            f"{old.name} changes, but is a contentless full-text table: its text is not stored",
            hint="write a migration that drops it, creates it and inserts the text again",
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
    """Return the statements of the change, without `;`; `number` as in `rebuild_statements`."""
    name, hold = quote_identifier(change.new.name), quote_identifier(f"{HELPER}hold_{number}")
    rebuilt = [f"DROP TABLE {quote_identifier(change.old.name)}", change.new.sql]
    if change.filled_by != "itself":
        return [*rebuilt, reindex_statement(change.new.name)] if change.filled_by == "content" else rebuilt
    rowid = quote_identifier(f"{HELPER}rowid")
    held = [quote_identifier(column.name) for column in change.old.columns]
    into = [quote_identifier(column) for column, _ in change.values]
    values = [value for _, value in change.values]
    if _module(change.new) == "fts5":  # an R*Tree's rowid is its first column
        held, into, values = [f"rowid AS {rowid}", *held], ["rowid", *into], [rowid, *values]
    return [
        f"CREATE TABLE {hold} AS SELECT {', '.join(held)} FROM {quote_identifier(change.old.name)}",
        *rebuilt,
        f"INSERT INTO {name} ({', '.join(into)}) SELECT {', '.join(values)} FROM {hold}",
        f"DROP TABLE {hold}",
    ]


def reindex_statement(name: str) -> str:
    """Return the statement that fills a full-text table again from the table it indexes."""
    return f"INSERT INTO {quote_identifier(name)} ({quote_identifier(name)}) VALUES ('rebuild')"


def _kind(module: str) -> str:
    return f"a virtual table of module {module}" if module else "an ordinary table"


def _module(table: Table) -> str:
    definition = parse_virtual_table(table.sql)
    return definition.module if definition else ""
