"""Reading migration files from disk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import SourceError
from d1migrate.migrate.migration import LARGE
from d1migrate.migrate.source import load
from d1migrate.project.files import LargeFile, load_migrations, replace

if TYPE_CHECKING:
    from pathlib import Path

ROW = "INSERT INTO t VALUES ('é', 'x');\r\n"


def large(folder: Path, text: str = "") -> Path:
    """A file over 1 MiB, with a byte order mark and CRLF line ends."""
    path = folder / "001_big.sql"
    rows = ROW * (3 * LARGE // len(ROW))
    path.write_bytes(("\ufeff" + rows + text).encode())
    return path


def test_chunks_are_the_text(tmp_path: Path) -> None:
    """Joined, the chunks are the file without byte order mark and with LF, wherever a chunk ends."""
    path = large(tmp_path, "-- end\r")
    text = "".join(LargeFile(str(path)).chunks())
    assert text == path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")


@pytest.mark.parametrize("at", [10, LARGE - 1, LARGE, 2 * LARGE + 17, -1])
def test_a_wrong_byte_is_placed(tmp_path: Path, at: int) -> None:
    """The byte, its offset and its line are named, whichever chunk it is in."""
    path = large(tmp_path)
    data = bytearray(path.read_bytes())
    data[at] = 0xFF
    path.write_bytes(data)
    offset = at % len(data)
    line = data[:offset].count(b"\n") + 1
    file = LargeFile(str(path))
    text = "".join(file.chunks())
    # A wrong byte after the first half of a character is reported at that half.
    assert f"001_big.sql:{line}: not UTF-8: byte 0x" in str(file.problem)
    seen = int(str(file.problem).rsplit(" ", 1)[1])
    assert seen in (offset, offset - 1)
    assert text == bytes(data).decode("utf-8-sig", "replace").replace("\r\n", "\n")


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    """It is read as wrangler reads it, and refused while it is pending."""
    (tmp_path / "001_latin.sql").write_bytes(
        b"CREATE TABLE a (x DEFAULT 'caf\xe9');\n-- Rollback: DROP TABLE a;\n"
    )
    (migration,) = load_migrations(str(tmp_path))
    assert [s.sql for s in migration.statements()] == ["CREATE TABLE a (x DEFAULT 'caf\ufffd')"]
    assert migration.rollback is not None
    assert migration.matches(migration.checksum or "")
    with pytest.raises(SourceError, match=r"001_latin\.sql:1: not UTF-8: byte 0xe9 at offset 30"):
        migration.check()
    with pytest.raises(SourceError, match="not UTF-8"):
        _ = migration.text


def test_what_was_checked_is_what_runs(tmp_path: Path) -> None:
    """A large file that is edited between its check and its run is refused."""
    path = large(tmp_path)
    (migration,) = load_migrations(str(tmp_path))
    assert migration.is_large
    migration.check()
    path.write_bytes(path.read_bytes().replace(b"'x'", b"'y'"))
    with pytest.raises(SourceError, match="was changed while it was being read"):
        list(migration.texts())


def test_what_is_no_migration_is_left_alone(tmp_path: Path) -> None:
    """Other endings, hidden files, links and subfolders are not migrations."""
    for name in ("README.md", ".001_hidden.sql", "001_a.sql.orig"):
        (tmp_path / name).write_text("x")
    (tmp_path / "002_folder.sql").mkdir()
    (tmp_path / "003_a.sql").write_text("SELECT 1;")
    (tmp_path / "004_inner.sql").symlink_to(tmp_path / "003_a.sql")
    assert [m.name for m in load_migrations(str(tmp_path))] == ["003_a"]


def test_a_file_that_changes_while_it_runs_is_refused(tmp_path: Path) -> None:
    """A file that is rewritten during its run, with the same size, ends in an error and not in a mixture."""
    path = large(tmp_path)
    (migration,) = load_migrations(str(tmp_path))
    migration.check()
    texts = migration.texts()
    next(texts)
    path.write_bytes(path.read_bytes().replace(b"'x'", b"'y'"))
    with pytest.raises(SourceError, match="was changed while it was being read"):
        list(texts)


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    """Its permissions do not change."""
    path = tmp_path / "a.sql"
    path.write_text("old")
    path.chmod(0o751)
    replace(str(path), "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o751)


@pytest.mark.parametrize("kind", ["down", "rollback", "undo", "revert"])
def test_files_that_other_tools_keep_for_a_rollback(kind: str) -> None:
    """They would run forward, before the migration that they undo: they are refused while they are pending."""
    (found,) = load([(f"001_a.{kind}.sql", "DROP TABLE a;\n")])
    with pytest.raises(SourceError, match="as a forward migration"):
        found.check()
    (named,) = load([(f"001_{kind}.sql", "SELECT 1;\n")])
    assert named.check() == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root can read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    """The others load, and it is refused when it is needed."""
    (tmp_path / "001_a.sql").write_text("SELECT 1;")
    (tmp_path / "002_b.sql").write_text("SELECT 2;")
    (tmp_path / "001_a.sql").chmod(0)
    closed, other = load_migrations(str(tmp_path))
    assert other.check() == 1
    with pytest.raises(SourceError, match=r"cannot read .*001_a\.sql: Permission denied"):
        closed.check()


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("", None),
        ("CREATE TABLE a (x);\n-- Down\nDROP TABLE a;\n", "would run as part of the migration"),
        ("/* not closed", "not closed"),
        ("SELECT '\udce9';", "not UTF-8"),
    ],
)
def test_a_large_file_obeys_the_same_rules(tmp_path: Path, end: str, message: str | None) -> None:
    """Streamed, with its statements or without any."""
    text = "-- a long comment\n" * (LARGE // 16) + end
    (tmp_path / "001_a.sql").write_bytes(text.encode("utf-8", "surrogateescape"))
    (found,) = load_migrations(str(tmp_path))
    assert found.is_large
    assert (found.checksum or "").startswith("b1:")
    if message:
        with pytest.raises(SourceError, match=message):
            found.check()
    else:
        assert (found.check(), list(found.texts())) == (0, [])
        assert found.rollback is not None
