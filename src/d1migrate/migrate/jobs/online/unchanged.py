"""The definition of the table, which nothing else may change while it is rebuilt.

The copy is made of what the table was when the job began. A column, an index or a trigger that was added
since would be gone after the swap, and DROP TABLE would delete the rows of a child that has no guard.
"""

from __future__ import annotations

from d1migrate.migrate.jobs.job import CHANGED_SINCE
from d1migrate.migrate.jobs.online.rows import refusal
from d1migrate.sql.names import HELPER, JOB_TABLE, fold, is_helper, not_cloudflares, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.migrate.jobs.online.plan import OnlinePlan
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Table


def definition_of(table: Table, catalog: Catalog) -> Iterator[str]:
    """Yield the SQL of a table, its indexes and its triggers, and a line for each foreign key to it."""
    yield table.sql
    objects = [(i.name, i.sql) for i in table.indexes] + [(t.name, t.sql) for t in table.triggers]
    yield from (sql for name, sql in objects if sql and not is_helper(name))
    for name, key in catalog.references(fold(table.name)):
        if name != fold(table.name):
            for column in key.columns:
                actions = f"ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
                yield f"foreign key of {name}.{fold(column)} {actions}"


def assert_unchanged(plan: OnlinePlan) -> str:
    """Return the assertion that the definition is the one in the job's row."""
    table, helper = quote_literal(plan.table), quote_literal(f"{HELPER}*")
    own = (
        f"SELECT sql FROM sqlite_schema WHERE tbl_name = {table} COLLATE NOCASE AND sql IS NOT NULL"
        f" AND lower(name) NOT GLOB {helper}"
    )
    keys = (
        "SELECT 'foreign key of ' || lower(c.name) || '.' || lower(k.\"from\")"
        " || ' ON DELETE ' || k.on_delete || ' ON UPDATE ' || k.on_update"
        " FROM sqlite_schema c JOIN pragma_foreign_key_list(c.name) k"
        f" WHERE c.type = 'table' AND {not_cloudflares('c.name')} AND lower(c.name) NOT GLOB {helper}"
        f' AND c.name <> {table} COLLATE NOCASE AND k."table" = {table} COLLATE NOCASE'
    )
    place = quote_literal(f"$[{plan._fields.index('definition')}]")
    began = f"SELECT value AS sql FROM json_each((SELECT plan FROM {JOB_TABLE}), {place})"
    now = f"{own} UNION ALL {keys}"
    message = f"{quote_literal(f'{plan.table} {CHANGED_SINCE}')} || substr(sql, 1, 100)"
    return refusal(
        message,
        f"FROM (SELECT sql FROM ({now}) EXCEPT {began})"
        f" UNION ALL {refusal(message, f'FROM ({began} EXCEPT SELECT sql FROM ({now}))')}",
    )
