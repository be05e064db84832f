"""A folder of migrations as a desired schema, in any layout: plain files, or a folder for each migration."""

from __future__ import annotations

import os

from d1migrate.errors import UsageError
from d1migrate.project.files import load_folder
from d1migrate.project.listing import Folder, likely_pattern, list_files, sql_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.migrate.migration import Migration


def load_source(path: str, pattern: str | None = None) -> tuple[Migration, ...]:
    """Read the migrations that build a desired schema.

    Args:
        path: the folder.
        pattern: which paths below it are migrations; by default what its files look like.

    Raises:
        UsageError: there are none, or the folder cannot be read.
        SourceError: a file cannot be parsed.
    """
    folder = Folder(path, pattern or likely_pattern(sql_files(path)))
    listing = list_files(folder)
    if not listing.names:
        raise UsageError(f"{path} has no migrations: there is no SQL file in it", hint=_hint(path))
    return tuple(one for one in load_folder(folder, listing) if not one.is_down_file)


def _hint(path: str) -> str:
    """Return what may be meant: the migrations of Python tools are programs, and are not read."""
    is_python = any(name.endswith(".py") for name in os.listdir(path))
    models = "`--to python:MODULE:OBJECT` or `--to django:SETTINGS` reads the models themselves"
    return models if is_python else "name a file of CREATE statements, or a folder of migrations as SQL"
