"""A draft as the text of a migration file."""

from __future__ import annotations

import re

from d1migrate.migrate.template import header, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.drafting.draft import Draft
    from d1migrate.schema.alter import StatementGroup


_MEANINGFUL = re.compile(
    r"[\W_]*(?:d1migrate|(?:\w+\W+)?(?:downs?|undo|rollback|create above)\b)", re.IGNORECASE
)
"""How a comment begins that is a directive, or that begins a rollback, also as other tools write it."""


def migration_text(
    drafted: Draft,
    name: str,
    description: str,
    *,
    date: str,
    records: bool,
    notes: Sequence[str] = (),
    lines: Sequence[str] = (),
) -> str:
    """Return the text of a migration file.

    Args:
        drafted: what it does.
        name: its path below the migrations folder, with `.sql`.
        description: a few words.
        date: today's, as YYYY-MM-DD.
        records: whether it records itself.
        notes: what a person should know, each of one line or more, whatever they quote; only comments.
        lines: comments and directives about the whole file, without `--`.
    """
    quoted = [_quoted(line) for note in notes for line in note.splitlines()]
    about = "".join(f"-- {line}".rstrip() + "\n" for line in (*quoted, *lines))
    parts = [header(name, description, date=date), about + statements_text(drafted.up) + "\n"]
    return "\n".join([*parts, *([record(name)] if records else []), _rollback(drafted)])


def _quoted(line: str) -> str:
    """Return a line that is only a comment: a note may have the words of an exception, or comments of SQL."""
    return f"note: {line}" if _MEANINGFUL.match(line) else line


def statements_text(groups: Sequence[StatementGroup]) -> str:
    """Return the SQL of one direction alone."""
    return "\n".join(_lines(groups))


def _rollback(drafted: Draft) -> str:
    down = drafted.down
    if down.irreversible is not None:
        return f"-- Rollback: none, {' '.join(down.irreversible.split())}\n"
    notes = [
        f"-- {table}.{column} is restored without its values: {value} is used instead."
        for (table, column), value in down.placeholders
    ]
    lines = "\n".join([*notes, *_lines(down.groups)]).split("\n")
    return "\n".join(["-- Rollback:", *(f"--   {line}".rstrip() for line in lines), ""])


def _lines(groups: Sequence[StatementGroup]) -> list[str]:
    """Return the statements, each with its `;`, and a comment above each group that has one."""
    found: list[str] = []
    for group in groups:
        if group.what:
            found += ["", f"-- {group.what}."] if found else [f"-- {group.what}."]
        found += [f"{statement};" for statement in group.statements]
    return found
