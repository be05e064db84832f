"""Statements that are not cut by the rows of the table that a directive names."""

from __future__ import annotations

import pytest

from d1migrate.migrate.jobs.cut import cut_of
from d1migrate.migrate.jobs.cut_parts import Uncuttable

REFUSED = [
    ("CREATE INDEX i ON users (norm)", "CREATE", "a batch migration is an UPDATE, a DELETE or an INSERT … SELECT"),
    ("INSERT OR IGNORE INTO users VALUES (1)", "INSERT", "a batch migration is an UPDATE"),
    ("INSERT INTO users DEFAULT VALUES", "INSERT", "a batch migration is an UPDATE"),
    ("UPDATE orders SET x = 1", "orders", "it changes orders, and the directive names users"),
    ("DELETE FROM orders", "orders", "it changes orders, and the directive names users"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM b", "SELECT", "its FROM does not name users"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM (SELECT * FROM users) u", "SELECT", "its FROM does not name users"),
    ("WITH users AS (SELECT 1) INSERT OR IGNORE INTO a SELECT 1 FROM users", "SELECT", "its FROM does not name"),
    ("INSERT OR IGNORE INTO users SELECT * FROM users", "users", "it inserts into users, whose rows are cut"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM users a, users b", "b", "it reads users twice"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM b LEFT JOIN users u ON 1", "u", "the join has rows without one of users"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM users u FULL JOIN b ON 1", "u", "the join has rows without one of users"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM users UNION ALL SELECT 2", "UNION", "UNION has several queries"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "token", "reason"), REFUSED)
def test_it_is_not_cut_by_the_rows_of_the_table(sql: str, token: str, reason: str) -> None:
    """The reason, and the token to which it applies."""
    found = cut_of(sql, "users")
    assert isinstance(found, Uncuttable), found
    assert (found.token and found.token.text) == token
    assert found.reason.startswith(reason)
