"""Lint files: replay them and apply the rules. Not core: the replay needs the embedded engine."""

from __future__ import annotations

from d1migrate.errors import LimitExceeded, SourceError, UnsafeMigration, UsageError
from d1migrate.hints import did_you_mean
from d1migrate.lint.check import Diagnostic, check, diagnose, failing, unreadable
from d1migrate.lint.platform import D1
from d1migrate.lint.replay.fresh_database import FreshDatabase
from d1migrate.lint.replay.replayer import Replayer, replay
from d1migrate.lint.rule import Finding
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.sql import d1
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.platform import Platform, Target
    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.model import Schema

_PROBED = 20
"""Files of an `up` that are probed. A probe takes half as long as a replay: too long for a new database."""


def lint(
    migrations: Iterable[Migration],
    base: Schema | None = None,
    *,
    earlier: Sequence[Migration] = (),
    severities: Mapping[str, str] | None = None,
    only: Collection[str] | None = None,
    table: MigrationsTable | None = None,
    platform: Platform = D1,
    target: Target | None = None,
) -> tuple[Diagnostic, ...]:
    """Return what the rules find in migrations, by file and line.

    Suppressed findings are included, with their reason.

    Args:
        migrations: the files, in order.
        base: the schema before the first; empty by default.
        earlier: the files that built that schema, if they are known. What would stop them if they were
            pending is an info.
        severities: {code or letter of a rule: error, warning, info or off}.
        table: the migrations table; by default the one that the files suggest.
        only: the names of those to check; the others are only replayed.
        platform: where they are to run.
        target: what is known about the database, by which costs are estimated.

    Raises:
        UsageError: `target` has a table that does not exist.
    """
    migrations = tuple(migrations)
    table = table or choose_table((*earlier, *migrations)).guess
    replayer = Replayer(base, earlier=earlier, table=table, platform=platform, target=target)
    found = [
        diagnostic for migration in earlier if (diagnostic := _applied_anyway(migration, table, platform))
    ]
    fresh = FreshDatabase(earlier, table=table)
    tables = {fold(each.name) for each in base.tables} if base else set[str]()
    if base and base.tables and not earlier:
        fresh.give_up()
    for migration in migrations:
        wanted = only is None or migration.name in only
        try:
            too_long = _too_long(migration, table) if wanted else None
            replay = replayer.replay(migration, probe=wanted)
        except SourceError as error:
            replayer.give_up_on(migration)
            fresh.give_up()
            found += [unreadable(migration, error, platform)] if wanted else []
            continue
        diagnostics = check(replay, severities) if wanted else ()
        diagnostics = _with_confirmed(replay, diagnostics, fresh, severities)
        found += diagnostics
        is_reported = any(d.code == "R109" for d in diagnostics)
        if too_long and not is_reported:  # the long statement is in the rollback
            found.append(unreadable(migration, too_long, platform))
        if target:
            tables |= {*replay.before.tables, *replay.after.tables}
    if target and (unknown := sorted(target.rows.keys() - tables)):
        every = f"tables: {', '.join(sorted(tables))}" if tables else None
        hint = did_you_mean(unknown[0], tables, otherwise=every)
        raise UsageError(f"cannot scale {unknown[0]}: no such table", hint=hint)
    return _without_rollbacks(found, (*earlier, *migrations))


def _without_rollbacks(
    found: Sequence[Diagnostic], migrations: Sequence[Migration]
) -> tuple[Diagnostic, ...]:
    """Report missing rollbacks once if no file of the folder has one."""
    plain = [d for d in found if d.code == "H102" and d.allowed is None]
    if len(plain) < 2 or any(_mentions_rollback(migration) for migration in migrations):
        return tuple(found)
    message = f"none of the {len(migrations)} files has a `-- Rollback:` block or is declared irreversible"
    once = plain[0]._replace(message=message, total=len(plain))
    return tuple(
        once if d is plain[0] else d for d in found if d is plain[0] or d.code != "H102" or d.allowed
    )


def _mentions_rollback(migration: Migration) -> bool:
    """Whether a file has a rollback block, or a comment that looks like one."""
    rollback = migration.rollback
    return bool(rollback and (rollback.sql or rollback.reason)) or migration.almost_rollback is not None


def _with_confirmed(
    replay: AnalyzedReplay,
    diagnostics: tuple[Diagnostic, ...],
    fresh: FreshDatabase,
    severities: Mapping[str, str] | None,
) -> tuple[Diagnostic, ...]:
    """Return the findings, with R112 instead of those about rows that the files' own rows confirm."""
    fresh.add(replay.migration)
    if not any(d.code[0] == "F" for d in diagnostics) or not (refused := fresh.refusal()):
        return diagnostics
    index, text = refused
    statement = next((statement for statement in replay.statements if statement.index == index), None)
    foreseen = [d for d in diagnostics if d.code[0] == "F" and statement and d.line == statement.line]
    if not foreseen:
        return diagnostics
    reason = d1.error_parts(text)[0]
    finding = Finding(f"this fails on rows that these files insert: {reason}", statement, fix=foreseen[0].fix)
    confirmed = diagnose(replay, "R112", finding, severities or {}, predicted_by=[d.code for d in foreseen])
    if confirmed is None:
        return diagnostics
    rest = [d for d in diagnostics if d not in foreseen]
    return tuple(sorted([*rest, confirmed], key=lambda d: (d.line, d.column, d.code)))


def refuse_errors(
    migrations: Sequence[Migration],
    base: Schema,
    table: MigrationsTable,
    severities: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
) -> tuple[Schema, tuple[Diagnostic, ...]]:
    """Raise if a file has an error that it does not allow; the files are known to be readable.

    Args:
        migrations: the files, in order.
        base: the schema before the first.
        table: the migrations table.
        severities: as for `lint`.
        strict: refuse warnings too.

    Returns:
        The schema that the files build, and the warnings that they do not allow. Those of many files, which
        build a new database, are without what only a probe finds: wrong rollbacks, broken views.

    Raises:
        UnsafeMigration: with the Diagnostics.
    """
    found, fresh = list[Diagnostic](), FreshDatabase(table=table)
    after: Catalog | None = None
    if base.tables:
        fresh.give_up()
    for replayed in replay(migrations, base, table=table, probe=strict or len(migrations) <= _PROBED):
        diagnostics = check(replayed, severities, infos=strict)
        found += _with_confirmed(replayed, diagnostics, fresh, severities)
        after = replayed.after
    errors = tuple(d for d in found if failing([d], strict=strict))
    if errors:
        from d1migrate.lint.next_steps import after_refusal

        raise UnsafeMigration(errors, hint=after_refusal(errors))
    return after.schema if after else base, tuple(d for d in found if failing([d], strict=True))


def _too_long(migration: Migration, table: MigrationsTable) -> LimitExceeded | None:
    """Return the error for a file with a statement too long for D1: the rest is checked all the same.

    Raises:
        SourceError: `up` would refuse the file for another reason that no rule finds.
    """
    try:
        migration.check(table)
    except LimitExceeded as error:
        return error
    except SourceError as error:
        if error.rule != "P110":
            raise
    return None


def _applied_anyway(migration: Migration, table: MigrationsTable, platform: Platform) -> Diagnostic | None:
    """Return the finding for an applied file that `up` would refuse if it were pending, or None."""
    try:
        migration.check(table)
    except (SourceError, LimitExceeded) as error:
        found = unreadable(migration, error, platform)
        why = "wrangler ran this forward" if found.code == "P110" else "applied, although it would be refused"
        return found._replace(severity="info", message=f"{why}: {found.message}")
    return None
