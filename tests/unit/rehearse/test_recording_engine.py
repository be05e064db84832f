"""What the engine of a rehearsal records of the statements that it runs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from d1migrate.errors import QueryError
from d1migrate.rehearse.recording_engine import RecordingEngine
from d1migrate.schema.model import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASCADE = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY)",
    "CREATE TABLE posts (user_id REFERENCES users ON DELETE CASCADE)",
    "INSERT INTO users VALUES (1), (2)",
    "INSERT INTO posts VALUES (1), (1), (2)",
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RecordingEngine]:
    """An engine on an empty file."""
    path = str(tmp_path / "a.sqlite")
    apsw.Connection(path).close()
    with closing(RecordingEngine(path)) as found:
        yield found


def test_rows_count_for_the_statement_that_caused_them(engine: RecordingEngine) -> None:
    """Also those that a foreign key deletes."""
    engine.run(CASCADE, {}, None)
    recorded = engine.run(["DELETE FROM users WHERE id = 1"], {}, None)
    assert recorded.writes == {(0, "users", "DELETE"): 1, (0, "posts", "DELETE"): 2}
    assert recorded.indirect_writes == {(0, "posts", "DELETE"): 2}
    assert len(recorded.seconds) == 1


def test_rows_are_passed_on(engine: RecordingEngine) -> None:
    """With the statement that wrote them."""
    seen = []
    engine.run(CASCADE, {}, lambda at, update: seen.append((at, update.table_name)))
    assert seen == [(2, "users")] * 2 + [(3, "posts")] * 3


def test_tables_are_counted_after_a_statement(engine: RecordingEngine) -> None:
    """Those that were asked for."""
    assert engine.run(CASCADE, {2: "users", 3: "posts"}, None).sizes == {2: 2, 3: 3}


def test_altered_objects(engine: RecordingEngine) -> None:
    """An index alters its table."""
    engine.run(CASCADE, {}, None)
    assert engine.run(["INSERT INTO users VALUES (9)"], {}, None).altered == set()
    assert engine.run(["CREATE INDEX By_User ON Posts (user_id)"], {}, None).altered >= {"by_user", "posts"}


def test_settings_that_may_remain(engine: RecordingEngine) -> None:
    """Only a file's own PRAGMA leaves one."""
    engine.run(CASCADE, {}, None)
    assert not engine.may_keep_state
    engine.run(["PRAGMA ignore_check_constraints = ON"], {}, None)
    assert engine.may_keep_state


def test_a_refusal_undoes_all(engine: RecordingEngine) -> None:
    """And has the position of the statement."""
    with pytest.raises(QueryError, match="no such table") as caught:
        engine.run([*CASCADE, "DELETE FROM missing"], {}, None)
    assert caught.value.index == len(CASCADE)
    assert engine.schema(Schema()).tables == ()


def test_a_table_that_did_not_change_is_not_read_again(engine: RecordingEngine) -> None:
    """It is the same value as before."""
    engine.run(CASCADE, {}, None)
    before = engine.schema(Schema())
    engine.run(["ALTER TABLE posts ADD COLUMN title TEXT"], {}, None)
    users, posts = sorted(engine.schema(before).tables, key=lambda table: table.name, reverse=True)
    assert users in before.tables
    assert [column.name for column in posts.columns] == ["user_id", "title"]
    assert next(table for table in before.tables if table.name == "users") is users
