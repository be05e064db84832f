"""Virtual tables that change, on rows."""

from __future__ import annotations

import pytest

from d1migrate.errors import PlanError
from d1migrate.schema.virtual import rebuild_virtual, reindex_statement, virtual_statements
from tests.unit.schema.building import database, read, table

POSTS = "CREATE TABLE posts (id INTEGER PRIMARY KEY, body); INSERT INTO posts VALUES (3, 'a word');"


@pytest.mark.parametrize(
    ("old", "new", "filled_by", "dropped"),
    [
        ("fts5(body)", "fts5(body, title)", "itself", ()),
        ("fts5(body, title)", "fts5(body)", "itself", ("title",)),
        ("fts5(body)", "fts5(body, tokenize='porter')", "itself", ()),
        ("fts5(body)", "fts5(body, content='posts', content_rowid='id')", "content", ("body",)),
        (
            "fts5(body, content='posts', content_rowid='id')",
            "fts5(body, prefix='2', content='posts', content_rowid='id')",
            "content",
            (),
        ),
    ],
)
def test_a_full_text_table(old: str, new: str, filled_by: str, dropped: tuple[str, ...]) -> None:
    """It finds the words that it found, under the same rowids."""
    connection = database(f"{POSTS} CREATE VIRTUAL TABLE s USING {old}")
    if "content" in old:
        connection.execute(reindex_statement("s"))
    else:
        connection.execute("INSERT INTO s (rowid, body) VALUES (3, 'a word')")
    before = next(t for t in read(connection).tables if t.name == "s")
    change = rebuild_virtual(before, table(f"CREATE VIRTUAL TABLE s USING {new}"), {})
    assert (change.filled_by, change.dropped) == (filled_by, dropped)
    for statement in virtual_statements(change, 1):
        connection.execute(statement)
    assert list(connection.execute("SELECT rowid FROM s WHERE s MATCH 'word'")) == [(3,)]
    assert not [t for t in read(connection).tables if "d1m" in t.name]


def test_an_r_tree_keeps_its_boxes() -> None:
    """Its first column is its rowid, whatever it is called."""
    connection = database("CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES (7, 1, 2)")
    change = rebuild_virtual(
        read(connection).tables[0], table("CREATE VIRTUAL TABLE r USING rtree(box, x0, x1)"), {}
    )
    for statement in virtual_statements(change, 1):
        connection.execute(statement)
    assert list(connection.execute("SELECT box, x0, x1 FROM r")) == [(7, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("VIRTUAL TABLE s USING fts5(body)", "TABLE s (body)"),
        ("TABLE s (body)", "VIRTUAL TABLE s USING fts5(body)"),
        ("VIRTUAL TABLE s USING fts5(body)", "VIRTUAL TABLE s USING rtree(id, a, b)"),
        ("VIRTUAL TABLE s USING fts5(body, content='')", "VIRTUAL TABLE s USING fts5(body)"),
    ],
)
def test_what_it_cannot_become(old: str, new: str) -> None:
    """Its rows are not stored, or cannot be copied."""
    with pytest.raises(PlanError):
        rebuild_virtual(table(f"CREATE {old}"), table(f"CREATE {new}"), {})
