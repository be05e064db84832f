"""Who acts, and the stamp of an action for the log. The clock and the environment are read here."""

from __future__ import annotations

import os
import time

from d1migrate import __version__
from d1migrate.migrate.log import Stamp

TOOL = f"d1migrate {__version__}"
"""What the log calls this release."""

_CI_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BITBUCKET_STEP_TRIGGERER_UUID", "BUILDKITE_BUILD_CREATOR")


def current_actor() -> str:
    """Return who runs this: D1MIGRATE_BY, the CI's actor, or the user's name; never the host."""
    for name in ("D1MIGRATE_BY", *_CI_ACTORS):
        if value := os.environ.get(name):
            return os.fsencode(value).decode(errors="replace")  # D1 stores text as UTF-8
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def stamp(who: str) -> Stamp:
    """Return a stamp of this moment, with a new random token."""
    return Stamp(os.urandom(16).hex(), int(time.time()), who, TOOL)
