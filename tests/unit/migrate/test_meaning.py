"""The digest of what SQL means; `test_migration` has the cases of a whole file."""

from __future__ import annotations

from d1migrate.migrate.meaning import digest_of_meaning
from d1migrate.sql.split import split

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def meaning(sql: str) -> str:
    """The digest of a script."""
    return digest_of_meaning(split(sql))


def test_it_is_frozen() -> None:
    """Databases store it."""
    known = "7f9728b9ad92b1fed89946ce3c08b204021c6e5d6fa593d349653c509f88b181"
    assert meaning("CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT DEFAULT 'x'); DROP TABLE b;") == known
    assert meaning("") == NOTHING


def test_what_is_left_out() -> None:
    """Comments, white space, the case of keywords, empty statements, and the record of the migration."""
    record = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, 'a', 5);"
    assert meaning(f"create\n table a(id); -- note\n;{record}") == meaning("CREATE TABLE a (id)")


def test_what_counts() -> None:
    """Names and literals, byte by byte, and the order; the dotless i is not a letter of a keyword."""
    sqls = [
        "DELETE FROM a",
        "DELETE FROM A",
        "DELETE FROM b",
        "SELECT 'a'",
        "SELECT 'A'",
        "SELECT 1; SELECT 2",
    ]
    sqls += ["SELECT 2; SELECT 1", "SELECT a \u0131n (1)", "SELECT a IN (1)"]
    assert len({*map(meaning, sqls)}) == len(sqls)
