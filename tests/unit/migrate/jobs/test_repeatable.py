"""Statements that change rows again when they are repeated."""

from __future__ import annotations

import pytest

from d1migrate.migrate.jobs.cut import Cut, cut_of
from d1migrate.migrate.jobs.cut_parts import Uncuttable

REFUSED = [
    ("UPDATE users SET n = n + 1", "n", "a second run would change n again: it is computed from its own value"),
    ("UPDATE users SET Name = trim(name)", "name", "a second run would change name again"),
    ("UPDATE users AS u SET n = (SELECT u.n + x FROM a)", "n", "a second run would change n again"),
    ("UPDATE users SET a = b, b = 0", "b", "a second run would change a again: it is computed from b, which is set, too"),
    ("UPDATE users SET n = n + 1 WHERE a IS NULL", "n", "a second run would change n again"),
    ("UPDATE users SET n = n + 1, a = 1 WHERE a IS NULL OR b", "n", "a second run would change n again"),
    ("UPDATE users SET n = n + 1, a = b WHERE a IS NULL", "n", "a second run would change n again"),
    ("UPDATE users SET n = n + 1, a = 1 WHERE a = '1'", "n", "a second run would change n again"),
    ("UPDATE users SET token = hex(randomblob(8))", "randomblob", "a second run would set token to another random"),
    ("INSERT INTO a SELECT 1 FROM users", "INSERT", "a second run would insert the same rows again"),
    ("INSERT OR REPLACE INTO a SELECT 1 FROM users", "INSERT", "REPLACE deletes rows"),
    ("REPLACE INTO a SELECT 1 FROM users", "REPLACE", "REPLACE deletes rows"),
    ("INSERT INTO a SELECT 1 FROM users WHERE 1 ON CONFLICT (x) DO UPDATE SET n = n + 1", "n", "a second run"),
    ("INSERT INTO a AS b SELECT 1 FROM users WHERE 1 ON CONFLICT (x) DO UPDATE SET n = b.n", "n", "a second run"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "token", "reason"), REFUSED)
def test_it_cannot_be_repeated(sql: str, token: str, reason: str) -> None:
    """The reason, and the token to which it applies."""
    found = cut_of(sql, "users")
    assert isinstance(found, Uncuttable), found
    assert (found.token and found.token.text) == token
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET n = n + 1, done = 1 WHERE done IS NULL",
        "UPDATE users SET n = n + 1, at = unixepoch() WHERE (x > 1) AND (users.at ISNULL)",
        "UPDATE users SET n = n + 1, at = CURRENT_TIMESTAMP WHERE at IS NULL",
        "UPDATE users SET n = n + 1, state = 2 WHERE state = 1 AND x",
        "UPDATE users SET n = n + 1, state = 'new' WHERE state <> 'new'",
        "UPDATE users SET token = lower(hex(randomblob(8))) WHERE token IS NULL",
        "UPDATE users SET name = (SELECT name FROM people p WHERE p.id = users.id)",
        "INSERT INTO a SELECT 1 FROM users WHERE 1 ON CONFLICT (x) DO UPDATE SET n = n + 1, d = 1 WHERE d IS NULL",
    ],
)
def test_a_statement_that_can_be_repeated(sql: str) -> None:
    """Its own effect makes its condition false; or a name is a column of a table in a subquery."""
    assert isinstance(cut_of(sql, "users"), Cut)
