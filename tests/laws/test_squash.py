"""The law of squashing: one file builds what many files build, whatever they do to their own rows."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from d1migrate.drafting.squash import squash
from d1migrate.drivers.connect import connect
from d1migrate.errors import PlanError
from d1migrate.migrate.migration import Migration
from d1migrate.migrator import Migrator
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled
from tests.laws.schemas import Example, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

VOLATILE = [
    "datetime('now')",
    "lower(hex(randomblob(8)))",
    "json_object('at', unixepoch(), 'id', hex(randomblob(4)))",
    "CASE WHEN random() % 2 THEN CURRENT_DATE ELSE 'never' END",
]
MASK = re.compile(r"[0-9a-fA-F]{8,}|\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?|never")


@given(examples(), st.data())
@settings(max_examples=scaled(60), suppress_health_check=list(HealthCheck))
def test_one_file_builds_the_same(example: Example, data: st.DataObject) -> None:
    """Rebuilds, renames, triggers, foreign keys in circles; times and random values among the rows."""
    rows = [sql.replace("'n'", data.draw(st.sampled_from(["'n'", *VOLATILE]))) for sql in example.rows]
    parts = [example.schema, rows, example.triggers, *([step.sql] for step in example.steps)]
    files = ["".join(f"{sql};\n" for sql in part) for part in parts if part]
    migrations = [Migration(i, f"{i:03}_f", text) for i, text in enumerate(files, 1)]
    many = contents(migrations)
    assume(many is not None)
    try:
        one = squash(migrations, "one", date="2026-11-29", now=1_795_000_000_000)
    except PlanError as error:
        # What is computed from a value of chance is refused, as are rows that refer to none.
        computed = any(f"|| '{end}'" in step.sql for end in "x+" for step in example.steps)
        refused = "no expression in the files gives" if computed else "refer to rows that do not exist"
        assert refused in str(error) or "refer to rows that do not exist" in str(error)
        return
    assert contents([one]) == many


def contents(migrations: Sequence[Migration]) -> dict[str, list[Any]] | None:
    """The content of a database after some migrations; None if they do not run on an empty one."""
    with closing(connect("sqlite::memory:")) as driver:
        report = None
        try:
            report = Migrator(driver, migrations).up(lint=False)
        except Exception:
            assert report is None
            return None

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return list(driver.batch(Batch([Query(sql)], reads=True))[0].rows)

        own = "name NOT IN ('schema_migrations', 'd1migrate_log') AND name NOT LIKE 'sqlite%'"
        listed = ask(f"SELECT type, name FROM sqlite_schema WHERE {own}")
        found: dict[str, list[Any]] = {"objects": sorted(listed), "counters": []}
        for kind, name in listed:
            if kind == "table":
                found[name] = sorted(
                    repr([masked(value) for value in row]) for row in ask(f"SELECT * FROM {name}")
                )
        if ask("SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'"):
            found["counters"] = sorted(ask("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"))
        return found


def masked(value: object) -> object:
    """A value, without what differs in every run."""
    return MASK.sub("~", value) if isinstance(value, str) else value
