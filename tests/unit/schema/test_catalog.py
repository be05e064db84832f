"""A schema by name, followed through its changes."""

from __future__ import annotations

from d1migrate.schema.cascade import dependants
from d1migrate.schema.catalog import Catalog
from tests.unit.schema.building import catalog, schema

SQL = """
CREATE TABLE Users (id INTEGER PRIMARY KEY);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id REFERENCES users(id));
CREATE TABLE likes (post_id REFERENCES POSTS, user_id REFERENCES users);
CREATE TABLE nodes (id INTEGER PRIMARY KEY, up REFERENCES nodes);
CREATE INDEX by_user ON posts (user_id);
CREATE VIEW v AS SELECT 1; CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN SELECT 1; END;
"""


def test_look_ups() -> None:
    """By folded names."""
    found = catalog(SQL)
    assert found.tables["users"].name == "Users"
    assert dict(found.owners) == {"by_user": "posts", "t": "v"}
    assert [(child, key.columns) for child, key in found.references("users")] == [
        ("likes", ("user_id",)),
        ("posts", ("user_id",)),
    ]
    assert dependants(found, ["users"]) == ["users", "likes", "posts"]
    assert dependants(found, ["nodes"]) == ["nodes"]
    assert [trigger.name for trigger in found.triggers()] == ["t"]


def test_the_schema_comes_back() -> None:
    """The same objects, in the same order."""
    assert catalog(SQL).schema == schema(SQL)


def test_a_change_leaves_the_catalog_as_it_was() -> None:
    """Dropping a table takes its indexes and its references out, in the new one only."""
    before = catalog(SQL)
    after = before.changed({"posts": None})
    assert "posts" not in after.tables
    assert "by_user" not in after.owners
    assert [child for child, _ in after.references("users")] == ["likes"]
    assert [child for child, _ in before.references("users")] == ["likes", "posts"]
    assert before.owners["by_user"] == "posts"


def test_a_renamed_table_keeps_its_number() -> None:
    """So it is known again by it."""
    before = catalog(SQL)
    number = before.ids["posts"]
    after = before.changed(
        {"posts": None, "articles": before.tables["posts"]._replace(name="articles")},
        renamed={"articles": "posts"},
    )
    assert after.name_of(number) == "articles"
    assert before.name_of(number) == "posts"
    assert after.changed({"articles": None}).name_of(number) is None


def test_nothing() -> None:
    """An empty schema has an empty catalog."""
    assert Catalog.of(schema("SELECT 1")).schema == schema("SELECT 1")
