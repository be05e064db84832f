"""Build an empty database with migrations, at a given moment: schema, rows, counters and indexes."""

from __future__ import annotations

from contextlib import closing

from d1migrate.backup.contents import read_contents
from d1migrate.backup.rows import Reader
from d1migrate.drivers.pinned import PinnedDriver
from d1migrate.drivers.run import run
from d1migrate.errors import ApplyError, PlanError, QueryError
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.history import tables
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import actor
from d1migrate.schema import digest
from d1migrate.schema.model import Schema
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.create import parse_virtual_table
from d1migrate.sql.names import HELPER, fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from d1migrate.backup.contents import Contents
    from d1migrate.drivers.pinned import Moment
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table_choice import TableChoice

_TERMS = f"{HELPER}terms"


class Build(NamedTuple):
    """A database that migrations built.

    Attributes:
        contents: its schema, and the order of its tables.
        rows: {table: its rows, in the order of its key, as literals}.
        indexes: {FTS5 table: the content of its index}.
        draws: what each random number was drawn for: a number of bytes, or None for an integer.
    """

    contents: Contents
    rows: dict[str, list[list[str]]]
    indexes: dict[str, list[tuple[object, ...]]]
    draws: tuple[int | None, ...]

    @property
    def sequences(self) -> dict[str, str]:
        """{table: its AUTOINCREMENT counter}; a counter of 0 is left out, which is the same."""
        return {name: seq for name, seq in self.contents.sequences.items() if seq not in ("", "0", "NULL")}


def build(
    migrations: Sequence[Migration], choice: TableChoice, moment: Moment, order: Iterable[int] = ()
) -> Build:
    """Apply migrations to an empty database.

    Args:
        migrations: the files.
        choice: how to choose the migrations table.
        moment: the time, and the random numbers.
        order: the random numbers to draw first.

    Raises:
        PlanError: a statement fails; the message has its file and line.
        SourceError: a file cannot be parsed.
    """
    with closing(PinnedDriver(moment, order)) as driver:
        try:
            run(up(migrations, choice, lambda: actor.stamp("squash")), driver)
        except ApplyError as error:
            file = next(migration.file for migration in migrations if migration.name == error.migration)
            where = f"{file}:{error.line}" if error.line else file
            raise PlanError(
                f"{where}: {error.__cause__ or error} (on an empty database)",
                hint="squash builds the final schema by running the files: each must run on a new database",
            ) from error
        draws = tuple(driver.draws.sizes)
        histories = tables(choice.guess)
        contents = _without(histories, read_contents(driver))
        reader = Reader(driver, contents.encoding)
        rows = {
            content.name: [row for page in reader.pages(content) for row in page]
            for content in contents.all_tables
            if fold(content.name) not in histories
        }
        indexes = {
            virtual_table.table.name: _index(driver, virtual_table.table.name)
            for virtual_table in contents.virtual
            if (definition := parse_virtual_table(virtual_table.table.sql)) and definition.is_fts5
        }
    return Build(contents, rows, indexes, draws)


def _without(histories: Container[str], contents: Contents) -> Contents:
    """Return contents without history tables, which may have any name."""
    schema, keys = contents.schema, contents.keys
    return contents._replace(
        schema=schema._replace(tables=tuple(t for t in schema.tables if fold(t.name) not in histories)),
        keys=keys._replace(ordered=tuple(t for t in keys.ordered if fold(t.name) not in histories)),
    )


def differences(expected: Build, found: Build) -> list[tuple[str, str]]:
    """Return how a build differs from another, as (table, difference); the table is "" for other objects."""
    objects = digest.changes(Schema(), expected.contents.schema)
    wanted = {key: known for key, known in objects.items() if known is not None}
    result = [
        (name if kind == "table" else "", f"{kind} {name} is {problem}")
        for kind, name, problem, *_ in digest.compare(wanted, digest.objects(found.contents.schema))
    ]
    for table in sorted(expected.rows.keys() | found.rows.keys()):
        rows, others = expected.rows.get(table, []), found.rows.get(table, [])
        if len(rows) != len(others):
            result.append((table, f"{table} has {len(others)} rows, expected {len(rows)}"))
        elif rows != others:
            result.append((table, f"the rows of {table} differ"))
        elif expected.sequences.get(table) != found.sequences.get(table):
            result.append((table, f"the AUTOINCREMENT counter of {table} differs"))
    settings = {virtual_table.table.name: virtual_table.settings for virtual_table in found.contents.virtual}
    result += [
        (virtual_table.table.name, f"{virtual_table.table.name} does not index its rows the same way")
        for virtual_table in expected.contents.virtual
        if virtual_table.settings != settings.get(virtual_table.table.name)
        or expected.indexes.get(virtual_table.table.name) != found.indexes.get(virtual_table.table.name)
    ]
    return result


def _index(driver: Driver, name: str) -> list[tuple[object, ...]]:
    """Return the terms of a full-text index with their places, and the lengths of its texts."""
    found: list[tuple[object, ...]] = []
    driver.batch(
        Batch([Query(f"CREATE VIRTUAL TABLE {_TERMS} USING fts5vocab({quote_literal(name)}, instance)")])
    )
    sizes = quote_identifier(f"{name}_docsize")
    for sql in (
        f"SELECT quote(term) AS t, doc, col, offset AS place FROM {_TERMS} ORDER BY 1, 2, 3, 4",
        f"SELECT id, hex(sz) AS s FROM {sizes} ORDER BY id",
    ):
        try:
            found += driver.batch(Batch([Query(sql)], reads=True))[0].rows
        except QueryError:  # with columnsize=0, lengths are not kept
            continue
    driver.batch(Batch([Query(f"DROP TABLE {_TERMS}")]))
    return found
