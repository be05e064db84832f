"""Writing a dump: a script of plain SQL in an order that D1 accepts, with digests by which it is checked.

The order: tables, with the unique indexes that foreign keys reference; rows, parents before children;
AUTOINCREMENT's counters; the other indexes; views; virtual tables with their rows; triggers last, so that no
insert of the dump fires one. A manifest with the digests follows the SQL.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from hashlib import sha256

from d1migrate import __version__
from d1migrate.backup.contents import read_contents
from d1migrate.backup.fingerprint import RowDigest
from d1migrate.backup.inserts import Inserts
from d1migrate.backup.rows import Reader
from d1migrate.backup.snapshot import snapshot
from d1migrate.drivers.file_format import is_database
from d1migrate.drivers.run import run
from d1migrate.errors import HistoryError, QueryError, UsageError
from d1migrate.hints import how_to_create
from d1migrate.migrate.flows.read import read_current
from d1migrate.migrate.table_choice import USUAL, TableChoice
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import disk
from d1migrate.schema import digest
from d1migrate.schema.model import Schema
from d1migrate.sql.batch import Batch, count_rows
from d1migrate.sql.names import fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from d1migrate.backup.contents import TableContents
    from d1migrate.drivers.protocol import Driver
    from d1migrate.schema.model import Index, Table

    Watch = Callable[[int, int], None]

MAGIC = "-- d1migrate backup 1"
END = "-- end of backup"


class Dump(NamedTuple):
    """A dump that was written.

    Attributes:
        path: the file.
        size: its size in bytes.
        sha256: the digest of the file without its last line, which contains it.
        current: the last applied migration; None if there is none.
        rows: {table: its number of rows}.
        consistent: whether all rows are from one moment: True if that is certain, False if writes were seen
            meanwhile, None if none were seen.
        notes: what is not restored unchanged.
    """

    path: str
    size: int
    sha256: str
    current: str | None
    rows: dict[str, int]
    consistent: bool | None
    notes: tuple[str, ...]


def write(driver: Driver, path: str, *, choice: TableChoice = USUAL, watch: Watch | None = None) -> Dump:
    """Write a dump of a database to a file, whole or not at all.

    Args:
        driver: the database, which is only read.
        path: the file, readable by its owner only; an existing file is replaced once the dump is complete.
            A device or FIFO is written to.
        choice: how to choose its migrations table.
        watch: called with (rows written, rows in all) after every page.

    Raises:
        UsageError: there is no database, or the file cannot be written, or is a database.
        DriverError: the database cannot be read.
    """
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise UsageError(
            f"cannot write {path}: the folder {folder} does not exist", hint=how_to_create(folder)
        )
    if os.path.isdir(path):
        name = os.path.join(path, "backup.sql")
        raise UsageError(f"cannot write {path}: it is a folder", hint=f"name a file in it, e.g. {name}")
    try:
        if not disk.is_stream(path):
            _refuse_database(path)
        with snapshot(driver) as (source, is_snapshot), disk.replacing(path, private=True) as file:
            dump = _Writer(source, choice, file, watch).write(driver.url, is_snapshot=is_snapshot)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    return dump._replace(path=path)


def _refuse_database(path: str) -> None:
    """Refuse to replace a database file: it may be the one to be backed up.

    Raises:
        UsageError: the file is a SQLite database.
    """
    with suppress(FileNotFoundError):
        if is_database(path):
            raise UsageError(
                f"{path} is a SQLite database, which is not replaced", hint="name another --output"
            )


class _Writer:
    """Writes one dump."""

    def __init__(self, driver: Driver, choice: TableChoice, file: IO[str], watch: Watch | None) -> None:
        self._choice = choice
        self._driver, self._file, self._watch = driver, file, watch
        self._hash, self._size = sha256(), 0
        self._contents = read_contents(driver)
        self._reader = Reader(driver, self._contents.encoding)
        self._inserts = Inserts(self._put, self._contents.schema.tables)
        self._rows: dict[str, list[int | str]] = {}
        self._done = self._total = 0

    def write(self, url: str, *, is_snapshot: bool) -> Dump:
        contents = self._contents
        counts = self._counts()
        current = self._current()
        notes = (
            *(f"{virtual.table.name}: {virtual.lost}" for virtual in contents.virtual if virtual.lost),
            *(
                f"{name}: D1 accepts no rows for it: {why}"
                for name, why in contents.keys.mismatched.items()
                if counts[name]
            ),
        )
        self._header(url, current, counts, notes)
        if contents.keys.deferred or contents.keys.orphans:
            self._comment(contents.keys.deferred or "rows reference missing rows")
            self._put("PRAGMA defer_foreign_keys = ON")
        self._tables()
        mismatched = {
            table.name: table for table in contents.keys.ordered if table.name in contents.keys.mismatched
        }
        for content in contents.tables:
            if content.name in mismatched:  # once it exists, its parent accepts no rows either
                self._create(mismatched[content.name])
            self._content(content)
        for name, counter in contents.sequences.items():
            if counter or counts[name]:
                self._put(f"DELETE FROM sqlite_sequence WHERE name = {quote_literal(name)}")
            if counter:
                self._put(
                    f"INSERT INTO sqlite_sequence (name, seq) VALUES ({quote_literal(name)}, {counter})"
                )
        self._after_rows()
        if contents.keys.orphans:
            # D1 counts rows without a parent until the commit, and this ends the count (d1-facts §2.1).
            self._comment(f"{contents.keys.orphans} rows reference missing rows, and are restored unchanged")
            self._put("PRAGMA defer_foreign_keys = OFF")
        consistent = True if is_snapshot else self._consistent(counts)
        return self._trailer(current, consistent, notes)

    # --- the parts ---

    def _header(self, url: str, current: str | None, counts: dict[str, int], notes: Sequence[str]) -> None:
        self._line(MAGIC)
        self._comment(
            f"written by d1migrate {__version__} at {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC"
        )
        self._comment(f"of {url}, at {current or 'no migration'}")
        for name, count in counts.items():
            self._comment(f"{name}: {count} rows")
        for note in notes:
            self._comment(f"not restored unchanged: {note}")
        self._line("")

    def _tables(self) -> None:
        """Create ordinary tables, and placeholders for missing parents."""
        keys = self._contents.keys
        for sql in keys.placeholders.values():
            self._put(sql)
        virtual = {virtual.table.name for virtual in self._contents.virtual}
        for table in self._contents.schema.tables:
            if table.name not in virtual and table.name not in keys.mismatched:
                self._create(table)
        for kind, _, sql in self._contents.history:
            if kind == "table":
                self._put(sql)

    def _create(self, table: Table) -> None:
        """Create a table, and the unique indexes that foreign keys need."""
        self._put(table.sql)
        for index in self._indexes(unique_parents=True):
            if index in table.indexes:
                self._put(str(index.sql))

    def _indexes(self, *, unique_parents: bool) -> Iterator[Index]:
        tables = self._contents.schema.tables
        parents = {fold(key.table) for table in tables for key in table.foreign_keys}
        for table in tables:
            for index in table.indexes:
                if index.sql and unique_parents == (index.unique and fold(table.name) in parents):
                    yield index

    def _after_rows(self) -> None:
        schema, history = self._contents.schema, self._contents.history
        self._inserts.end()
        for parent in self._contents.keys.placeholders:
            self._put(f"DROP TABLE {quote_identifier(parent)}")
        for index in self._indexes(unique_parents=False):
            self._put(str(index.sql))
        for kind, _, sql in history:
            if kind == "index":
                self._put(sql)
        for view in schema.views:
            self._put(view.sql)
        self._virtual()
        for table in schema.tables:
            for trigger in table.triggers:
                self._put(trigger.sql)
        for trigger in schema.triggers:
            self._put(trigger.sql)
        for kind, _, sql in history:
            if kind == "trigger":
                self._put(sql)

    def _virtual(self) -> None:
        for virtual in self._contents.virtual:
            self._put(virtual.table.sql)
            name = quote_identifier(virtual.table.name)
            for key, value in virtual.settings:
                self._put(f"INSERT INTO {name} ({name}, rank) VALUES ({key}, {value})")
            if virtual.content:
                self._content(virtual.content)
            if virtual.rebuild:
                self._put(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
        self._inserts.end()

    # --- rows ---

    def _content(self, content: TableContents) -> None:
        found = RowDigest()
        table = quote_identifier(content.name)
        insert = f"INSERT INTO {table} ({', '.join(content.columns)}) VALUES\n"
        for page in self._reader.pages(content):
            found.add(page)
            self._inserts.write(insert, page)
            self._done += len(page)
            if self._watch:
                self._watch(self._done, self._total)
        self._rows[content.name] = found.value()

    # --- counts ---

    def _counts(self) -> dict[str, int]:
        names = [content.name for content in self._contents.all_tables]
        asked = [count_rows(name) for name in names]
        results = self._driver.batch(Batch(asked, reads=True)) if asked else ()
        counts = {name: int(result.rows[0][0]) for name, result in zip(names, results, strict=True)}
        self._total = sum(counts.values())
        return counts

    def _current(self) -> str | None:
        try:
            current = run(read_current(self._choice), self._driver)
        except (HistoryError, QueryError):  # another tool's table, or a damaged one
            return None
        return current.name if current else None

    def _consistent(self, counts: dict[str, int]) -> bool | None:
        """Return False if a change was seen since the rows were counted, otherwise None."""
        before = self._contents
        same = (
            self._counts() == counts == {name: found[0] for name, found in self._rows.items()}
            and read_contents(self._driver) == before
            and not self._reader.changed
        )
        return None if same else False

    def _trailer(self, current: str | None, consistent: bool | None, notes: tuple[str, ...]) -> Dump:
        remarks = {
            True: "all rows are from one moment",
            None: "read page by page; no changes were seen in the meantime",
            False: "NOT from one moment: rows were written while it was read",
        }
        manifest = {
            "current": current,
            "consistent": consistent,
            "rows": self._rows,
            "sequences": self._contents.sequences,
            "objects": digest.changes(Schema(), self._contents.schema),
            "notes": notes,
        }
        self._line("")
        self._line(END)
        self._comment(remarks[consistent])
        self._line(f"-- manifest {json.dumps(manifest)}")
        total = self._hash.hexdigest()
        self._line(f"-- sha256 {total}")
        rows = {name: int(found[0]) for name, found in self._rows.items()}
        return Dump("", self._size, total, current, rows, consistent, notes)

    # --- text ---

    def _comment(self, text: str) -> None:
        self._line("-- " + " ".join(text.split()))

    def _put(self, sql: str) -> None:
        # The text of a view may end with a comment, which would swallow the semicolon.
        self._line(f"{sql}\n;" if "--" in sql.rpartition("\n")[2] and not _is_rows(sql) else f"{sql};")

    def _line(self, text: str) -> None:
        data = (text + "\n").encode()
        self._hash.update(data)
        self._size += len(data)
        self._file.write(text + "\n")


def _is_rows(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE", "DELETE"))
