"""The shapes of the commands that write files: new, diff, rebuild, squash, renumber, index."""

from __future__ import annotations

from typing import TypedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.report.shapes.common import Migration


class NewFile(TypedDict):
    """A migration file that was written.

    Attributes:
        version: the number of the migration; null if its name does not begin with one.
        name: its name.
        file: the path of the file.
    """

    version: int | None
    name: str
    file: str


class Draft(TypedDict):
    """The migration from one schema to another.

    Attributes:
        different: whether the schemas differ.
        description: what the migration does, in a few words; null if nothing differs.
        files: the migration files that were written, in order; empty if none was.
        sql: its SQL, if no file was written; null for `--check`.
    """

    different: bool
    description: str | None
    files: list[str]
    sql: str | None


class Fix(Draft):
    """What `verify --fix` drafts: SQL that makes the live schema match the files, or a migration.

    Attributes:
        recorded: the migration, if it was written and recorded as applied.
    """

    recorded: list[Migration]


class Squash(TypedDict):
    """The file that replaces several.

    Attributes:
        file: the migration file that was written; null for a dry run.
        sql: its text, for a dry run; else null.
        squashed: the names of the migrations that it replaces.
    """

    file: str | None
    sql: str | None
    squashed: list[str]


class RenamedFile(TypedDict):
    """A migration whose file has another name.

    Attributes:
        version: its new number.
        name: its new name.
        was: its name before.
    """

    version: int | None
    name: str
    was: str


class Renumbering(TypedDict):
    """The files that get another number.

    Attributes:
        renamed: the files that are renamed, or would be in a dry run.
        done: whether they were renamed; false for a dry run, and if there are none.
    """

    renamed: list[RenamedFile]
    done: bool


class GeneratedFile(TypedDict):
    """A file that is generated from the migrations.

    Attributes:
        file: its path.
        up_to_date: whether its content was up to date before the command.
        written: whether the command wrote it.
    """

    file: str
    up_to_date: bool
    written: bool


class Indexes(TypedDict):
    """The modules that embed the migrations.

    Attributes:
        files: each of them.
    """

    files: list[GeneratedFile]
