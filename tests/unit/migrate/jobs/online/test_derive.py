"""The guarded rebuild is read as it is drafted, or edited; anything else is refused with its place."""

from __future__ import annotations

import pytest

from d1migrate.errors import ParseError, PlanError
from d1migrate.migrate.jobs.online import derive
from d1migrate.migrate.migration import Migration
from tests.unit.migrate.jobs.online.running import drafted
from tests.unit.schema.building import schema

OLD = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b)"
NEW = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b)"
FILE = drafted(OLD, NEW)


def wide(columns: int) -> str:
    """A table of so many columns, without a key."""
    return f"CREATE TABLE t ({', '.join(f'c{n}' for n in range(columns))})"


def refused(text: str, *, old: str = OLD) -> str:
    """Why a file is refused."""
    with pytest.raises((ParseError, PlanError)) as error:
        derive(Migration(1, "001_t", text), schema(old))
    return str(error.value)


def test_what_is_copied_is_that_of_the_file() -> None:
    """Columns, expressions, and the collation that a hold table does not keep."""
    fill = 'SELECT "id", "a", "b" FROM "_d1m_hold_1"'
    text = FILE.replace(fill, fill.replace('"a"', "coalesce(\"a\", 'none')"))
    plan = derive(Migration(1, "001_t", text), schema(OLD))
    assert [value.sql for value in plan.values] == ['"id"', "coalesce(\"a\", 'none')", '"b"']
    assert plan.held == '"id" AS "id", "a" COLLATE BINARY AS "a", "b" AS "b"'
    assert plan.create.startswith('CREATE TABLE "_d1m_hold_1" (\n')
    assert (plan.key, plan.links, plan.counter) == (("rowid",), 0, False)


@pytest.mark.parametrize(
    ("was", "is_", "why"),
    [
        ('FROM "_d1m_hold_1"', 'FROM "_d1m_hold_1" WHERE b', "must fill t with every row of _d1m_hold_1"),
        ('"b" FROM "t"', '"b" FROM "t" LIMIT 1', "the copy must have every row of t"),
        ('DROP TABLE "t"', "SELECT json_extract('{}', 'x')", "there is no statement that drops t"),
        ('SELECT "id", "a", "b" FROM "_d1m', 'SELECT "id", (SELECT max(b) FROM x), "b" FROM "_d1m', "reads other rows"),
        ("b", "b, CHECK (t.a > 1)", "write its columns without the name of the table"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be_followed_is_refused(was: str, is_: str, why: str) -> None:
    """Each with the reason."""
    begin, created, rest = FILE.partition("CREATE TABLE t (")
    text = f"{begin}{created}{rest.replace(was, is_, 1)}" if was == "b" else FILE.replace(was, is_, 1)
    assert why in refused(text)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("CREATE TABLE t (a PRIMARY KEY, b)", "CREATE TABLE t (a, b PRIMARY KEY)", None),
        ("CREATE TABLE t (a PRIMARY KEY, b)", "CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID", "other keys"),
        (
            "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b)", "CREATE TABLE t (a INTEGER PRIMARY KEY, b)", None,
        ),
        (
            f"{OLD}; CREATE TABLE c (t REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
            f"{NEW}; CREATE TABLE c (t REFERENCES t DEFERRABLE INITIALLY DEFERRED)", "INITIALLY DEFERRED",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, up REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
            "CREATE TABLE t (id INTEGER PRIMARY KEY CHECK (id), up REFERENCES t DEFERRABLE INITIALLY DEFERRED)",
            "INITIALLY DEFERRED",
        ),
        (wide(100), wide(100).replace("c1,", "c1 CHECK (c1),"), "it has 100 columns"),
        (wide(98), wide(98).replace("c1,", "c1 CHECK (c1),"), None),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_rebuilt_online_is_refused(old: str, new: str, why: str | None) -> None:
    """Before anything is created."""
    text = drafted(old, new)
    if why is None:
        assert derive(Migration(1, "001_t", text), schema(old))
    else:
        assert why in refused(text, old=old)


def test_the_table_must_exist() -> None:
    """In the database whose schema was read."""
    assert "t is not a table of the database" in refused(FILE, old="CREATE TABLE x (a)")
