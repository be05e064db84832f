"""X: seen when it was rehearsed, with rows in every table. `d1migrate rehearse` finds these, not `lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.lint.rule import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.lint.replay.model import Replay


@rule("X101", "rows-lost", "error")
def rows_lost(_: Replay) -> Iterator[Finding]:
    """A table lost rows, and nothing in the file says so.

    Why: DELETE or DROP TABLE on one table explains the rows of that table, and a declared CASCADE of a DELETE
        the children's; nothing explains rows that a DROP TABLE, a REPLACE or a trigger takes from another.
    """
    return iter(())


@rule("X102", "values-changed", "error")
def values_changed(_: Replay) -> Iterator[Finding]:
    """A column holds other values, and nothing in the file says so.

    Why: links set to NULL, text turned into numbers: no UPDATE names the column.
    """
    return iter(())


@rule("X103", "orphans", "error")
def orphans(_: Replay) -> Iterator[Finding]:
    """Foreign keys point at rows, or tables, that are not there.

    Why: queries silently miss what they join, and the next change of such a row fails.
    """
    return iter(())


@rule("X104", "objects-lost", "error")
def objects_lost(_: Replay) -> Iterator[Finding]:
    """A trigger, index or view is gone, and no DROP names it.

    Why: DROP TABLE takes the table's indexes and triggers; nothing complains when they are missing.
    """
    return iter(())


@rule("X105", "broken-objects", "error")
def broken_objects(_: Replay) -> Iterator[Finding]:
    """A view, trigger or full-text table does not work.

    Why: the view fails when it is queried, and the trigger makes every write to its table fail.
    """
    return iter(())


@rule("X106", "leftovers", "warning")
def leftovers(_: Replay) -> Iterator[Finding]:
    """A helper of the migration is still there: `*_old`, `__new_*`, `*_hold`, a guard trigger.

    Why: a guard trigger that stays makes every DELETE on its table succeed and delete nothing; a held copy
        costs storage and keeps data that should be gone.
    """
    return iter(())


@rule("X107", "rollback-differs", "error")
def rollback_differs(_: Replay) -> Iterator[Finding]:
    """The rollback, run behind the migration, does not give the schema back, or up again does not follow.

    Why: it will be needed on a bad day.
    """
    return iter(())


@rule("X108", "fails", "error")
def fails(_: Replay) -> Iterator[Finding]:
    """The migration fails: D1 refuses it, always or if tables have rows.

    Why: a file is one transaction, so no part of it is applied, nor any file after it.
    """
    return iter(())


@rule("X110", "fails-on-made-up-rows", "warning")
def fails_on_made_up_rows(_: Replay) -> Iterator[Finding]:
    """The migration fails on the values of made-up rows: a UNIQUE, a lookup that finds nothing, a RAISE.

    Why: only real rows can show whether it passes: rehearse with `--data`. The files after it are still
        rehearsed, on a database where it ran without rows.
    """
    return iter(())


@rule("X111", "values-not-kept", "warning")
def values_not_kept(_: Replay) -> Iterator[Finding]:
    """Rows or values were only partly copied, or were transformed, before they were dropped or replaced.

    Why: the values that were removed are compared with those in the new place. A value that is missing there is
        lost, and a rollback does not restore it. If this is intended, `allow` this rule, or the linter's
        rule for the statement, with a reason.
    """
    return iter(())


@rule("X109", "stayed-empty", "info")
def stayed_empty(_: Replay) -> Iterator[Finding]:
    """A table could not be filled, so nothing was proved about it.

    Why: its CHECKs could not be met by made-up rows; rehearse with `--data` to use real ones.
    """
    return iter(())
