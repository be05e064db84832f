"""Write migration files."""

from __future__ import annotations

import os
import time

from d1migrate.cli.index_files import current_module, index_text, write_indexes
from d1migrate.errors import UsageError
from d1migrate.migrate import file_name
from d1migrate.migrate.file_name import Now
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.order import number_of
from d1migrate.migrate.table import SUFFIX, VERSIONS
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files
from d1migrate.report.text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.migrate.table import MigrationsTable, Shape
    from d1migrate.report.shapes import files as shapes

_DIGITS: dict[Shape, int] = {"versions": 3, "names": 4}
"""How many digits the first file has: for wrangler's table, as `wrangler d1 migrations create` writes it."""


class NewFile(NamedTuple):
    """A file to be written.

    Attributes:
        name: its path below the migrations folder, with `.sql`.
        date: today's, as YYYY-MM-DD.
        records: whether it records itself, as the other files do.
        later: the files that are after it in wrangler's order all the same.
    """

    name: str
    date: str
    records: bool
    later: tuple[str, ...] = ()


def write_next(
    description: str, text_of: Callable[[NewFile], str], project: Project, output: Output
) -> shapes.NewFile:
    """Write the next migration file, and print its path, unless JSON is wanted.

    Args:
        description: a few words, for its name.
        text_of: returns the text.
        project: the folder.
        output: prints the path.

    Returns:
        The file, as JSON.

    Raises:
        UsageError: as `next_file`.
        SourceError: a file cannot be read.
    """
    from d1migrate.project import disk

    with disk.locked(project.folder):
        new = next_file(description, project)
        path = write_file(new.name, text_of(new), project, output)
    if not output.as_json:
        output.print(path)
    if os.path.isfile(files.journal_of(project.folder)):
        output.note(
            "drizzle-kit does not count this file; `drizzle-kit generate --custom` writes one that it counts"
        )
    if new.later:
        output.note(
            f"{clean_line(', '.join(new.later))} stays last, without a number: a new database runs it after"
        )
    return {"version": number_of(new.name), "name": new.name.removesuffix(SUFFIX), "file": path}


def next_file(description: str, project: Project, planned: Sequence[NewFile] = ()) -> NewFile:
    """Return the next file, in the style of the folder, after checking that it can be written.

    Args:
        description: a few words, for its name.
        project: the folder.
        planned: files that come before it and are not written.

    Raises:
        UsageError: as `check_writable`; or no name in the style of the folder would be the last one, would
            match the pattern, or has a number that the migrations table can hold.
        SourceError: a file cannot be read.
    """
    migrations = project.load(missing_ok=True)
    check_writable(project)
    now, choice = current_time(), project.choice(migrations)
    table = choice.guess
    for path in project.config.indexes:  # refuse what cannot be embedded before anything is written
        index_text(path, migrations, table, {})
    migrations += tuple(Migration(number_of(n.name), n.name.removesuffix(SUFFIX), "") for n in planned)
    if migrations:
        name, later = _next_name(description, migrations, table, project, now)
    else:
        digits, later = _DIGITS[table.shape], ()
        name = file_name.first_name(description, digits=digits, now=now, matches=project.is_migration)
    begins_recording = not migrations and choice.configured is not None
    records = table.name == VERSIONS and (choice.files.recording or begins_recording)
    return NewFile(name, time.strftime("%Y-%m-%d", time.gmtime(now.epoch)), records, later)


def current_time() -> Now:
    """Return the time."""
    now = time.time()
    return Now(int(now), time.strftime("%Y%m%d%H%M%S", time.gmtime(now)))


def _next_name(
    description: str, migrations: Sequence[Migration], table: MigrationsTable, project: Project, now: Now
) -> file_name.NewName:
    new = file_name.new_name([migration.name + SUFFIX for migration in migrations], description, now=now)
    if not project.is_migration(new.path):
        raise UsageError(
            f"{new.path} does not match the pattern for migrations, {project.pattern!r}",
            hint="write the file by hand, with a name that matches",
        )
    if table.key_of(Migration(number_of(new.path), new.path, "")) is None:
        raise UsageError(f"{migrations[-1].name} has the highest number that {table.name} can hold")
    return new


def write_file(name: str, text: str, project: Project, output: Output) -> str:
    """Write a new migration file and the indexes; returns the path.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    from d1migrate.project import disk

    path = os.path.join(project.folder, name)
    try:
        disk.create_folder_of(path)
    except OSError as error:
        raise UsageError(f"cannot create the folder of {path}: {error.strerror}") from error
    files.write_new(path, text)
    write_indexes(project, output)
    return path


def check_writable(project: Project) -> None:
    """Check that migrations and the indexes of their folder may be written, before writing anything.

    Raises:
        UsageError: a configured path is outside the project, or a file is not an index.
    """
    project.refuse_outside_folder()
    for owner in project.owners_of_folder:
        owner.refuse_outside_index()
        for path in owner.config.generated:
            current_module(path)
