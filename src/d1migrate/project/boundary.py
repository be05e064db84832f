"""Where configured paths may be written: inside the project, and never in git's own folder.

A configuration comes with a repository, which may be somebody else's. Its paths may be read anywhere, as in a
monorepo; writing outside the project needs a flag, or a path given by the user.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

FLAG = "--outside-project"


def root_of(config: str | None) -> str:
    """Return the project of a configuration file, links resolved: git's top level, else the file's folder.

    Args:
        config: the file; the working directory is meant without it.
    """
    start = folder = os.path.realpath(os.path.dirname(config) or "." if config else ".")
    while True:
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return start
        folder = parent


def guard(config: str | None, what: str) -> Callable[..., None]:
    """Return a function that refuses a path outside a configuration's project.

    Args:
        config: the file.
        what: what it names, for the message; a call may name another thing.
    """

    def refuse(path: str, what: str = what) -> None:
        root, target = root_of(config), os.path.realpath(path)
        inside = os.path.relpath(target, root).split(os.sep) if _shares_drive(target, root) else [os.pardir]
        if inside[0] == os.pardir or ".git" in inside:
            raise UsageError(
                f"{what} {path} is outside the project {root}, and a configuration may only write inside it",
                hint=f"choose a path inside the project, or permit this one with {FLAG}",
            )

    return refuse


def _shares_drive(target: str, root: str) -> bool:
    return os.path.splitdrive(target)[0] == os.path.splitdrive(root)[0]
