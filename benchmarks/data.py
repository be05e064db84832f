"""The data that is measured on: the same bytes on every run and machine."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_STATEMENT = 200  # bytes of one INSERT of the dump
_SEED = 11
_WORDS = (
    "workflow execution task agent queue retry result session token status active paused completed "
    "failed running draft naïve (nested) 100% it''s"
).split()
_AWKWARD = ("a;b", "x -- y", "/* z")
"""Text that a splitter has to examine; one row of ten has it."""


class File(NamedTuple):
    """A migration: the name of its file, and its SQL."""

    name: str
    sql: str


def small(count: int) -> Iterator[File]:
    """Yield migrations of a table, an index and a row each."""
    for number in range(1, count + 1):
        table = f"t{number:05}"
        yield File(
            f"{number:05}_add_{table}.sql",
            f"""\
-- Migration: {number:05}_add_{table}
CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE INDEX idx_{table}_name ON {table}(name);
INSERT INTO {table} (name, created_at) VALUES ('first', {1_700_000_000 + number});
""",
        )


def altering(count: int) -> Iterator[File]:
    """Yield migrations of a table and an index each; every third also alters the table of the one before."""
    for file, number in zip(small(count), range(1, count + 1), strict=True):
        before = f"t{number - 1:05}"
        change = f"ALTER TABLE {before} ADD COLUMN note TEXT;\n" if number % 3 == 0 else ""
        back = f"ALTER TABLE {before} DROP COLUMN note;" if number % 3 == 0 else ""
        yield File(file.name, f"{file.sql}{change}-- Rollback:\n-- DROP TABLE t{number:05};\n-- {back}\n")


def loading(rows: int) -> Iterator[File]:
    """Yield one migration that is a dump."""
    yield File("00001_load_events.sql", "".join(dump(rows)))


def dump(rows: int) -> Iterator[str]:
    """Yield the lines of a dump: a table and single-row INSERTs of 200 bytes, in UTF-8."""
    chance = random.Random(_SEED)  # noqa: S311 - data, not secrets
    yield "CREATE TABLE events (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT, body TEXT);\n"
    for number in range(1, rows + 1):
        head = f"INSERT INTO events VALUES ({number}, {1_700_000_000 + number}, '{chance.choice(_WORDS)}', '"
        room = _STATEMENT - len(head.encode()) - len("');\n")
        body = chance.choice(_AWKWARD) if number % 10 == 0 else ""
        while len((longer := f"{body} {chance.choice(_WORDS)}").encode()) <= room:
            body = longer
        yield f"{head}{body}{'.' * (room - len(body.encode()))}');\n"


def write(folder: Path, files: Iterable[File]) -> Path:
    """Write migrations into a new folder."""
    folder.mkdir(parents=True)
    for file in files:
        (folder / file.name).write_text(file.sql, encoding="utf-8")
    return folder


def write_dump(path: Path, rows: int) -> Path:
    """Write the dump line by line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(dump(rows))
    return path


def read(folder: Path) -> list[File]:
    """Read a folder of migrations."""
    return [File(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.sql"))]


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of SQL that has at most one `;` at the end of a line, for tools that need them."""
    piece = ""
    for line in sql.splitlines(keepends=True):
        piece += line
        if sqlite3.complete_statement(piece) and line.rstrip().endswith(";"):
            yield piece.strip()
            piece = ""
