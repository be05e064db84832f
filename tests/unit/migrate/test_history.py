"""What the rows of the two history tables mean, and which rows are refused."""

from __future__ import annotations

from typing import Any

import pytest

from d1migrate.errors import HistoryError
from d1migrate.migrate import history as h
from d1migrate.migrate.table import USUAL_TABLE, NameTable
from d1migrate.migrate.table_state import NameState


def fold(rows: list[tuple[Any, ...]], log: list[tuple[Any, ...]] | None = None) -> h.History:
    """Read rows of a table of versions, and of the log: version, name, id, event, action and so on."""
    return h.read_rows(USUAL_TABLE, h.Rows(rows, latest=log or ()))


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
    found = fold([(1, "001_a", 1_790_000_000)], [(1, "001_a", 7, event, action, "v1:a", "d", 1, "f")])
    (row,) = found.applied
    assert (row.version, row.name, row.applied_at) == (1, "001_a", 1_790_000_000)
    assert (row.checksum, row.order, row.file_digest) == (checksum, order, checksum and "f")
    assert row.keeps_rollback == (checksum is not None)
    assert [part.version for part in found.partial] == [1] * (event == "begun")


def test_without_a_log_all_is_wranglers() -> None:
    """No checksum, no rollback, no order."""
    (row,) = fold([(1, "001_a", None)]).applied
    assert row == h.AppliedMigration(1, "001_a", None, place=1)


def test_what_began_needs_no_row() -> None:
    """An interrupted batch may have left only the log."""
    found = fold([], [(2, "002_b", 1, "begun", "down", None, None, 0, None)])
    assert (found.applied, found.partial) == ((), (h.Partial(2, "002_b", "down"),))


@pytest.mark.parametrize(
    ("rows", "log", "found"),
    [
        ([("1", "a", 0)], None, "version is '1', expected an integer"),
        ([(None, "a", 0)], None, "version is None"),
        ([(1.5, "a", 0)], None, "version is 1.5"),
        ([], [(1, "a", 1, b"done", "up", None, None, 0, None)], "event is b'done', expected text"),
        ([], [(1, "a", 1, "done", "up", 5, None, 0, None)], "checksum is 5, expected text"),
        ([], [(1, "a", 1, "done", "up", None, None, 0, 5)], "file_digest is 5, expected text"),
        ([], [(1, "a" * 99, 1, "done", "up", 5, None, 0, None)], "the row begins with 1, 'aaa"),
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


def test_rows_of_wranglers_table() -> None:
    """The name is the key, the id the order; a row that does not name a file is left out."""
    rows = [(3, "0001_b.sql", 5, 9), (4, "a/migration.sql", None, 9), (7, None, 5, 9), (8, "x", 5, 9)]
    latest = [
        (1, "0001_b", 7, "done", "up", "v1:a", "d", 1, None),
        (1, "0001_a", 9, "begun", "up", None, None, 0, None),
    ]
    found = h.read_rows(NameTable(), h.Rows(rows, latest=latest, counter=9))
    assert [(row.version, row.name, row.checksum, row.order) for row in found.applied] == [
        (1, "0001_b", "v1:a", 3),
        (None, "a/migration", None, 4),
    ]
    assert found.partial == (h.Partial(1, "0001_a", "up"),)
    assert isinstance(found.rows, NameState)
    assert (len(found.rows.rows), found.rows.counter) == (4, 9)


def test_the_newest_of_two_names_with_one_version() -> None:
    """In a table of versions they are one migration, which got another name."""
    latest = [
        (1, "001_a", 7, "done", "up", "v1:a", None, 0, None),
        (1, "001_b", 9, "done", "accept", "v1:b", None, 0, None),
    ]
    assert fold([(1, "001_b", 5)], latest).applied[0].checksum == "v1:b"


def test_what_concerns_the_whole_database_is_no_migration() -> None:
    """A restore has no version and no name."""
    assert fold([], [(None, "", 1, "begun", "restoring", None, None, 0, None)]).partial == ()


def test_the_current_migration() -> None:
    """The last in wrangler's order, whatever was applied last."""
    rows = [(1, "0010_b.sql", 5, 2), (2, "9_a.sql", 5, 2)]
    current = h.read_rows(NameTable(), h.Rows(rows)).current
    assert current
    assert current.name == "0010_b"
    assert h.History().current is None


def test_the_current_version() -> None:
    """The number of the last name that has one; names without one come last, and have no say."""
    rows = [(1, "0010_b.sql", 5, 3), (2, "9_a.sql", 5, 3), (3, "seed.sql", 5, 3)]
    found = h.read_rows(NameTable(), h.Rows(rows))
    assert found.current
    assert (found.current.name, found.current_version) == ("seed", 10)
    assert h.read_rows(NameTable(), h.Rows(rows[2:])).current_version is None
    assert h.History().current_version is None


def test_setup() -> None:
    """The first batch creates what is missing, and moves the rows of an old log."""
    missing = h.History(missing=("schema_migrations", "d1migrate_log"), old_log=True, lacking=("format",))
    assert [query.sql.split()[:3] for query in missing.setup()] == [
        ["CREATE", "TABLE", "IF"],
        ["CREATE", "TABLE", "IF"],
        ["INSERT", "INTO", "d1migrate_log"],
        ["DROP", "TABLE", "schema_migrations_log"],
        ["ALTER", "TABLE", "d1migrate_log"],
    ]
    assert h.History().setup() == []
