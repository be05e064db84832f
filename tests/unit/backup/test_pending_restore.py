"""The file that holds the log while a remote D1 does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from d1migrate.backup import pending_restore
from d1migrate.backup.local_points import RestorePoint
from d1migrate.backup.pending_restore import PendingRestore
from d1migrate.errors import UsageError
from d1migrate.migrate.log import Stamp

if TYPE_CHECKING:
    from pathlib import Path

POINT, UNDO = RestorePoint("bookmark-1", "", 1.0, "001_a", 0), RestorePoint("bookmark-2", "", 2.0, "sub/b", 0)
PENDING = PendingRestore(
    "database/1", POINT, UNDO, Stamp("t", 5, "ada", "x"), "names", ((1, "001_a", 1), (None, "sub/b", 2)), (("t",),)
)  # fmt: skip


def test_written_and_read(tmp_path: Path) -> None:
    """With all that finishes the restore; only that of the same database."""
    saved = pending_restore.save(str(tmp_path), PENDING, None)
    assert pending_restore.unfinished(str(tmp_path), "database/1") == [saved]
    assert saved.history.keys == {"001_a.sql", "sub/b.sql"}
    assert pending_restore.unfinished(str(tmp_path), "database/2") == []
    pending_restore.remove(saved)
    assert pending_restore.unfinished(str(tmp_path), "database/1") == []


def test_what_an_older_version_began(tmp_path: Path) -> None:
    """That version finishes it: its file has log rows with checksums and rollbacks, which must not be lost."""
    saved = pending_restore.save(str(tmp_path), PENDING, None)
    value = PENDING._asdict()
    del value["shape"]
    with open(saved.path, "w", encoding="utf-8") as file:
        json.dump(value, file)
    with pytest.raises(UsageError, match="began and did not finish") as caught:
        pending_restore.unfinished(str(tmp_path), "database/1")
    assert "restore --to bookmark-1" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_file(tmp_path: Path, text: str) -> None:
    """It is reported, and stays."""
    saved = pending_restore.save(str(tmp_path), PENDING, None)
    with open(saved.path, "w", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(UsageError, match="cannot be read"):
        pending_restore.unfinished(str(tmp_path), "database/1")
