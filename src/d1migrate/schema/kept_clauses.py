"""Clauses of a table that its models cannot declare: the table keeps those that it has."""

from __future__ import annotations

from d1migrate.sql.create import parse_table, with_reference_clauses, without_autoincrement
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from d1migrate.schema.model import Table
    from d1migrate.sql.definitions import Reference, TableDefinition

ACTIONS = "actions"
"""The clauses of foreign keys: ON DELETE, ON UPDATE, DEFERRABLE."""
ROWIDS = "rowids"
"""Whether ids are assigned twice, and WITHOUT ROWID."""


def with_kept_clauses(wanted: Table, before: Table, undeclared: Collection[str]) -> Table:
    """Return a table with the earlier clauses of the kinds that models cannot declare.

    A foreign key keeps its clauses as long as it references the same table.

    Args:
        wanted: the table as it should be.
        before: the table as it is.
        undeclared: ACTIONS, ROWIDS or both.
    """
    after, earlier = parse_table(wanted.sql), parse_table(before.sql)
    if after is None or earlier is None:
        return wanted
    if ACTIONS in undeclared:
        wanted = _with_actions(wanted, before, after, earlier)
    if ROWIDS in undeclared:
        wanted = wanted._replace(sql=_with_rowids(wanted.sql, after, earlier))
    return wanted


def kept_clauses(wanted: Table, kept: Table) -> Iterator[str]:
    """Yield in words what `with_kept_clauses` kept of a table, except when its keys are checked."""
    after, has = parse_table(wanted.sql), parse_table(kept.sql)
    if after is None or has is None:
        return
    if after.autoincrement and not has.autoincrement:
        yield f"{kept.name} without AUTOINCREMENT"
    if has.without_rowid and not after.without_rowid:
        yield f"{kept.name} WITHOUT ROWID"
    for wish, one in zip(after.all_references, has.all_references, strict=True):
        if (wish.on_delete, wish.on_update) != (one.on_delete, one.on_update):
            actions = _clause(one._replace(deferrable="")) or "NO ACTION"
            yield f"{kept.name}.{', '.join(one.columns)} {actions}"


def _with_actions(wanted: Table, before: Table, after: TableDefinition, earlier: TableDefinition) -> Table:
    clauses = {_key(reference): _clause(reference) for reference in earlier.all_references}
    kept = [clauses.get(_key(one), _clause(one)) for one in after.all_references]
    if kept == [_clause(one) for one in after.all_references]:
        return wanted
    actions = {(tuple(map(fold, key.columns)), fold(key.table)): key for key in before.foreign_keys}
    keys = []
    for key in wanted.foreign_keys:
        old = actions.get((tuple(map(fold, key.columns)), fold(key.table)), key)
        keys.append(key._replace(on_delete=old.on_delete, on_update=old.on_update))
    return wanted._replace(sql=with_reference_clauses(wanted.sql, kept), foreign_keys=tuple(keys))


def _key(reference: Reference) -> tuple[tuple[str, ...], str]:
    return tuple(map(fold, reference.columns)), fold(reference.table)


def _clause(reference: Reference) -> str:
    actions = (("DELETE", reference.on_delete), ("UPDATE", reference.on_update))
    words = [f"ON {event} {action}" for event, action in actions if action != "NO ACTION"]
    return " ".join([*words, reference.deferrable]).strip()


def _with_rowids(sql: str, after: TableDefinition, earlier: TableDefinition) -> str:
    alias = after.rowid_alias
    is_same = alias is not None and fold(alias) == fold(earlier.rowid_alias or "")
    if after.autoincrement and is_same and not earlier.autoincrement:
        return without_autoincrement(sql)
    if earlier.without_rowid and not after.without_rowid and not after.autoincrement and after.primary_key:
        return f"{sql} WITHOUT ROWID"
    return sql
