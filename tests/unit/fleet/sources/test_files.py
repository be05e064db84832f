"""SQLite files whose paths match."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.errors import UsageError
from d1migrate.fleet.sources.files import list_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two databases, of which one is in use."""
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        apsw.Connection(f"{tmp_path}/{name}/app.db").execute("PRAGMA journal_mode = WAL; CREATE TABLE t (n)")
    return tmp_path


def names(pattern: str) -> list[str]:
    """What people call the tenants."""
    return [one.tenant.name for one in list_files(pattern)]


def test_the_order_and_the_names(folder: Path) -> None:
    """Names are short; ids and urls are valid wherever a later run is started."""
    assert names(f"{folder}/*/app.db") == ["a/app.db", "b/app.db"]
    assert names(f"{folder}/a/*.db") == ["app.db"]
    assert names(f"{folder}/**/*.db") == ["a/app.db", "b/app.db"]
    (found,) = list_files(f"{folder}/a/app.db")
    assert found.tenant.id == os.path.realpath(folder / "a" / "app.db")
    assert found.tenant.url == f"sqlite:{found.tenant.id}"


def test_files_beside_a_database(folder: Path) -> None:
    """SQLite's own, and hidden ones, are left out; an empty file is an empty database."""
    for end in ("-wal", "-shm", "-journal"):
        (folder / "a" / f"app.db{end}").write_bytes(b"x")
    (folder / "a" / ".hidden").write_text("x")
    (folder / "a" / "empty.db").write_text("")
    assert names(f"{folder}/a/*") == ["app.db", "empty.db"]
    assert names(f"{folder}/c/*") == []


def test_what_is_no_database(folder: Path) -> None:
    """The pattern is too wide, and might match what is not a tenant."""
    with pytest.raises(UsageError, match="/a is a folder, not a database"):
        names(f"{folder}/*")
    (folder / "a" / "notes.txt").write_text("SQLite")
    with pytest.raises(UsageError, match=r"notes.txt is not a SQLite database") as caught:
        names(f"{folder}/a/*")
    assert "narrow the pattern" in (caught.value.hint or "")
    (folder / "b" / "gone.db").symlink_to("nowhere.db")
    with pytest.raises(UsageError, match=r"gone.db is a link to a file that does not exist"):
        names(f"{folder}/b/*.db")


def test_names_that_no_url_has(folder: Path) -> None:
    """They are refused before anything is migrated."""
    (folder / "a" / "what?.db").touch()
    with pytest.raises(UsageError, match=r"what\?.db' has a '\?' in its name") as caught:
        names(f"{folder}/a/*")
    assert "rename the file" in (caught.value.hint or "")
    os.close(os.open(os.fsencode(folder) + b"/b/\xff.db", os.O_CREAT))
    with pytest.raises(UsageError, match=r"/b/\\udcff.db' is not valid UTF-8") as caught:
        names(f"{folder}/b/*")
    assert "rename the file" in (caught.value.hint or "")


def test_a_link_is_the_same_database(folder: Path) -> None:
    """Whichever kind of link."""
    (folder / "a" / "soft.db").symlink_to("app.db")
    os.link(folder / "a" / "app.db", folder / "a" / "hard.db")
    found = list(list_files(f"{folder}/a/*.db"))
    assert len(found) == 3
    assert len({one.identity for one in found}) == 1
