"""The database of a rehearsal: a file in a private temporary folder, and copies of it."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Self

import apsw

from d1migrate.drivers.counting_engine import CountingEngine
from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.plain import PlainConnection, unavailable
from d1migrate.drivers.script import run_script
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, UsageError
from d1migrate.migrate.history import tables
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.project.temporary import PrivateFolder
from d1migrate.rehearse.fill.filler import Filled, fill
from d1migrate.schema import introspect
from d1migrate.schema.model import Table
from d1migrate.sql.batch import Query, Result
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from d1migrate.migrate.table import Identified
    from d1migrate.schema.model import Schema


class ScratchDatabase:
    """A scratch database in a file. `close` removes it.

    Attributes:
        path: the file.
        table: the migrations table that the migrations find.
        generated: the tables, folded, whose rows are generated.
    """

    def __init__(self, table: MigrationsTable = USUAL_TABLE) -> None:
        self.table = table
        self.generated: set[str] = set()
        self._folder = PrivateFolder()
        self.path = self._folder.file("rehearsal.sqlite")

    @classmethod
    def of(cls, source: str) -> Self:
        """Return one with the schema and the rows of a SQLite file, or of an SQL export.

        Raises:
            UsageError: it is neither, or cannot be read.
        """
        database = cls()
        try:
            database._load(source)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Delete the file and its folder."""
        self._folder.close()

    # --- content ---

    def build(self, schema: Schema) -> dict[str, str]:
        """Create the objects of a schema; return {object that SQLite refuses: why}."""
        refused = {}
        with self.connect() as connection:
            for name, sql in (*tables(self.table).items(), *_objects(schema)):
                try:
                    connection.execute(sql)
                except apsw.Error as error:
                    refused[name] = str(error)
        return refused

    def _load(self, source: str) -> None:
        try:
            if is_database(source):
                with closing(SqliteDriver(source, url=source)) as database:
                    database.copy_to(self.path)
                with self.connect() as connection:
                    connection.execute("PRAGMA journal_mode = DELETE")  # a file in WAL mode cannot be copied
            else:
                run_script(source, self.path)
        except (OSError, UnicodeDecodeError, apsw.Error, Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            if isinstance(error, UnicodeDecodeError):
                reason = "it is not UTF-8"
            raise UsageError(
                f"cannot read rows from {source}: {reason}", hint="expected a SQLite file or a D1 export"
            ) from error

    def fill(self, rows: int, *, tables: Collection[str] | None = None) -> Filled:
        """Put generated rows into all empty tables, or into those of `tables` that are empty."""
        empty = {name for name, count in self.counts(self.schema().tables).items() if not count}
        with self.connect() as connection:
            filled = fill(connection, rows, tables=tables)
        self.generated |= {fold(name) for name, count in filled.rows.items() if count} & empty
        return filled

    def schema(self) -> Schema:
        """Read its schema."""
        with self.connect() as connection:
            return introspect.read(
                [Result(tuple(connection.execute(q.sql, q.params))) for q in introspect.QUERIES]
            )

    def delete_generated_rows(self) -> None:
        """Delete all generated rows; no trigger fires."""
        with self.connect() as connection:
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            connection.execute("PRAGMA foreign_keys = OFF")
            for table in self.schema().tables:
                with suppress(apsw.SQLError):  # a virtual table that cannot be written
                    if fold(table.name) in self.generated:
                        connection.execute(f"DELETE FROM {quote_identifier(table.name)}")
        self.generated.clear()

    def count(self, table: str) -> int:
        """Return how many rows a table has; 0 for one that cannot be counted, such as some virtual tables."""
        return self.counts([Table(table, "")])[fold(table)]

    def counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """Return {folded table: how many rows it has}; 0 for tables that cannot be counted."""
        found = {}
        with self.connect() as connection:
            for table in tables:
                found[fold(table.name)] = 0
                with suppress(apsw.Error):
                    query = f"SELECT count(*) FROM {quote_identifier(table.name)}"
                    found[fold(table.name)] = int(next(connection.execute(query))[0])
        return found

    def orphans(self) -> Counter[tuple[str, str]]:
        """Return {(table, parent): how many rows reference a missing row}; names are folded."""
        found: Counter[tuple[str, str]] = Counter()
        with self.connect() as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for (table,) in tables:
                # Table by table: a foreign key mismatch ends the whole check. The linter reports mismatches.
                with suppress(apsw.SQLError):
                    rows = connection.execute(f"PRAGMA foreign_key_check({quote_identifier(str(table))})")
                    found.update((fold(child), fold(parent)) for child, _, parent, _ in rows)
        return found

    # --- running ---

    def copy(self) -> ScratchDatabase:
        """Return a copy of the database."""
        other = ScratchDatabase(self.table)
        shutil.copyfile(self.path, other.path)
        other.generated = self.generated.copy()
        return other

    def run(
        self,
        statements: Iterable[str],
        *,
        on_write: Callable[[int, apsw.PreUpdate], None] | None = None,
        sizes: Mapping[int, str] | None = None,
        foreign_keys: bool = True,
    ) -> RecordingEngine:
        """Run statements as one D1 transaction; return what was counted.

        Args:
            statements: what to run.
            on_write: called with a statement's index and each row that it writes.
            sizes: {statement: the table whose rows are counted after it}.
            foreign_keys: whether they are on, as on D1.

        Raises:
            QueryError: one was refused, and nothing was done.
        """
        engine = RecordingEngine(self.path, on_write, sizes or {})
        try:
            engine.control("PRAGMA synchronous = OFF")
            engine.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, int(foreign_keys))
            engine.batch(statements)
        except apsw.Error as error:
            raise unavailable(error, self.path) from error
        finally:
            engine.close()
        return engine

    def connect(self) -> PlainConnection:
        """Connect under SQLite's own rules."""
        return PlainConnection(self.path, scratch=True)

    def connect_with(self, earlier: ScratchDatabase) -> PlainConnection:
        """Connect under SQLite's own rules, with an earlier copy attached as `earlier`."""
        return PlainConnection(self.path, earlier=earlier.path, scratch=True)

    def create_history(self) -> None:
        """Create the history tables, which exist before the first migration runs."""
        with self.connect() as connection:
            for sql in tables(self.table).values():
                connection.execute(sql)

    def forget(self, migration: Identified) -> None:
        """Delete a migration from the migrations table, as `down` does."""
        with self.connect() as connection:
            for query in self.table.delete(migration):
                connection.execute(query.sql, query.params)


class RecordingEngine(CountingEngine):
    """The engine of a run, which counts what is written.

    Attributes:
        indirect_writes: {(statement, table, operation): how many rows foreign keys or triggers wrote}.
        sizes: {statement: how many rows its table had after it}, for the statements asked for.
    """

    def __init__(
        self, path: str, on_write: Callable[[int, apsw.PreUpdate], None] | None, sized: Mapping[int, str]
    ) -> None:
        super().__init__(path)
        self.indirect_writes: Counter[tuple[int, str, str]] = Counter()
        self.sizes: dict[int, int] = {}
        self._on_write, self._sized = on_write, sized

    def _timed(self, statements: Iterable[str]) -> Iterator[Query]:
        for query in super()._timed(statements):
            yield query
            if table := self._sized.get(self._at):
                self.sizes[self._at] = self.control(f"SELECT count(*) FROM {quote_identifier(table)}")

    def _count(self, update: Any) -> None:
        super()._count(update)
        if update.depth:
            self.indirect_writes[(self._at, update.table_name, update.op)] += 1
        if self._on_write:
            self._on_write(self._at, update)


def _objects(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield (name, SQL) of a schema's objects, in an order that SQLite accepts."""
    for table in schema.tables:
        yield table.name, table.sql
    for table in schema.tables:
        yield from ((index.name, index.sql) for index in table.indexes if index.sql)
    yield from ((view.name, view.sql) for view in schema.views)
    for table in schema.tables:
        yield from ((trigger.name, trigger.sql) for trigger in table.triggers)
    yield from ((trigger.name, trigger.sql) for trigger in schema.triggers)
