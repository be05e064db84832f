"""Checksums for what was applied without one: only if the schema is what the files build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError, SourceError
from d1migrate.lint.replay.replayer import schema_of
from d1migrate.migrate.adopt.checksums import Unchecked, find_unchecked, refuse_unproved
from d1migrate.migrate.status import compare
from tests.unit.migrate.shorthand import files, history
from tests.unit.schema.building import schema

if TYPE_CHECKING:
    from d1migrate.schema.model import Schema

TABLE = "CREATE TABLE {} (id INTEGER PRIMARY KEY);"
AB = schema(TABLE.format("a") + TABLE.format("b"))


def unchecked(have: str, applied: str, live: Schema, also: str = "") -> Unchecked:
    """What is found of some files and a history."""
    return find_unchecked(compare(files(have), history(applied)), files(also), live, ["mine"], schema_of)


def test_all_checksums_are_known() -> None:
    """Then nothing is compared: drift is found by `verify`."""
    assert unchecked("1a 2b", "1a", schema(TABLE.format("z"))) == Unchecked()


def test_the_schema_is_what_the_files_build() -> None:
    """Those without a checksum are proved, and only those; history tables do not count."""
    live = schema(
        TABLE.format("a") + TABLE.format("b") + TABLE.format("mine") + TABLE.format("d1_migrations")
    )
    found = unchecked("1a 2b 3c", "1a 2?", live)
    assert [migration.name for migration in found.proved] == ["002_b"]
    refuse_unproved(found)


def test_files_that_are_about_to_be_recorded_count() -> None:
    """They built a part of the schema, too."""
    assert unchecked("1a 2b", "1?", AB).proved == ()
    assert len(unchecked("1a 2b", "1?", AB, "2b").proved) == 1


@pytest.mark.parametrize(
    ("have", "live", "reason"),
    [
        ("1z 2b", AB, "table z is missing, table a is extra"),
        ("1a 2b", schema(TABLE.format("a")), "table b is missing"),
        ("1a", AB, "the file of 002_by_wrangler is missing"),
    ],
)
def test_the_schema_is_another(have: str, live: Schema, reason: str) -> None:
    """A file may have been edited since: nothing is proved."""
    found = unchecked(have, "1? 2?", live)
    assert found.migrations
    assert found.proved == ()
    with pytest.raises(HistoryError, match=f"no checksum was recorded for 001_.*: .*{reason}"):
        refuse_unproved(found)


def test_files_that_cannot_be_replayed() -> None:
    """The reason is that of the replay."""

    def fails(_: object) -> Schema:
        raise SourceError("001_a.sql:1: no such table: x")

    found = find_unchecked(compare(files("1a"), history("1?")), (), AB, (), fails)
    assert (found.not_compared, found.proved) == ("001_a.sql:1: no such table: x", ())
