"""Foreign keys for a dump: the order of tables, and the keys that would refuse rows."""

from __future__ import annotations

from d1migrate.errors import QueryError
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.names import fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from d1migrate.drivers.protocol import Driver
    from d1migrate.schema.model import ForeignKey, Table


class ForeignKeys(NamedTuple):
    """The foreign keys of a database.

    Attributes:
        ordered: the tables, parents before children; those in `mismatched` last.
        deferred: why the keys must be deferred to the end, "" if they need not be.
        orphans: how many rows reference missing rows.
        placeholders: {missing parent: CREATE TABLE of a placeholder for it while rows are loaded}.
        mismatched: {table: why D1 accepts no rows for it}: those with a foreign key mismatch.
    """

    ordered: tuple[Table, ...]
    deferred: str
    orphans: int
    placeholders: dict[str, str]
    mismatched: dict[str, str]


def read_foreign_keys(driver: Driver, tables: Sequence[Table], others: Iterable[str]) -> ForeignKeys:
    """Read the foreign keys of some tables.

    Args:
        driver: the database.
        tables: the ordinary tables.
        others: names of other tables that they may reference.
    """
    ordered, deferred = _in_order(tables)
    orphans, mismatched = _check(driver, tables)
    there = {fold(name) for name in (*(table.name for table in tables), *others)}
    missing: dict[str, list[ForeignKey]] = {}
    for table in tables:
        for key in table.foreign_keys:
            if fold(key.table) not in there:
                missing.setdefault(fold(key.table), []).append(key)
    return ForeignKeys(
        tuple(sorted(ordered, key=lambda table: table.name in mismatched)),
        deferred,
        orphans,
        {keys[0].table: _placeholder(keys) for keys in missing.values()},
        mismatched,
    )


def _in_order(tables: Sequence[Table]) -> tuple[list[Table], str]:
    """Return tables with parents before children, and why that is not possible, or ""."""
    waiting = {fold(table.name): table for table in tables}
    ordered: list[Table] = []
    circles: list[str] = []
    while waiting:
        parents = {name: {fold(key.table) for key in table.foreign_keys} for name, table in waiting.items()}
        free = [name for name in waiting if not parents[name] & waiting.keys() - {name}]
        if not free:
            free = [next(iter(waiting))]
            circles.append(waiting[free[0]].name)
        circles += [waiting[name].name for name in free if name in parents[name]]
        ordered += [waiting.pop(name) for name in free]
    names = ", ".join(dict.fromkeys(circles))
    return ordered, f"foreign keys form a circle at {names}" if names else ""


def _check(driver: Driver, tables: Sequence[Table]) -> tuple[int, dict[str, str]]:
    """Return how many rows have no parent, and {table: error} of tables with a foreign key mismatch."""
    try:
        return _count(driver, "SELECT count(*) FROM pragma_foreign_key_check"), {}
    except QueryError:  # one mismatch ends the whole check
        orphans, mismatched = 0, {}
    for table in tables:
        if table.foreign_keys:
            try:
                orphans += _count(
                    driver, f"SELECT count(*) FROM pragma_foreign_key_check({quote_literal(table.name)})"
                )
            except QueryError as error:
                mismatched[table.name] = str(error)
    return orphans, mismatched


def _count(driver: Driver, sql: str) -> int:
    return int(driver.batch(Batch((Query(sql),), reads=True))[0].rows[0][0])


def _placeholder(keys: Collection[ForeignKey]) -> str:
    """Return a placeholder that matches foreign keys; without it, no row that has them can be written."""
    implicit = {len(key.columns) for key in keys if None in key.to}
    wanted = {tuple(fold(c) for c in key.to if c is not None) for key in keys if None not in key.to}
    columns = dict.fromkeys(column for group in sorted(wanted) for column in group)
    parts = [f"UNIQUE ({', '.join(map(quote_identifier, group))})" for group in sorted(wanted)]
    if implicit:  # it has one length; keys of other lengths mismatch
        own = [f"key {number}" for number in range(max(implicit))]
        columns |= dict.fromkeys(own)
        parts.insert(0, f"PRIMARY KEY ({', '.join(map(quote_identifier, own))})")
    name = quote_identifier(next(iter(keys)).table)
    return f"CREATE TABLE {name} ({', '.join([*map(quote_identifier, columns), *parts])})"
