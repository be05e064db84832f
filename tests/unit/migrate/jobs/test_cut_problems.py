"""Statements that have another effect page by page than at once."""

from __future__ import annotations

import pytest

from d1migrate.migrate.jobs.cut import cut_of
from d1migrate.migrate.jobs.cut_parts import Uncuttable

REFUSED = [
    ("INSERT OR IGNORE INTO a SELECT DISTINCT x FROM users", "DISTINCT", "DISTINCT compares rows"),
    ("INSERT OR IGNORE INTO a SELECT x FROM users GROUP BY x", "GROUP", "GROUP BY combines rows"),
    ("INSERT OR IGNORE INTO a SELECT x FROM users HAVING x", "HAVING", "HAVING combines rows"),
    ("INSERT OR IGNORE INTO a SELECT Max(x) FROM users", "Max", "Max() combines rows"),
    ("INSERT OR IGNORE INTO a SELECT row_number() OVER (ORDER BY x) FROM users", "OVER", "a window function"),
    ("INSERT OR IGNORE INTO a SELECT sum(x) OVER w FROM users WINDOW w AS ()", "OVER", "a window function"),
    ("INSERT OR IGNORE INTO a SELECT x FROM users ORDER BY x", "ORDER", "ORDER BY would sort"),
    ("INSERT OR IGNORE INTO a SELECT x FROM users LIMIT 9 OFFSET 1", "LIMIT", "LIMIT would apply"),
    ("DELETE FROM users ORDER BY id LIMIT 9", "ORDER", "ORDER BY would sort"),
    ("UPDATE users SET x = 1 LIMIT 9", "LIMIT", "LIMIT would apply"),
    ("DELETE FROM users RETURNING id", "RETURNING", "no one receives what RETURNING returns"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM users RETURNING x", "RETURNING", "no one receives"),
    ("UPDATE OR REPLACE users SET x = 1", "OR", "OR REPLACE affects rows of other chunks"),
    ("UPDATE OR FAIL users SET x = 1", "OR", "OR FAIL affects rows of other chunks"),
    ("DELETE FROM users INDEXED BY i WHERE x", "INDEXED", "its rows are found by the key"),
    ("UPDATE users SET x = 1, RowId = 2", "RowId", "it changes the key"),
    ("UPDATE users SET x = (SELECT max(x) FROM users)", "users", "it reads other rows of users"),
    ("UPDATE users AS u SET x = (SELECT 1 FROM a, main.users o)", "users", "it reads other rows of users"),
    ("UPDATE users SET x = o.x FROM users o WHERE o.y = users.x", "users", "it reads other rows of users"),
    ("UPDATE users SET x = o.x FROM (a JOIN users ON 1) o", "users", "it reads other rows of users"),
    ("WITH o AS (SELECT * FROM users) UPDATE users SET x = 1", "users", "it reads other rows of users"),
    ("DELETE FROM users WHERE id NOT IN (SELECT min(id) FROM users GROUP BY x)", "users", "it reads other rows"),
    ("DELETE FROM users WHERE id IN users", "users", "it reads other rows of users"),
    ("INSERT OR IGNORE INTO a SELECT 1 FROM users LEFT JOIN a ON a.x = 1", "a", "it reads other rows of a"),
    ("INSERT OR IGNORE INTO a SELECT (SELECT max(n) FROM a) FROM users", "a", "it reads other rows of a"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "token", "reason"), REFUSED)
def test_it_has_another_effect_page_by_page(sql: str, token: str, reason: str) -> None:
    """The reason, and the token to which it applies."""
    found = cut_of(sql, "users")
    assert isinstance(found, Uncuttable), found
    assert (found.token and found.token.text) == token
    assert found.reason.startswith(reason)
