"""A folder of migrations as a desired schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting.sources import load_source
from d1migrate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["002_b.sql", "001_a.sql", "meta/_journal.json"], ["001_a", "002_b"]),
        (
            ["20260101_a/migration.sql", "20260102_b/migration.sql"],
            ["20260101_a/migration", "20260102_b/migration"],
        ),
        (["2026/01_a.sql", "2027/01_b.sql"], ["2026/01_a", "2027/01_b"]),
        (["001_a.sql", "001_a.down.sql"], ["001_a"]),
    ],
)
def test_layouts(tmp_path: Path, files: list[str], names: list[str]) -> None:
    """Plain files, and folders as drizzle and Prisma write them; rollback files of other tools are left out."""
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("SELECT 1;\n")
    assert [migration.name for migration in load_source(str(tmp_path))] == names


def test_a_pattern_wins(tmp_path: Path) -> None:
    """That of a configuration."""
    for name in ("001_a.sql", "of/001_b.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("SELECT 1;\n")
    assert [one.name for one in load_source(str(tmp_path), "of/*.sql")] == ["of/001_b"]


def test_a_folder_without_migrations(tmp_path: Path) -> None:
    """The hint for the migrations of a Python tool leads to the models."""
    with pytest.raises(UsageError, match="has no migrations") as caught:
        load_source(str(tmp_path))
    assert "a folder of migrations as SQL" in str(caught.value.hint)
    (tmp_path / "0001_initial.py").write_text("")
    with pytest.raises(UsageError, match="has no migrations") as caught:
        load_source(str(tmp_path))
    assert "--to django:SETTINGS" in str(caught.value.hint)
