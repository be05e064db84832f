"""The migrations of the crash tests, and databases of every driver to run them on."""

from __future__ import annotations

import itertools
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.project.files import load_migrations
from tests.crash.killed import Killed
from tests.crash.runs import ACTIONS, NAMES, PATTERN, ROOT, ROWS, Expected, file, objects
from tests.remote.conftest import Remote
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.runs import Open
    from tests.runtime.cloudflare import Cloudflare
    from tests.runtime.workerd import Workerd


@pytest.fixture(scope="session", params=["versions", "names"])
def expected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """The migrations of a shape, and what they do where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("expected")
    files = folder / "migrations"
    if request.param == "versions":
        shutil.copytree(ROOT / "workers" / "migrations", files)
        (files / "004_rows.sql").write_text(ROWS)
    else:
        for name, text in NAMES.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_text(text)
    migrations = load_migrations(str(files), pattern=PATTERN)
    made: dict[str, set[str]] = {}
    memory = SqliteDriver(":memory:", url="sqlite::memory:")
    applied = folder / "applied.db"
    result = Expected(request.param, files, migrations, made, {}, applied)
    migrator = result.migrator(memory)
    for migration in migrations:
        before = objects(memory)
        migrator.up(to=migration.name)
        made[migration.name] = objects(memory) - before
    migrator.close()
    assert all(made.values())
    for action in ACTIONS:
        path = folder / f"{action}.db"
        if action.startswith("down"):
            shutil.copy(applied, path)
        result.act(file(path)(), action)
        result.ends[action] = result.state_of(file(path))
        if action == "up":
            shutil.copy(path, applied)
    return result


@pytest.fixture(scope="session")
def killed(expected: Expected) -> Iterator[Killed]:
    """A process whose children are killed."""
    process = Killed(expected.folder, expected.options)
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
