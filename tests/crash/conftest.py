"""The migrations of the crash tests, and databases of every driver to run them on."""

from __future__ import annotations

import itertools
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrator import Migrator
from d1migrate.project.files import load_migrations
from tests.crash.killed import Killed
from tests.crash.runs import ACTIONS, ROOT, ROWS, Expected, file, objects, state_of
from tests.remote.conftest import Remote
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.runs import Open
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.workerd import Workerd


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """The migrations and what they do where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("expected")
    files = shutil.copytree(ROOT / "workers" / "migrations", folder / "migrations")
    (files / "004_rows.sql").write_text(ROWS)
    migrations = load_migrations(str(files))
    made: dict[int, set[str]] = {}
    memory = SqliteDriver(":memory:", url="sqlite::memory:")
    migrator = Migrator(memory, migrations)
    for migration in migrations:
        before = objects(memory)
        migrator.up(to=migration.version)
        made[migration.version] = objects(memory) - before
    migrator.close()
    assert all(made.values())
    applied = folder / "applied.db"
    result = Expected(files, migrations, made, {}, applied)
    for action in ACTIONS:
        path = folder / f"{action}.db"
        if action.startswith("down"):
            shutil.copy(applied, path)
        result.act(file(path)(), action)
        result.ends[action] = state_of(file(path), migrations)
        if action == "up":
            shutil.copy(path, applied)
    return result


@pytest.fixture(scope="session")
def killed(expected: Expected) -> Iterator[Killed]:
    """A process whose children are killed."""
    process = Killed(expected.folder)
    yield process
    process.close()


# --- databases to run it over: one line a driver ---

DRIVERS: dict[str, Callable[[pytest.FixtureRequest], Callable[[], Open]]] = {
    "sqlite": lambda request: partial(new_file, request.getfixturevalue("tmp_path")),
    "workerd": lambda request: partial(new_d1, request.getfixturevalue("workerd")),
    "d1": lambda request: lambda: request.getfixturevalue("new_remote")().open,
}
_numbers = itertools.count()


def new_file(folder: Path) -> Open:
    """A database in a new file."""
    return file(folder / f"{next(_numbers)}.db")


def new_d1(server: Workerd) -> Open:
    """A new real D1."""
    return partial(WorkerdDriver, server, server.database())


@pytest.fixture
def new_remote(cloudflare: Cloudflare) -> Iterator[Callable[[], Remote]]:
    """Gives a new real D1 behind Cloudflare's API, with the splitter and the tables that production has."""
    cloudflare.settings(fragile_splitter=True, cf_kv=True)
    made: list[Remote] = []

    def make() -> Remote:
        made.append(Remote(cloudflare, f"crash-{next(_numbers)}"))
        return made[-1]

    yield make
    for remote in made:
        remote.close()


@pytest.fixture(params=DRIVERS)
def fresh(request: pytest.FixtureRequest) -> Callable[[], Open]:
    """Gives a database nobody has used, again and again; over each driver in turn."""
    return DRIVERS[request.param](request)
