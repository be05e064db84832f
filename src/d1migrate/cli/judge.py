"""Commands that judge migrations before they run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from d1migrate import __version__
from d1migrate.errors import UsageError
from d1migrate.files import load_file
from d1migrate.lint import failing
from d1migrate.linter import lint
from d1migrate.report import findings
from d1migrate.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.context import Context
    from d1migrate.lint import Diagnostic
    from d1migrate.migration import Migration

_FOUND = 3


def lint_command(context: Context) -> int:
    """Say what is wrong with migrations."""
    arguments = context.arguments
    found, count = _lint(context)
    if context.json:
        context.out_json(findings.values(found))
    elif arguments.format == "sarif":
        context.out_json(findings.sarif(found, __version__))
    elif arguments.format == "github":
        context.out(findings.github(found))
    else:
        context.out(findings.text(found, verbose=arguments.verbose, paint=context.paint))
        context.say(f"{plural(count, 'migration')} judged")
    return _FOUND if failing(found, strict=arguments.strict) else 0


def _lint(context: Context) -> tuple[Sequence[Diagnostic], int]:
    """Return the findings, and how many files were looked at."""
    arguments = context.arguments
    if arguments.files and arguments.all:
        raise UsageError("FILE and --all exclude each other")
    if arguments.files or arguments.all or not context.names_database:
        beside = not arguments.files or os.path.isdir(context.folder)
        migrations = context.load() if beside else ()
        drafts, named = _chosen(arguments.files, migrations)
        only = named if arguments.files else {migration.version for migration in migrations}
        return lint((*migrations, *drafts), severities=context.severities, only=only), len(only)
    migrator = context.migrator
    context.say_database()
    pending = sum(e.state in ("pending", "out_of_order") for e in migrator.status())
    return migrator.lint(), pending


def _chosen(paths: Sequence[str], migrations: Sequence[Migration]) -> tuple[tuple[Migration, ...], set[int]]:
    """Return the files that lie elsewhere, as if they came next, and the versions of all that are named."""
    there = {os.path.realpath(migration.file): migration.version for migration in migrations}
    following = max(there.values(), default=0) + 1
    elsewhere = [path for path in paths if os.path.realpath(path) not in there]
    drafts = tuple(load_file(path, version=following + place) for place, path in enumerate(elsewhere))
    named = {there[real] for path in paths if (real := os.path.realpath(path)) in there}
    return drafts, named | {draft.version for draft in drafts}
