"""Laws of applying and taking back, on random migrations and the real engine."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate import Migration, Migrator, connect
from d1migrate.schema.compare import compare
from tests.inputs import scaled

TABLES = ["a", "b", "c"]


@st.composite
def histories(draw: st.DrawFn) -> list[Migration]:
    """Migrations that each do something the ones before allow, with the rollback that undoes it."""
    present: set[str] = set()
    texts: list[tuple[str, str]] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
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
    return [
        Migration(n, f"{n:03}_m", f"{up};\n-- Rollback: {down};\n") for n, (up, down) in enumerate(texts, 1)
    ]


@given(histories(), st.data())
@settings(max_examples=scaled(150))
def test_down_after_up_is_the_identity(migrations: list[Migration], data: st.DataObject) -> None:
    """From any version up to the end and back again, the schema is what it was; and up again, as before."""
    migrator = Migrator(connect("sqlite::memory:"), migrations)
    middle = data.draw(st.integers(1, len(migrations)))
    migrator.up(to=middle)
    before = migrator.schema()
    migrator.up()
    after = migrator.schema()
    if middle < len(migrations):
        migrator.down(to=middle, allow_loss=["all"])
    assert compare(before, migrator.schema()) == ()
    migrator.up()
    assert compare(after, migrator.schema()) == ()
    assert migrator.verify().ok
    migrator.close()


@given(histories())
@settings(max_examples=scaled(100))
def test_apply_is_idempotent(migrations: list[Migration]) -> None:
    """A second `up` does nothing, and one at a time is the same as all at once or as one transaction."""
    schemas = []
    for way in ("all", "single", "steps"):
        migrator = Migrator(connect("sqlite::memory:"), migrations)
        if way == "steps":
            for migration in migrations:
                migrator.up(to=migration.version)
        else:
            migrator.up(single_transaction=way == "single")
        assert migrator.up().steps == ()
        assert [entry.state for entry in migrator.status()] == ["applied"] * len(migrations)
        schemas.append(migrator.schema())
        migrator.close()
    assert schemas[0] == schemas[1] == schemas[2]
