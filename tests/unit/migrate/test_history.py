"""What the rows of the two history tables mean, and which rows are refused."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.errors import HistoryError
from d1migrate.migrate import history as h
from d1migrate.sql.batch import Result

OURS = [
    ("version", "INTEGER", 1, 0, None),
    ("name", "TEXT", 0, 1, None),
    ("applied_at", "INTEGER", 0, 1, None),
]


def fold(rows: list[tuple[Any, ...]], log: list[tuple[Any, ...]] | None = None) -> h.History:
    """Read rows of the migrations table, and of the log: version, id, event, action, name and so on."""
    return h.read_rows(Result(rows), None if log is None else Result(log), (), (), reads=1)


@pytest.mark.parametrize(
    ("event", "action", "checksum", "order"),
    [
        ("done", "up", "v1:a", 7),
        ("done", "restore", "v1:a", 7),
        ("done", "baseline", "v1:a", 0),  # when it was applied is not known
        ("done", "accept", "v1:a", 0),
        # what ends otherwise was applied again by wrangler alone
        ("done", "down", None, 0),
        ("done", "forget", None, 0),
        ("begun", "up", None, 0),
    ],
)
def test_a_row_and_its_log(event: str, action: str, checksum: str | None, order: int) -> None:
    """The checksum is known if the log ends in the migration being applied."""
    found = fold([(1, "001_a", 1_790_000_000)], [(1, 7, event, action, "001_a", "v1:a", "d", 1)])
    (row,) = found.applied
    assert (row.version, row.name, row.applied_at) == (1, "001_a", 1_790_000_000)
    assert (row.checksum, row.order) == (checksum, order)
    assert row.keeps_rollback == (checksum is not None)
    assert [part.version for part in found.partial] == [1] * (event == "begun")


def test_without_a_log_all_is_wranglers() -> None:
    """No checksum, no rollback, no order."""
    (row,) = fold([(1, "001_a", None)]).applied
    assert row == h.AppliedMigration(1, "001_a", None)


def test_what_began_needs_no_row() -> None:
    """An interrupted batch may have left only the log."""
    found = fold([], [(2, 1, "begun", "down", "002_b", None, None, 0)])
    assert (found.applied, found.partial) == ((), (h.Partial(2, "002_b", "down"),))


@pytest.mark.parametrize(
    ("rows", "log", "found"),
    [
        ([("1", "a", 0)], None, "version is '1', expected an integer"),
        ([(None, "a", 0)], None, "version is None"),
        ([(1.5, "a", 0)], None, "version is 1.5"),
        ([], [(1, 1, b"done", "up", "a", None, None, 0)], "event is b'done', expected text"),
        ([], [(1, 1, "done", "up", "a", 5, None, 0)], "checksum is 5, expected text"),
        ([], [(1, 1, "done", "up", "a" * 99, 5, None, 0)], "the row begins with 1, 1, 'done'"),
    ],
)
def test_values_of_another_type(rows: list[Any], log: list[Any] | None, found: str) -> None:
    """SQLite stores anything anywhere; what a decision rests on is checked."""
    with pytest.raises(HistoryError, match=found):
        fold(rows, log)


@pytest.mark.parametrize(
    ("value", "time"), [(5, 5), ("5", 5), (5.9, 5), (None, None), ("soon", None), (float("inf"), None)]
)
def test_times(value: object, time: int | None) -> None:
    """A value that is not a time gives None."""
    assert h.time_of(value) == time


@pytest.mark.parametrize(
    ("detail", "notes"),
    [(None, None), ("", None), ('{"a": 1}', {"a": 1}), ("by hand", "by hand"), ("NaN", "NaN")],
)
def test_notes(detail: str | None, notes: object) -> None:
    """JSON, or the text itself."""
    assert h.notes_of(detail) == notes


def test_notes_without_an_end() -> None:
    """JSON that is too deep is text."""
    deep = "[" * 100_000
    assert h.notes_of(deep) == deep


@pytest.mark.parametrize(
    ("columns", "ours"),
    [
        ([], True),
        (OURS, True),
        ([*OURS, ("extra", "TEXT", 0, 0, None)], True),
        ([*OURS, ("extra", "TEXT", 0, 1, "''")], True),
        ([*OURS, ("extra", "TEXT", 0, 1, None)], False),  # an INSERT of ours would fail
        (OURS[:2], False),
        ([("version", "bigint", 1, 0, None), *OURS[1:]], False),
        ([("version", "INTEGER", 0, 0, None), *OURS[1:]], False),
        ([("id", "INTEGER", 1, 0, None), *OURS], False),
    ],
)
def test_the_shape_of_the_migrations_table(columns: list[tuple[Any, ...]], *, ours: bool) -> None:
    """Rows go into a table only if it takes ours."""
    if ours:
        h.check_shape(columns)
    else:
        with pytest.raises(HistoryError, match="belongs to another tool"):
            h.check_shape(columns)


def test_the_shape_of_the_log() -> None:
    """It has all our columns; more do no harm."""
    with pytest.raises(HistoryError, match="it has \\(id, message\\)"):
        h.check_shape(OURS, [("id",), ("message",)])
