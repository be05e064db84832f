"""Apply a folder of migrations to a new D1 in a workerd of its own: `through_workerd.py STATE MIGRATIONS`."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Start workerd, apply, and stop it."""
    from d1migrate import Migrator
    from tests.runtime.workerd import Workerd, WorkerdDriver

    state, migrations = sys.argv[1:]
    with (
        Workerd(Path(state)) as workerd,
        Migrator(WorkerdDriver(workerd, workerd.database()), migrations) as migrator,
    ):
        migrator.up(lint=False)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    main()
