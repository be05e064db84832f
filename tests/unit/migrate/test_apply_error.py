"""A failed batch is reported with its line, even if the database does not name the statement."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drafting import draft, migration_text, read
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, QueryError
from d1migrate.migrate.apply_error import ADVICE, JOB_OPEN, chunk_error
from d1migrate.migrate.jobs.job import TOO_MANY_PARENTS
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import load
from d1migrate.migrator import Migrator
from d1migrate.schema.rebuild_checks import budget_statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d1migrate.sql.batch import Batch, Result

SQL = "CREATE TABLE a (x);\n\nCREATE TABLE b (y);\nINSERT INTO a\nVALUES (1);\n"


class Silent(SqliteDriver):
    """A database that refuses like D1 behind the binding: without the index of the query."""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run it."""
        try:
            return super().batch(batch)
        except QueryError as error:
            raise QueryError(str(error)) from error


def failure(sql: str) -> ApplyError:
    """The error of applying a file."""
    with pytest.raises(ApplyError) as caught:
        Migrator(Silent(":memory:", url="sqlite::memory:"), load([("001_a.sql", sql)])).up(lint=False)
    return caught.value


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("SELECT nowhere FROM a", 6),
        ("SELECT 1,\n  2 FORM a", 7),
        ("INSERT INTO missing VALUES (1)", 6),
        ("CREATE TABLE b (z)", None),  # another statement has the name too
        ("SELECT\n  power(2, 3)", 7),
        ("INSERT INTO a VALUES (json_extract('{}', 'stop'))", None),
    ],
)
def test_the_place(wrong: str, line: int | None) -> None:
    """The line of the token that the error is about; none rather than a wrong one."""
    error = failure(f"{SQL}{wrong};\n")

    assert error.line == line
    assert error.file == ("001_a.sql" if line else None)
    assert str(error).startswith(f"001_a.sql:{line}: " if line else "001_a: ")


def test_no_place_for_two() -> None:
    """If two statements could have failed, none is named."""
    assert failure("CREATE TABLE a (x);\nSELECT x FORM a;\nSELECT y FORM a;\n").line is None


def test_what_is_said_instead() -> None:
    """The text that is shown instead has what the pattern's group matched."""
    (history,) = (advice for advice in ADVICE if "$1)" in (advice.text or ""))
    error = failure("INSERT INTO schema_migrations SELECT 7, 'x', 1;\n")

    assert str(error) == f"001_a: {history.text}".replace("$1", "7,1")
    assert error.hint == history.hint


def test_a_batch_over_its_budget() -> None:
    """Its own assertion is the error, and the hint is what to do."""
    over = budget_statement({"a": 2}, 1, {"a": ()})
    filled = "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n"
    error = failure(f"{filled}{over};\n")

    assert str(error).startswith("001_a: about 2 entries in one batch: over the budget of 1 (")
    assert "-- d1migrate: online TABLE" in str(error.hint)


def test_a_rollback_over_its_budget() -> None:
    """No directive makes it run in chunks, but another migration does."""
    sql = f"CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n\n-- Rollback:\n--   {budget_statement({'a': 2}, 1, {'a': ()})};\n"
    migrator = Migrator(SqliteDriver(":memory:", url="sqlite::memory:"), load([("001_a.sql", sql)]))
    migrator.up(lint=False)
    with pytest.raises(ApplyError, match="over the budget of 1") as caught:
        migrator.down()
    assert "draft a migration with `d1migrate rebuild --online`" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("before", "after", "text", "hint"),
    [
        (
            "p INT",
            "p INT REFERENCES t",
            "t row 4 references a missing row of t",
            "insert the row that is missing",
        ),
        (
            "p TEXT",
            "p INT",
            "t.p, by its new type, would change the value 1e3",
            "--backfill TABLE.COLUMN=SQL",
        ),
    ],
)
def test_a_rebuild_that_refuses_rows(before: str, after: str, text: str, hint: str) -> None:
    """What its guard says is the error, without the JSON path that it abuses, and there is a next step."""
    schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, {});\n"
    first, second = (read(schema.format(column), file="want.sql") for column in (before, after))
    drafted = draft(first.schema, second)
    assert drafted is not None
    sql = migration_text(drafted, "002_b.sql", "b", date="2026-01-01", records=False)
    rows = f"{schema.format(before)}INSERT INTO t VALUES (4, '1e3');\n"
    migrator = Migrator(
        SqliteDriver(":memory:", url="sqlite::memory:"), load([("001_a.sql", rows), ("002_b.sql", sql)])
    )
    with pytest.raises(ApplyError) as caught:
        migrator.up(lint=False)
    assert f": {text}\n" in str(caught.value)
    assert hint in str(caught.value.hint)


class Lagging(SqliteDriver):
    """A session that reads from a replica, which does not have what was written since."""

    replica: SqliteDriver

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Ask the one or the other."""
        return self.replica.batch(batch) if batch.reads else super().batch(batch)


@pytest.mark.parametrize("known", [0, 1])
def test_a_replica_that_lags(tmp_path: Path, known: int) -> None:
    """Nothing is applied twice, and the hint is what to read from instead."""
    files = load(
        [("001_a.sql", "CREATE TABLE IF NOT EXISTS a (x);"), ("002_b.sql", "INSERT INTO a VALUES (1);")]
    )
    primary, replica = str(tmp_path / "primary.db"), str(tmp_path / "replica.db")
    lagging = Lagging(primary, url="primary")
    lagging.replica = SqliteDriver(replica, url="replica")
    if known:
        Migrator(lagging.replica, files[:known]).up(lint=False)
        shutil.copy(replica, primary)
    Migrator(SqliteDriver(primary, url="primary"), files).up(lint=False)

    with pytest.raises(
        ApplyError, match="the database has a newer history than the one that was read"
    ) as caught:
        Migrator(lagging, files).up(lint=False)

    assert "first-primary" in (caught.value.hint or "")
    assert caught.value.pending == tuple(file.name for file in files[known:])


@pytest.mark.parametrize(
    ("directive", "sql", "text", "hint"),
    [
        (
            "by a",
            "DELETE FROM t",
            "t by a: this key does not find each row exactly once",
            "`by` names the columns",
        ),
        ("", "UPDATE t SET id = 7", "it changes the rowid of t", "write the new values to another column"),
        (
            "",
            "INSERT OR IGNORE INTO u SELECT a FROM t",
            "the INSERT sets no unique key of u",
            "let it set the columns",
        ),
    ],
)
def test_a_job_that_cannot_start(directive: str, sql: str, text: str, hint: str) -> None:
    """The error says why, in place of what the assertion says."""
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as driver:
        tables = "CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (a);"
        files = load([("001_t.sql", tables), ("002_f.sql", f"-- d1migrate: batch t {directive}\n{sql};")])
        Migrator(driver, files[:1]).up(lint=False)
        with pytest.raises(ApplyError, match=f"002_f.sql:2: .*{text}") as caught:
            Migrator(driver, files).run_job()
    assert (caught.value.hint or "").startswith(hint)
    assert "bad JSON path" not in str(caught.value)


def test_the_chunk_of_an_online_rebuild_is_shown_by_the_statement_that_fills_the_table() -> None:
    """An assertion of the chunk named the row; none of the file's own assertions failed."""
    text = "-- d1migrate: online t\nSELECT json_extract('{}', 'x');\nINSERT INTO t (a) SELECT a FROM _d1m_hold_1;"
    refused = QueryError("bad JSON path: 't row 3: CHECK constraint failed: a <> ''c''': SQLITE_ERROR")
    error = chunk_error(refused, "001_t", Migration(1, "001_t", text))
    assert error.headline == "001_t.sql:3: t row 3: CHECK constraint failed: a <> 'c'"
    assert (error.line, error.hint) == (
        3,
        f"a row does not meet the CHECK: correct the row first; {JOB_OPEN}",
    )


def test_a_parent_that_is_too_big_has_a_next_step() -> None:
    """Its job was not begun."""
    refused = QueryError(
        f"bad JSON path: 't has more than 5 rows, and a foreign key references it: {TOO_MANY_PARENTS}'"
    )
    error = chunk_error(refused, "001_t", Migration(1, "001_t", "INSERT INTO t VALUES (1)"), is_open=False)
    assert "--expand" in (error.hint or "")
