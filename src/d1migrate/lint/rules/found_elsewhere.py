"""Rules without a check of their own: a table of codes, severities and pages.

The code that finds one makes the Diagnostic: the reader of a file, the runner, `check` itself, or a rehearsal.
"""

from __future__ import annotations

from d1migrate.lint.rule import Rule

WHEN_READ = (
    Rule(
        "P105",
        "unclosed",
        "error",
        """A comment, string or name that is not closed.

    Why: `wrangler d1 migrations apply` puts its own INSERT behind the file, into the comment: the change is
        applied, never recorded, and applied again.
    """,
    ),
    Rule(
        "P110",
        "runs-forward",
        "error",
        """Rollback SQL that is not commented out.

    Why: D1 runs every statement of a file, so SQL after `-- Rollback:`, `-- +goose Down`, `-- Down` or another
        tool's marker undoes the change that the file has just made.

    Bad:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        DROP TABLE users;
    Good:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- Rollback:
        --   DROP TABLE users;
    """,
    ),
    Rule(
        "R111",
        "unreadable",
        "error",
        """A file that d1migrate does not run: it cannot be read, holds no SQL, or changes the history.

    Why: what cannot be read to its end cannot be judged, and the history is d1migrate's to write.
    """,
    ),
)
"""Found where the file is read."""

BY_RUNNING = (
    Rule(
        "R112",
        "refused-on-own-rows",
        "error",
        """A statement that fails on rows that the files themselves insert.

    Why: every new database has these rows, so none can be built from these files.

    Given:
        CREATE TABLE plans (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO plans VALUES (1, 'free');
    Bad:
        ALTER TABLE plans ADD COLUMN added INTEGER DEFAULT (unixepoch());
    Good:
        ALTER TABLE plans ADD COLUMN added INTEGER;
        UPDATE plans SET added = unixepoch();
    """,
    ),
)
"""Found by running the files with their own rows (`lint/replay/fresh_database`)."""

BY_CHECK = (
    Rule(
        "H110",
        "unused-allow",
        "warning",
        """An `allow` that allows nothing.

    Why: what it was for is gone, or the code is misspelt; the next finding would pass unseen.

    Given:
        CREATE TABLE users (id INTEGER PRIMARY KEY);
    Bad:
        -- d1migrate: allow=D104 reason="no longer used"
        ALTER TABLE users ADD COLUMN name TEXT;
    Good:
        ALTER TABLE users ADD COLUMN name TEXT;
    """,
    ),
)
"""Known only when every other rule is done."""

IN_REHEARSAL = (
    Rule(
        "X101",
        "rows-lost",
        "error",
        """A table lost rows, and nothing in the file says so.

    Why: DELETE or DROP TABLE on one table explains the rows of that table, and a declared CASCADE of a DELETE
        the children's; nothing explains rows that a DROP TABLE, a REPLACE or a trigger takes from another.
    """,
    ),
    Rule(
        "X102",
        "values-changed",
        "error",
        """A column holds other values, and nothing in the file says so.

    Why: links set to NULL, text turned into numbers: no UPDATE names the column.
    """,
    ),
    Rule(
        "X103",
        "orphans",
        "error",
        """Foreign keys point at rows, or tables, that are not there.

    Why: queries silently miss what they join, and the next change of such a row fails.
    """,
    ),
    Rule(
        "X104",
        "objects-lost",
        "error",
        """A trigger, index or view is gone, and no DROP names it.

    Why: DROP TABLE takes the table's indexes and triggers; nothing complains when they are missing.
    """,
    ),
    Rule(
        "X105",
        "broken-objects",
        "error",
        """A view, trigger or full-text table does not work.

    Why: the view fails when it is queried, and the trigger makes every write to its table fail.
    """,
    ),
    Rule(
        "X106",
        "leftovers",
        "warning",
        """A helper of the migration is still there: `*_old`, `__new_*`, `*_hold`, a guard trigger.

    Why: a guard trigger that stays makes every DELETE on its table succeed and delete nothing; a held copy
        costs storage and keeps data that should be gone.
    """,
    ),
    Rule(
        "X107",
        "rollback-differs",
        "error",
        """The rollback, run behind the migration, does not give the schema back, or up again does not follow.

    Why: it will be needed on a bad day.
    """,
    ),
    Rule(
        "X108",
        "fails",
        "error",
        """The migration fails: D1 refuses it, always or if tables have rows.

    Why: a file is one transaction, so no part of it is applied, nor any file after it.
    """,
    ),
    Rule(
        "X109",
        "stayed-empty",
        "info",
        """A table could not be filled, so nothing was proved about it.

    Why: its CHECKs could not be met by made-up rows; rehearse with `--data` to use real ones.
    """,
    ),
    Rule(
        "X110",
        "fails-on-made-up-rows",
        "warning",
        """The migration fails on the values of made-up rows: a UNIQUE, a lookup that finds nothing, a RAISE.

    Why: only real rows can show whether it passes: rehearse with `--data`. The files after it are still
        rehearsed, on a database where it ran without rows.
    """,
    ),
    Rule(
        "X111",
        "values-not-kept",
        "warning",
        """Rows or values were only partly copied, or were transformed, before they were dropped or replaced.

    Why: the values that were removed are compared with those in the new place. A value that is missing there is
        lost, and a rollback does not restore it. If this is intended, `allow` this rule, or the linter's
        rule for the statement, with a reason.
    """,
    ),
)
"""Found by `d1migrate rehearse`, with rows in every table."""

FOUND_ELSEWHERE = (*WHEN_READ, *BY_RUNNING, *BY_CHECK, *IN_REHEARSAL)
