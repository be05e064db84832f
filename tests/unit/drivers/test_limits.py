"""A statement without an end is stopped in the embedded engine too, and Ctrl-C works until then."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.plain import Watchdog
from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError, QueryError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.lint.runner import lint
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from pathlib import Path

_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
COPY = f"CREATE TABLE x AS {_ENDLESS} SELECT x FROM c"
_WIDE = "WITH RECURSIVE c(x) AS (SELECT zeroblob(900000) UNION ALL SELECT x || 'a' FROM c)"
_DISTINCT = "WITH RECURSIVE c(x) AS (SELECT zeroblob(900000) UNION SELECT x || 'a' FROM c)"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit of half a second per statement."""
    monkeypatch.setattr(Watchdog, "seconds", 0.5)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "sql",
    [
        COPY,
        f"CREATE TABLE x AS {_ENDLESS} SELECT count(*) FROM c",
        f"CREATE TABLE x AS {_ENDLESS} SELECT x FROM c ORDER BY x",
        f"CREATE TABLE x AS {_ENDLESS} SELECT DISTINCT x FROM c",
        f"CREATE TABLE x AS {_ENDLESS} SELECT max(x) OVER (ORDER BY x) FROM c",
    ],
)
def test_a_statement_without_an_end(tmp_path: Path, sql: str) -> None:
    """It is refused as D1 refuses it, and its batch is undone."""
    assert "the statement was stopped: it ran for 0.5 s" in str(ScratchEngine().run(sql).refusal)
    driver = SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db")
    with pytest.raises(QueryError, match=r"it ran for 0\.5 s, D1's limit for a query") as caught:
        driver.batch(Batch((Query("CREATE TABLE a (x)"), Query(sql))))
    assert caught.value.index == 1
    assert caught.value.hint
    tables = Query("SELECT name FROM sqlite_schema")
    assert driver.batch(Batch((tables,), reads=True))[0].rows == ()
    driver.batch(Batch((Query("CREATE TABLE b (x)"),)))
    driver.close()


@pytest.mark.parametrize("query", [_WIDE, _DISTINCT])
def test_a_statement_that_fills_the_memory(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a database in memory, this limit is reached first."""
    monkeypatch.setattr(Watchdog, "memory", 30_000_000)
    scratch = ScratchEngine()
    assert "it used 30 MB of memory" in str(scratch.run(f"CREATE TABLE x AS {query} SELECT x FROM c").refusal)
    assert scratch.run("CREATE TABLE y (x)").refusal is None


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_the_error_names_file_and_statement(tmp_path: Path) -> None:
    """Whether the files are linted, replayed or applied."""
    migration = Migration(1, "001_x", f"CREATE TABLE a (x);\n{COPY};\n", file="migrations/001_x.sql")
    (found,) = (d for d in lint([migration]) if d.severity == "error")
    assert (found.code, found.line) == ("R106", 2)
    with pytest.raises(Exception, match=r"migrations/001_x\.sql:2: the statement was stopped"):
        schema_of([migration])
    migrator = Migrator(SqliteDriver(str(tmp_path / "app.db"), url="x"), [migration])
    with pytest.raises(ApplyError, match="the statement was stopped") as caught:
        migrator.up(lint=False)
    assert (caught.value.file, caught.value.line) == ("migrations/001_x.sql", 2)
    assert caught.value.pending == ("001_x",)
    migrator.close()


@pytest.mark.usefixtures("impatient")
def test_many_statements_have_the_time_of_one_each(tmp_path: Path) -> None:
    """The limit applies to each query: a migration may take longer, on a file and in the linter's database."""
    part = f"{_ENDLESS} SELECT x FROM c LIMIT 150000"
    parts = [f"CREATE TABLE t{n} AS {part}" for n in range(12)]
    driver = SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db")
    driver.batch(Batch(tuple(map(Query, parts))))
    driver.close()
    scratch = ScratchEngine()
    assert [scratch.run(sql).refusal for sql in parts] == [None] * 12


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("where", ["scratch", "file"])
def test_an_interrupt_is_heard_while_a_statement_runs(tmp_path: Path, where: str) -> None:
    """SQLite does not return to Python; the watchdog does."""
    driver = SqliteDriver(str(tmp_path / "app.db"), url="sqlite:app.db")
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    endless = (
        partial(driver.batch, Batch((Query(COPY),)))
        if where == "file"
        else partial(ScratchEngine().run, COPY)
    )
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        endless()
    timer.join()
    driver.close()
