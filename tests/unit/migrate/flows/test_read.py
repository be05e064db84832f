"""What a database records about itself, whatever the state of its history tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError
from d1migrate.migrate import contents
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.flows.ensure import read_pending
from d1migrate.migrate.flows.read import (
    read_history,
    read_history_and_schema,
    read_schema,
)
from d1migrate.migrate.flows.up import up
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.status import compare
from d1migrate.migrate.table import LOG_TABLE, VERSIONS, WRANGLER
from d1migrate.migrate.table_choice import USUAL, TableChoice
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database

ROW = "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, applied_at INTEGER);"


def test_an_empty_database(empty: Database) -> None:
    """Both tables are missing; nothing is unmanaged."""
    found = empty.run(read_history())
    assert (found.applied, found.missing) == ((), (VERSIONS, LOG_TABLE))
    assert (found.unmanaged, found.head, found.reads) == ((), "", 2)


def test_after_an_up(empty: Database) -> None:
    """One request: the versions with their checksums, and the token of the newest batch."""
    empty.up("1a 2b")
    found = empty.run(read_history(token="token-1"))  # noqa: S106 - no secret
    assert [(row.version, row.checksum) for row in found.applied] == [
        (m.version, m.checksum) for m in files("1a 2b")
    ]
    assert (found.missing, found.head, found.reads, found.has_token) == ((), "token-2", 1, True)
    assert not empty.run(read_history(token="token-9")).has_token  # noqa: S106


RECORDING = (
    "CREATE TABLE a (x);\nINSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_a', 5);"
)


@pytest.mark.parametrize(
    ("sql", "has_wrangler"),
    [(RECORDING, True), (RECORDING, False), ("CREATE TABLE a (x); -- not in schema_migrations", True)],
)
def test_files_are_not_parsed_where_a_history_decides(
    empty: Database, monkeypatch: pytest.MonkeyPatch, sql: str, *, has_wrangler: bool
) -> None:
    """Not even those that name a table of the history; and the first request is to the right one."""
    wrangler = WRANGLER if has_wrangler else None
    found = [Migration(1, "001_a", sql)]
    empty.run(up(found, choose_table(found, wrangler=wrangler), empty.stamp))
    monkeypatch.setattr(contents, "split", None)
    again = [Migration(1, "001_a", sql)]
    history = empty.run(read_history(choose_table(again, wrangler=wrangler)))
    assert (history.reads, compare(again, history)[0].state) == (1, "applied")


def test_a_database_of_others(empty: Database) -> None:
    """Its objects are named, indexes and tables of SQLite's own left out; so are other tools' tables."""
    empty.script(
        "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE INDEX i ON users (id);"
        " CREATE VIEW v AS SELECT 1; CREATE TABLE D1_migrations (id); CREATE TABLE knex_migrations_lock (i);"
        " CREATE TABLE schema_migrations_log (line);"  # not that of d1migrate 0.1
    )
    found = empty.run(read_history())
    assert found.unmanaged == ("users", "v", "D1_migrations", "schema_migrations_log")
    assert found.other_tools == ("D1_migrations",)


def test_where_wrangler_applied_alone(empty: Database) -> None:
    """The log is missing: no checksum, and a time of any kind."""
    empty.script(
        f"{ROW} INSERT INTO schema_migrations VALUES (1, NULL, '2026-11-30 12:00:00'), (2, 'b', 'x')"
    )
    found = empty.run(read_history())
    assert found.missing == (LOG_TABLE,)
    assert [(row.version, row.name, row.applied_at) for row in found.applied] == [
        (1, "", 1_796_040_000),
        (2, "b", None),
    ]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)", "is not d1migrate's"),
        ("CREATE TABLE schema_migrations (version, dirty)", "is not d1migrate's"),
        (f"{ROW} CREATE TABLE d1migrate_log (id, message)", "not d1migrate's"),
    ],
)
def test_tables_of_other_tools(empty: Database, sql: str, why: str) -> None:
    """Their names are ours, and their columns are not."""
    empty.script(sql)
    with pytest.raises(HistoryError, match=why):
        empty.run(read_history())


def test_a_log_without_its_table(empty: Database) -> None:
    """What is applied would be applied again."""
    empty.up("1a")
    empty.script("DROP TABLE schema_migrations")
    with pytest.raises(HistoryError, match=VERSIONS):
        empty.run(read_history())


@pytest.mark.parametrize("logged", [True, False])
@pytest.mark.parametrize(("configured", "other"), [(WRANGLER, VERSIONS), (VERSIONS, WRANGLER)])
def test_a_history_in_the_other_table(empty: Database, configured: str, other: str, logged: bool) -> None:
    """What is pending is unknown, and the error has the command that moves it."""
    empty.run(up(files("1a"), TableChoice(other), empty.stamp))
    if not logged:
        empty.script("DROP TABLE d1migrate_log")
    choice = TableChoice(configured)
    assert empty.run(read_history(choice)).applied == ()
    for flow in (read_pending(files("1a 2b"), choice), up(files("1a 2b"), choice, empty.stamp)):
        with pytest.raises(HistoryError, match=f"{other} is not: `d1migrate repair --move"):
            empty.run(flow)


def test_history_and_schema_of_one_moment(empty: Database) -> None:
    """A table that a migration created is in the schema exactly if it is in the history."""
    empty.up("1a")
    history, schema = empty.run(read_history_and_schema(USUAL))
    assert history.keys == {1}
    assert [table.name for table in schema.tables] == ["a"]


@pytest.mark.parametrize("table", [WRANGLER, VERSIONS, "done"])
def test_the_schema_has_no_history(empty: Database, table: str) -> None:
    """Whatever the migrations table is called; a table of the application with wrangler's name is in it."""
    choice = TableChoice(table)
    empty.run(up(files("1a"), choice, empty.stamp))
    assert [found.name for found in empty.run(read_schema(choice)).tables] == ["a"]
    empty.script("DROP TABLE IF EXISTS d1_migrations; CREATE TABLE d1_migrations (x);")
    assert [found.name for found in empty.run(read_schema(choice)).tables] == ["a", "d1_migrations"]
