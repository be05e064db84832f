"""The names in an expression that may be columns."""

from __future__ import annotations

import pytest

from d1migrate.sql.references import references
from d1migrate.sql.tokens import significant


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("1 + 'a'", []),
        ("lower(Email)", ["email"]),
        ('u."Name" || main.u.x', ["u.name", "u.x"]),
        ("(SELECT max(o.at) FROM o)", ["o.at", "o"]),
    ],
)
def test_the_names(sql: str, found: list[str]) -> None:
    """Functions and qualifiers are not among them; keywords may be."""
    names = [".".join(filter(None, name)) for name in references(significant(sql))]
    assert [name for name in names if name.upper() not in ("SELECT", "FROM")] == found
