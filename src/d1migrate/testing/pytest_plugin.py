"""Fixtures for projects that use d1migrate; pytest loads them by itself.

`migrated_database` is the path of a SQLite file with all migrations: each test gets its own copy,
created in a millisecond. The migrations are those of `d1migrate_migrations = …` in pytest's configuration, or
those the project's d1migrate.toml or wrangler configuration names.
"""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.migration import Migration
    from d1migrate.testing import Template


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names the migrations folder."""
    parser.addini("d1migrate_migrations", "the folder of migrations for `migrated_database`", default="")


@pytest.fixture(scope="session")
def migrated_template(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A database with all migrations, created once in a test run."""
    from d1migrate.testing import Template

    return Template(_migrations(pytestconfig), tmp_path_factory.mktemp("d1migrate") / "template.sqlite")


@pytest.fixture
def migrated_database(migrated_template: Template, tmp_path: Path) -> Path:
    """The path of a SQLite database with all migrations, for this test alone."""
    path = tmp_path / "database.sqlite"
    migrated_template.copy(path)
    return path


def _migrations(pytestconfig: pytest.Config) -> tuple[Migration, ...]:
    from d1migrate.project import config
    from d1migrate.project.files import load_folder, load_migrations

    root, named = str(pytestconfig.rootpath), str(pytestconfig.getini("d1migrate_migrations"))
    if named:
        return load_migrations(os.path.join(root, named))
    found = config.load(root, {}, os.environ).of_run(config.named_folder(None, os.environ), None)
    folder = found.folder(found.environment(None, None) if found.environments else None)
    return load_folder(folder._replace(path=os.path.join(root, folder.path)))
