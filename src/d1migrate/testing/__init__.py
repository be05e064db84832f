"""For your own tests: check that migrations are safe, and copy databases that already have them.

Pytest imports this package at its start, with the plugin in it, also in projects whose tests use neither. So
linter, engine and reports are imported by the functions that need them.
"""

from __future__ import annotations

import os
import shutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.lint.platform import PlatformName
    from d1migrate.migrate.migration import Migration


def assert_migrations_safe(
    migrations: str | os.PathLike[str] | Sequence[Migration],
    *,
    rows: int = 50,
    strict: bool = False,
    severities: Mapping[str, str] | None = None,
    platform: PlatformName = "d1",
) -> None:
    """Lint all migrations, and rehearse them one after the other with rows in every table.

    Args:
        migrations: a folder, or what `load_migrations` returned.
        rows: how many generated rows each table gets.
        strict: whether warnings of the linter count, too.
        severities: {code of a rule, or its letter: error, warning, info or off}.
        platform: where they are to run: "d1", or "durable-object".

    Raises:
        AssertionError: the linter or a rehearsal found something that no file allows; with the findings.
        UsageError, SourceError: there is no such folder, or a file cannot be read.
    """
    from d1migrate.lint.check import failing
    from d1migrate.lint.platform import PLATFORMS
    from d1migrate.lint.runner import lint
    from d1migrate.project.files import load_migrations
    from d1migrate.rehearse import rehearse
    from d1migrate.report import findings, rehearsal

    if isinstance(migrations, (str, os.PathLike)):
        migrations = load_migrations(os.fspath(migrations))
    found = lint(migrations, severities=severities, platform=PLATFORMS[platform])
    if failing(found, strict=strict):
        raise AssertionError("\n".join(findings.text(found, verbose=False, paint=_plain)))
    rehearsed = rehearse(migrations, rows=rows, severities=severities, platform=PLATFORMS[platform])
    if not rehearsed.ok:
        raise AssertionError("\n".join(rehearsal.text(rehearsed, verbose=False, paint=_plain)))


def _plain(text: str, _: str | None) -> str:
    return text


class Template:
    """A database with all migrations, created once; `copy` gives each test its own.

    Args:
        migrations: a folder, or what `load_migrations` returned.
        path: where the template is created; a file that does not exist.
    """

    def __init__(
        self,
        migrations: str | os.PathLike[str] | Sequence[Migration],
        path: str | os.PathLike[str],
    ) -> None:
        from d1migrate.drivers.sqlite import SqliteDriver
        from d1migrate.migrator import Migrator

        self.path = os.fspath(path)
        with Migrator(SqliteDriver(self.path, url=f"sqlite:{self.path}"), migrations) as migrator:
            migrator.up()

    def copy(self, path: str | os.PathLike[str]) -> str:
        """Copy it to a file; returns the file's path."""
        return os.fspath(shutil.copyfile(self.path, path))
