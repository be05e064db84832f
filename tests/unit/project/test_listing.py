"""Which files of a folder are migrations; tests/runtime/test_wrangler_files.py compares with wrangler."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.project.files import load_migrations
from d1migrate.project.listing import Folder, list_files

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *paths: str) -> str:
    """Write files; return their folder."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("SELECT 1;\n")
    return str(folder)


def test_files_in_wranglers_order(tmp_path: Path) -> None:
    """Whatever the folder yields first; without the endings that editors add."""
    folder = write(
        tmp_path, "10_c.sql", "9_b.sql", "0000-a.sql", "schema.sql", "1.sql.orig", "README.md", "x/1.sql"
    )
    assert list_files(Folder(folder)) == (("0000-a.sql", "9_b.sql", "10_c.sql", "schema.sql"), ())
    assert [m.version for m in load_migrations(folder)] == [0, 9, 10, None]


def test_nested_files(tmp_path: Path) -> None:
    """Their names have the folders; what the pattern does not match is not listed."""
    folder = write(
        tmp_path,
        "10_b/migration.sql",
        "9_a/migration.sql",
        "9_a/snapshot.json",
        "9_a/x/migration.sql",
        "1.sql",
    )
    assert list_files(Folder(folder, "*/migration.sql")).names == ("9_a/migration.sql", "10_b/migration.sql")
    found = load_migrations(folder, pattern="*/migration.sql")
    assert [(m.name, m.version, m.file) for m in found] == [
        ("9_a/migration", 9, f"{folder}/9_a/migration.sql"),
        ("10_b/migration", 10, f"{folder}/10_b/migration.sql"),
    ]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_what_wrangler_skips(tmp_path: Path) -> None:
    """Links to files and folders, hidden files, `.SQL` and pipes are named, never read and never an error."""
    folder = write(tmp_path / "m", "1_a.sql", ".2_b.sql", "3_c.SQL", "a.sql/x", "5.txt", ".sql")
    write(tmp_path, "outside.sql", "other/migration.sql")
    (tmp_path / "m" / "4_d.sql").symlink_to(tmp_path / "outside.sql")
    (tmp_path / "m" / "6_broken.sql").symlink_to("nothing")
    (tmp_path / "m" / "7_folder").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "m" / "8_pipe.sql")
    expected = (".2_b.sql", "3_c.SQL", "4_d.sql", "6_broken.sql", "8_pipe.sql")
    assert list_files(Folder(folder)) == (("1_a.sql",), expected)
    write(tmp_path / "m", "1_a/migration.sql")
    assert list_files(Folder(folder, "*/migration.sql")) == (("1_a/migration.sql",), ("7_folder",))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are Unicode there")
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    """Wrangler cannot open such a file."""
    folder = write(tmp_path, "1_a.sql")
    with open(os.fsencode(folder) + b"/2_caf\xe9.sql", "w") as file:
        file.write("SELECT 1;\n")
    assert list_files(Folder(folder)) == (("1_a.sql",), ("2_caf\udce9.sql",))


@pytest.mark.skipif(os.name == "nt", reason="characters that Windows has not")
def test_unusual_names(tmp_path: Path) -> None:
    """Quotes, spaces, line breaks and control characters are part of a name."""
    names = ("1_it's.sql", '2_"b".sql', "3_a b.sql", "4_x\ny.sql", "5_\x1b[31m.sql", "6_é\U0001f600.sql")
    folder = write(tmp_path, *names, "\n7.sql")
    assert list_files(Folder(folder)) == (names, ("\n7.sql",))


@pytest.mark.parametrize(
    ("paths", "pattern", "suggested"),
    [
        (["20260101_init/migration.sql", "20260102_x/migration.sql"], "*.sql", "*/migration.sql"),
        (["a/up.sql", "a/down.sql", "b/up.sql"], "*.sql", "*/up.sql"),
        (["a/1.sql", "b/2.sql"], "*.sql", "*/*.sql"),
        (["a/1.sql", "b/c/2.sql"], "*.sql", "**/*.sql"),
        (["1_a.sql"], "*/migration.sql", "*.sql"),
    ],
)
def test_a_pattern_that_matches_nothing(
    tmp_path: Path, paths: list[str], pattern: str, suggested: str
) -> None:
    """SQL files that would silently not run are an error, with the pattern to set."""
    folder = write(tmp_path, *paths, ".git/x.sql", "node_modules/y.sql")
    with pytest.raises(
        UsageError, match=f"no file matches '{pattern.replace('*', '[*]')}'.*{paths[0]}"
    ) as refused:
        list_files(Folder(folder, pattern, "set {} there"))
    assert refused.value.hint == f"set {suggested} there"


def test_two_layouts_in_one_folder(tmp_path: Path) -> None:
    """Nested files beside the others, as after an upgrade of drizzle, are not run; that is not silent."""
    folder = write(
        tmp_path, "0001_a.sql", "20260101000000_b/migration.sql", "meta/_journal.json", ".x/migration.sql"
    )
    assert list_files(Folder(folder)) == (
        ("0001_a.sql",),
        (".x/migration.sql", "20260101000000_b/migration.sql"),
    )


def test_a_folder_without_sql(tmp_path: Path) -> None:
    """It has no migrations yet, however many other files it has."""
    folder = write(tmp_path, "README.md", "meta/_journal.json", ".hidden/x.sql")
    assert list_files(Folder(folder)) == ((), ())
    assert list_files(Folder(folder, "*/migration.sql")) == ((), ())


def test_a_pattern_that_matches_other_files(tmp_path: Path) -> None:
    """They would run as SQL."""
    folder = write(tmp_path, "1_a/migration.sql", "1_a/snapshot.json")
    with pytest.raises(UsageError, match=r"matches 1_a/snapshot\.json, which is not SQL") as refused:
        list_files(Folder(folder, "*/*"))
    assert refused.value.hint == 'narrow it: set `pattern = "*/migration.sql"` in d1migrate.toml'


def test_no_folder(tmp_path: Path) -> None:
    """Nor a file in its place, which is another error."""
    with pytest.raises(UsageError, match="does not exist"):
        list_files(Folder(str(tmp_path / "none")))
    with pytest.raises(UsageError, match="is not a folder"):
        list_files(Folder(str(tmp_path / write(tmp_path, "a.sql") / "a.sql")))
