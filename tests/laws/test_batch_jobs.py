"""Laws of batch migrations: in chunks of any size, stopped and continued anywhere, they do what the one statement does."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

INTEGERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)
MIXED = INTEGERS | TEXTS | st.binary(max_size=3) | st.floats(allow_nan=False)


class Kind(NamedTuple):
    """A kind of table: how it is created, what the directive adds, and the values of its two key columns."""

    columns: str
    by: str = ""
    first: st.SearchStrategy[Any] = TEXTS
    second: st.SearchStrategy[Any] = INTEGERS


KINDS = {
    "a rowid beside another key": Kind("k TEXT PRIMARY KEY, l INTEGER"),
    "INTEGER PRIMARY KEY": Kind("k INTEGER PRIMARY KEY, l", first=INTEGERS),
    "INTEGER PRIMARY KEY as the key": Kind("k INTEGER PRIMARY KEY, l", "by k", INTEGERS),
    "AUTOINCREMENT": Kind("k INTEGER PRIMARY KEY AUTOINCREMENT, l", first=st.integers(-9, 99)),
    "a text without rowids": Kind("k TEXT PRIMARY KEY, l", "by k"),
    "a text without case": Kind("k TEXT COLLATE NOCASE PRIMARY KEY, l", "by k"),
    "blobs": Kind("k BLOB PRIMARY KEY, l", "by k", st.binary(max_size=3)),
    "mixed types": Kind("k PRIMARY KEY, l", "by k", MIXED),
    "numbers": Kind("k NUMERIC PRIMARY KEY, l", "by k", MIXED),
    "two columns": Kind("k, l, PRIMARY KEY (k, l)", "by k, l", st.integers(0, 2), MIXED),
    "two columns, in another order": Kind("k, l, PRIMARY KEY (l DESC, k)", "by l, k", MIXED, st.integers(0, 2)),
}  # fmt: skip
STATEMENTS = [
    "UPDATE t SET norm = lower(email)",
    "UPDATE t SET norm = lower(email) WHERE norm IS NULL OR email LIKE 'b%'",
    "UPDATE t AS u SET norm = o.name FROM o WHERE o.email = u.email",
    "DELETE FROM t WHERE email < 'c'",
    "DELETE FROM t",
    "INSERT OR IGNORE INTO copies SELECT typeof(k), quote(k), quote(l), email FROM t",
    """INSERT INTO copies SELECT o.name, quote(u.k), quote(l), u.email FROM o JOIN t u ON o.email = u.email
    WHERE u.norm IS NULL ON CONFLICT DO NOTHING""",
]
TABLES = """CREATE INDEX t_norm ON t (norm);
CREATE TABLE o (email TEXT, name TEXT);
INSERT INTO o VALUES ('a', 'A'), ('b', 'B'), ('d', 'D');
CREATE TABLE copies (a, b, c, email, UNIQUE (a, b, c));
CREATE TABLE ran (k, l);
"""
every_kind = pytest.mark.parametrize("kind", KINDS)


class World:
    """A database with a table of some kind, and a job on it."""

    def __init__(self, kind: Kind, rows: Sequence[tuple[Any, Any, str]], statement: str, size: int) -> None:
        self.driver = SqliteDriver(":memory:", url="sqlite::memory:")
        options = " WITHOUT ROWID" if kind.by and "INTEGER PRIMARY" not in kind.columns else ""
        columns, _, key = kind.columns.partition(", PRIMARY KEY")
        key = f", PRIMARY KEY{key}" if key else ""
        tables = Migration(
            1, "001_tables", f"CREATE TABLE t ({columns}, email TEXT, norm TEXT{key}){options};\n{TABLES}"
        )
        Migrator(self.driver, [tables]).up(lint=False)
        for row in rows:
            self.run(Query("INSERT OR IGNORE INTO t (k, l, email) VALUES (?, ?, ?)", row))
        text = f"-- d1migrate: batch t {kind.by} rows {size}\n{statement};\n"
        self.migrator = Migrator(self.driver, [tables, Migration(2, "002_fill", text)])

    def run(self, *statements: str | Query) -> None:
        """Run statements as one batch."""
        self.driver.batch(Batch([Query(one) if isinstance(one, str) else one for one in statements]))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return list(self.driver.batch(Batch([Query(sql)], reads=True))[0].rows)

    def chunks(self, most: int) -> str:
        """Run the job with so many batches at most; return how that ended."""
        return self.migrator.run_job(may_continue=lambda sent: sent < most, sleep=lambda _: None).end

    def contents(self) -> tuple[list[tuple[Any, ...]], ...]:
        """All rows, in a form that shows their types."""
        rows = self.rows("SELECT quote(k), quote(l), quote(email), quote(norm) FROM t ORDER BY 1, 2, 3")
        return rows, self.rows("SELECT * FROM copies ORDER BY 1, 2, 3")


def emails() -> st.SearchStrategy[str]:
    """Few, so that conditions hold for some rows."""
    return st.sampled_from(["a", "B", "b", "C", "d"])


@every_kind
@given(
    data=st.data(),
    statement=st.sampled_from(STATEMENTS),
    size=st.integers(1, 5),
    stops=st.lists(st.integers(2, 5)),
)
@settings(max_examples=scaled(60), deadline=None)
def test_in_chunks_as_at_once(
    kind: str, data: st.DataObject, statement: str, size: int, stops: list[int]
) -> None:
    """The same rows, with the same values; and a second run changes none."""
    of = KINDS[kind]
    rows = data.draw(st.lists(st.tuples(of.first, of.second, emails()), max_size=14))
    at_once, cut = World(of, rows, statement, size), World(of, rows, statement, size)
    with closing(at_once.driver), closing(cut.driver):
        at_once.run(statement)
        for most in stops:
            cut.chunks(most)
        assert cut.chunks(1000) in ("done", "none")
        assert cut.contents() == at_once.contents()
        assert [entry.state for entry in cut.migrator.status()] == ["applied", "applied"]
        assert cut.rows("SELECT 1 FROM sqlite_schema WHERE name LIKE '\\_d1m%' ESCAPE '\\'") == []
        cut.run(statement)
        assert cut.contents() == at_once.contents()


@every_kind
@given(data=st.data(), chance=st.randoms(use_true_random=False), size=st.integers(1, 4))
@settings(max_examples=scaled(40), deadline=None)
def test_writers_in_between(kind: str, data: st.DataObject, chance: random.Random, size: int) -> None:
    """No row is done twice, and each that existed all the time is done once."""
    of = KINDS[kind]
    row = st.tuples(of.first, of.second, emails())
    world = World(
        of, data.draw(st.lists(row, min_size=3, max_size=14)), "UPDATE t SET norm = lower(email)", size
    )
    keys = "SELECT quote(k), quote(l) FROM t"
    with closing(world.driver):
        # The writers below set no `norm`.
        note = "AFTER UPDATE OF norm ON t BEGIN INSERT INTO ran VALUES (quote(NEW.k), quote(NEW.l)); END"
        world.run(f"CREATE TRIGGER note {note}")
        existed, since = {*world.rows(keys)}, set[tuple[Any, ...]]()
        while world.chunks(chance.choice((2, 3, 4))) == "stopped":
            for _ in range(chance.randrange(3)):
                before = {*world.rows(keys)}
                write(world, data.draw(row), chance)
                since |= before ^ {*world.rows(keys)}
        done = Counter(world.rows("SELECT k, l FROM ran"))
        assert all(number == 1 for key, number in done.items() if key not in since)
        assert (existed & {*world.rows(keys)}) - since <= {*done}


def write(world: World, row: tuple[Any, Any, str], chance: random.Random) -> None:
    """Do what an application does between two chunks; a key that is taken is left."""
    kind = chance.choice(("insert", "delete", "update"))
    if kind == "insert":
        world.run(Query("INSERT OR IGNORE INTO t (k, l, email) VALUES (?, ?, ?)", row))
    elif kind == "delete":
        number = len(world.rows("SELECT 1 FROM t"))
        some = f"SELECT k, l FROM t LIMIT 1 OFFSET {chance.randrange(max(1, number))}"
        world.run(f"DELETE FROM t WHERE (k, l) IN ({some})")
    else:
        world.run(Query("UPDATE t SET email = upper(email) WHERE email = ?", row[2:]))
