"""Write migration files, and the index module that embeds them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError
from d1migrate.migrate import source
from d1migrate.project import files

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project


def write_next(
    description: str, text_of: Callable[[str, str], str], project: Project, output: Output
) -> None:
    """Write the next migration file, and print its path.

    Args:
        description: a few words, which the name is made of.
        text_of: returns the text, for the name and today's date.
        project: the folder.
        output: prints the path.

    Raises:
        UsageError: as `check_writable`.
        SourceError: a file cannot be read.
    """
    from d1migrate.project import disk

    with disk.locked(project.folder):
        name, date = next_file(description, project)
        path = write_file(name, text_of(name, date), project, output)
    if output.as_json:
        output.print_json({"path": path})
    else:
        output.print(path)


def next_file(description: str, project: Project) -> tuple[str, str]:
    """Return the name of the next file, and today's date, after checking that it can be written.

    Raises:
        UsageError: as `check_writable`.
        SourceError: a file cannot be read.
    """
    now = time.gmtime()
    migrations = project.load(missing_ok=True)
    check_writable(project)
    if project.config.index_module:
        source.index_module(migrations, {})  # refuses what cannot be embedded, before anything is written
    name = source.new_name(migrations, description, now=time.strftime("%Y%m%d%H%M%S", now))
    return name, time.strftime("%Y-%m-%d", now)


def write_file(name: str, text: str, project: Project, output: Output) -> str:
    """Write a new migration file and the index; returns the path.

    Raises:
        UsageError: the file exists, or cannot be written.
    """
    folder = project.folder
    if not os.path.isdir(folder):
        try:
            os.makedirs(folder)
        except OSError as error:
            raise UsageError(f"cannot create the migrations folder {folder}: {error.strerror}") from error
    path = os.path.join(folder, name)
    files.write_new(path, text)
    write_index(project, output)
    return path


def check_writable(project: Project) -> None:
    """Check that migrations and the configured index may be written, before writing anything.

    Raises:
        UsageError: a configured path is outside the project, or the file is not an index.
    """
    project.refuse_outside_folder()
    project.refuse_outside_index()
    if project.config.index_module:
        current_index(project.config.index_module)


def write_index(project: Project, output: Output) -> None:
    """Write the configured index, if there is one."""
    if project.config.index_module:
        files.replace(project.config.index_module, index_text(project, output))


def current_index(path: str) -> str | None:
    """Return the index that a file contains, None if there is no file.

    Raises:
        UsageError: the file contains something else, which would be lost.
    """
    text = files.current_text(path)
    if text and not source.is_index_module(text):
        raise UsageError(
            f"{path} exists and is not an index of migrations: it was not changed",
            hint="name another file with `index = …` in d1migrate.toml, or --output FILE",
        )
    return text


def index_text(project: Project, output: Output) -> str:
    """Return the text of the index, and say from which file on it has no schema digests."""
    from d1migrate.lint.replay.replayer import schema_changes

    migrations = project.load()
    schemas = schema_changes(migrations)
    if unknown := [m for m in migrations if m.name not in schemas]:
        output.note(
            f"no schema digests from {unknown[0].name} on: it cannot be replayed on an empty database"
            " (`d1migrate lint --all` says why)"
        )
    return source.index_module(migrations, schemas)
