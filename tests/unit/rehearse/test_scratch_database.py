"""A scratch database reads a table again once something may have changed it, and only then."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from d1migrate.errors import QueryError
from d1migrate.rehearse.scratch_database import ScratchDatabase
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEFORE = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id REFERENCES users (id) ON DELETE CASCADE)",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, name REFERENCES users (name))",
    "CREATE TABLE tags (id INTEGER PRIMARY KEY)",
    "CREATE VIRTUAL TABLE words USING fts5(x)",
    "INSERT INTO users VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO posts VALUES (1, 1), (2, 2), (3, NULL)",
    "INSERT INTO notes VALUES (1, 'c')",
    "INSERT INTO words VALUES ('one')",
)


@pytest.fixture
def scratch() -> Iterator[ScratchDatabase]:
    """A database of which everything was read."""
    with closing(ScratchDatabase()) as found:
        found.run(BEFORE, foreign_keys=False)  # notes reference a column that is not UNIQUE: a mismatch
        facts(found)
        yield found


def facts(scratch: ScratchDatabase) -> dict[str, Any]:
    """All that can be asked of it."""
    schema = scratch.schema()
    return {
        "schema": schema,
        "counts": scratch.counts(schema.tables),
        "orphans": scratch.orphans(),
        "links": {table.name: scratch.has_links([table]) for table in schema.tables},
    }


def assert_read_again(scratch: ScratchDatabase) -> None:
    """What is known is what a database that knows nothing reads from the same file."""
    with closing(ScratchDatabase.of(scratch.path)) as fresh:
        assert facts(scratch) == facts(fresh)


@pytest.mark.parametrize(
    "statements",
    [
        ["INSERT INTO tags VALUES (1)"],
        ["DELETE FROM posts"],
        ["DELETE FROM users WHERE id = 1"],
        ["UPDATE posts SET user_id = NULL"],
        ["INSERT INTO words VALUES ('two')"],
        ["DROP TABLE posts", "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id REFERENCES users (id))"],
        ["DROP TABLE tags", "CREATE TABLE tags (id INTEGER PRIMARY KEY)"],
        ["DROP TABLE posts", BEFORE[1]],
        ["ALTER TABLE users RENAME TO people"],
        ["ALTER TABLE tags RENAME TO other", "ALTER TABLE posts RENAME TO tags"],
        ["CREATE UNIQUE INDEX by_name ON users (name)"],
        ["CREATE TABLE more (id, tag_id REFERENCES tags (id))"],
        ["CREATE VIEW v AS SELECT 1 AS one", "CREATE TRIGGER t AFTER INSERT ON tags BEGIN SELECT 1; END"],
        ["ALTER TABLE users ADD COLUMN age", "UPDATE users SET age = 1"],
    ],
)
@pytest.mark.parametrize("foreign_keys", [True, False])
def test_what_a_run_may_have_changed_is_read_again(
    scratch: ScratchDatabase, statements: list[str], *, foreign_keys: bool
) -> None:
    """Rows, definitions, orphans in children of a table; also in a copy, and not in what it was copied from."""
    before = facts(scratch)
    with closing(scratch.copy()) as copy:
        with suppress(QueryError):  # a mismatch of foreign keys
            copy.run(statements, foreign_keys=foreign_keys)
        assert_read_again(copy)
        assert facts(scratch) == before
    with suppress(QueryError):
        scratch.run(statements, foreign_keys=foreign_keys)
    assert_read_again(scratch)


def test_what_is_not_touched_is_not_read_again(
    scratch: ScratchDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration costs what it touches. What a copy reads need not be read for the original."""
    asked: list[str] = []
    for question in ("_count", "_orphans"):
        ask = getattr(ScratchDatabase, question)

        def noted(
            scratch: ScratchDatabase, table: str, ask: Callable[[ScratchDatabase, str], Any] = ask
        ) -> Any:
            asked.append(table)
            return ask(scratch, table)

        monkeypatch.setattr(ScratchDatabase, question, noted)
    scratch.run(["INSERT INTO tags VALUES (1)"])
    with closing(scratch.copy()) as copy:
        facts(copy)
    facts(scratch)
    assert sorted(asked) == ["tags", "words", "words"]


def test_a_refused_run_changes_nothing(scratch: ScratchDatabase) -> None:
    """It is rolled back."""
    before = facts(scratch)
    with pytest.raises(QueryError):
        scratch.run(["DELETE FROM posts", "SELECT nothing"])
    assert facts(scratch) == before
    assert_read_again(scratch)


def test_what_another_connection_writes_is_seen(scratch: ScratchDatabase) -> None:
    """A recovery check applies migrations with a driver of its own."""
    with closing(apsw.Connection(scratch.path)) as other:
        other.execute("DELETE FROM posts; CREATE TABLE more (id)")
    assert scratch.counts(scratch.schema().tables)["posts"] == 0
    assert_read_again(scratch)


def test_its_own_writes_are_seen(scratch: ScratchDatabase) -> None:
    """Generated rows, their removal, and rows that were given other keys."""
    assert "tags" in scratch.fill(5).rows
    assert_read_again(scratch)
    with scratch.connect() as connection:
        connection.execute("DELETE FROM posts WHERE id = 1")
    assert_read_again(scratch)
    assert fold("tags") in scratch.generated
    scratch.delete_generated_rows()
    assert scratch.counts(scratch.schema().tables)["tags"] == 0
    assert_read_again(scratch)


def test_a_failure_leaves_no_earlier_database_attached(scratch: ScratchDatabase) -> None:
    """The next comparison attaches another one."""
    with closing(scratch.copy()) as copy:
        with pytest.raises(apsw.SQLError), scratch.connect(earlier=copy) as connection:
            connection.execute("SELECT nothing")
        for _ in range(2):
            with scratch.connect(earlier=copy) as connection:
                assert connection.execute("SELECT count(*) FROM earlier.users").get == 2


def test_a_copy_uses_the_file_of_an_earlier_one() -> None:
    """A long rehearsal does not fill the disk. What the file held, also if that was more, is gone."""
    with closing(ScratchDatabase()) as scratch:
        scratch.run([BEFORE[0], "CREATE TABLE large (x)", "INSERT INTO large VALUES (zeroblob(100000))"])
        first, second = scratch.copy(), scratch.copy()
        assert len({scratch.path, first.path, second.path}) == 3
        first.run(["DROP TABLE users"])
        first.close()
        scratch.run(["DROP TABLE large"])
        with scratch.connect() as connection:
            connection.execute("VACUUM")
        with closing(scratch.copy()) as third:
            assert third.path == first.path
            assert Path(third.path).read_bytes() == Path(scratch.path).read_bytes()
            assert_read_again(third)
        assert set(second.counts(second.schema().tables)) == {"users", "large"}


def test_a_copy_with_virtual_tables_is_removed(scratch: ScratchDatabase) -> None:
    """FTS5 may still hold a lock on its file."""
    copies = [scratch.copy() for _ in range(3)]
    for copy in copies:
        copy.close()
    assert not any(Path(copy.path).exists() for copy in copies)
