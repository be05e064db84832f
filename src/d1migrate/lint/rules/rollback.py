"""Rollbacks that are missing, do not undo the file, or run with it."""

from __future__ import annotations

from d1migrate.lint.rule import Finding, rule
from d1migrate.sql import d1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.migrate.migration import Migration


@rule("H102", "no-rollback", "info", only="d1")
def no_rollback(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The file has no rollback.

    Why: `d1migrate down` needs a `-- Rollback:` block, or a rollback file for a generated file that is not to be
        edited. If the file cannot be rolled back, declare it: `-- Rollback: none, <reason>`.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """
    migration = replay.migration
    if migration.rollback is None and migration.almost_rollback is None and not _runs_forward(migration):
        yield Finding("no `-- Rollback:` block, and the file is not declared irreversible", line=1)


@rule("H114", "misspelled-rollback", "warning")
def misspelled_rollback(replay: AnalyzedReplay) -> Iterator[Finding]:
    """A comment looks like the start of a rollback block, but is not.

    Why: a rollback block starts with a line `-- Rollback:`, not indented. Under any other heading it is an
        ordinary comment, and `d1migrate down` finds no rollback.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Roll back
        --   DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """
    almost = replay.migration.almost_rollback
    if almost and not _runs_forward(replay.migration):
        yield Finding(almost.not_a_block, line=almost.line)


@rule("H103", "wrong-rollback", "warning")
def wrong_rollback(replay: AnalyzedReplay) -> Iterator[Finding]:
    """The rollback does not undo the file: it was run, and the schemas compared.

    Why: a rollback is needed when something has already gone wrong.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE teams (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE teams;
        --   DROP TABLE users;
    """
    back, rollback = replay.rollback, replay.migration.rollback
    if back is None or rollback is None:
        return
    if back.refusal:
        text, line = back.refusal
        prose = "; write prose as `-- Rollback: none, …` or `-- -- …`" if "syntax error" in text else ""
        yield Finding(f"the rollback fails: {d1.error_parts(text)[0]}{prose}", line=line, file=rollback.file)
    elif back.differences:
        verbs = {"missing": "is not restored", "extra": "remains", "different": "differs"}
        what = "; ".join(f"{d.kind} {d.name} {verbs[d.problem]}" for d in back.differences[:4])
        text = f"the rollback does not undo the file: {what}"
        yield Finding(text, line=rollback.first_line, file=rollback.file)


@rule("P110", "runs-forward", "error")
def runs_forward(replay: AnalyzedReplay) -> Iterator[Finding]:
    """Rollback SQL that is not commented out.

    Why: every statement of a file runs, so SQL after `-- Rollback:`, `-- +goose Down`, `-- Down` or another tool's
        marker undoes the change that the file has just made. So does a file that another tool keeps for the
        rollback, such as `001_users.down.sql`.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """
    migration = replay.migration
    if migration.is_down_file:
        yield Finding("this down file would run as a forward migration", line=1)
    elif marker := migration.runs_forward:
        yield Finding(
            f"the SQL after `{marker.text}` would run as part of the migration",
            line=marker.line,
            fix="comment it out as a `-- Rollback:` block, with `--` before each line;"
            " if it is meant to run now, delete the marker",
        )


def _runs_forward(migration: Migration) -> bool:
    """Whether P110 reports the file."""
    return migration.is_down_file or migration.runs_forward is not None
