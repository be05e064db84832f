"""The integrity checks of a remote D1, with a token that may only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate import Migrator, split
from d1migrate.migrate.migration import Migration
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from tests.remote.conftest import Remote

FILES = (
    Migration(
        1,
        "001_notes",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, up INTEGER REFERENCES notes(id));\n"
        "CREATE INDEX notes_up ON notes(up);\nCREATE VIEW bodies AS SELECT body FROM notes;\n"
        "CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes', content_rowid='id');\n",
    ),
    Migration(2, "002_nothing", "PRAGMA optimize;\nINSERT INTO notes VALUES (1, 'milk', NULL);\n"),
)
HURT = (
    "PRAGMA defer_foreign_keys = ON;\nINSERT INTO notes VALUES (2, 'tea', 99);\nPRAGMA defer_foreign_keys = OFF;\n"
    "CREATE TRIGGER _d1m_guard_delete_notes BEFORE DELETE ON notes BEGIN SELECT RAISE(IGNORE); END;\n"
    "ALTER TABLE notes ADD COLUMN at INTEGER REFERENCES times(id);\n"
)


def test_what_is_wrong_is_found(remote: Remote) -> None:
    """Everything is found, beside a table that cannot be read, in the number of requests that the plan announced."""
    remote.server.settings(cf_kv=True)
    migrator = Migrator(remote.open(), FILES)
    migrator.status()
    announced, before = migrator.plan(), len(remote.paths())
    report = migrator.up()
    assert len(remote.paths()) - before == announced.requests
    assert [problem.kind for problem in report.problems] == ["search"]
    remote.open().batch(Batch([Query(statement.sql) for statement in split(HURT) if statement.sql]))
    reader = Migrator(remote.open(token=remote.server.read_token), FILES)
    found = {problem.kind: problem.message for problem in reader.verify().problems}
    assert sorted(found) == ["leftover", "orphans", "parent", "search"]
    assert found["orphans"].startswith(
        "notes: 1 row references a row of notes that does not exist, the first with rowid 2"
    )
    assert "it lacks 2 rows and has 0 too many" in found["search"]
    before = len(remote.paths())
    assert [problem.kind for problem in Migrator(remote.open(), FILES).up().problems] == ["leftover"]
    assert len(remote.paths()) - before == 2  # one more, as something is there
