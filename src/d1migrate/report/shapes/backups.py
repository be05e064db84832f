"""The shapes of `backup` and `restore`."""

from __future__ import annotations

from typing import TypedDict


class Backup(TypedDict):
    """A backup that was written.

    Attributes:
        file: the path of the file.
        bytes: its size.
        sha256: the digest of the file without its last line, which contains it.
        current: the last applied migration; null if none is applied.
        rows: `{table: rows}`.
        consistent: whether all rows are from one moment; null if the backup was read in pages, and no change
            was seen meanwhile.
        notes: what is not restored unchanged.
        verified: whether it restores to the same database; null without `--verify`.
        mismatches: what differs after restoring it.
    """

    file: str
    bytes: int
    sha256: str
    current: str | None
    rows: dict[str, int]
    consistent: bool | None
    notes: list[str]
    verified: bool | None
    mismatches: list[str]


class LoadedBackup(TypedDict):
    """A backup that was loaded, for `--file`.

    Attributes:
        file: the path of the file.
        current: the last applied migration; null if none is applied.
        rows: `{table: rows}`.
        consistent: whether all rows are from one moment; null if that is not known.
        notes: what is not restored unchanged.
        verified: whether each table was compared with its digest; false for the dump of another tool, which
            has none.
    """

    file: str
    current: str | None
    rows: dict[str, int]
    consistent: bool | None
    notes: list[str]
    verified: bool


class RestorePoint(TypedDict):
    """A restore point.

    Attributes:
        name: its name, for `restore --to`.
        file: the path of the copy; null for a bookmark of a remote D1.
        bytes: the size of the copy; null for a bookmark.
        taken_at: when it was taken, in epoch seconds.
        current: the last applied migration then; null if none was applied.
    """

    name: str
    file: str | None
    bytes: int | None
    taken_at: int
    current: str | None


class RestorePoints(TypedDict):
    """The restore points of a database.

    Attributes:
        restore_points: the restore points, oldest first.
    """

    restore_points: list[RestorePoint]


class Restore(TypedDict):
    """A restore that was done, for `--to`.

    Attributes:
        restored_to: the name of the restore point.
        undo: the name of the restore point that undoes it; null if there was nothing to keep.
        damaged_file: the copy of the damaged database; null if it was not damaged.
        current: the last applied migration now; null if none is applied.
        no_longer_applied: names of migrations that were applied before.
        applied_again: names of migrations that were not applied before.
        log_rows_kept: how many newer rows of the log were written back.
        verified: whether files, history and schema agree now; null if that could not be checked.
    """

    restored_to: str
    undo: str | None
    damaged_file: str | None
    current: str | None
    no_longer_applied: list[str]
    applied_again: list[str]
    log_rows_kept: int
    verified: bool | None


class RowCounts(TypedDict):
    """The rows of a table now and at a restore point.

    Attributes:
        table: the table.
        rows_now: how many rows it has; null if it does not exist or cannot be counted.
        rows_then: how many rows it had; null if it did not exist or cannot be counted.
    """

    table: str
    rows_now: int | None
    rows_then: int | None


class RestorePreview(TypedDict):
    """What a restore would change, for `--dry-run`.

    Attributes:
        restore_to: the name of the restore point.
        taken_at: when it was taken, in epoch seconds.
        current: the last applied migration then; null if none was applied.
        no_longer_applied: names of migrations that would not be applied any more.
        applied_again: names of migrations that would be applied again.
        tables: the tables whose row counts differ; null for a remote D1, whose past rows cannot be read.
    """

    restore_to: str
    taken_at: int
    current: str | None
    no_longer_applied: list[str]
    applied_again: list[str]
    tables: list[RowCounts] | None
