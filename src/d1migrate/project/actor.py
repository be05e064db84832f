"""Who did a thing and when, and the restore point that was taken before it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from d1migrate import __version__
from d1migrate.migrate.history import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.drivers.protocol import Driver

_CI_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILDKITE_BUILD_CREATOR")


def user() -> str:
    """Return who runs this: D1MIGRATE_BY, the CI's actor, or the user's name; never the host."""
    for name in ("D1MIGRATE_BY", *_CI_ACTORS):
        if value := os.environ.get(name):
            return os.fsencode(value).decode(errors="replace")  # a database holds no other text than UTF-8
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def signature(who: str) -> Stamp:
    """Return a signature of this moment, with a token of its own."""
    return Stamp(os.urandom(16).hex(), int(time.time()), who, f"d1migrate {__version__}")


def behind_restore_point(file: Driver, folder: str | None, sign: Callable[[], Stamp]) -> Callable[[], Stamp]:
    """Return what signs, and takes a restore point when it first does: what only looks takes none.

    Args:
        file: the database; one that can neither be copied nor has bookmarks has no restore points.
        folder: where copies go; None for the usual place.
        sign: what signs without one.
    """
    bookmark: Callable[[], str] | None = getattr(file, "bookmark", None)
    if bookmark is None and not hasattr(file, "copy_to"):
        return sign
    taken: list[str | None] = []

    def sign_behind() -> Stamp:
        if not taken and bookmark:
            taken.append(bookmark())
        if not taken:
            from d1migrate.backup import local_points

            point = local_points.take(file, folder)
            taken.append(point.name if point else None)
        return sign()._replace(restore_point=taken[0])

    return sign_behind
