"""Shapes that several documents share."""

from __future__ import annotations

from typing import Literal, TypedDict


class Migration(TypedDict):
    """A migration.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: its name: the path of the file below the migrations folder, without `.sql`.
    """

    version: int | None
    name: str


class Entry(Migration):
    """A migration, in the files and in the history.

    Attributes:
        state: how file and history compare.
        applied_at: when it was applied, in epoch seconds; null if it is not applied or the time is unknown.
        checksum: the recorded checksum of an applied migration, else that of the file; null if unknown, as
            for what wrangler applied.
        reversible: whether there is a rollback, in the file or in the history.
        was: the recorded name, if the file has another one; else null.
    """

    state: Literal[
        "pending", "applied", "changed", "missing", "out_of_order", "renamed", "partial", "running"
    ]
    applied_at: int | None
    checksum: str | None
    reversible: bool
    was: str | None


class Problem(TypedDict):
    """Something wrong with a database.

    Attributes:
        kind: what is wrong.
        name: the object, or the migrations, that it is about.
        message: the problem, in a sentence.
        fix: SQL that fixes it, or that shows more of it; null for none.
        new: false if the problem existed before the run that reports it.
    """

    kind: Literal[
        "leftover", "orphans", "parent", "foreign keys", "missing", "broken", "search", "rewound",
        "history", "log", "file", "unknown",
    ]  # fmt: skip
    name: str
    message: str
    fix: str | None
    new: bool


class Difference(TypedDict):
    """An object of the live schema that is not what the applied files build.

    Attributes:
        kind: table, column, foreign key, index, trigger or view.
        name: its name; a column is `table.column`, a foreign key `table(columns)`.
        state: missing (the files build it, the database lacks it), extra (the reverse), or different.
        expected: SQL, or a description, of what the files build; null if they do not build it.
        actual: the same of what the database has; null if it lacks it.
    """

    kind: str
    name: str
    state: Literal["missing", "extra", "different"]
    expected: str | None
    actual: str | None


class Reason(TypedDict):
    """A migration, and the reason why it is listed.

    Attributes:
        name: the migration.
        reason: the reason, in a few words.
    """

    name: str
    reason: str
