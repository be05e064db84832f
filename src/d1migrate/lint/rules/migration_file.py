"""A file among the others of its folder: its number, its header, its record in the migrations table."""

from __future__ import annotations

import re

from d1migrate.lint.rule import Finding, rule
from d1migrate.migrate.table import USUAL_TABLE
from d1migrate.migrate.template import is_unwritten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay

_HEADER = re.compile(r"^--[ \t]*Migration:[ \t]*([0-9]+(?:[_-]\S*[A-Za-z]\S*)?)[ \t]*$", re.MULTILINE)
_SEQUENCE = 10**8  # versions above are timestamps


@rule("H107", "version-gap", "info")
def version_gap(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A number is skipped.

    Why: a file may be missing, and a file that uses the number later is out of order.
    """
    version, previous = replay.migration.version, replay.previous
    if version is not None and previous is not None and previous + 1 < version < _SEQUENCE:
        yield Finding(f"number {previous + 1} is skipped: {version} follows {previous}", line=1)


@rule("H108", "header-disagrees", "info")
def header_disagrees(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The header names another migration.

    Why: the file was copied or renumbered, and its header misleads everyone who reads it.
    """
    match = _HEADER.search(replay.header)
    header, name = match[1].removesuffix(".sql") if match else "", replay.migration.name
    if match and header.lstrip("0") != name.lstrip("0"):
        yield Finding(f"the header names {match[1]}, but the file is {replay.migration.name}", line=1)


@rule("H109", "does-not-record", "info", only="d1")
def does_not_record(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file does not record itself, but the files before it do.

    Why: `wrangler d1 execute --file` applies it, but it remains pending.
    """
    if replay.siblings_record and not replay.records_itself:
        yield Finding(
            "this file does not record itself, but the files before it do",
            line=1,
            fix=f"{USUAL_TABLE.insert_sql(replay.migration)};",
        )


@rule("H112", "repeated-migration", "warning")
def repeated_migration(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A pending file has the same statements as another pending file.

    Why: both are applied, and rows are written twice. One may be left over from a rename, a merge or a copy.
    """
    if replay.repeats:
        yield Finding(f"this file has the same statements as {replay.repeats}, and both are applied", line=1)


@rule("H113", "no-statement", "info")
def no_statement(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file has no statement, or only the one that records it.

    Why: it changes nothing, and is recorded as applied. Statements that are added later never run where it is
        already recorded.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    Bad:
        -- Custom SQL migration file, put your code below! --
    Good:
        UPDATE users SET name = trim(name) WHERE name LIKE ' %';
    """
    if replay.count <= replay.records_itself and not is_unwritten(replay.header):
        what = "only the statement that records it" if replay.count else "no statement"
        yield Finding(f"the file has {what}: it is recorded, and changes nothing", line=1)


@rule("H115", "unwritten-template", "error")
def unwritten_template(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file is what `d1migrate new` wrote, and the change is still missing.

    Why: it would be recorded as applied, and statements that are added later would never run where it is.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- Write the change here, e.g.
        --   CREATE TABLE IF NOT EXISTS teams (
        --     id TEXT PRIMARY KEY NOT NULL
        --   );
    Good:
        CREATE TABLE IF NOT EXISTS teams (id TEXT PRIMARY KEY NOT NULL);
    """
    if replay.count <= replay.records_itself and is_unwritten(replay.header):
        yield Finding("the change is not written yet: write it, or delete the file", line=1)
