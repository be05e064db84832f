"""What the linter said wrongly of files that people wrote, and what it must go on saying beside it."""

from __future__ import annotations

import pytest

from d1migrate.linter import lint
from d1migrate.source import load

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);"


def codes(sql: str, given: str = USERS) -> set[str]:
    """The codes of a file that comes after another."""
    return {d.code for d in lint(load([("001_before.sql", given), ("002_case.sql", sql)]), only={2})}


# --- S102: a claim about the file ---

ADD = "\nALTER TABLE users ADD COLUMN k;"
NO_CLAIMS = """\
This isn't idempotent
Idempotent imports: importers stamp rows
Idempotent-ish
Safe to re-run: NO
Webhook events; processing is idempotent.
Deliveries are handled so that each is\\n-- idempotent.
NOT safe to re-run.
The ALTERs are NOT re-runnable; re-running the\\n-- backfills alone is idempotent.
Adds idempotent retries
This migration is not idempotent
This file can never be run twice
This migration makes webhooks idempotent
This migration adds a table for idempotent requests
1. Backfill the rows (idempotent)
Step 2 is safe to re-run.
The job is idempotent
Makes uploads repeatable
Idempotent key of a request
The file upload is re-runnable""".split("\n")
CLAIMS = """\
idempotent
Idempotent.
Adds a column.\\n-- Safe to re-run.
Idempotent \u2014 safe to re-run
re-runnable
Safe to run multiple times
Safe to re-run: YES
Idempotent: all of it checks first
Safe to re-run (idempotent).
This migration is idempotent and does not delete rows
The whole script can be run again
Idempotent migration
Migration 012: adds k (idempotent)
All statements are idempotent
This file is safe to run\\n-- more than once
==== Repeatable ====
This migration is written so; it is fast.\\n-- This script can safely be run twice""".split("\n")


@pytest.mark.parametrize("comment", NO_CLAIMS)
def test_a_comment_that_does_not_speak_of_the_file(comment: str) -> None:
    """It claims nothing that the file could break; nor does a comment further down."""
    comment = comment.replace("\\n", "\n")
    assert "S102" not in codes(f"-- {comment}{ADD}")
    assert "S102" not in codes(f"SELECT 1;\n-- idempotent{ADD}")


@pytest.mark.parametrize("comment", CLAIMS)
def test_a_comment_that_says_the_file_can_run_twice(comment: str) -> None:
    """A file that cannot is reported."""
    comment = comment.replace("\\n", "\n")
    assert "S102" in codes(f"-- {comment}{ADD}")


# --- H105: of two indexes one ---


def test_of_two_equal_unique_indexes_one_is_named() -> None:
    """The later one, in one file or two: to follow both findings would lose the UNIQUE."""
    one, two = "CREATE UNIQUE INDEX a ON t (slug);", "CREATE UNIQUE INDEX b ON t (slug);"
    table = "CREATE TABLE t (id INTEGER PRIMARY KEY, slug TEXT NOT NULL);"
    for files in ([("001_a.sql", table + one + two)], [("001_a.sql", table + one), ("002_b.sql", two)]):
        found = [d.message for d in lint(load(files)) if d.code == "H105"]
        assert found == ["index b repeats index a"]


@pytest.mark.parametrize(
    ("mine", "other", "repeats"),
    [
        ("UNIQUE INDEX a ON users(name DESC, role)", "UNIQUE INDEX b ON users(name, role)", False),
        ("UNIQUE INDEX a ON users(name)", "INDEX b ON users(name)", False),
        ("UNIQUE INDEX a ON users(name)", "UNIQUE INDEX b ON users(name, role)", False),
        ("UNIQUE INDEX a ON users(name)", "UNIQUE INDEX b ON users(name)", True),
        ("INDEX a ON users(name)", "UNIQUE INDEX b ON users(name)", True),
        ("INDEX a ON users(name)", "UNIQUE INDEX b ON users(name, role)", True),
        ("UNIQUE INDEX a ON users(id)", "INDEX b ON users(name)", True),
    ],
)
def test_an_index_that_repeats_another(mine: str, other: str, repeats: bool) -> None:
    """One that is UNIQUE is not advised away for one that is not."""
    assert ("H105" in codes(f"CREATE {mine};", f"{USERS} CREATE {other};")) == repeats


# --- H108: a header that is a name ---


@pytest.mark.parametrize(
    ("title", "reported"),
    [
        *(
            (title, False)
            for title in ("Add a column to users", "add users", "2024-01-15", "Initial", "001: initial")
        ),
        *((title, False) for title in ("007_other adds a table", "002_case", "002_case.sql", "SELECT 1;\n7")),
        *((title, True) for title in ("007_other", "007_other.sql", "20240101_x")),
    ],
)
def test_a_header_that_names_another_file(title: str, reported: bool) -> None:
    """Prose is no name."""
    assert ("H108" in codes(f"-- Migration: {title}\nSELECT 1;")) == reported
    assert "H108" not in codes(f"SELECT 1;\n-- Migration: {title}\nSELECT 2;")
