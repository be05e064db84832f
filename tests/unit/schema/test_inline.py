"""A foreign key or a CHECK of one column can be part of it."""

from __future__ import annotations

import pytest

from d1migrate.schema.inline import inlined
from d1migrate.schema.normalize import normal_form
from d1migrate.sql.create import parse_table


@pytest.mark.parametrize(
    ("constraint", "inside"),
    [
        ("FOREIGN KEY(b) REFERENCES p (id) ON DELETE SET NULL", "REFERENCES p (id) ON DELETE SET NULL"),
        ('CONSTRAINT "fk b" FOREIGN KEY ("B") REFERENCES p', 'CONSTRAINT "fk b" REFERENCES p'),
        ("foreign key (b) references p deferrable initially deferred", "references p deferrable initially deferred"),
        ("CONSTRAINT kind CHECK (b IN ('x', 'y'))", "CONSTRAINT kind CHECK (b IN ('x', 'y'))"),
        ("CHECK (b > 0 AND b < 9)", "CHECK (b > 0 AND b < 9)"),
    ],
)  # fmt: skip
def test_what_moves(constraint: str, inside: str) -> None:
    """The table means the same."""
    table = parse_table(f"CREATE TABLE t (a INTEGER, b INT, {constraint}) STRICT")
    assert table
    moved = inlined(table, {"b"})
    assert [item.sql for item in moved.items] == ["a INTEGER", f"b INT {inside}"]
    assert normal_form(moved).text == normal_form(table).text


@pytest.mark.parametrize(
    "constraint",
    [
        "FOREIGN KEY (a) REFERENCES p (id)",  # of a column that exists
        "FOREIGN KEY (a, b) REFERENCES p (x, y)",
        "CHECK (a < b)",
        "CHECK (1)",
        "UNIQUE (b)",  # ADD COLUMN refuses it
        "PRIMARY KEY (b)",
    ],
)
def test_what_stays(constraint: str) -> None:
    """A constraint of other columns, or of several, or that ADD COLUMN does not accept."""
    table = parse_table(f"CREATE TABLE t (a, b, {constraint})")
    assert table
    assert inlined(table, {"b"}) == table
