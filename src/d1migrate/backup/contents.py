"""The contents of a database, as a dump needs them: its tables in order, and the keys of their rows."""

from __future__ import annotations

from d1migrate.backup.foreign_keys import read_foreign_keys
from d1migrate.drivers.run import run
from d1migrate.errors import DamagedError, QueryError, UsageError
from d1migrate.migrate.flows.read import read_job
from d1migrate.migrate.jobs.objects import has_job, without_job
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import introspect
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import declares_autoincrement, is_autoincrement
from d1migrate.sql.batch import Batch, Query, count_rows
from d1migrate.sql.create import parse_virtual_table
from d1migrate.sql.names import ROWIDS, fold, is_job_table, not_cloudflares, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d1migrate.backup.foreign_keys import ForeignKeys
    from d1migrate.drivers.protocol import Driver
    from d1migrate.schema.model import Schema, Table

_NOT_CLOUDFLARES = not_cloudflares("l.name")
_QUERIES = (
    Query(
        "SELECT l.name AS name, l.type AS type, l.wr AS wr"
        f" FROM pragma_table_list l WHERE l.schema = 'main' AND {_NOT_CLOUDFLARES}"
    ),
    Query(
        "SELECT l.name AS name, x.name AS col, x.coll AS coll FROM pragma_table_list l"
        " JOIN pragma_index_list(l.name) i JOIN pragma_index_xinfo(i.name) x"
        f" WHERE l.schema = 'main' AND l.type = 'table' AND l.wr AND {_NOT_CLOUDFLARES}"
        " AND i.origin = 'pk' AND x.\"key\" ORDER BY l.name, x.seqno"
    ),
    Query(
        "SELECT type, name, sql FROM sqlite_schema t WHERE sql IS NOT NULL AND "
        f"{introspect.HISTORY.format('t')} ORDER BY rowid"
    ),
    Query(
        "SELECT t.name AS name, c.name AS col FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c"
        f" WHERE t.type = 'table' AND {introspect.HISTORY.format('t')} AND c.hidden = 0"
        " ORDER BY t.rowid, c.cid"
    ),
    Query("SELECT hex('a')"),
)
_ENCODINGS = {"61": "utf-8", "6100": "utf-16-le", "0061": "utf-16-be"}


class KeyColumn(NamedTuple):
    """A column of the key that orders rows: its quoted name and, except for the rowid, its collation."""

    column: str
    collation: str = ""


class TableContents(NamedTuple):
    """A table whose rows are dumped.

    Attributes:
        name: the table.
        columns: the quoted names of the inserted columns; the rowid first, unless a column is its alias.
        key: the key by which its rows are ordered.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[KeyColumn, ...]


class VirtualTableContents(NamedTuple):
    """A virtual table.

    Attributes:
        table: its schema.
        content: how its rows are read, or None.
        rebuild: whether it indexes another table, from which it is rebuilt.
        lost: what cannot be dumped, or "".
        settings: (name, value) of the settings of an FTS5 table after its creation, as literals.
    """

    table: Table
    content: TableContents | None
    rebuild: bool
    lost: str
    settings: tuple[tuple[str, str], ...] = ()


class Contents(NamedTuple):
    """The contents of a database.

    Attributes:
        schema: without the history tables, and without an online rebuild that is not finished.
        history: (type, name, SQL) of the history tables, their indexes and triggers.
        tables: the history tables and ordinary ones, parents before children.
        virtual: the virtual tables, in order of creation.
        keys: the foreign keys.
        sequences: {AUTOINCREMENT table: its counter, as SQL; "" if SQLite has none, as after a reset}.
        encoding: the encoding of its text.
    """

    schema: Schema
    history: tuple[tuple[str, str, str], ...]
    tables: tuple[TableContents, ...]
    virtual: tuple[VirtualTableContents, ...]
    keys: ForeignKeys
    sequences: dict[str, str]
    encoding: str

    @property
    def all_tables(self) -> tuple[TableContents, ...]:
        """Every table whose rows are dumped."""
        return (*self.tables, *(virtual.content for virtual in self.virtual if virtual.content))


def read_contents(driver: Driver) -> Contents:
    """Read the contents of a database, without rows.

    Raises:
        UsageError: a table has no key by which its rows could be paged.
        DriverError: the database cannot be read.
    """
    results = driver.batch(Batch((*introspect.QUERIES, *_QUERIES), reads=True))
    schema = _without_rebuild(introspect.read(results[: len(introspect.QUERIES)]), driver)
    tables, keys, history, columns, probe = results[len(introspect.QUERIES) :]
    kinds = {name: (kind, bool(wr)) for name, kind, wr in tables.rows}
    if strange := [table.name for table in schema.tables if table.name not in kinds]:
        raise DamagedError(
            f"{driver.url}: sqlite_schema is damaged: SQLite has no table named {strange[0]!a}",
            hint="restore the database from a backup or a restore point",
        )
    primary: dict[str, list[KeyColumn]] = {}
    for name, column, collation in keys.rows:
        primary.setdefault(name, []).append(KeyColumn(quote_identifier(column), collation))
    plain = [table for table in schema.tables if kinds[table.name][0] == "table"]
    ours: dict[str, list[str]] = {}
    for name, column in columns.rows:
        ours.setdefault(name, []).append(column)
    found = read_foreign_keys(driver, plain, ours)
    contents = [
        _table_contents(
            name, names, names, holds_rowid=True, primary=primary.get(name, ()) if kinds[name][1] else ()
        )
        for name, names in ours.items()
    ]
    # If the pages are not from one moment, the cursor of a job is read first: then no row after it is missed.
    contents += [
        _table_contents(
            table.name,
            [c.name for c in table.columns if not c.generated],
            [c.name for c in table.columns],
            holds_rowid=rowid_alias(table) is not None,
            primary=primary.get(table.name, ()) if kinds[table.name][1] else (),
        )
        for table in sorted(found.ordered, key=lambda table: not is_job_table(table.name))
    ]
    virtual = tuple(
        _virtual_contents(driver, t, schema) for t in schema.tables if kinds[t.name][0] == "virtual"
    )
    known = {table.name for table in plain if is_autoincrement(table)}
    known |= {name for _, name, sql in history.rows if declares_autoincrement(sql)}
    return Contents(
        schema,
        tuple(history.rows),
        tuple(contents),
        virtual,
        found,
        _sequences(driver, known) if known else {},
        _ENCODINGS[probe.rows[0][0]],
    )


def _without_rebuild(schema: Schema, driver: Driver) -> Schema:
    """Return a schema without an open job that a copy cannot continue: in the copy it is cancelled."""
    if not has_job(schema):
        return schema
    job = run(read_job(), driver)
    return schema if job is None or job.is_portable else without_job(schema, job)


def _table_contents(
    name: str,
    stored: Iterable[str],
    columns: Iterable[str],
    *,
    holds_rowid: bool,
    primary: Sequence[KeyColumn],
) -> TableContents:
    names = tuple(map(quote_identifier, stored))
    if primary:
        return TableContents(name, names, tuple(primary))
    taken = set(map(fold, columns))
    rowid = next((word for word in ROWIDS if word not in taken), None)
    if rowid is None:
        raise UsageError(
            f"cannot read the rowids of {name}: its columns are named rowid, _rowid_ and oid",
            hint="rename one of them",
        )
    return TableContents(name, names if holds_rowid else (rowid, *names), (KeyColumn(rowid),))


def _virtual_contents(driver: Driver, table: Table, schema: Schema) -> VirtualTableContents:
    """Return how a virtual table is dumped: FTS5 with its own or another table's rows, or an R*Tree."""
    virtual = parse_virtual_table(table.sql)
    names = [column.name for column in table.columns]
    if virtual is None or virtual.module == "fts5vocab":
        return VirtualTableContents(table, None, False, "")
    if not virtual.is_fts5:  # an R*Tree's first column is its rowid
        return VirtualTableContents(
            table, _table_contents(table.name, names, names, holds_rowid=True, primary=()), False, ""
        )
    settings, is_empty = _settings(driver, table.name), _indexed(driver, table.name) == 0
    if virtual.content:
        there = {fold(t.name) for t in schema.tables} | {fold(view.name) for view in schema.views}
        if fold(virtual.content) not in there:
            lost = "" if is_empty else f"{virtual.content}, which it indexes, does not exist"
            return VirtualTableContents(table, None, False, lost, settings)
        return VirtualTableContents(
            table, None, True, _indexes_some(driver, table.name, virtual.content), settings
        )
    if virtual.content == "":
        lost = "" if is_empty else "it stores no text to dump: it is restored empty"
        return VirtualTableContents(table, None, False, lost, settings)
    content = _table_contents(table.name, names, names, holds_rowid=False, primary=())
    return VirtualTableContents(table, content, False, "", settings)


def _settings(driver: Driver, table: str) -> tuple[tuple[str, str], ...]:
    config = quote_identifier(f"{table}_config")
    query = Query(f"SELECT quote(k) AS k, quote(v) AS v FROM {config} WHERE k <> 'version' ORDER BY k")
    return tuple(driver.batch(Batch((query,), reads=True))[0].rows)


def _indexes_some(driver: Driver, name: str, content: str) -> str:
    """Return how the rows that an FTS5 table indexes differ in number from its content; "" if they do not."""
    indexed, rows = quote_identifier(f"{name}_docsize"), quote_identifier(content)
    query = Query(f"SELECT (SELECT count(*) FROM {indexed}) AS some, (SELECT count(*) FROM {rows}) AS whole")
    try:
        ((some, whole),) = driver.batch(Batch((query,), reads=True))[0].rows
    except QueryError:  # columnsize=0, or a broken view
        return ""
    return "" if some == whole else f"it indexes {some} rows of {content}, and is restored with all {whole}"


def _indexed(driver: Driver, name: str) -> int | None:
    """Return how many rows an FTS5 table indexes; None with columnsize=0, which does not store it."""
    try:
        return int(driver.batch(Batch((count_rows(f"{name}_docsize"),), reads=True))[0].rows[0][0])
    except QueryError:
        return None


def _sequences(driver: Driver, tables: Iterable[str]) -> dict[str, str]:
    query = Query("SELECT name, quote(seq) AS seq FROM sqlite_sequence ORDER BY name")
    rows = driver.batch(Batch((query,), reads=True))[0].rows
    counters = {name: str(seq) for name, seq in rows}
    return {name: counters.get(name, "") for name in sorted(tables)}
