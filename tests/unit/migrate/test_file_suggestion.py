"""Which table files ask for."""

from __future__ import annotations

import pytest

from d1migrate.migrate.file_suggestion import choose_table, record_themselves
from d1migrate.migrate.migration import Migration
from d1migrate.migrate.source import load
from d1migrate.migrate.table import USUAL_TABLE
from tests.unit.migrate.test_migration import Script

V = f"{USUAL_TABLE.create};"
RECORDS = "INSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_a', 5);"
OWN = "CREATE TABLE schema_migrations (id INTEGER PRIMARY KEY, file TEXT NOT NULL, checksum TEXT);"


@pytest.mark.parametrize(
    ("texts", "wrangler", "shape", "recording"),
    [
        ({"1_a": ""}, None, "versions", False),
        ({"1_a": ""}, "d1_migrations", "names", False),
        ({"1_a": RECORDS}, "d1_migrations", "versions", True),
        ({"1_a": f"-- {RECORDS}"}, "d1_migrations", "names", False),
        ({"1_a": f"{V} {RECORDS}"}, "d1_migrations", "versions", True),
        ({"1_a": OWN, "2_b": RECORDS}, None, "names", False),
        (
            {"1_a": V.replace("NULL\n", "NULL, checksum TEXT NOT NULL\n"), "2_b": RECORDS},
            None,
            "names",
            False,
        ),
        ({"1_a": V.replace("NULL\n", "NULL, checksum TEXT\n"), "2_b": RECORDS}, None, "names", False),
        (
            {
                "1_a": "CREATE TABLE schema_migrations (version INTEGER, name, applied_at, PRIMARY KEY (version));",
                "2_b": RECORDS,
            },
            None,
            "versions",
            True,
        ),
        ({"1_a": V.replace("INTEGER PRIMARY KEY", "TEXT PRIMARY KEY"), "2_b": RECORDS}, None, "names", False),
        ({"1_a": "", "1_b": ""}, None, "names", False),
        ({"a": ""}, None, "names", False),
        ({"-1_a": ""}, None, "names", False),
        ({"0_a": ""}, None, "versions", False),
        ({"1_a": "SELECT 'schema_migrations"}, None, "versions", False),  # refused when it is to run
    ],
)
def test_what_files_suggest(
    texts: dict[str, str], wrangler: str | None, shape: str, *, recording: bool
) -> None:
    """Files that record themselves need versions; without them wrangler's configuration decides."""
    migrations = load([(f"{name}.sql", text) for name, text in texts.items()])
    choice = choose_table(migrations, wrangler=wrangler)
    assert (choice.files.shape, choice.files.recording) == (shape, recording)
    assert record_themselves(migrations) is recording


def test_a_large_file_is_not_taken_for_one_that_records_itself() -> None:
    """Otherwise the first request of every command would be to the wrong table."""
    script = Script("INSERT INTO a VALUES (1);")
    choice = choose_table([Migration(1, "001_a", script)], wrangler="d1_migrations")
    assert (choice.files.likely_shape, script.reads) == ("names", 0)
    assert choice.files.shape == "names"
