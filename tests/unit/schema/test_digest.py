"""Schemas as digests: what a Worker compares says what an engine's comparison says."""

from __future__ import annotations

import pytest

from d1migrate.schema import digest
from d1migrate.schema.model import Schema
from tests.unit.schema.building import schema

BASE = """
CREATE TABLE p (id INTEGER PRIMARY KEY, code UNIQUE);
CREATE TABLE c (x REFERENCES p);
CREATE INDEX i ON c (x);
CREATE VIEW v AS SELECT "code" FROM p;
"""


def known(sql: str) -> dict[str, str]:
    """The digests of a whole schema."""
    return {key: value for key, value in digest.changes(Schema(), schema(sql)).items() if value}


@pytest.mark.parametrize(
    ("sql", "changed"),
    [
        (BASE, {}),
        (f"{BASE} CREATE TABLE d (x)", {"table d": True}),
        (BASE.replace("CREATE INDEX i ON c (x);", ""), {"index i": False}),
        (BASE.replace("(x REFERENCES p)", "(x REFERENCES p, y)"), {"table c": True}),
        # REFERENCES p means its primary key, and "code" a string where there is no such column
        (
            BASE.replace("id INTEGER PRIMARY KEY, code UNIQUE", "id UNIQUE, code PRIMARY KEY"),
            {"table p": True, "table c": True},
        ),
    ],
)
def test_changes(sql: str, changed: dict[str, bool]) -> None:
    """New digests, and None for what is gone; objects that mean something else through others are among them."""
    found = digest.changes(schema(BASE), schema(sql))
    assert {key: value is not None for key, value in found.items()} == changed


def test_comparing() -> None:
    """Missing, extra and different, by kind and name in any case."""
    live = schema(BASE.replace("c (x REFERENCES p)", "C (x REFERENCES p, y)") + "CREATE TABLE d (x)")
    wanted = known(BASE) | {"table gone": "0" * 16}
    found = {(d.kind, d.name): d.problem for d in digest.compare(wanted, digest.objects(live))}
    assert found == {("table", "C"): "different", ("table", "d"): "extra", ("table", "gone"): "missing"}


def test_objects_are_listed_as_sqlite_lists_them() -> None:
    """Without the indexes that constraints make."""
    assert [(kind, name) for kind, name, _ in digest.objects(schema(BASE))] == [
        ("table", "p"),
        ("table", "c"),
        ("index", "i"),
        ("view", "v"),
    ]


def test_what_two_schemas_share_is_not_walked_twice() -> None:
    """A table that both schemas hold as one value is left out of both, and what depends on others is found."""
    before = schema(BASE)
    changed = schema(BASE.replace("id INTEGER PRIMARY KEY, code UNIQUE", "id UNIQUE, code PRIMARY KEY"))
    after = before._replace(tables=(changed.tables[0], before.tables[1]))
    old, new, unchanged = digest.differing(before, after)
    assert list(old) == list(new) == ["table p"]
    assert unchanged == before._replace(tables=before.tables[1:])
    assert digest.changes(before, after) == digest.changes(before, changed)
