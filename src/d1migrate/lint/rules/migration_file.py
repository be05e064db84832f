"""A file among the others of its folder: its number, its header, its record in the migrations table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay

_HEADER = re.compile(r"^--[ \t]*Migration:[ \t]*([0-9]+(?:[_-]\S*[A-Za-z]\S*)?)[ \t]*$", re.MULTILINE)
_SEQUENCE = 10**8  # versions above are timestamps


@rule("H107", "version-gap", "info")
def version_gap(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A number is left out.

    Why: a file may be missing; the next one to use the number comes out of order.
    """
    version, previous = replay.migration.version, replay.previous
    if previous is not None and version > previous + 1 and version < _SEQUENCE:
        yield Finding(f"version {previous + 1} is left out: {previous} comes before {version}", line=1)


@rule("H108", "header-disagrees", "info")
def header_disagrees(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The header names another migration.

    Why: a file that was copied or renumbered says so wherever it is read.
    """
    match = _HEADER.search(replay.header)
    said, name = match[1].removesuffix(".sql") if match else "", replay.migration.name
    if match and said.lstrip("0") != name.lstrip("0"):
        yield Finding(f"the header says {match[1]}, the file is {replay.migration.name}", line=1)


@rule("H109", "does-not-record", "info")
def does_not_record(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A file that does not record itself, among files that do.

    Why: run with `wrangler d1 execute --file` it is applied and stays pending.
    """
    if replay.siblings_record and not replay.records_itself:
        m = replay.migration
        yield Finding(
            "it does not record itself, the files before it do",
            line=1,
            fix="INSERT INTO schema_migrations (version, name, applied_at)\n"
            f"VALUES ({m.version}, '{m.name}', strftime('%s', 'now'))\nON CONFLICT(version) DO NOTHING;",
        )


@rule("H112", "repeated-migration", "warning")
def repeated_migration(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A pending file has the same statements as another pending file.

    Why: both will run, and rows will be written twice. One may be left over from a rename, a merge or a copy.
    """
    if replay.repeats:
        yield Finding(f"it has the same statements as {replay.repeats}, and both will run", line=1)
