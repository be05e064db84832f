"""The project that most fuzzers begin with: three migrations, and a database on which two are applied."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from unittest import mock

from d1migrate.migrate.table import VERSIONS
from d1migrate.migrator import Migrator

ONE = """\
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, bio TEXT);
CREATE INDEX idx_users_bio ON users(bio);
INSERT INTO users VALUES (1, 'a@example.com', 'x'), (2, 'b@example.com', NULL);
-- Rollback:
-- DROP TABLE users;
"""
TWO = """\
CREATE TABLE posts (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES users(id) ON DELETE CASCADE, body BLOB);
CREATE TRIGGER tr AFTER DELETE ON users BEGIN DELETE FROM posts WHERE owner = old.id; END;
CREATE VIEW v AS SELECT email, body FROM users JOIN posts ON posts.owner = users.id;
INSERT INTO posts VALUES (1, 1, x'00ff'), (2, 1, 'it''s'), (3, 2, 1.5);
-- Rollback:
-- DROP VIEW v;
-- DROP TRIGGER tr;
-- DROP TABLE posts;
"""
THREE = """\
ALTER TABLE users ADD COLUMN name TEXT;
-- Rollback:
-- ALTER TABLE users DROP COLUMN name;
"""
FILES = {"001_users.sql": ONE, "002_posts.sql": TWO, "003_names.sql": THREE}


def write(folder: Path, *, database: bool = True, table: str = VERSIONS) -> None:
    """Write the files, and the database with two of them applied; `table` is its migrations table."""
    for name, text in FILES.items():
        (folder / "migrations" / name).write_text(text)
    if database:
        (folder / "app.db").write_bytes(applied(table))


@functools.cache
def applied(table: str = VERSIONS) -> bytes:
    """Return the database: one file, with no log beside it."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"D1MIGRATE_BY": "fuzz"}):
        path = Path(folder) / "app.db"
        (Path(folder) / "migrations").mkdir()
        write(Path(folder), database=False)
        migrator = Migrator(f"sqlite:{path}", str(Path(folder) / "migrations"), table=table)
        migrator.up(to=2)
        migrator.close()
        return path.read_bytes()
