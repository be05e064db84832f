"""Pages over keys of every kind: each row is on exactly one, and none is read twice."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d1migrate.migrate.jobs.pages import Pages

JOB = (
    "CREATE TABLE _d1m_job"
    " (state TEXT, lo_1, lo_2, lo_3, lo_4, hi_1, hi_2, hi_3, hi_4, first, last, size INTEGER, chunks INTEGER)"
)
VALUES = (
    st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
    | st.binary(max_size=3) | st.floats(allow_nan=False)
)  # fmt: skip
TABLES = {
    ("rowid",): "CREATE TABLE t (a, b, c, d, email TEXT UNIQUE)",
    ("a",): "CREATE TABLE t (a TEXT PRIMARY KEY, b, c, d) WITHOUT ROWID",
    ("a", "b"): "CREATE TABLE t (a, b, c, d, PRIMARY KEY (a, b)) WITHOUT ROWID",
    ("b", "a"): "CREATE TABLE t (a INTEGER, b TEXT COLLATE NOCASE, c, d, PRIMARY KEY (b, a)) WITHOUT ROWID",
    ("a", "b", "c", "d"): "CREATE TABLE t (a, b, c, d, PRIMARY KEY (a, b, c, d)) WITHOUT ROWID",
}


def opened(sql: str, size: int = 2) -> sqlite3.Connection:
    """A database with this table and a job."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute(sql)
    database.execute(JOB)
    database.execute("INSERT INTO _d1m_job (size) VALUES (?)", (size,))
    return database


def page(database: sqlite3.Connection, pages: Pages) -> list[tuple[Any, ...]]:
    """Move, and return the rows of the page."""
    database.execute(pages.move().sql)
    return database.execute(f"SELECT {', '.join(pages.key)} FROM t WHERE {pages.within()}").fetchall()


def read(database: sqlite3.Connection, pages: Pages) -> list[list[tuple[Any, ...]]]:
    """Return all pages, up to the one that no row follows."""
    found = [page(database, pages)]
    while database.execute(f"SELECT {pages.more()}").fetchone()[0]:
        found.append(page(database, pages))
    return found


@pytest.mark.parametrize("key", TABLES, ids=", ".join)
@given(rows=st.lists(st.tuples(*[VALUES] * 4), max_size=9), size=st.integers(1, 4))
def test_each_row_is_on_one_page(key: tuple[str, ...], rows: list[tuple[Any, ...]], size: int) -> None:
    """In the order of the key, and no page has more than `size` rows."""
    database = opened(TABLES[key], size)
    database.executemany("INSERT OR IGNORE INTO t (a, b, c, d) VALUES (?, ?, ?, ?)", rows)
    columns = ", ".join(key)
    expected = database.execute(f"SELECT {columns} FROM t ORDER BY {columns}").fetchall()
    pages = Pages("t", key)
    database.execute(pages.mark().sql)
    found = read(database, pages)
    assert [row for rows in found for row in rows] == expected
    assert all(len(rows) == size for rows in found[:-1])
    assert len(found[-1]) <= size


def test_rowids_of_any_sign() -> None:
    """The lowest is -2**63, and no integer is lower."""
    database = opened("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    ids = [-(2**63), -7, 0, 2**53 + 1, 2**63 - 1]
    database.executemany("INSERT INTO t VALUES (?)", [(n,) for n in ids])
    database.execute(Pages("t").mark().sql)
    assert read(database, Pages("t")) == [[(ids[0],), (ids[1],)], [(ids[2],), (ids[3],)], [(ids[4],)]]
    assert database.execute("SELECT first, last FROM _d1m_job").fetchone() == (ids[0], ids[-1])


@pytest.mark.parametrize("endless", [False, True])
def test_an_empty_table_has_one_empty_page(endless: bool) -> None:
    """Its keys are NULL, and nothing follows."""
    database = opened("CREATE TABLE t (a)")
    database.execute(Pages("t", endless=endless).mark().sql)
    assert read(database, Pages("t", endless=endless)) == [[]]


def test_the_end_mark() -> None:
    """Rows added after it are on a page only if the pages are endless."""
    for endless, found in ((False, 3), (True, 5)):
        database = opened("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (1), (2), (3)")
        pages = Pages("t", endless=endless)
        database.execute(pages.mark().sql)
        first = page(database, pages)
        database.execute("INSERT INTO t VALUES (4), (5)")
        assert sum(map(len, [first, *read(database, pages)])) == found


def test_rows_that_follow_may_be_deleted() -> None:
    """The page after them is then empty, and it is the last."""
    database = opened("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES (1), (2), (3)")
    pages = Pages("t")
    database.execute(pages.mark().sql)
    assert len(page(database, pages)) == 2
    database.execute("DELETE FROM t")
    assert read(database, pages) == [[]]


@pytest.mark.parametrize("key", [("rowid",), ("a", "b")])
def test_a_late_move_does_not_begin_again(key: tuple[str, ...]) -> None:
    """After the last page, all others are empty."""
    database = opened(TABLES[key])
    database.execute("INSERT INTO t (a, b) VALUES (1, 1), (1, 2), (1, 3)")
    pages = Pages("t", key)
    database.execute(pages.mark().sql)
    assert len(read(database, pages)) == 2
    assert read(database, pages) == [[]]
    assert read(database, pages) == [[]]
    assert database.execute("SELECT lo_1, hi_1 IS NULL FROM _d1m_job").fetchone() == (None, 0)


def test_pages_can_be_read_again() -> None:
    """`rewind` makes the next page the first."""
    database = opened("CREATE TABLE t (a)")
    database.execute("INSERT INTO t VALUES (1), (2), (3)")
    pages = Pages("t")
    database.execute(pages.mark().sql)
    found = read(database, pages)
    database.execute(pages.rewind().sql)
    assert read(database, pages) == found


def test_names_are_qualified() -> None:
    """The table may have columns named as those of the job; an unknown column is an error, not a string."""
    database = opened('CREATE TABLE "t" (hi_1, lo_1, size, last, "a, b" TEXT PRIMARY KEY) WITHOUT ROWID')
    database.execute("INSERT INTO t VALUES (9, 9, 9, 9, 'x'), (9, 9, 9, 9, 'y'), (9, 9, 9, 9, 'z')")
    pages = Pages("t", ("a, b",))
    database.execute(pages.mark().sql)
    database.execute(pages.move().sql)
    assert database.execute(f'SELECT u."a, b" FROM t AS u WHERE {pages.within("u.")}').fetchall() == [
        ("x",),
        ("y",),
    ]
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        database.execute(Pages("t", ("missing",)).mark().sql)


@pytest.mark.parametrize("key", [("rowid",), ("a", "b")])
def test_each_page_is_a_search(key: tuple[str, ...]) -> None:
    """No part of it scans the table but the first branch, which has a limit."""
    database = opened(TABLES[key])
    pages = Pages("t", key, endless=True)
    for sql in (f"SELECT 1 FROM t WHERE {pages.within()}", f"SELECT {pages.more()}"):
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in plan if step == "SCAN t"]
        if key != ("rowid",):
            assert any("(a,b)>(?,?)" in step or "((a,b)>(?,?)" in step for step in plan), plan
