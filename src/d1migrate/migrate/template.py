"""The text around the SQL of a new migration file: its header, and how it records itself.

How a file is named belongs in `file_name`.
"""

from __future__ import annotations

from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import number_of
from d1migrate.migrate.table import SUFFIX, USUAL_TABLE


def header(name: str, description: str, *, date: str) -> str:
    """Return the comment that begins a migration file.

    Args:
        name: its path below the migrations folder, with `.sql`. What would end the comment, in the name of an
            existing folder, becomes `?`.
        description: a few words.
        date: today's, as YYYY-MM-DD.
    """
    summary = " ".join(description.split())
    shown = "".join(c if c.isprintable() else "?" for c in name.removesuffix(SUFFIX))
    return f"""\
-- Migration: {shown}
-- Description: {summary[:1].upper() + summary[1:]}
-- Created: {date}
"""


def record(name: str) -> str:
    """Return the statement with which a file records itself in the usual table, even if wrangler runs it."""
    migration = Migration(number_of(name), name.removesuffix(SUFFIX), "")
    return f"-- Record migration\n{USUAL_TABLE.insert_sql(migration)};\n"


def template(name: str, description: str, *, date: str, records: bool) -> str:
    """Return the text of a new migration file that has no statements yet; arguments as `header`.

    Args:
        name: its path below the migrations folder, with `.sql`.
        description: a few words.
        date: today's, as YYYY-MM-DD.
        records: whether it records itself.
    """
    own_record = f"{record(name)}\n" if records else ""
    return f"{header(name, description, date=date)}\n{_CHANGE}\n{own_record}{_ROLLBACK}"


def is_unwritten(text: str) -> bool:
    """Return whether a file still has the lines of `template` in which the change belongs."""
    return _CHANGE.partition("\n")[0] in text


def example(name: str, description: str, *, date: str, records: bool) -> str:
    """Return the text of a first migration file, which can be applied; arguments as `template`."""
    own_record = f"{record(name)}\n" if records else ""
    return f"{header(name, description, date=date)}\n{_EXAMPLE}\n{own_record}{_EXAMPLE_ROLLBACK}"


_CHANGE = """\
-- Write the change here, e.g.
--   CREATE TABLE IF NOT EXISTS teams (
--     id TEXT PRIMARY KEY NOT NULL
--   );
"""
_ROLLBACK = """\
-- Rollback:
--   -- Write the rollback here, e.g. DROP TABLE IF EXISTS teams;
--   -- or, if there is none: `-- Rollback: none, <reason>`
"""
_EXAMPLE = """\
-- An example: `d1migrate up` applies it, `d1migrate down` rolls it back.
-- Replace it with your own tables.
CREATE TABLE IF NOT EXISTS notes (
  id INTEGER PRIMARY KEY,
  body TEXT NOT NULL
);
"""
_EXAMPLE_ROLLBACK = """\
-- Rollback:
--   DROP TABLE IF EXISTS notes;
"""
