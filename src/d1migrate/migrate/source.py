"""From file names and texts to ordered Migrations; the template of a new file; the index. No disk."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from d1migrate.errors import SourceError, UsageError
from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.migrate.migration import Migration, Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_VERSION = 2**53 - 1
"""Larger integers lose digits in D1's JSON (d1-facts §3.1)."""

JOURNAL = ".d1migrate-journal.json"
"""The file in a migrations folder that records an unfinished change of several files."""

ROLLBACKS = "rollback"
"""The folder of rollback files, beside the migrations folder."""

_INDEX = "The migrations as a Python value, written by `d1migrate index`. Do not edit."
_NAME = re.compile(r"([0-9]+)_[A-Za-z0-9._-]+\.sql")
_TIMESTAMP_DIGITS = 14
_DIGITS = 3


def load(files: Iterable[tuple[str, str | Script]], *, folder: str = "") -> tuple[Migration, ...]:
    """Order the files of a folder by version.

    Args:
        files: (file name, text or Script) pairs, in any order; line ends may be LF or CR LF.
        folder: their folder, for errors.

    Raises:
        SourceError: a name is not `NNN_description.sql`, or a version is 0, too large or used twice.
    """
    found = load_all(files, folder=folder)
    for one, other in pairwise(found):
        if one.version == other.version:
            raise SourceError(
                f"two files have version {one.version}: {one.file} and {other.file}",
                hint="`d1migrate renumber` gives the pending one a new number",
            )
    return found


def load_all(files: Iterable[tuple[str, str | Script]], *, folder: str = "") -> tuple[Migration, ...]:
    """Order files by version and name; versions may repeat. Otherwise as `load`."""
    found = []
    for name, script in files:
        path = f"{folder}/{name}" if folder else name
        found.append(read(version_of(name, path), name[: -len(".sql")], script, path))
    return tuple(sorted(found, key=lambda migration: (migration.version, migration.name)))


def read(version: int, name: str, script: str | Script, path: str) -> Migration:
    """Return the migration of a text with LF or CR LF line ends."""
    has_crlf = isinstance(script, str) and "\r\n" in script
    if isinstance(script, str) and has_crlf:
        script = script.replace("\r\n", "\n")
    return Migration(version, name, script, file=path, has_crlf=has_crlf)


def ordered(migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return migrations unchanged, once their versions are known to ascend.

    Raises:
        SourceError: they do not ascend, or a version is out of range.
    """
    before = 0
    for migration in migrations:
        if not isinstance(migration.version, int) or not before < migration.version <= MAX_VERSION:
            raise SourceError(
                f"version {migration.version} of {migration.name} after {before or 'none'}",
                hint=f"versions are integers from 1 to {MAX_VERSION}, each once, in ascending order",
            )
        before = migration.version
    return tuple(migrations)


def version_of(name: str, path: str) -> int:
    """Return the version in a file name; `path` is what errors call it."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise SourceError(
            f"{path!r} is not a valid migration name",
            hint="use NNN_description.sql, with letters, digits, . _ and -; wrangler would run any .sql here",
        )
    version = int(match[1])
    if not 1 <= version <= MAX_VERSION:
        raise SourceError(
            f"{path}: version {version} is outside 1 … {MAX_VERSION}",
            hint="versions start at 1, and D1 rounds larger integers",
        )
    return version


def new_name(migrations: Sequence[Migration], description: str, *, now: str) -> str:
    """Return the file name of the next migration.

    Args:
        migrations: the existing ones; their numbering is continued.
        description: a few words, `add teams table`.
        now: the time as YYYYMMDDHHMMSS, used if the newest version is such a timestamp.

    Raises:
        UsageError: the description has no letter or digit.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", description.lower()).strip("_")
    if not slug:
        raise UsageError(f"the description {description!r} has no ASCII letter or digit")
    if not migrations:
        return f"{1:0{_DIGITS}}_{slug}.sql"
    newest = migrations[-1]
    digits = len(newest.name.split("_", 1)[0])
    if newest.version == MAX_VERSION:
        raise UsageError(f"{newest.name} has the highest version possible")
    if digits == _TIMESTAMP_DIGITS:
        return f"{max(int(now), newest.version + 1)}_{slug}.sql"
    return f"{newest.version + 1:0{digits}}_{slug}.sql"


def header(name: str, description: str, *, date: str) -> str:
    """Return the comment that begins a migration file `name` (with .sql)."""
    summary = " ".join(description.split())
    return f"""\
-- Migration: {name[: -len(".sql")]}
-- Description: {summary[:1].upper() + summary[1:]}
-- Created: {date}
"""


def record(name: str) -> str:
    """Return the statement with which a file records itself, even if wrangler runs it."""
    stem = name[: -len(".sql")]
    return f"""\
-- Record migration
INSERT INTO {MIGRATIONS_TABLE} (version, name, applied_at)
VALUES ({int(stem.split("_", 1)[0])}, '{stem}', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;
"""


def template(name: str, description: str, *, date: str) -> str:
    """Return the text of a new migration file `name` (with .sql), created on `date` (YYYY-MM-DD)."""
    return f"""\
{header(name, description, date=date)}
-- Write the change here, e.g.
--   CREATE TABLE IF NOT EXISTS teams (
--     id TEXT PRIMARY KEY NOT NULL
--   );

{record(name)}
-- Rollback:
--   -- Write the rollback here, e.g. DROP TABLE IF EXISTS teams;
--   -- or, if there is none: `-- Rollback: none, <reason>`
"""


def index_module(migrations: Sequence[Migration], schemas: Mapping[int, Mapping[str, str | None]]) -> str:
    """Return a Python module that embeds the migrations, for a Worker, which cannot read a folder.

    Args:
        migrations: the migrations, for MIGRATIONS.
        schemas: {version: what it changed, as `schema.digest.changes` returns it}, for SCHEMAS.

    Returns:
        The text of the module; the same for the same migrations.

    Raises:
        SourceError: a file is not UTF-8, or cannot be read.
    """
    lines = [
        f'"""{_INDEX}"""',
        "# fmt: off",
        "# ruff: noqa: E501, ISC004",
        "",
        "MIGRATIONS = (",
    ]
    for migration in migrations:
        lines += ["    (", f'        "{migration.name}.sql",']
        lines += [f"        {_literal(line)}" for line in _lines(migration.text)]
        lines[-1] += ","
        lines += ["    ),"]
    lines += [
        ")",
        "",
        "# The digest of each object that a version changes, for `verify_schema`; None: it is dropped.",
        "SCHEMAS = {",
    ]
    for version, changes in schemas.items():
        lines += [f"    {version}: {{"]
        lines += [f"        {_literal(name)}: {_literal(known)}," for name, known in sorted(changes.items())]
        lines += ["    },"]
    lines += ["}"]
    files = {f"{m.name}.sql": m.rollback_file.text for m in migrations if m.rollback_file}
    if files:
        lines += ["", "# The rollbacks that are in files of their own.", "ROLLBACKS = {"]
        for name, text in files.items():
            lines += [f"    {_literal(name)}: ("]
            lines += [f"        {_literal(line)}" for line in _lines(text)]
            lines += ["    ),"]
        lines += ["}"]
    return "\n".join([*lines, ""])


def is_index_module(text: str) -> bool:
    """Whether a text is a module that `index_module` wrote."""
    return _INDEX in text


def _literal(text: str | None) -> str:
    return "None" if text is None else json.dumps(text, ensure_ascii=False)


def _lines(text: str) -> list[str]:
    *whole, last = text.split("\n")
    return [line + "\n" for line in whole] + ([last] if last or not whole else [])
