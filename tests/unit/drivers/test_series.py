"""A series of INSERTs is run as one text, and is as good as one statement after the other."""

from __future__ import annotations

from itertools import count

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.drivers.engine import Engine
from d1migrate.drivers.plain import Watchdog
from d1migrate.errors import QueryError, UnavailableError
from d1migrate.sql import d1
from d1migrate.sql.batch import Query
from tests.inputs import scaled

FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_MEMORY
GIVEN = """
CREATE TABLE plain (id INTEGER PRIMARY KEY, x CHECK (x IS NOT 'wrong'));
CREATE TABLE child (id INTEGER PRIMARY KEY AUTOINCREMENT, x REFERENCES plain(id));
CREATE VIRTUAL TABLE words USING fts5(body);
CREATE TABLE counted (id INTEGER PRIMARY KEY, x);
CREATE TABLE counts (changed, total, last);
CREATE TRIGGER at_counted AFTER INSERT ON counted BEGIN
  SELECT RAISE(ROLLBACK, 'all') WHERE new.x = 'all';
  SELECT RAISE(ABORT, 'one') WHERE new.x = 'one';
  INSERT INTO counts VALUES (changes(), total_changes(), last_insert_rowid());
END;
CREATE TABLE indirect (id INTEGER PRIMARY KEY, x);
CREATE TRIGGER at_indirect AFTER INSERT ON indirect BEGIN
  INSERT INTO counts SELECT name, new.x, 0 FROM pragma_table_info(new.x);
  INSERT INTO words(words) SELECT new.x WHERE new.x = 'optimize';
END;
CREATE TABLE looking (id INTEGER PRIMARY KEY, x);
CREATE TRIGGER at_looking AFTER INSERT ON looking BEGIN SELECT count(*) FROM pragma_table_info(new.x); END;
CREATE VIEW seen AS SELECT * FROM looking;
CREATE TRIGGER at_seen INSTEAD OF INSERT ON seen BEGIN SELECT count(*) FROM pragma_table_info(new.x); END;
CREATE VIRTUAL TABLE outside USING fts5(x, content='_cf_KV');
CREATE VIRTUAL TABLE inside USING fts5(x, content='plain', content_rowid='id');
"""
TABLES = ["plain (id, x)", "child (id, x)", "words (rowid, body)", "counted (id, x)", "indirect (id, x)", "looking (id, x)", "seen (id, x)",
          "outside (rowid, outside)", "inside (rowid, inside)", "nowhere (id, x)", "_cf_KV (id, x)", "plain (id, x, y)"]  # fmt: skip
VALUES = [
    "1",
    "2.5",
    "NULL",
    "'x'",
    "'wrong'",
    "'all'",
    "'one'",
    "'plain'",
    "'_cf_KV'",
    "'rebuild'",
    "'optimize'",
    "x'00'",
]


def engine() -> Engine:
    """An engine under D1's rules, with tables of several kinds."""
    made = Engine(":memory:", FLAGS, d1.PRODUCTION)
    made.control("CREATE TABLE _cf_KV (x)")
    for sql in GIVEN.strip().split(";\nCREATE"):
        made.transaction(
            "BEGIN", [Query(sql if sql.startswith("CREATE") else f"CREATE{sql}", (), True)], keep_rows=False
        )
    return made


def series(*rows: str, into: str) -> Query:
    """A series of INSERTs."""
    return Query(";\n".join(f"INSERT INTO {into} VALUES ({row})" for row in rows), (), True, len(rows))


def outcome(queries: list[Query]) -> tuple[object, ...]:
    """What a batch leaves, or its error."""
    made, error = engine(), None
    try:
        made.transaction("BEGIN", queries, keep_rows=False)
    except QueryError as failure:
        error = (str(failure), failure.index, failure.hint)
    dumped = [
        made.rows(f"SELECT rowid, * FROM {table}")
        for table in ("plain", "child", "words", "counted", "counts", "indirect")
    ]
    made.close()
    return error, *dumped


rows = st.lists(
    st.tuples(st.sampled_from(["NULL", "NULL", "NULL", "7", "'x'"]), st.sampled_from(VALUES)),
    min_size=2,
    max_size=6,
)


@given(st.lists(st.tuples(st.sampled_from(TABLES), st.lists(rows, min_size=1, max_size=3)), max_size=4))
@settings(max_examples=scaled(400), deadline=None)
def test_a_series_is_its_statements(parts: list[tuple[str, list[list[tuple[str, str]]]]]) -> None:
    """The same rows, counts, refusals and positions, whatever the tables have for triggers."""
    queries = list[Query]()
    for number, (table, several) in enumerate(parts):
        queries.append(Query(f"INSERT INTO plain VALUES ({100 + number}, 'between')", (), True))
        queries += [series(*map(", ".join, values), into=table) for values in several]
    queries.append(Query("INSERT INTO plain VALUES (200, 'last')", (), True))
    assert outcome(queries) == outcome([one for query in queries for one in query.apart()])


@pytest.mark.parametrize(
    ("into", "first", "last"),
    [
        ("looking (id, x)", "NULL, 'plain'", "NULL, '_cf_KV'"),  # its trigger reads what the value names
        ("indirect (id, x)", "NULL, 'plain'", "NULL, '_cf_KV'"),
        ("seen (id, x)", "NULL, 'plain'", "NULL, '_cf_KV'"),
        ("outside (rowid, outside)", "NULL, 'optimize'", "NULL, 'rebuild'"),  # its module reads _cf_KV
    ],
)
def test_what_asks_with_its_values_is_always_asked_for(into: str, first: str, last: str) -> None:
    """The first series does not show what a later one would read."""
    queries = [series(first, first, into=into), series(first, last, into=into)]
    with pytest.raises(QueryError, match="SQLITE_AUTH") as caught:
        engine().transaction("BEGIN", queries, keep_rows=False)
    assert caught.value.index == 3


def test_series_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that follow the first one ask for nothing; then every statement is asked for again."""
    asked, authorize = list[int](), Engine._authorize

    def note(engine: Engine, action: int, *names: str | None) -> int:
        asked.append(action)
        return authorize(engine, action, *names)

    monkeypatch.setattr(Engine, "_authorize", note)
    made, many = engine(), series(*["NULL, 'x'"] * 10, into="plain")
    alone = Query("INSERT INTO plain VALUES (100, 'x')", (), True)
    for queries, expected in (
        ([many], 10), ([many, many, many], 10), ([many, many, alone, many], 21), ([many, many, alone], 11), ([alone], 1)
    ):  # fmt: skip
        asked.clear()
        made.transaction("BEGIN", [*queries, Query("DELETE FROM plain", (), True)], keep_rows=False)
        assert asked.count(18) == expected
        assert 9 in asked


def test_the_statement_of_a_series_that_is_refused() -> None:
    """Its position counts all statements before it."""
    made = engine()
    queries = [series("1, 'x'", "2, 'x'", into="plain"), series("3, 'x'", "1, 'x'", "4, 'x'", into="plain")]
    with pytest.raises(QueryError, match=r"UNIQUE constraint failed: plain\.id") as caught:
        made.transaction("BEGIN", queries, keep_rows=False)
    assert caught.value.index == 3
    assert made.rows("SELECT * FROM plain") == []


def test_a_series_may_take_longer_than_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is each statement's: they run again, one by one."""
    looks = count()
    monkeypatch.setattr("d1migrate.drivers.plain.time.monotonic", lambda: next(looks) / 10)
    monkeypatch.setattr(Watchdog, "seconds", 20)  # 200 looks at the clock
    made = engine()
    made.transaction(
        "BEGIN",
        [
            Query("CREATE TABLE slow (x)", (), True),
            Query(
                "CREATE TRIGGER at_slow AFTER INSERT ON slow BEGIN INSERT INTO counts WITH RECURSIVE n(i) AS"
                " (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < new.x) SELECT 1, 1, max(i) FROM n; END",
                (),
                True,
            ),
        ],
        keep_rows=False,
    )
    made.transaction("BEGIN", [series(*["20000"] * 6, into="slow")], keep_rows=False)
    assert made.rows("SELECT count(*) FROM slow") == [(6,)]
    with pytest.raises(QueryError, match="it ran for 20 s") as caught:
        made.transaction("BEGIN", [series("1", "1000000", into="slow")], keep_rows=False)
    assert caught.value.index == 1


def test_a_full_disk_in_a_series_is_not_tried_again() -> None:
    """Nothing would be different one by one."""
    made = engine()
    made.control("PRAGMA max_page_count = 40")
    seen = []

    class Counted:
        def __iter__(self) -> object:
            seen.append(1)
            return iter([series(*["NULL, zeroblob(100000)"] * 30, into="plain")])

    with pytest.raises(UnavailableError, match="full"):
        made.transaction("BEGIN", Counted(), keep_rows=False)  # type: ignore[arg-type]
    assert len(seen) == 1
