"""What is known about the rows of each table, and when it is forgotten."""

from __future__ import annotations

from d1migrate.rehearse.row_facts import RowFacts
from d1migrate.schema.model import ForeignKey, Schema, Table

PARENT = Table("Users", "CREATE TABLE Users (id INTEGER PRIMARY KEY)")
CHILD = Table(
    "posts",
    "CREATE TABLE posts (user_id REFERENCES USERS)",
    foreign_keys=(ForeignKey(("user_id",), "USERS", (None,), "CASCADE", "NO ACTION"),),
)
OTHER = Table("tags", "CREATE TABLE tags (id)")
SCHEMA = Schema((PARENT, CHILD, OTHER))


def known() -> RowFacts:
    """Facts with a count of every table."""
    facts = RowFacts()
    for table in SCHEMA.tables:
        facts[table.name].count = 1
    return facts


def counts(facts: RowFacts) -> list[int | None]:
    """The counts of the tables, in the order of the schema."""
    return [facts[table.name].count for table in SCHEMA.tables]


def test_names_differ_in_case_only() -> None:
    """As in SQLite."""
    assert known()["USERS"].count == 1


def test_a_table_is_forgotten_with_its_children() -> None:
    """A foreign key may have written to them."""
    facts = known()
    facts.forget({"users"}, SCHEMA)
    assert counts(facts) == [None, None, 1]


def test_children_before_and_after_a_change() -> None:
    """A table that referenced it before, or that does so now."""
    facts = known()
    facts.forget({"users"}, Schema(), SCHEMA)
    assert counts(facts) == [None, None, 1]


def test_a_copy_shares_what_is_read_later() -> None:
    """Until one of the two forgets the table."""
    facts = known()
    copy = facts.copy(SCHEMA)
    facts["tags"].count = 2
    assert copy["tags"].count == 2
    copy.forget({"tags"}, SCHEMA)
    copy["tags"].count = 3
    assert (facts["tags"].count, copy["tags"].count) == (2, 3)
