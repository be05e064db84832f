"""The database a rehearsal happens in: a file in a temporary directory, and copies of it."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Self

import apsw

from d1migrate.drivers.counting_engine import CountingEngine
from d1migrate.drivers.plain import PlainConnection, unavailable
from d1migrate.drivers.script import run_script
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, UsageError
from d1migrate.migrate.history import TABLES
from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.project.temporary import PrivateFolder
from d1migrate.rehearse.fill.filler import Filled, fill
from d1migrate.schema import introspect
from d1migrate.schema.model import Table
from d1migrate.sql.batch import Query, Result
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from d1migrate.schema.model import Schema

_SQLITE = b"SQLite format 3\0"


class ScratchDatabase:
    """A scratch database in a file. `close` removes it.

    Attributes:
        path: the file.
        made_up: the tables, by folded names, whose rows are made up.
    """

    def __init__(self) -> None:
        self.made_up: set[str] = set()
        self._folder = PrivateFolder()
        self.path = self._folder.file("rehearsal.sqlite")

    @classmethod
    def of(cls, source: str) -> Self:
        """Return one with the schema and the rows of a SQLite file, or of an SQL export.

        Raises:
            UsageError: it is neither, or cannot be read.
        """
        ground = cls()
        try:
            ground._load(source)
        except BaseException:
            ground.close()
            raise
        return ground

    def close(self) -> None:
        """Remove all of it."""
        self._folder.close()

    # --- what it holds ---

    def build(self, schema: Schema) -> dict[str, str]:
        """Create what a schema has; returns {object that SQLite does not take here: why}."""
        refused = {}
        with self.alone() as connection:
            for name, sql in _objects(schema):
                try:
                    connection.execute(sql)
                except apsw.Error as error:
                    refused[name] = str(error)
        return refused

    def _load(self, source: str) -> None:
        try:
            with open(source, "rb") as file:
                is_database = file.read(len(_SQLITE)) == _SQLITE
            if is_database:
                with closing(SqliteDriver(source, url=source)) as database:
                    database.copy_to(self.path)
                with self.alone() as connection:
                    connection.execute("PRAGMA journal_mode = DELETE")  # a file in WAL mode cannot be copied
            else:
                run_script(source, self.path)
        except (OSError, UnicodeDecodeError, apsw.Error, Error) as error:
            raise UsageError(
                f"cannot take rows from {source}: {error}", hint="a SQLite file, or a D1 export"
            ) from error

    def fill(self, rows: int, *, tables: Collection[str] | None = None) -> Filled:
        """Put made-up rows into the empty tables, of all or of those named."""
        empty = {name for name, count in self.counts(self.schema().tables).items() if not count}
        with self.alone() as connection:
            filled = fill(connection, rows, tables=tables)
        self.made_up |= {fold(name) for name, count in filled.rows.items() if count} & empty
        return filled

    def schema(self) -> Schema:
        """Read its schema."""
        with self.alone() as connection:
            return introspect.read(
                [Result(tuple(connection.execute(q.sql, q.params))) for q in introspect.QUERIES]
            )

    def clear(self) -> None:
        """Take all made-up rows away; no trigger fires."""
        with self.alone() as connection:
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            connection.execute("PRAGMA foreign_keys = OFF")
            for table in self.schema().tables:
                with suppress(apsw.SQLError):  # a virtual table that cannot be written
                    if fold(table.name) in self.made_up:
                        connection.execute(f"DELETE FROM {quote_identifier(table.name)}")
        self.made_up.clear()

    def count(self, table: str) -> int:
        """Return how many rows a table has; 0 for one that cannot be counted, as some virtual tables."""
        return self.counts([Table(table, "")])[fold(table)]

    def counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """Return {folded table: its rows} of some tables; 0 for those that cannot be counted."""
        found = {}
        with self.alone() as connection:
            for table in tables:
                found[fold(table.name)] = 0
                with suppress(apsw.Error):
                    query = f"SELECT count(*) FROM {quote_identifier(table.name)}"
                    found[fold(table.name)] = int(next(connection.execute(query))[0])
        return found

    def orphans(self) -> Counter[tuple[str, str]]:
        """Return {(table, parent): rows that refer to what is not there}; names are folded."""
        found: Counter[tuple[str, str]] = Counter()
        with self.alone() as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for (table,) in tables:
                # One by one: a key that does not fit its parent ends the whole check, and the linter says so.
                with suppress(apsw.SQLError):
                    rows = connection.execute(f"PRAGMA foreign_key_check({quote_identifier(str(table))})")
                    found.update((fold(child), fold(parent)) for child, _, parent, _ in rows)
        return found

    # --- what is done to it ---

    def copy(self) -> ScratchDatabase:
        """Return a copy of it as it is."""
        other = ScratchDatabase()
        shutil.copyfile(self.path, other.path)
        other.made_up = self.made_up.copy()
        return other

    def run(
        self,
        statements: Iterable[str],
        *,
        note: Callable[[int, apsw.PreUpdate], None] | None = None,
        sizes: Mapping[int, str] | None = None,
        foreign_keys: bool = True,
    ) -> RecordingEngine:
        """Run statements as one D1 transaction; what was counted is in what is returned.

        Args:
            statements: what to run.
            note: is shown every row written, with the place of the statement.
            sizes: {statement: the table whose rows are counted behind it}.
            foreign_keys: whether they are on, as on D1.

        Raises:
            QueryError: one was refused. Nothing was done.
        """
        engine = RecordingEngine(self.path, note, sizes or {})
        try:
            engine.control("PRAGMA synchronous = OFF")
            engine.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, int(foreign_keys))
            engine.batch(statements)
        except apsw.Error as error:
            raise unavailable(error, self.path) from error
        finally:
            engine.close()
        return engine

    def beside(self, earlier: ScratchDatabase) -> PlainConnection:
        """Open it under no rules but SQLite's, with an earlier copy attached as `was`."""
        return PlainConnection(self.path, was=earlier.path, scratch=True)

    def prepare(self) -> None:
        """Create the history tables, which are there before the first migration runs."""
        with self.alone() as connection:
            for sql in TABLES.values():
                connection.execute(sql)

    def forget(self, version: int) -> None:
        """Take a version out of the migrations table, as `down` does."""
        with self.alone() as connection:
            connection.execute(f"DELETE FROM {MIGRATIONS_TABLE} WHERE version = ?", (version,))

    def alone(self) -> PlainConnection:
        """Open it under no rules but SQLite's."""
        return PlainConnection(self.path, scratch=True)


class RecordingEngine(CountingEngine):
    """The engine of a run.

    Attributes:
        set_off: {(statement, table, operation): rows}, of those written, that foreign keys or triggers wrote.
        sizes: {statement: rows that its table had behind it}, of those asked for.
    """

    def __init__(
        self, path: str, note: Callable[[int, apsw.PreUpdate], None] | None, asked: Mapping[int, str]
    ) -> None:
        super().__init__(path)
        self.set_off: Counter[tuple[int, str, str]] = Counter()
        self.sizes: dict[int, int] = {}
        self._note, self._asked = note, asked

    def _timed(self, statements: Iterable[str]) -> Iterator[Query]:
        for query in super()._timed(statements):
            yield query
            if table := self._asked.get(self._at):
                self.sizes[self._at] = self.control(f"SELECT count(*) FROM {quote_identifier(table)}")

    def _count(self, update: Any) -> None:
        super()._count(update)
        if update.depth:
            self.set_off[(self._at, update.table_name, update.op)] += 1
        if self._note:
            self._note(self._at, update)


def _objects(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield (name, SQL) of what makes a schema, the history tables first, in an order that SQLite takes."""
    yield from TABLES.items()
    for table in schema.tables:
        yield table.name, table.sql
    for table in schema.tables:
        yield from ((index.name, index.sql) for index in table.indexes if index.sql)
    yield from ((view.name, view.sql) for view in schema.views)
    for table in schema.tables:
        yield from ((trigger.name, trigger.sql) for trigger in table.triggers)
    yield from ((trigger.name, trigger.sql) for trigger in schema.triggers)
