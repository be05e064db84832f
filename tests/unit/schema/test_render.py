"""A schema as one text, which builds the same schema again."""

from __future__ import annotations

import pytest

from d1migrate.schema.compare import compare
from d1migrate.schema.render import HEADER, create_text, document
from tests.unit.schema.building import schema

SQL = """
CREATE VIEW a_view AS SELECT * FROM z;
create table z(id integer primary key, -- the id
  b text);
CREATE TABLE a (x REFERENCES z);
CREATE INDEX i ON z (b);
CREATE TRIGGER t AFTER INSERT ON z BEGIN
  SELECT 1;
END;
CREATE TRIGGER u INSTEAD OF DELETE ON a_view BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE s USING fts5(b);
"""


def test_it_builds_the_schema_that_it_was_written_of() -> None:
    """And is the same text again then; tables are by name, views last."""
    text = document(schema(SQL))
    assert compare(schema(SQL), schema(text)) == ()
    assert document(schema(text)) == text
    assert text.startswith(HEADER)
    places = [text.index(part) for part in ("TABLE a ", "TABLE s ", "TABLE z ", "VIEW a_view", "TRIGGER u")]
    assert places == sorted(places)
    assert "-- the id" in text


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("create table a(x)", "CREATE TABLE a (\n    x\n)"),
        ("CREATE  INDEX i   ON a ( x )", "CREATE INDEX i ON a ( x )"),
        ("CREATE VIEW v AS\n  SELECT 1", "CREATE VIEW v AS\n  SELECT 1"),
    ],
)
def test_a_statement(sql: str, text: str) -> None:
    """Tables have one layout; views and triggers keep theirs."""
    assert create_text(sql) == text
