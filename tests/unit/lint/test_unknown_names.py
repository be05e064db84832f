"""Names that the schema does not have."""

from __future__ import annotations

import pytest

from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration

GIVEN = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);
CREATE INDEX idx_posts_title ON posts(title);
CREATE VIEW titles AS SELECT title FROM posts;
CREATE TRIGGER log_posts AFTER INSERT ON posts BEGIN SELECT 1; END;
"""


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("UPDATE user SET email = NULL WHERE id = 1", "users"),
        ("CREATE INDEX i ON user(email)", "users"),
        ("ALTER TABLE post ADD COLUMN n INTEGER", "posts"),
        ("DROP TABLE usrs", "users"),
        ("SELECT * FROM title", "titles"),
        ("DROP VIEW title", "titles"),
        ("DROP INDEX idx_post_title", "idx_posts_title"),
        ("DROP TRIGGER log_post", "log_posts"),
        ("UPDATE users SET emial = NULL WHERE id = 1", "email"),
        ("SELECT u.emial FROM users u", "email"),
        ('SELECT "u"."emial" FROM users u', "email"),
        ("INSERT INTO users (emial) VALUES (1)", "email"),
        ("CREATE INDEX i ON users(emial)", "email"),
        ("ALTER TABLE users RENAME COLUMN emial TO mail", "email"),
        ("ALTER TABLE users DROP COLUMN emial", "email"),
        ("SELECT coalese(email, 1) FROM users", "coalesce"),
        ("CREATE TABLE t (user_id INTEGER PRIMARY KEY REFERENCES user(id))", "users"),
        ("UPDATE invoices SET n = 1 WHERE id = 1", None),
        ("UPDATE users SET amount = 1 WHERE id = 1", None),
    ],
)
def test_the_nearest_name(sql: str, meant: str | None) -> None:
    """Of the schema as it is at the statement: tables and views, or the columns of the tables it mentions."""
    files = [Migration(1, "001_given", GIVEN), Migration(2, "002_case", f"{sql};\n")]
    (message,) = [d.message for d in lint(files, only={"002_case"}) if d.code in ("R103", "R106", "S104")]
    if meant is None:
        assert "did you mean" not in message
    else:
        assert message.endswith(f"did you mean {meant}?")


def test_a_name_that_an_earlier_statement_removed() -> None:
    """It is no longer one of the schema."""
    files = [Migration(1, "001_a", "CREATE TABLE users (id);\nDROP TABLE users;\nDROP TABLE user;\n")]
    (message,) = [d.message for d in lint(files) if d.code == "R106"]
    assert message == "D1 refuses it: no such table: user"
