"""The statements of a guarded rebuild are recognized; any other is refused with its place."""

from __future__ import annotations

import pytest

from d1migrate.migrate.jobs.online.parts import read_parts
from d1migrate.migrate.migration import Migration
from tests.unit.migrate.jobs.online.running import drafted
from tests.unit.migrate.jobs.online.test_derive import FILE, refused
from tests.unit.migrate.jobs.online.test_work import CASES


def test_every_statement_of_a_draft_has_its_part() -> None:
    """For every kind of table; those that decide what is copied are found once."""
    for old, was, is_ in CASES.values():
        parts = read_parts(Migration(1, "001_t", drafted(old, old.replace(was, is_, 1))), "T")
        assert [part.shape.verb for part in parts[:4]] == [
            "create table",
            "drop table",
            "create table",
            "insert",
        ]


def test_its_record_belongs_to_the_file() -> None:
    """As wrangler's users write it."""
    text = f"{FILE}\nINSERT INTO schema_migrations (version, name, applied_at) VALUES (1, '001_t', 1);"
    assert read_parts(Migration(1, "001_t", text), "t").others[-1].shape.verb == "insert"


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE x (a)", "UPDATE t SET b = 1", "CREATE VIEW v AS SELECT 1", "DELETE FROM t"]
)
def test_a_statement_that_is_no_part_of_it_is_refused(statement: str) -> None:
    """With its line."""
    lines = FILE.count("\n") + 2
    message = refused(f"{FILE}\n{statement};")
    assert message.startswith(
        f"001_t.sql:{lines}:1: an online migration is a rebuild as `d1migrate rebuild` drafts"
    )
    assert message.splitlines()[1] == f"  {statement};"
