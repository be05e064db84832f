"""Restoring a dump: check that the file is complete, load it, and compare the database with its manifest."""

from __future__ import annotations

import json
import os
from contextlib import closing, contextmanager
from hashlib import sha256

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
from d1migrate.hints import listed
from d1migrate.migrate.flows import repair
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.jobs.flow import settle_restored
from d1migrate.migrate.log import Event, record
from d1migrate.migrate.table import LOG_TABLE
from d1migrate.named_tuple import NamedTuple
from d1migrate.project.listing import no_such_file
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.d1 import PRODUCTION
from d1migrate.sql.names import not_cloudflares, quote_identifier
from d1migrate.sql.split import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from d1migrate.backup.contents import Contents
    from d1migrate.drivers.protocol import Driver
    from d1migrate.migrate.flows.steps import NewStamp
    from d1migrate.migrate.table_choice import TableChoice

_CHUNK = 1 << 20
_LAST = b"-- sha256 "
_STRANGERS = (
    "FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    f" AND {not_cloudflares('tbl_name')}"
)
_EMPTY = Query(f"SELECT json_extract('{{}}', 'not an empty database: ' || name) {_STRANGERS}", whole=True)


class Manifest(NamedTuple):
    """The manifest of a dump, or of what the script of another tool builds.

    Attributes:
        known: whether the dump has a manifest; False for the script of another tool.
        sha256: the digest of the file.
        size: its size in bytes.
        current: the last applied migration; None if none is applied.
        consistent: whether all rows are from one moment; None if that is not known.
        rows: {table: [rows, digest]}.
        objects: {"table users": digest}.
        sequences: {table: its AUTOINCREMENT counter}.
        notes: what the dump does not hold unchanged.
    """

    known: bool
    sha256: str
    size: int
    current: str | None = None
    consistent: bool | None = None
    rows: dict[str, list[Any]] = {}  # noqa: RUF012 - never modified
    objects: dict[str, str] = {}  # noqa: RUF012
    sequences: dict[str, str] = {}  # noqa: RUF012
    notes: Sequence[str] = ()


def check(path: str) -> Manifest:
    """Read a dump to its end, and check that it is complete and unchanged.

    Returns:
        Its manifest; for another tool's SQL script only size and digest.

    Raises:
        SourceError: it is cut off or changed, or a newer d1migrate wrote it.
        UsageError: it cannot be read.
    """
    total, last, manifest = sha256(), b"", b""
    size, is_dump = 0, False
    try:
        with open(path, "rb") as file:
            for line in file:
                if not size:
                    _refuse_binary(path, line)
                    is_dump = line.rstrip() == MAGIC.encode()
                total.update(last)
                last, size = line, size + len(line)
                if line.rstrip() == END.encode():
                    manifest = b""  # a line before the end belongs to the SQL
                elif line.startswith(b"-- manifest "):
                    manifest = line
    except FileNotFoundError as error:
        usual = (
            "`d1migrate backup --output FILE` writes a backup, `d1migrate restore` lists the restore points"
        )
        raise no_such_file(path, f"cannot read {path}: {error.strerror}", otherwise=usual) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not is_dump and not last.startswith(_LAST):
        total.update(last)
        return Manifest(False, total.hexdigest(), size)
    if not last.startswith(_LAST):
        raise SourceError(
            f"{path}: this backup is truncated: its last line is missing", hint="use another backup"
        )
    if last != f"-- sha256 {total.hexdigest()}\n".encode():
        raise SourceError(f"{path}: this backup was changed since it was written", hint="use another backup")
    try:
        return Manifest(True, total.hexdigest(), size, **json.loads(manifest.removeprefix(b"-- manifest ")))
    except (ValueError, TypeError) as error:
        raise SourceError(
            f"{path}: the manifest of this backup cannot be read: {error}",
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
    """The statements of a dump, read from the file at each iteration."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Query]:
        yield _EMPTY
        # Newlines unchanged: strings may contain them.
        with open(self._path, encoding="utf-8", newline="") as file:
            for statement in split(iter(lambda: file.read(_CHUNK), ""), file=self._path):
                if statement.sql:
                    yield Query(statement.sql, whole=True)


@contextmanager
def _converted(path: str) -> Iterator[tuple[str, Manifest]]:
    """Yield a dump of what another tool's script builds, and its manifest.

    Raises:
        SourceError: a statement cannot be run.
        QueryError: rows break a foreign key, which D1 would refuse.
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
        except apsw.SQLError:  # a foreign key mismatch, which D1 reports at the first row
            continue
        if orphans:
            raise QueryError(
                f"{path}: FOREIGN KEY constraint failed: {len(orphans)} rows of {table} reference"
                f" rows of {orphans[0][2]} that do not exist",
                hint="D1 always enforces foreign keys: correct these rows in the source database",
            )


def load(path: str, driver: Driver, *, label: str = "") -> Manifest:
    """Load a dump into an empty database, as one transaction.

    Another tool's script is run on a scratch file first, and a dump of the result is loaded.

    Args:
        path: the dump, checked before anything is done.
        driver: the database.
        label: the label of the batch, for progress output.

    Raises:
        PlanError: the database is not empty; the message lists its tables.
        SourceError, UsageError: as `check`; or a script of another tool cannot be run.
        QueryError: a statement was refused. Nothing was done.
    """
    manifest = check(path)
    (there,) = driver.batch(Batch((Query(f"SELECT type, name {_STRANGERS} ORDER BY rowid"),), reads=True))
    if there.rows:
        objects = [f"{kind} {name}" for kind, name in there.rows]
        raise PlanError(
            f"{driver.url} is not empty: {listed(objects, 8)}", hint="restore a file into a new database"
        )
    if manifest.known:
        _send(path, manifest, driver, label)
        return manifest
    with _converted(path) as (own, contents):
        _send(own, contents, driver, label)
    return contents._replace(known=False, sha256=manifest.sha256, size=manifest.size)


def _send(path: str, manifest: Manifest, driver: Driver, label: str) -> None:
    try:
        driver.batch(Batch(_Script(path), label=label, size=manifest.size))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8: {error}", hint="expected an SQL file") from error
    except AmbiguousError:  # an import to a remote D1 always raises it; the comparison shows the outcome
        return


def restore(path: str, driver: Driver, choice: TableChoice, new_stamp: NewStamp) -> Manifest:
    """Load a dump into an empty database, compare every table with the manifest, and record it in the log.

    Args:
        path: the dump.
        driver: the database.
        choice: how to choose its migrations table.
        new_stamp: makes the stamp of the log row.

    Raises:
        PlanError, SourceError, UsageError, QueryError: as `load`.
        HistoryError: the database differs from the manifest; or it does not, and only the log row of the
            restore could not be written.
    """
    name = os.path.basename(path)
    manifest = load(path, driver, label=name)
    try:
        found = differences(manifest, driver)
    except Error as error:
        raise HistoryError(
            f"{name} was sent to {driver.url}, and the outcome is unknown: {error}",
            hint="check the database before you load it again: `d1migrate status`, `d1migrate schema`",
        ) from error
    if found:
        raise HistoryError(f"{driver.url} differs from {name}: {'; '.join(found)}")
    if LOG_TABLE in manifest.rows:
        event = Event("restore", detail=json.dumps({"point": name, "sha256": manifest.sha256}))
        stamp = new_stamp()
        try:
            history = run(read_history(choice), driver)
            run(repair.record(history, [record("done", event, stamp)], stamp), driver)
            run(settle_restored(choice, new_stamp), driver)
        except Error as error:
            rows = sum(int(found[0]) for found in manifest.rows.values())
            raise HistoryError(
                f"{driver.url} holds all of {name}: {rows} rows in {len(manifest.rows)} tables, each"
                f" unchanged; only the log row of the restore could not be written: {error}",
                hint="do not load it again; `d1migrate history` shows whether the log has that row",
            ) from error
    return manifest


def differences(manifest: Manifest, driver: Driver) -> list[str]:
    """Return the differences between a database and a dump; nothing if they are equal.

    Args:
        manifest: what `load` returned.
        driver: the database that the dump was loaded into.
    """
    return compare(manifest, read_fingerprint(driver))


def verify(path: str, *, source: Driver | None = None) -> list[str]:
    """Restore a dump into a scratch database under D1's rules, and compare every table with the manifest.

    Args:
        path: the dump.
        source: the database it was taken of; it is read again and compared too.

    Returns:
        The differences, first what the dump itself notes as missing; nothing if there are none.

    Raises:
        SourceError: it is cut off or changed. UsageError: it is not a d1migrate dump, or cannot be read.
    """
    with scratch_file() as place, closing(_scratch(place)) as scratch:
        try:
            manifest = load(path, scratch)
        except QueryError as error:
            return [f"it does not restore: {error}"]
        if not manifest.known:
            raise UsageError(f"{path} was not written by d1migrate: it has no manifest to compare with")
        found = [*manifest.notes, *differences(manifest, scratch)]
        found += _indexes_agree(read_contents(scratch), scratch)
    return found + (
        [f"since it was taken: {text}" for text in differences(manifest, source)] if source else []
    )


def _scratch(place: str) -> SqliteDriver:
    return SqliteDriver(place, url=f"sqlite:{os.path.basename(place)}", profile=PRODUCTION)


def _indexes_agree(contents: Contents, scratch: Driver) -> list[str]:
    """Return what FTS5 finds wrong when it compares a rebuilt index with the rows it indexes."""
    found = []
    for virtual in contents.virtual:
        if virtual.rebuild:
            name = quote_identifier(virtual.table.name)
            try:
                scratch.batch(
                    Batch([Query(f"INSERT INTO {name} ({name}, rank) VALUES ('integrity-check', 1)")])
                )
            except QueryError as error:
                found.append(f"{virtual.table.name}: {error}")
    return found
