"""Reading a dump back: whether it is whole, loading it, and the proof that all of it is there."""

from __future__ import annotations

import json
import os
from contextlib import closing, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from d1migrate.backup import dump
from d1migrate.backup.contents import read_contents
from d1migrate.backup.dump import END, MAGIC
from d1migrate.backup.fingerprint import compare, read_fingerprint
from d1migrate.backup.snapshot import ANY_LENGTH, scratch_file
from d1migrate.drivers.run import run
from d1migrate.drivers.script import run_script
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import (
    AmbiguousError,
    Error,
    HistoryError,
    PlanError,
    QueryError,
    SourceError,
    UsageError,
)
from d1migrate.migrate.flows import repair
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.history import Event, record
from d1migrate.migrate.history_guard import LOG_TABLE
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import PRODUCTION
from d1migrate.sql.names import quote_identifier
from d1migrate.sql.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d1migrate.backup.contents import Contents
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.steps import NewStamp

_CHUNK = 1 << 20
_LAST = b"-- sha256 "
_STRANGERS = (
    "FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND tbl_name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
)
_EMPTY = Query(f"SELECT json_extract('{{}}', 'not an empty database: ' || name) {_STRANGERS}", whole=True)


class Facts(NamedTuple):
    """What a dump says about itself, or what the script of another tool builds: then `known` is False.

    `rows` is {table: [rows, digest]}, `objects` {"table users": digest}; `notes` say what it lacks.
    """

    known: bool
    sha256: str
    size: int
    version: int = 0
    consistent: bool | None = None
    rows: dict[str, list[Any]] = {}  # noqa: RUF012 - nobody writes to it
    objects: dict[str, str] = {}  # noqa: RUF012
    sequences: dict[str, str] = {}  # noqa: RUF012
    notes: Sequence[str] = ()


def check(path: str) -> Facts:
    """Read a dump to its end, and what it says about itself.

    Returns:
        Its facts; for an SQL script of another tool only size and digest.

    Raises:
        SourceError: it was cut, or changed since it was written; or a newer d1migrate wrote it.
        UsageError: it cannot be read.
    """
    total, last, said = sha256(), b"", b""
    size, ours = 0, False
    try:
        with open(path, "rb") as file:
            for line in file:
                if not size:
                    _refuse_binary(path, line)
                    ours = line.rstrip() == MAGIC.encode()
                total.update(last)
                last, size = line, size + len(line)
                said = (
                    b"" if line.rstrip() == END.encode() else line if line.startswith(b"-- facts ") else said
                )
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not ours and not last.startswith(_LAST):
        total.update(last)
        return Facts(False, total.hexdigest(), size)
    if not last.startswith(_LAST):
        raise SourceError(
            f"{path}: this backup is cut off: its last line is missing", hint="take another one"
        )
    if last != f"-- sha256 {total.hexdigest()}\n".encode():
        raise SourceError(f"{path}: this backup was changed since it was written", hint="take another one")
    try:
        return Facts(True, total.hexdigest(), size, **json.loads(said.removeprefix(b"-- facts ")))
    except (ValueError, TypeError) as error:
        raise SourceError(
            f"{path}: what this backup says of itself cannot be read: {error}",
            hint="a newer d1migrate may have written it",
        ) from error


_BINARY = {
    b"SQLite format 3\0": ("a SQLite database", "copy the file, or load what `sqlite3 FILE .dump` prints"),
    b"\x1f\x8b": ("compressed", "unpack it first"),
    b"PK\x03\x04": ("compressed", "unpack it first"),
    b"\xff\xfe": (
        "UTF-16, as PowerShell's `>` writes it",
        "let the other tool write the file: `--output FILE`",
    ),
}


def _refuse_binary(path: str, line: bytes) -> None:
    for beginning, (what, hint) in _BINARY.items():
        if line.startswith(beginning):
            raise SourceError(f"{path} is {what}, expected an SQL file in UTF-8", hint=hint)


class _Script:
    """The statements of a dump, read again whenever they are walked."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Query]:
        yield _EMPTY
        # Newlines as they are: they are part of what strings hold.
        with open(self._path, encoding="utf-8", newline="") as file:
            for statement in split(iter(lambda: file.read(_CHUNK), ""), file=self._path):
                if statement.sql:
                    yield Query(statement.sql, whole=True)


@contextmanager
def _converted(path: str) -> Iterator[tuple[str, Facts]]:
    """Give a dump of ours that holds what another tool's script builds, and its facts.

    Raises:
        SourceError: a statement cannot be run; or the rows break a foreign key, as D1 would find.
    """
    with scratch_file() as place:
        try:
            run_script(path, place)
        except UnicodeDecodeError as error:
            raise SourceError(f"{path} is not UTF-8: {error}", hint="expected an SQL file") from error
        except apsw.Error as error:
            raise SourceError(f"{path} does not load: {error}") from error
        with closing(apsw.Connection(place)) as built:
            _refuse_orphans(path, built)
        own = f"{place}.sql"
        try:
            with closing(SqliteDriver(place, url=path, profile=ANY_LENGTH)) as source:
                dump.write(source, own)
        except QueryError as error:
            raise SourceError(f"{path} creates something that D1 does not support: {error}") from error
        yield own, check(own)


def _refuse_orphans(path: str, built: apsw.Connection) -> None:
    for (table,) in built.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        try:
            orphans = built.execute(f"PRAGMA foreign_key_check({quote_identifier(str(table))})").fetchall()
        except apsw.SQLError:  # a key that does not fit its parent, which D1 says of the first row
            continue
        if orphans:
            raise QueryError(
                f"{path}: FOREIGN KEY constraint failed: {len(orphans)} rows of {table} reference"
                f" rows of {orphans[0][2]} that do not exist",
                hint="D1 always enforces foreign keys: correct these rows in the source database",
            )


def load(path: str, driver: Driver, *, label: str = "") -> Facts:
    """Load a dump into an empty database, as one transaction.

    Another tool's script is run on a scratch file first; what it builds there is loaded as a dump of ours.

    Args:
        path: the dump, checked before anything is done.
        driver: the database.
        label: what those who watch are shown.

    Raises:
        PlanError: the database is not empty; it says what is there.
        SourceError, UsageError: as `check`; or a script of another tool cannot be run.
        QueryError: a statement was refused. Nothing of it is there.
    """
    facts = check(path)
    (there,) = driver.batch(Batch((Query(f"SELECT type, name {_STRANGERS} ORDER BY rowid"),), reads=True))
    if there.rows:
        listed = ", ".join(f"{kind} {name}" for kind, name in there.rows[:8])
        more = f" and {len(there.rows) - 8} more" if len(there.rows) > 8 else ""
        raise PlanError(
            f"{driver.url} is not empty: {listed}{more}", hint="restore a file into a new database"
        )
    if facts.known:
        _send(path, facts, driver, label)
        return facts
    with _converted(path) as (own, holds):
        _send(own, holds, driver, label)
    return holds._replace(known=False, sha256=facts.sha256, size=facts.size)


def _send(path: str, facts: Facts, driver: Driver, label: str) -> None:
    try:
        driver.batch(Batch(_Script(path), label=label, size=facts.size))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8: {error}", hint="expected an SQL file") from error
    except AmbiguousError:  # an import of a remote D1 always ends so; what came of it can be compared
        return


def restore(path: str, driver: Driver, new_stamp: NewStamp) -> Facts:
    """Load a dump into an empty database, compare every table with what it says, and tell the log.

    Args:
        path: the dump.
        driver: the database.
        new_stamp: makes the stamp of the log's row.

    Raises:
        PlanError, SourceError, UsageError, QueryError: as `load`.
        HistoryError: what came of it is not what the dump says it holds; or it is, and only the log row of
            the restore could not be written.
    """
    name = os.path.basename(path)
    facts = load(path, driver, label=name)
    try:
        found = differences(facts, driver)
    except Error as error:
        raise HistoryError(
            f"{name} was sent to {driver.url}, and the outcome is unknown: {error}",
            hint="check the database before you load it again: `d1migrate status`, `d1migrate schema`",
        ) from error
    if found:
        raise HistoryError(f"{driver.url} is not what {name} holds: {'; '.join(found)}")
    if LOG_TABLE in facts.rows:
        event = Event("restore", 0, name, detail=json.dumps({"sha256": facts.sha256}))
        stamp = new_stamp()
        try:
            history = run(read_history(), driver)
            run(repair.record(history, [record("done", event, stamp)], stamp), driver)
        except Error as error:
            rows = sum(int(found[0]) for found in facts.rows.values())
            raise HistoryError(
                f"{driver.url} holds all of {name}: {rows} rows in {len(facts.rows)} tables, each unchanged;"
                f" only the log row of the restore could not be written: {error}",
                hint="do not load it again; `d1migrate history` shows whether the log has that row",
            ) from error
    return facts


def differences(facts: Facts, driver: Driver) -> list[str]:
    """Return how a database is not what a dump says it holds; nothing where all of it is there.

    Args:
        facts: what `load` returned.
        driver: the database that it was loaded into.
    """
    return compare(facts, read_fingerprint(driver))


def verify(path: str, *, source: Driver | None = None) -> list[str]:
    """Restore a dump into a scratch database under D1's rules and compare every table with what it says.

    Args:
        path: the dump.
        source: the database it was taken of; it is read once more and compared too.

    Returns:
        What is different, what the dump itself says that it lacks first; nothing if it restores to the same.

    Raises:
        SourceError: it was cut, or changed. UsageError: it is not ours, or cannot be read.
    """
    with scratch_file() as place, closing(_scratch(place)) as scratch:
        try:
            facts = load(path, scratch)
        except QueryError as error:
            return [f"it does not restore: {error}"]
        if not facts.known:
            raise UsageError(f"{path} was not written by d1migrate: it does not say what it holds")
        found = [*facts.notes, *differences(facts, scratch)]
        found += _indexes_agree(read_contents(scratch), scratch)
    return found + ([f"since it was taken: {text}" for text in differences(facts, source)] if source else [])


def _scratch(place: str) -> SqliteDriver:
    return SqliteDriver(place, url=f"sqlite:{os.path.basename(place)}", profile=PRODUCTION)


def _indexes_agree(layout: Contents, scratch: Driver) -> list[str]:
    """Let FTS5 compare what was rebuilt with the rows that it indexes."""
    found = []
    for unit in layout.virtual:
        if unit.rebuild:
            name = quote_identifier(unit.table.name)
            try:
                scratch.batch(
                    Batch([Query(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")])
                )
            except QueryError as error:
                found.append(f"{unit.table.name}: {error}")
    return found
