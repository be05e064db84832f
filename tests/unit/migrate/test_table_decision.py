"""Which table holds the history: tables of databases and configurations."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import HistoryError
from d1migrate.migrate.flows.down import choose, down
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.table import USUAL_TABLE, NameTable
from d1migrate.migrate.table_choice import Suggestion, TableChoice
from d1migrate.sql.batch import Batch, Query
from d1migrate.sql.split import split
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from d1migrate.migrate.history import History
    from d1migrate.migrate.table import Shape
    from tests.unit.migrate.flows.database import Database

V = f"{USUAL_TABLE.create};"
V1 = f"{V} INSERT INTO schema_migrations VALUES (1, '001_a', 5);"
W = f"{NameTable().create};"
W1 = f"{W} INSERT INTO d1_migrations (name) VALUES ('001_a.sql');"
DBMATE = "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
OWN = "CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, file TEXT NOT NULL, checksum TEXT);"


def history(sql: str, choice: TableChoice) -> History:
    """What is read of a database that a script built."""
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as driver:
        driver.batch(Batch([Query(piece.sql) for piece in split(f"SELECT 1; {sql}") if piece.sql]))
        return run(read_history(choice), driver)


@pytest.mark.parametrize(
    ("sql", "configured", "default", "recording", "table"),
    [
        # nothing there: what files and configurations suggest
        ("", None, "versions", False, "schema_migrations"),
        ("", None, "names", False, "d1_migrations"),
        ("", "d1_migrations", "versions", True, "d1_migrations"),
        ("", "mine", "names", False, "mine"),
        (W1, "schema_migrations", "names", False, "schema_migrations"),
        (V1, "d1_migrations", "versions", False, "d1_migrations"),
        # an empty table decides nothing: `wrangler d1 migrations list` alone creates one
        (W, None, "versions", False, "schema_migrations"),
        (V, None, "names", False, "d1_migrations"),
        (V + W, None, "names", False, "d1_migrations"),
        (V + W, None, "versions", False, "schema_migrations"),
        # the one with rows
        (W1, None, "versions", False, "d1_migrations"),
        (V1, None, "names", False, "schema_migrations"),
        (V + W1, None, "versions", False, "d1_migrations"),
        (V1 + W, None, "names", False, "schema_migrations"),
        # both with rows: what the files do
        (V1 + W1, None, "names", False, "d1_migrations"),
        (V1 + W1, None, "versions", True, "schema_migrations"),
        (V1 + W1, None, "versions", None, "schema_migrations"),
        (OWN + W1, None, "versions", None, "d1_migrations"),
        (V1 + W1, "schema_migrations", "names", False, "schema_migrations"),
        (V1 + W1, "d1_migrations", "versions", True, "d1_migrations"),
        # a table of the application is left alone
        (OWN, None, "versions", False, "d1_migrations"),
        (OWN + W1, None, "names", False, "d1_migrations"),
        # and another tool's, unless ours is to have that name
        (DBMATE, None, "names", False, "d1_migrations"),
        (DBMATE + W, None, "versions", False, "d1_migrations"),
        (DBMATE, "mine", "versions", False, "mine"),
        (W.replace("d1_migrations", "schema_migrations"), "d1_migrations", "names", False, "d1_migrations"),
        (f"CREATE TABLE d1_migrations (x); {V1}", None, "versions", False, "schema_migrations"),
    ],
)
def test_the_table(
    sql: str, configured: str | None, default: str, recording: bool | None, table: str
) -> None:
    """Whatever was guessed first, and in at most four requests."""
    choice = TableChoice(configured, files=Suggestion(default, recording))  # type: ignore[arg-type]
    found = history(sql, choice)
    assert found.table.name == table
    assert found.reads <= 4


@pytest.mark.parametrize(
    ("sql", "configured", "mirrored"),
    [(V1, None, False), (V1 + W, None, False), (V1 + W1, "schema_migrations", True)],
)
def test_wranglers_table_is_mirrored_if_it_has_rows(
    sql: str, configured: str | None, *, mirrored: bool
) -> None:
    """An empty one only looks like a history."""
    table = history(sql, TableChoice(configured)).table
    assert table.shape == "versions"
    assert table.mirrored is mirrored  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("sql", "choice", "problem"),
    [
        (V1 + W, TableChoice("d1_migrations"), "it is empty, and schema_migrations is not"),
        (V + W1, TableChoice("schema_migrations"), "it is empty, and d1_migrations is not"),
        (
            f"{W} INSERT INTO d1_migrations (name) VALUES (NULL)",
            TableChoice("d1_migrations"),
            "1 of its rows have no name",
        ),
        (W.replace(" UNIQUE", ""), TableChoice("d1_migrations"), "not unique"),
        ("CREATE TABLE d1_migrations (name TEXT UNIQUE, applied_at)", TableChoice("d1_migrations"), "no `id"),
    ],
)
def test_a_history_that_is_only_read(sql: str, choice: TableChoice, problem: str) -> None:
    """The problem has what to do."""
    (found,) = history(sql, choice).problems
    assert problem in found.message
    assert found.fix or "`d1migrate repair" in found.message


@pytest.mark.parametrize(
    ("sql", "configured"),
    [
        ("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name TEXT)", "d1_migrations"),
        (f"{OWN}; CREATE TABLE D1_Migrations (x)", None),
    ],
)
def test_a_table_with_wranglers_name_that_is_in_the_way(sql: str, configured: str | None) -> None:
    """It is refused where it is to hold the history: nothing can be recorded in it."""
    with pytest.raises(HistoryError, match="d1_migrations is not wrangler's: it has"):
        history(sql, TableChoice(configured))


@pytest.mark.parametrize(
    ("sql", "configured", "hint"),
    [
        (DBMATE, None, "`d1migrate adopt` takes over from dbmate"),
        (DBMATE, "schema_migrations", "`d1migrate adopt` takes over from dbmate"),
        (OWN, "schema_migrations", 'such as table = "d1_migrations"'),
    ],
)
def test_a_table_that_is_in_the_way(sql: str, configured: str | None, hint: str) -> None:
    """It is refused, with its columns and the way out."""
    with pytest.raises(HistoryError, match="is not d1migrate's: it has") as error:
        history(sql, TableChoice(configured))
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize("default", ["versions", "names"])
def test_after_all_is_rolled_back(empty: Database, default: Shape) -> None:
    """SQLite still counts the ids of an empty table: the next row gets the one after them."""
    migrations, choice = files("1a 2b"), TableChoice(files=Suggestion(default))
    empty.run(up(migrations, choice, empty.stamp))
    empty.run(down(empty.run(choose(migrations, choice, steps=2)), empty.stamp))
    assert empty.run(read_history(choice)).applied == ()
    empty.run(up(migrations, choice, empty.stamp))
    assert [row.name for row in empty.run(read_history(choice)).applied] == ["001_a", "002_b"]


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        (V1 + W1, "schema_migrations"),
        (OWN + W1, "d1_migrations"),
        (W1, "d1_migrations"),
        (V1, "schema_migrations"),
    ],
)
def test_a_reader_without_files(sql: str, table: str) -> None:
    """Only files that record themselves fill both tables; an application's table is not in the way."""
    assert history(sql, TableChoice(files=Suggestion(recording=None))).table.name == table
