"""`lint --fix`: rewrite rebuilds that lose rows, each checked first; add a missing `;`, or a directive."""

from __future__ import annotations

from d1migrate.cli.index_files import write_indexes
from d1migrate.cli.migration_files import check_writable
from d1migrate.drafting import lint_fix
from d1migrate.errors import Error, UsageError
from d1migrate.migrate.migration import NOTHING
from d1migrate.named_tuple import NamedTuple
from d1migrate.project import files
from d1migrate.report.differences import diff_lines
from d1migrate.report.text import clean_line, plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.cli.output import Output
    from d1migrate.cli.project import Project
    from d1migrate.drafting.lint_fix import FixedFile
    from d1migrate.lint.platform import Platform, Target
    from d1migrate.migrate.history import AppliedMigration
    from d1migrate.migrate.migration import Migration
    from d1migrate.report.shapes import checks
    from d1migrate.schema.model import Schema


class Fixable(NamedTuple):
    """What may be rewritten: `only`, of the `migrations` that run in their order on `base`.

    `target` is what is known about the database, by which costs are estimated.
    """

    migrations: Sequence[Migration]
    only: Sequence[Migration]
    base: Schema | None = None
    target: Target | None = None


def fix(
    fixable: Fixable, platform: Platform, project: Project, output: Output, *, dry_run: bool, confirmed: bool
) -> int:
    """Show how files change, and write them if that is confirmed.

    Args:
        fixable: the files.
        platform: where they are to run.
        project: its environments: a file that one of them has applied is not rewritten.
        output: shows the changes, and asks.
        dry_run: only show them.
        confirmed: whether to write without asking.

    Returns:
        How many files need rewriting and were left unchanged.
    """
    only = _unapplied(fixable.only, project, output)
    raw = {migration.name: _read(migration.file) for migration in only if not migration.is_large}
    raw |= {migration.name: "" for migration in only if migration.is_large}
    found = lint_fix.fix(
        fixable.migrations,
        only,
        raw,
        base=fixable.base,
        severities=project.severities,
        platform=platform,
        budget=project.draft_budget,
        target=fixable.target,
    )
    ready = [one for one in found if one.text is not None]
    diffs = {one.migration.file: one.diff(raw[one.migration.name]) for one in ready}
    if not output.as_json:
        _show(found, diffs, fixable.target, output)
    writes = bool(ready) and not dry_run
    if writes:
        check_writable(project)
        if not confirmed:
            output.confirm(f"rewrite {plural(len(ready), 'file')}")
        for one in ready:
            _write(one, raw[one.migration.name])
        write_indexes(project, output)
        output.note(f"rewrote {plural(len(ready), 'file')}")
    if output.as_json:
        output.print_json({"files": [_value(one, diffs, written=writes) for one in found]})
    return len(found) - (len(ready) if writes else 0)


def _show(
    found: Sequence[FixedFile], diffs: dict[str, list[str]], target: Target | None, output: Output
) -> None:
    for one in found:
        if one.text is None:
            output.print(clean_line(f"{one.migration.file} was not rewritten: {one.why_not}"))
        output.print(diff_lines(diffs.get(one.migration.file, ()), output.paint))
    if not found:
        fine = ["no rebuild loses rows", "each last statement ends with `;`"]
        fine += ["nothing is too much for one batch"] if target else []
        output.note(f"nothing to fix: {', '.join(fine)}")


def _write(one: FixedFile, raw: str) -> None:
    if _read(one.migration.file) != raw:
        raise UsageError(f"{one.migration.file} was edited in the meantime, and was not rewritten")
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


def _unapplied(migrations: Sequence[Migration], project: Project, output: Output) -> list[Migration]:
    """Return the files that no environment has applied, as far as the environments can be reached."""
    left, settings = list(migrations), project.config
    for environment in filter(settings.owns, settings.listed()) if left else ():
        try:
            with project.reader(environment, project.load()) as migrator:
                rows = [entry.applied for entry in migrator.status() if entry.applied]
        except Error as error:
            output.warn(f"cannot determine whether {environment.shown} has applied these files: {error}")
            continue
        for migration in [m for m in left if any(_is_of(row, m) for row in rows)]:
            output.note(f"{migration.file} is not rewritten: {environment.shown} has applied it")
            left.remove(migration)
    return left


def _is_of(row: AppliedMigration, migration: Migration) -> bool:
    """Whether an applied migration is a file, under whatever name."""
    is_same = row.checksum != NOTHING and row.has_content_of(migration)
    return is_same or (row.version, row.name) == (migration.version, migration.name)


def _value(one: FixedFile, diffs: dict[str, list[str]], *, written: bool) -> checks.FixedFile:
    diff = diffs.get(one.migration.file)
    return {
        "file": one.migration.file,
        "diff": None if diff is None else "\n".join(diff),
        "written": written and diff is not None,
        "reason": one.why_not or None,
    }
