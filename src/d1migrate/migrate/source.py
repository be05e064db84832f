"""From file names and texts to ordered Migrations; the template of a new file; the index. No disk."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError
from d1migrate.migrate.migration import Migration, Script
from d1migrate.migrate.order import number_of, order_key
from d1migrate.migrate.table import MAX_VERSION, SUFFIX, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

JOURNAL = ".d1migrate-journal.json"
"""The file in a migrations folder that records an unfinished change of several files."""

ROLLBACKS = "rollback"
"""The folder of rollback files, beside the migrations folder."""

_INDEX = "The migrations as a Python value, written by `d1migrate index`. Do not edit."
_TIMESTAMP_DIGITS = 14
_DIGITS = 3


def load(files: Iterable[tuple[str, str | Script]], *, folder: str = "") -> tuple[Migration, ...]:
    """Return the files of a folder in wrangler's order.

    Args:
        files: (path below the folder, text or Script) pairs, in any order; line ends may be LF or CR LF.
        folder: their folder, for errors.
    """
    found = []
    for name, script in sorted(files, key=lambda file: order_key(file[0])):
        path = f"{folder}/{name}" if folder else name
        found.append(read(number_of(name), name.removesuffix(SUFFIX), script, path))
    return tuple(found)


def read(version: int | None, name: str, script: str | Script, path: str) -> Migration:
    """Return the migration of a text with LF or CR LF line ends."""
    has_crlf = isinstance(script, str) and "\r\n" in script
    if isinstance(script, str) and has_crlf:
        script = script.replace("\r\n", "\n")
    return Migration(version, name, script, file=path, has_crlf=has_crlf)


def ordered(migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return migrations in wrangler's order."""
    return tuple(sorted(migrations, key=lambda migration: order_key(migration.name + SUFFIX)))


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
    newest = max(migrations, key=lambda migration: migration.version or 0)
    digits = len(newest.name.split("_", 1)[0])
    following = (newest.version or 0) + 1
    if following > MAX_VERSION:
        raise UsageError(f"{newest.name} has the highest version possible")
    if digits == _TIMESTAMP_DIGITS:
        return f"{max(int(now), following)}_{slug}.sql"
    return f"{following:0{digits}}_{slug}.sql"


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
INSERT INTO {VERSIONS} (version, name, applied_at)
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


def index_module(migrations: Sequence[Migration], schemas: Mapping[str, Mapping[str, str | None]]) -> str:
    """Return a Python module that embeds the migrations, for a Worker, which cannot read a folder.

    Args:
        migrations: the migrations, for MIGRATIONS.
        schemas: {name: what it changed, as `schema.digest.changes` returns it}, for SCHEMAS.

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
        "# The digest of each object that a migration changes, for `verify_schema`; None: it is dropped.",
        "SCHEMAS = {",
    ]
    for name, changes in schemas.items():
        lines += [f"    {_literal(name)}: {{"]
        lines += [f"        {_literal(key)}: {_literal(known)}," for key, known in sorted(changes.items())]
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
