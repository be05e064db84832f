"""Fill a database with generated rows that satisfy every constraint of its schema."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager

import apsw

from d1migrate.named_tuple import NamedTuple
from d1migrate.rehearse.fill.fix_links import fix_links
from d1migrate.rehearse.fill.foreign_keys import Parents
from d1migrate.rehearse.fill.row_constraints import REFUSED
from d1migrate.rehearse.fill.row_plan import TRIES, NoParentError, RowPlan
from d1migrate.rehearse.fill.virtual import fill_virtual
from d1migrate.schema import introspect
from d1migrate.sql.batch import Result
from d1migrate.sql.create import parse_virtual_table
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from d1migrate.schema.model import Schema, Table
    from d1migrate.sql.definitions import Check, TableDefinition

_NOT_FILLED = "fts5vocab"  # a view of another table's index
_ROWS_GIVEN_UP = 3  # after so many refused rows, a table is full


class Filled(NamedTuple):
    """The result of filling.

    Attributes:
        rows: {table: how many rows it has now}, of the tables asked for.
        empty: {table without rows: why}.
    """

    rows: dict[str, int]
    empty: dict[str, str]


def fill(
    connection: apsw.Connection,
    rows: int = 50,
    *,
    tables: Collection[str] | None = None,
    schema: Schema | None = None,
) -> Filled:
    """Put generated rows into the empty tables of a database; the same schema gets the same rows.

    Tables that hold rows are not changed; new rows may reference theirs. No trigger fires. A table whose
    constraints allow fewer rows than asked for gets fewer.

    Args:
        connection: to the database, under SQLite's own rules.
        rows: how many for each table.
        tables: the tables to fill; all of them if None. Views, shadow tables and history are not filled.
        schema: the schema, if it is known.
    """
    if schema is None:
        answers = [Result(tuple(connection.execute(q.sql, q.params))) for q in introspect.QUERIES]
        schema = introspect.read(answers)
    asked = None if tables is None else {fold(name) for name in tables}
    wanted = [
        (table, virtual)
        for table in schema.tables
        if asked is None or fold(table.name) in asked
        if not (virtual := parse_virtual_table(table.sql)) or virtual.module != _NOT_FILLED
    ]
    with without_actions(connection), connection:
        empty = [(table, virtual) for table, virtual in wanted if not _count(connection, table)]
        plain = [table for table, virtual in empty if not virtual]
        why = _fill_plain(connection, schema.tables, plain, rows)
        for table, virtual in empty:
            if virtual:
                why[table.name] = fill_virtual(connection, table, virtual, rows)
        counts = {table.name: _count(connection, table) for table, _ in wanted}
    return Filled(counts, {name: why[name] for name, count in counts.items() if not count})


@contextmanager
def without_actions(connection: apsw.Connection) -> Iterator[None]:
    """Switch triggers and foreign keys off for a while."""
    options = (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, apsw.SQLITE_DBCONFIG_ENABLE_FKEY)
    before = [connection.config(option, -1) for option in options]
    try:
        for option in options:
            connection.config(option, 0)
        yield
    finally:
        for option, value in zip(options, before, strict=True):
            connection.config(option, value)


def _count(connection: apsw.Connection, table: Table) -> int:
    try:
        count: int = connection.execute(f"SELECT count(*) FROM main.{quote_identifier(table.name)}").get
    except apsw.SQLError:
        return 0  # a full-text table whose content table does not exist
    return count


def _fill_plain(
    connection: apsw.Connection, tables: Iterable[Table], wanted: Iterable[Table], rows: int
) -> dict[str, str]:
    """Fill ordinary tables; return {table: why it has no rows, if it has none}."""
    parents = Parents(connection, rows)
    by_name = {fold(table.name): table for table in tables}
    plans = {fold(table.name): RowPlan(table, by_name, parents) for table in wanted}
    parents.planned = {name: plan.key for name, plan in plans.items()}
    for plan in plans.values():
        for link in plan.links:
            if parent := plans.get(fold(link.parent)):
                for column, to in zip(link.columns, link.to, strict=True):
                    parent.referrers[to].append((plan, column))
    why = {}
    for plan in _parents_first(plans):
        why[plan.table.name] = _insert(connection, plan, rows) if rows else "no rows were requested"
        del parents.planned[fold(plan.table.name)]
        plan.close()
    lost = fix_links(connection, plans.values(), parents)
    return why | {name: _unsatisfied(link) for name, link in lost.items()}


def _parents_first(plans: dict[str, RowPlan]) -> Iterator[RowPlan]:
    """Yield every plan after the plans of its parents; in a circle, after some of them."""
    seen: set[str] = set()
    stack = [(name, False) for name in reversed(plans)]
    while stack:
        name, ready = stack.pop()
        if ready:
            yield plans[name]
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack += [(to, False) for link in plans[name].links if (to := fold(link.parent)) in plans]


def _insert(connection: apsw.Connection, plan: RowPlan, rows: int) -> str:
    """Insert rows as far as the table accepts them; return why it is empty, if it is."""
    columns = ", ".join(quote_identifier(name) for name in plan.names)
    places = ", ".join("?" * len(plan.names))
    # OR ABORT: a constraint's own ON CONFLICT could delete rows, or roll the whole transaction back.
    sql = f"INSERT OR ABORT INTO main.{quote_identifier(plan.table.name)} ({columns}) VALUES ({places})"
    refusals: Counter[str] = Counter()
    is_empty, failed = True, 0
    for number in range(rows):
        if _add(connection, plan, sql, number, refusals):
            is_empty = False
        else:
            failed += 1
        if failed == _ROWS_GIVEN_UP:
            break
    if not is_empty:
        return ""
    reason = refusals.most_common(1)[0][0]
    # SQLite reports the first CHECK that is false; another one may be the one that no row satisfies.
    check = plan.impossible() if "CHECK" in reason else None
    return _unsatisfied(_written(check)) if check else reason


def _add(connection: apsw.Connection, plan: RowPlan, sql: str, number: int, refusals: Counter[str]) -> bool:
    for turn in range(TRIES):
        try:
            row = plan.row(number, turn)
            connection.execute(sql, [row[name] for name in plan.names])
        except NoParentError as error:
            refusals[_unsatisfied(error)] += 1
        except REFUSED as error:
            refusals[_reason(str(error), plan.definition)] += 1
        else:
            plan.added(row)
            return True
    return False


def _reason(message: str, definition: TableDefinition | None) -> str:
    """Return an error's message; for a CHECK, its text."""
    _, _, subject = message.partition("CHECK constraint failed: ")
    if not subject:
        return f"every row was refused: {message}"
    checks = definition.all_checks if definition else ()
    named = (_written(check) for check in checks if subject in (check.name, check.expression))
    return _unsatisfied(next(named, f"CHECK {subject}"))


def _written(check: Check) -> str:
    name = f"CONSTRAINT {check.name} " if check.name else ""
    return f"{name}CHECK ({' '.join(check.expression.split())})"


def _unsatisfied(constraint: object) -> str:
    return f"{constraint} could not be satisfied"
