"""What models do not have stays."""

from __future__ import annotations

from d1migrate.drafting import Declarations, complete, read
from d1migrate.drafting.desired import Models

CURRENT = """\
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, tag INTEGER REFERENCES tags(id));
CREATE TRIGGER named AFTER UPDATE OF name ON tags BEGIN SELECT new.name; END;
CREATE VIEW names AS SELECT name FROM tags;
"""
MODELS = "CREATE TABLE labels (id INTEGER PRIMARY KEY, title TEXT);\n"


def test_what_stays_follows_renames() -> None:
    """A renamed table is no table outside the models, and triggers, views and foreign keys have the new names."""
    current = read(CURRENT, file="now.sql").schema
    desired = read(MODELS, file="models")._replace(models=Models("python:models:Base"))
    declared = Declarations.of(["tags=labels", "tags.name=title"], [], [])
    whole = complete(current, desired, declared).schema
    tables = {table.name: table for table in whole.tables}
    assert tables.keys() == {"labels", "notes"}
    assert [trigger.name for trigger in tables["labels"].triggers] == ["named"]
    assert [key.table for key in tables["notes"].foreign_keys] == ["labels"]
    assert [view.sql for view in whole.views] == ['CREATE VIEW names AS SELECT "title" FROM "labels"']
