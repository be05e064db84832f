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
        """A comment, string or quoted name is not closed.

    Why: `wrangler d1 migrations apply` appends its own INSERT to the file, which then is part of the comment: the
        change is applied, not recorded, and applied again.

    In a Durable Object:
        the statements after it are part of it, and would not run.
    """,
    ),
    Rule(
        "R111",
        "unreadable",
        "error",
        """A file that d1migrate does not run: it cannot be read, or changes the history.

    Why: a file that cannot be read to its end cannot be checked, and only d1migrate may write the history.
    """,
    ),
)
"""Found where the file is read."""

BY_RUNNING = (
    Rule(
        "R112",
        "refused-on-own-rows",
        "error",
        """A statement fails on rows that the files themselves insert.

    Why: every new database has these rows, so no database can be built from these files.

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
        """An `allow` that matches no finding.

    Why: the statement it was written for is gone, or the code is misspelled. The next finding with that code
        would be suppressed unnoticed.

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
        """A table lost rows that no statement in the file deletes.

    Why: DELETE and DROP TABLE explain the rows of the table they name, and a declared CASCADE of a DELETE explains
        those of its children. Nothing explains rows that a DROP TABLE, a REPLACE or a trigger deletes from another
        table.
    """,
    ),
    Rule(
        "X102",
        "values-changed",
        "error",
        """A column has other values, and no statement in the file sets it.

    Why: links were set to NULL, or text became a number, and no UPDATE names the column.
    """,
    ),
    Rule(
        "X103",
        "orphans",
        "error",
        """Foreign keys reference rows or tables that do not exist.

    Why: joins silently omit these rows, and the next write to one of them fails.
    """,
    ),
    Rule(
        "X104",
        "objects-lost",
        "error",
        """A trigger, index or view is gone, and no DROP names it.

    Why: DROP TABLE also drops the table's indexes and triggers, and no error reports that they are missing.
    """,
    ),
    Rule(
        "X105",
        "broken-objects",
        "error",
        """A view, trigger or full-text table no longer works.

    Why: the view fails when it is queried, and the trigger makes every write to its table fail.
    """,
    ),
    Rule(
        "X106",
        "leftovers",
        "warning",
        """A helper object of the migration remains: `*_old`, `__new_*`, `*_hold`, or a guard trigger.

    Why: a guard trigger that remains makes every DELETE on its table succeed without deleting anything. A copy
        that remains uses storage and keeps data that should be gone.
    """,
    ),
    Rule(
        "X107",
        "rollback-differs",
        "error",
        """The rollback does not restore the schema, or the migration cannot be applied again after it.

    Why: a rollback is needed when something has already gone wrong.
    """,
    ),
    Rule(
        "X108",
        "fails",
        "error",
        """The migration fails: it is refused, always or if tables have rows.

    Why: a file is one transaction, so no part of it is applied, and neither is any file after it.
    """,
    ),
    Rule(
        "X109",
        "stayed-empty",
        "info",
        """A table could not be filled with rows, so the rehearsal shows nothing about it.

    Why: no generated rows met its CHECK constraints. Rehearse with `--data` to use real rows.
    """,
    ),
    Rule(
        "X110",
        "fails-on-generated-rows",
        "warning",
        """The migration fails on generated rows: a UNIQUE constraint, a lookup that finds nothing, a RAISE.

    Why: only real rows show whether it passes: rehearse with `--data`. The files after it are still rehearsed,
        on a database where it ran without rows.
    """,
    ),
    Rule(
        "X111",
        "values-not-kept",
        "warning",
        """Rows or values were copied only in part, or changed, before they were dropped or replaced.

    Why: the values that were removed are compared with those in their new place. A value that is missing there is
        lost, and a rollback does not restore it. If this is intended, `allow` this rule, or the linter's
        rule for the statement, with a reason.
    """,
    ),
    Rule(
        "X112",
        "costs-too-much",
        "warning",
        """The migration writes more rows and index entries than one batch may, by the rows of the target.

    Why: production D1 stops a batch that takes too much CPU time (code 7429), at a number that it does not report. The
        `budget` of the environment, 50,000 entries by default, is a fifth of what is known to have failed.
    """,
        only="d1",
    ),
)
"""Found by `d1migrate rehearse`, with rows in every table."""

FOUND_ELSEWHERE = (*WHEN_READ, *BY_RUNNING, *BY_CHECK, *IN_REHEARSAL)
