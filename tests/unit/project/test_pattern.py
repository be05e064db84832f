"""Patterns of migration files; tests/runtime/test_wrangler_files.py compares thousands with wrangler."""

from __future__ import annotations

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.pattern import Pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.sql", ["1.sql", "a b.sql"], ["1.SQL", ".1.sql", "a/1.sql", ".sql"]),
        (
            "*/migration.sql",
            ["1_a/migration.sql"],
            ["migration.sql", "1_a/b/migration.sql", ".a/migration.sql"],
        ),
        ("**/*.sql", ["1.sql", "a/1.sql", "a/b/1.sql"], [".a/1.sql", "a/.1.sql"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "a/.b"]),
        ("{1..3}_*.{sql,ddl}", ["1_a.sql", "3_a.ddl"], ["4_a.sql", "1_a.txt"]),
        ("+([0-9])_?(x).sql", ["12_.sql", "1_x.sql"], ["_x.sql", "1_y.sql"]),
        ("a/!(down).sql", ["a/up.sql"], ["a/down.sql", "a/.x.sql"]),
        ("!(a).sql", ["x", "a.sql"], ["(a).sql"]),  # the first `!` negates the whole pattern
        ("#a.sql", [], ["#a.sql"]),
        ("[!]].sql", [], ["].sql", "a.sql"]),
        ("??.sql", ["\U0001f600.sql"], ["é.sql"]),  # two UTF-16 code units
    ],
)
def test_patterns(pattern: str, matching: list[str], other: list[str]) -> None:
    """Hidden files match only where the pattern has the dot."""
    compiled = Pattern(pattern)
    assert [path for path in (*matching, *other) if compiled.matches(path)] == matching


@pytest.mark.parametrize(
    "pattern", ["[a.sql", "@(a.sql", "{{a,b}", "@(a|!(b)).sql", "{1..99999}.sql", "+(a*|*(b)).sql"]
)
def test_refused(pattern: str) -> None:
    """What is not closed, what minimatch misreads, and what has too many meanings or takes too long."""
    with pytest.raises(UsageError, match="cannot read the pattern"):
        Pattern(pattern)


def test_folders() -> None:
    """A folder in which nothing can match is not read."""
    assert Pattern("a*/b/*.sql").may_match_in("a1/b")
    assert not Pattern("a*/b/*.sql").may_match_in("b")
    assert Pattern("**/b.sql").may_match_in("x/y")
