"""A SQLite file as a desired schema."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from d1migrate.drafting.sources import read_database
from d1migrate.errors import ParseError, UsageError


def database(path: Path, script: str) -> str:
    """A SQLite file with what a script creates."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return str(path)


def read(path: str) -> set[str]:
    """The tables of a desired schema."""
    return {table.name for table in read_database(path, name="want.db").schema.tables}


def test_what_is_no_schema_is_left_out(tmp_path: Path) -> None:
    """SQLite's own tables, shadow tables, our histories and Cloudflare's tables; VACUUM moves virtual tables last."""
    path = database(
        tmp_path / "want.db",
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE);
        CREATE VIRTUAL TABLE found USING fts5(v, content='a');
        CREATE TABLE _cf_KV (key TEXT);
        CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TEXT);
        CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER);
        CREATE INDEX a_v ON a (v);
        ANALYZE;
        VACUUM;
        """,
    )
    assert read(path) == {"a", "found"}
    assert read_database(path, name="want.db").models is None


def test_views_and_triggers(tmp_path: Path) -> None:
    """They belong to the whole schema."""
    path = database(
        tmp_path / "want.db",
        "CREATE TABLE a (b); CREATE VIEW v AS SELECT b FROM a;"
        " CREATE TRIGGER t INSTEAD OF DELETE ON v BEGIN DELETE FROM a; END;",
    )
    schema = read_database(path, name="want.db").schema
    assert [view.name for view in schema.views] == ["v"]
    assert [trigger.name for trigger in schema.triggers] == ["t"]


def test_comments_after_statements(tmp_path: Path) -> None:
    """SQLite keeps them if no semicolon follows: they hide no statement."""
    path = tmp_path / "want.db"
    with closing(sqlite3.connect(path)) as connection:
        for sql in ("CREATE TABLE a (b)", "CREATE VIEW v AS SELECT b FROM a", "CREATE INDEX i ON a (b)"):
            connection.execute(f"{sql} -- the last words")
    schema = read_database(str(path), name="want.db").schema
    assert [view.sql for view in schema.views] == ["CREATE VIEW v AS SELECT b FROM a"]
    assert [index.name for index in schema.tables[0].indexes] == ["i"]


def test_a_database_in_wal_mode(tmp_path: Path) -> None:
    """What its log has counts, and no file is added or removed."""
    with closing(sqlite3.connect(tmp_path / "want.db")) as writer:
        writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE a (b);")
        before = sorted(os.listdir(tmp_path))
        assert read(str(tmp_path / "want.db")) == {"a"}
        assert sorted(os.listdir(tmp_path)) == before


def test_a_read_only_folder(tmp_path: Path) -> None:
    """A database in WAL mode whose folder takes no log."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    path = database(folder / "want.db", "PRAGMA journal_mode = WAL; CREATE TABLE a (b);")
    Path(path).chmod(0o444)
    folder.chmod(0o555)
    try:
        assert read(path) == {"a"}
        assert os.listdir(folder) == ["want.db"]
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read want.db: No such file or directory"),
        (b"", "want.db is empty"),
        (b"CREATE TABLE a (b);", "want.db is not a SQLite database, or it is encrypted"),
        (b"SQLite format 3\0" + b"\xff" * 2000, "cannot read the schema of want.db: "),
    ],
)
def test_what_is_not_a_database(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A usage error, which names what the user typed; the file stays as it is."""
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read(str(path))
    assert "restore" not in str(caught.value.hint)
    assert (path.read_bytes() if path.exists() else None) == content


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """`sqlite:` is for files."""
    with pytest.raises(UsageError, match=r"want\.db is not a file"):
        read(str(tmp_path))


def test_a_damaged_schema(tmp_path: Path) -> None:
    """What SQLite itself cannot read."""
    path = database(
        tmp_path / "want.db",
        "CREATE TABLE a (b); PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE nothing';",
    )
    with pytest.raises(UsageError, match=r"cannot read the schema of want\.db: "):
        read(path)


def test_what_d1_refuses(tmp_path: Path) -> None:
    """A function that D1 does not have, in an expression that SQLite checks when it creates the index."""
    with closing(sqlite3.connect(tmp_path / "want.db")) as connection:
        connection.create_function("of_theirs", 1, lambda value: value, deterministic=True)
        connection.executescript("CREATE TABLE a (b); CREATE INDEX i ON a (of_theirs(b));")
    with pytest.raises((ParseError, UsageError), match="of_theirs"):
        read(str(tmp_path / "want.db"))


def test_a_locked_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, and then an error names it."""
    path = database(tmp_path / "want.db", "CREATE TABLE a (b);")
    monkeypatch.setattr("d1migrate.drivers.lock_wait.LockWait.__call__", lambda *_: False)
    with closing(apsw.Connection(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UsageError, match=r"want\.db: database is locked") as caught:
            read(path)
    assert "another process" in str(caught.value.hint)
