"""Rollback files on disk: which migration each belongs to, and which cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import SourceError
from d1migrate.project.files import load_migrations
from d1migrate.project.rollback_folder import attach, path_of, strays

if TYPE_CHECKING:
    from pathlib import Path

    from d1migrate.migrate.migration import Migration


def write(folder: Path, *files: str) -> None:
    """Write migrations and rollback files."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("CREATE TABLE a (x);\n" if "rollback" not in name else "DROP TABLE a;\n")


def load(folder: Path, name: str = "migrations") -> tuple[Migration, ...]:
    """Load a folder of migrations."""
    return load_migrations(str(folder / name))


def test_the_file_with_the_name_of_the_migration(tmp_path: Path) -> None:
    """Beside the migrations folder; CRLF and a byte order mark are read as in a migration."""
    write(
        tmp_path, "migrations/001_a.sql", "migrations/002_b.sql", "rollback/001_a.sql", "rollback/.002_b.sql"
    )
    (tmp_path / "rollback/001_a.sql").write_bytes(b"\xef\xbb\xbfDROP TABLE a;\r\n")
    first, second = load(tmp_path)
    assert first.rollback is not None
    assert first.rollback.sql == "DROP TABLE a;\n"
    assert second.rollback is None
    assert path_of(str(tmp_path / "migrations"), "001_a") == str(tmp_path / "rollback/001_a.sql")


def test_nested_names(tmp_path: Path) -> None:
    """The full name is mirrored."""
    write(tmp_path, "migrations/001_a.sql", "rollback/20260101_init/migration.sql")
    (plain,) = load(tmp_path)
    nested = type(plain)(1, "20260101_init/migration", "CREATE TABLE a (x);")
    (found,) = attach(str(tmp_path / "migrations"), [nested])
    assert found.rollback is not None
    assert found.rollback.file.endswith("rollback/20260101_init/migration.sql")


def test_a_file_without_its_migration(tmp_path: Path) -> None:
    """It is a stray, perhaps misspelled; what belongs to a folder beside is not."""
    write(tmp_path, "migrations/001_a.sql", "shop/001_s.sql")
    write(
        tmp_path,
        "rollback/001_a.sql",
        "rollback/01_a.sql",
        "rollback/shop/001_s.sql",
        "rollback/old/002_x.sql",
    )
    found = strays(str(tmp_path / "migrations"), load(tmp_path))
    assert found == [str(tmp_path / "rollback/01_a.sql"), str(tmp_path / "rollback/old/002_x.sql")]
    assert strays(str(tmp_path / "shop"), load(tmp_path, "shop")) == []


def test_two_migrations_folders_side_by_side(tmp_path: Path) -> None:
    """A name that both have needs a rollback folder with the name of its migrations folder."""
    write(tmp_path, "shop/001_init.sql", "blog/001_init.sql", "blog/002_x.sql")
    write(tmp_path, "rollback/001_init.sql", "rollback/002_x.sql")
    (shop,), (blog, other) = load(tmp_path, "shop"), load(tmp_path, "blog")
    for migration in (shop, blog):
        assert migration.rollback is None
        with pytest.raises(SourceError, match=r"both have 001_init\.sql"):
            migration.check()
    assert other.rollback is not None
    write(tmp_path, "rollback/shop/001_init.sql")
    (shop,) = load(tmp_path, "shop")
    assert shop.rollback is not None
    assert shop.rollback.file.endswith("rollback/shop/001_init.sql")


def test_a_folder_that_wrangler_reads(tmp_path: Path) -> None:
    """A link to it, or to a file in it, would be run forward."""
    write(tmp_path, "migrations/001_a.sql")
    (tmp_path / "rollback").symlink_to(tmp_path / "migrations")
    (found,) = load(tmp_path)
    with pytest.raises(SourceError, match="in the migrations folder, where wrangler would run it"):
        found.check()


@pytest.mark.parametrize("content", [b"DROP TABLE caf\xe9;", None])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """It stops its migration only."""
    write(tmp_path, "migrations/001_a.sql", "rollback/001_a.sql")
    path = tmp_path / "rollback/001_a.sql"
    path.unlink()
    path.write_bytes(content) if content else path.symlink_to("nowhere")
    (found,) = load(tmp_path)
    assert found.rollback is None
    with pytest.raises(SourceError, match=r"not UTF-8|cannot read"):
        found.check()
