"""Migrations as a folder of `.sql` files in the bundle, given as a path or as the name of a package."""

from __future__ import annotations

import os
from importlib.util import find_spec

from d1migrate.project.files import load_migrations


def path_of(place: str | os.PathLike[str]) -> str:
    """Return the path of a folder; of a package that is not found, its name."""
    path = str(os.fspath(place))
    if os.path.isdir(path) or not all(part.isidentifier() for part in path.split(".")):
        return path
    try:
        spec = find_spec(path)
    except ModuleNotFoundError:
        spec = None
    return next(iter((spec and spec.submodule_search_locations) or (path,)))


def read(folder: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the files of a folder as pairs of name and SQL, and {name of a file: its rollback file's SQL}.

    Raises:
        SourceError: a file cannot be read, or its name is not that of a migration.
    """
    found = load_migrations(folder)
    files = [(f"{migration.name}.sql", migration.text) for migration in found]
    return files, {f"{m.name}.sql": m.rollback_file.text for m in found if m.rollback_file}
