"""SQL reaches the database that was named, and nothing else on the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import QueryError
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from pathlib import Path

REACHING_OUT = (
    "ATTACH 'other.db' AS other",
    "ATTACH DATABASE 'file:other.db?mode=rwc' AS other",
    "VACUUM INTO 'other.db'",
    "SELECT load_extension('other')",
    "SELECT readfile('secret')",
    "SELECT writefile('other.db', 'x')",
    "SELECT edit('x')",
    "SELECT fts3_tokenizer('simple')",
    "PRAGMA temp_store_directory = '.'",
    "PRAGMA data_store_directory = '.'",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "CREATE VIRTUAL TABLE other USING csv(filename = 'secret')",
    "CREATE VIRTUAL TABLE other USING fsdir",
    "CREATE VIRTUAL TABLE other USING dbstat",
    "CREATE TEMP TABLE other (x)",
)


@pytest.mark.parametrize("sql", REACHING_OUT)
def test_sql_stays_in_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """In a file and in the linter's database: it is refused, and no other file exists afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text("a,b\n")
    driver = SqliteDriver("app.db", url="sqlite:app.db")
    with pytest.raises(QueryError):
        driver.batch(Batch((Query("CREATE TABLE a (x)"), Query(sql))))
    driver.close()
    assert ScratchEngine().run(sql).refusal is not None
    assert {path.name for path in tmp_path.iterdir()} == {"app.db", "secret"}
