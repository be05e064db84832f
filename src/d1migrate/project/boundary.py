"""What a configuration may do outside the project: be read, but neither write there nor run a program.

A configuration is part of a repository, which may be untrusted. Its paths may be read anywhere, as in a
monorepo; writing outside the project, or into git's own folder, needs a flag, or a path given by the user.
The nearest configuration may be above the repository of the working directory, where others can write.
"""

from __future__ import annotations

import os
from functools import lru_cache

from d1migrate.errors import UsageError

FLAG = "--outside-project"


def root_of(config: str | None) -> str:
    """Return the project of a configuration file, links resolved: git's top level, else the file's folder.

    Args:
        config: the file; without it, the search begins in the working directory.
    """
    return _root_above(os.path.realpath(os.path.dirname(config) or "." if config else "."))


@lru_cache(maxsize=1)  # a fleet asks for each of its files
def _root_above(start: str) -> str:
    folder = start
    while True:
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent


def refuse_outside(config: str | None, path: str, what: str) -> None:
    """Refuse a path outside a configuration's project.

    Args:
        config: the file.
        path: a path that it names.
        what: the meaning of the path, for the message.

    Raises:
        UsageError: it is outside.
    """
    root, target = root_of(config), os.path.realpath(path)
    inside = os.path.relpath(target, root).split(os.sep) if _shares_drive(target, root) else [os.pardir]
    if inside[0] == os.pardir or ".git" in inside:
        raise UsageError(
            f"{what} {path} is outside the project {root}, and a configuration may only write inside it",
            hint=f"choose a path inside the project, or permit this one with {FLAG}",
        )


def refuse_program(config: str, what: str) -> None:
    """Refuse to run a program because of a configuration above the repository of the working directory.

    Whoever wrote it names the program, or has the folder from which it imports.

    Args:
        config: the file, which the user did not name.
        what: the source that runs a program, for the message.

    Raises:
        UsageError: it is above the repository.
    """
    root, folder = root_of(None), os.path.realpath(os.path.dirname(config) or ".")
    is_inside = _shares_drive(folder, root) and os.path.commonpath((folder, root)) == root
    if not is_inside and os.path.lexists(os.path.join(root, ".git")):
        raise UsageError(
            f"{config} is above this git repository, and {what} would run code from there",
            hint=f"if you trust that file, name it: `--config {config}`",
        )


def _shares_drive(target: str, root: str) -> bool:
    return os.path.splitdrive(target)[0] == os.path.splitdrive(root)[0]
