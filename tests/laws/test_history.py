"""Laws of applying and rolling back, on random migrations, in either migrations table, on the real engine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate import Migration, Migrator, connect
from d1migrate.migrate.order import number_of
from d1migrate.migrate.source import ordered
from d1migrate.migrate.table import VERSIONS, WRANGLER
from d1migrate.schema.compare import compare
from tests.inputs import scaled

TABLES = ["a", "b", "c"]
COUNT = 8
NAMES = {
    VERSIONS: [f"{n:03}_m" for n in range(COUNT)],
    WRANGLER: "-5_minus 0000_zero 0001_a/migration 0001_a 0001_b 2024-01-13-it's init init_2".split(),
}
"""The names of the migrations that are recorded in a table; in wrangler's, two may have one number."""

in_either_table = pytest.mark.parametrize("table", NAMES)


@st.composite
def scripts(draw: st.DrawFn) -> list[str]:
    """Texts that each do something the ones before allow, with the rollback that undoes it."""
    present: set[str] = set()
    texts: list[tuple[str, str]] = []
    for number in range(1, draw(st.integers(1, COUNT)) + 1):
        absent = [t for t in TABLES if t not in present]
        kinds = (["table"] if absent else []) + (["column", "index", "rows", "rename"] if present else [])
        kind = draw(st.sampled_from(kinds))
        table = draw(st.sampled_from(absent if kind == "table" else sorted(present)))
        if kind == "table":
            texts.append((f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)", f"DROP TABLE {table}"))
            present.add(table)
        elif kind == "column":
            column = f"c{number}"
            texts.append(
                (f"ALTER TABLE {table} ADD COLUMN {column}", f"ALTER TABLE {table} DROP COLUMN {column}")
            )
        elif kind == "index":
            texts.append((f"CREATE INDEX i{number} ON {table}(id)", f"DROP INDEX i{number}"))
        elif kind == "rows":
            texts.append(
                (f"INSERT INTO {table} (id) VALUES ({number})", f"DELETE FROM {table} WHERE id = {number}")
            )
        else:
            new = f"{table}{number}"
            texts.append((f"ALTER TABLE {table} RENAME TO {new}", f"ALTER TABLE {new} RENAME TO {table}"))
            present ^= {table, new}
    return [f"{up};\n-- Rollback: {down};\n" for up, down in texts]


def migrator_of(texts: list[str], table: str) -> Migrator:
    """The migrations on an empty database."""
    names = NAMES[table]
    migrations = [Migration(number_of(name), name, text) for name, text in zip(names, texts, strict=False)]
    assert ordered(migrations) == tuple(migrations)
    return Migrator(connect("sqlite::memory:"), migrations, table=table)


@in_either_table
@given(scripts(), st.data())
@settings(max_examples=scaled(150))
def test_down_after_up_is_the_identity(table: str, texts: list[str], data: st.DataObject) -> None:
    """From any migration up to the end and back again, the schema is what it was; and up again, as before."""
    migrator = migrator_of(texts, table)
    middle = data.draw(st.sampled_from(migrator.migrations)).name
    migrator.up(to=middle)
    before = migrator.schema()
    migrator.up()
    after = migrator.schema()
    if middle != migrator.migrations[-1].name:
        migrator.down(to=middle, allow_loss=["all"])
    assert compare(before, migrator.schema()) == ()
    migrator.up()
    assert compare(after, migrator.schema()) == ()
    assert migrator.verify().ok
    migrator.close()


@in_either_table
@given(scripts())
@settings(max_examples=scaled(100))
def test_apply_is_idempotent(table: str, texts: list[str]) -> None:
    """A second `up` does nothing, and one at a time is the same as all at once or as one transaction."""
    schemas = []
    for way in ("all", "single", "steps"):
        migrator = migrator_of(texts, table)
        if way == "steps":
            for migration in migrator.migrations:
                migrator.up(to=migration.name)
        else:
            migrator.up(single_transaction=way == "single")
        assert migrator.up().steps == ()
        assert [entry.state for entry in migrator.status()] == ["applied"] * len(texts)
        schemas.append(migrator.schema())
        migrator.close()
    assert schemas[0] == schemas[1] == schemas[2]
