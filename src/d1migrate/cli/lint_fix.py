"""`lint --fix`: unsafe rebuilds of pending files become guarded ones, shown first and proved before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.cli.diff import prepare, write_index
from d1migrate.errors import Error, UsageError
from d1migrate.project import files
from d1migrate.report.text import clean, clean_line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.project import Context
    from d1migrate.drafting.lint_fix import FixedFile
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.model import Schema


class Target(NamedTuple):
    """What may be rewritten: `only`, of the `migrations` that run upon `base` in their order."""

    migrations: Sequence[Migration]
    only: Sequence[Migration]
    base: Schema | None = None


def fix(context: Context, target: Target) -> int:
    """Show what makes the rebuilds of files keep every row, and write it where that is confirmed.

    Returns:
        How many files were to be rewritten, or could not be, and are as they were.
    """
    from d1migrate.drafting.lint_fix import fix

    only = _unapplied(context, target.only)
    raw = {migration.version: _read(migration.file) for migration in only if not migration.is_large}
    raw |= {migration.version: "" for migration in only if migration.is_large}
    found = fix(target.migrations, only, raw, base=target.base, severities=context.severities)
    ready = [one for one in found if one.text is not None]
    diffs = {one.migration.file: one.diff(raw[one.migration.version]) for one in ready}
    if not context.json:
        _show(context, found, diffs)
    writes = bool(ready) and not context.arguments.dry_run
    if writes:
        prepare(context)
        _confirm(context, len(ready))
        for one in ready:
            _write(one, raw[one.migration.version])
        write_index(context)
        context.say(f"rewrote {plural(len(ready), 'file')}")
    if context.json:
        context.out_json([_value(one, diffs, written=writes) for one in found])
    return len(found) - (len(ready) if writes else 0)


def _show(context: Context, found: Sequence[FixedFile], diffs: dict[str, list[str]]) -> None:
    for one in found:
        if one.text is None:
            context.out(clean_line(f"{one.migration.file} was not rewritten: {one.why_not}"))
        for line in diffs.get(one.migration.file, ()):
            shade = {"+": "green", "-": "red", "@": "dim"}.get(line[:1])
            context.out(context.paint(clean(line), shade))
    if not found:
        context.say("no rebuild that loses rows")


def _confirm(context: Context, count: int) -> None:
    """Ask for a yes, unless a flag gave it.

    Raises:
        UsageError: there is none.
    """
    if context.arguments.yes:
        return
    typed = context.ask(f"rewrite {plural(count, 'file')}? [y/N] ")
    if typed is None:
        raise UsageError(
            "to rewrite files has to be confirmed, and there is no terminal to ask on",
            hint="--yes, or --dry-run to look only",
        )
    if typed.lower() not in ("y", "yes"):
        raise UsageError("not confirmed: nothing was written")


def _write(one: FixedFile, raw: str) -> None:
    if _read(one.migration.file) != raw:
        raise UsageError(f"{one.migration.file} was changed meanwhile: it is as you left it")
    files.replace(one.migration.file, one.text or "")


def _read(path: str) -> str:
    """Return what a file holds, its line ends and byte order mark kept.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error


def _unapplied(context: Context, migrations: Sequence[Migration]) -> list[Migration]:
    """Return what no environment has, as far as they can be reached; an applied file stays as it is."""
    from d1migrate.migrator import Migrator

    left = list(migrations)
    for environment in context.config.listed() if left else ():
        try:
            with Migrator(context.open(environment), context.load()) as migrator:
                rows = [entry.applied for entry in migrator.status() if entry.applied]
        except Error as error:
            context.say(f"warning: whether {environment.shown} has these files is not known: {error}")
            continue
        for migration in [m for m in left if any(_is_of(row, m) for row in rows)]:
            context.say(f"{migration.file} is not rewritten: {environment.shown} has it already")
            left.remove(migration)
    return left


def _is_of(row: AppliedMigration, migration: Migration) -> bool:
    """Whether an applied version is a file, under whatever number."""
    is_same = row.checksum is not None and migration.matches(row.checksum)
    return is_same or (row.version, row.name) == (migration.version, migration.name)


def _value(one: FixedFile, diffs: dict[str, list[str]], *, written: bool) -> dict[str, Any]:
    diff = diffs.get(one.migration.file)
    return {
        "file": one.migration.file,
        "diff": None if diff is None else "\n".join(diff),
        "written": written and diff is not None,
        "why_not": one.why_not or None,
    }
