"""The database of a rehearsal: a file in a private temporary folder, and copies of it.

SQLite reads the whole schema for a new connection, so one stays open. What was read about a table is known
until a statement touches the table. So a migration costs what it touches, however many tables there are.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import closing, contextmanager, suppress
from itertools import chain, count

import apsw

from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.plain import PlainConnection, refuse_fault, unavailable
from d1migrate.drivers.script import run_script
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, UsageError
from d1migrate.lint.platform import D1
from d1migrate.migrate.history import tables
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.project.temporary import PrivateFolder
from d1migrate.rehearse.fill.filler import Filled, fill, without_actions
from d1migrate.rehearse.recording_engine import RecordingEngine
from d1migrate.rehearse.row_difference import has_links
from d1migrate.rehearse.row_facts import Orphans, RowFacts
from d1migrate.schema import introspect
from d1migrate.schema.cascade import ACTIONS
from d1migrate.schema.model import Schema
from d1migrate.sql.batch import count_rows
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from typing import Self

    from d1migrate.lint.platform import Platform
    from d1migrate.migrate.table import Identified
    from d1migrate.rehearse.recording_engine import Recorded
    from d1migrate.schema.model import Table

_CHUNK = 1 << 20


class _Files:
    """The files of a scratch database and its copies, in a private folder.

    A copy overwrites an earlier one: for 800 kB that takes 0.2 ms, a new file and its removal take 7 ms.
    """

    def __init__(self) -> None:
        self._folder, self._numbers = PrivateFolder(), count(1)
        self._spare: list[str] = []

    def take(self) -> str:
        """Return the path of an unused file."""
        return (
            self._spare.pop() if self._spare else self._folder.file(f"rehearsal-{next(self._numbers)}.sqlite")
        )

    def give_back(self, path: str) -> None:
        """Let the next copy use a file."""
        self._spare.append(path)

    def close(self) -> None:
        """Delete all files."""
        self._folder.close()


class ScratchDatabase:
    """A scratch database in a file. `close` removes it, and all copies of it.

    Attributes:
        path: the file.
        table: the migrations table that the migrations find.
        platform: where the migrations are to run.
        generated: the tables, folded, whose rows are generated.
    """

    def __init__(
        self, table: MigrationsTable = USUAL_TABLE, files: _Files | None = None, platform: Platform = D1
    ) -> None:
        self.table, self.platform = table, platform
        self.generated: set[str] = set()
        self._files, self._is_copy = files or _Files(), files is not None
        self.path = self._files.take()
        self._engine: RecordingEngine | None = None
        self._held: PlainConnection | None = None
        self._connection: apsw.Connection | None = None
        self._schema: Schema | None = None  # as it was read last
        self._facts = RowFacts()
        self._version: tuple[int, int] | None = None  # of the data that schema and facts were read from

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
        """Delete the file, or keep that of a copy for the next one."""
        may_stay_locked = self._may_stay_locked()
        self._disconnect()
        if not self._is_copy:
            self._files.close()
        elif may_stay_locked:
            os.unlink(self.path)
        else:
            self._files.give_back(self.path)

    # --- content ---

    def build(self, schema: Schema) -> dict[str, str]:
        """Create the objects of a schema; return {object that SQLite refuses: why}."""
        refused = {}
        self._schema = None
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
        schema = self.schema()
        empty = {name for name, count in self.counts(schema.tables).items() if not count}
        with self.connect() as connection:
            filled = fill(connection, rows, tables=tables, schema=schema)
        self._note({fold(name) for name in filled.rows}, schema)
        self.generated |= {fold(name) for name, count in filled.rows.items() if count} & empty
        return filled

    def delete_generated_rows(self) -> None:
        """Delete all generated rows; no trigger fires."""
        with self.connect() as connection, without_actions(connection):
            for table in self.schema().tables:
                with suppress(apsw.SQLError):  # a virtual table that cannot be written
                    if fold(table.name) in self.generated:
                        connection.execute(f"DELETE FROM {quote_identifier(table.name)}")
        self.generated.clear()

    # --- what is read, and known until something changes it ---

    def schema(self) -> Schema:
        """Return its schema; a table that did not change is the same value as before."""
        self._known()
        if self._schema is None:
            with self.connect() as connection:
                self._schema = introspect.read_changes(
                    connection.execute(introspect.OBJECTS.sql), Schema(), connection.execute
                )
        return self._schema

    def counts(self, tables: Iterable[Table]) -> dict[str, int]:
        """Return {folded table: how many rows it has}; 0 for tables that cannot be counted."""
        known, found = self._known(), {}
        for table in tables:
            facts = known[table.name]
            if facts.count is None or table.is_virtual:
                facts.count = self._count(table.name)
            found[fold(table.name)] = facts.count
        return found

    def _count(self, table: str) -> int:
        with self.connect() as connection, suppress(apsw.Error):
            return int(next(connection.execute(count_rows(table).sql))[0])
        return 0

    def orphans(self) -> Orphans:
        """Return {(table, parent): how many rows reference a missing row}; names are folded."""
        found = Orphans()
        for table in self.schema().tables:
            if table.foreign_keys:
                facts = self._facts[table.name]
                if facts.orphans is None:
                    facts.orphans = self._orphans(table.name)
                found.update(facts.orphans)
        return found

    def _orphans(self, table: str) -> Orphans:
        # Table by table: a foreign key mismatch ends the whole check. The linter reports mismatches.
        with self.connect() as connection, suppress(apsw.SQLError):
            rows = connection.execute(f"PRAGMA foreign_key_check({quote_identifier(table)})")
            return Counter((fold(child), fold(parent)) for child, _, parent, _ in rows)
        return Orphans()

    def has_links(self, tables: Iterable[Table]) -> bool:
        """Whether a row references another by each foreign key of some tables with an action on DELETE."""
        known = self._known()
        for table in tables:
            facts = known[table.name]
            if facts.is_linked is None:
                facts.is_linked = self._has_links(table)
            if not facts.is_linked:
                return False
        return True

    def _has_links(self, table: Table) -> bool:
        keys = [key for key in table.foreign_keys if key.on_delete in ACTIONS]
        if not keys:
            return True
        with self.connect() as connection:
            return all(has_links(connection, table, key) for key in keys)

    def _known(self) -> RowFacts:
        """Return what is known of the rows: nothing, if anything else wrote to the database."""
        if self._connection and _version(self._connection) != self._version:
            self._schema, self._facts = None, RowFacts()
            self._version = _version(self._connection)
        return self._facts

    def _note(self, touched: Collection[str], schema: Schema) -> None:
        """Note that a step wrote to the database.

        Args:
            touched: the tables, folded, whose rows or definition may have changed.
            schema: the schema now.
        """
        self._facts.forget(touched, self._schema or schema, schema)
        self._schema = schema
        if self._connection:
            self._version = _version(self._connection)

    # --- running ---

    def copy(self) -> ScratchDatabase:
        """Return a copy of the database."""
        schema = self.schema()
        other = ScratchDatabase(self.table, self._files, self.platform)
        with open(self.path, "rb") as source, open(other.path, "r+b") as target:
            shutil.copyfileobj(source, target, _CHUNK)
            target.truncate()
        other.generated, other._schema, other._facts = self.generated.copy(), schema, self._facts.copy(schema)
        return other

    def run(
        self,
        statements: Iterable[str],
        *,
        on_write: Callable[[int, apsw.PreUpdate], None] | None = None,
        sizes: Mapping[int, str] | None = None,
        foreign_keys: bool = True,
    ) -> Recorded:
        """Run statements as one transaction of the platform; return what was counted.

        Args:
            statements: what to run.
            on_write: called with a statement's index and each row that it writes.
            sizes: {statement: the table whose rows are counted after it}.
            foreign_keys: whether they are on, as on D1.

        Raises:
            QueryError: one was refused, and nothing was done.
        """
        before = self.schema()
        engine, self._engine = self._engine or RecordingEngine(self.path), None
        try:
            engine.configure(apsw.SQLITE_DBCONFIG_ENABLE_FKEY, int(foreign_keys))
            recorded = engine.run(chain(statements, self.platform.closing), sizes or {}, on_write)
            # This connection knows the schema; any other one would have to read all of it.
            after = engine.schema(before) if recorded.altered else before
        except BaseException as error:
            engine.close()
            if isinstance(error, apsw.Error):
                raise unavailable(error, self.path) from error
            raise
        self._note({fold(table) for _, table, _ in recorded.writes} | recorded.altered, after)
        if engine.may_keep_state or self._may_stay_locked():
            engine.close()
        else:
            self._engine = engine
        return recorded

    @contextmanager
    def connect(self, *, earlier: ScratchDatabase | None = None) -> Iterator[apsw.Connection]:
        """Connect under SQLite's own rules, with an earlier copy attached as `earlier`."""
        if not self._connection:
            self._held = PlainConnection(self.path, scratch=True)
            self._connection = self._held.__enter__()
            self._version = _version(self._connection)
        try:
            if earlier:
                self._connection.execute("ATTACH ? AS earlier", (earlier.path,))
            yield self._connection
            if earlier:
                self._connection.execute("DETACH earlier")
        except BaseException as error:
            self._disconnect()
            refuse_fault(error, self.path)
            raise

    def _may_stay_locked(self) -> bool:
        """Whether a connection may still hold a lock on the file: FTS5 can leave a statement open."""
        return self._schema is None or any(table.is_virtual for table in self._schema.tables)

    def _disconnect(self) -> None:
        if self._engine:
            self._engine.close()
        if self._held:
            self._held.__exit__(None, None, None)
        self._engine = self._held = self._connection = self._schema = None
        self._facts = RowFacts()

    def create_history(self) -> None:
        """Create the history tables, which exist before the first migration runs."""
        self._schema = None
        with self.connect() as connection:
            for sql in tables(self.table).values():
                connection.execute(sql)

    def forget(self, migration: Identified) -> None:
        """Delete a migration from the migrations table, as `down` does."""
        schema = self.schema()
        with self.connect() as connection:
            for query in self.table.delete(migration):
                connection.execute(query.sql, query.params)
        self._note((), schema)


def _version(connection: apsw.Connection) -> tuple[int, int]:
    """Return what changes with every write to the database, by other connections and by this one."""
    return connection.execute("PRAGMA data_version").get, connection.total_changes()


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
