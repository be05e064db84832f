"""Correcting the history by hand: accept and forget. No SQL of a file runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from d1migrate.migrate.wrangler_table import Mirror

from d1migrate.errors import UsageError
from d1migrate.migrate.flows.baseline import baseline
from d1migrate.migrate.flows.read import status
from d1migrate.migrate.flows.repair import accept, forget
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database

BEGUN = "DELETE FROM d1migrate_log WHERE event = 'done' AND version = {}"


def states(database: Database, have: str) -> str:
    """The states that `status` shows."""
    return " ".join(entry.state for entry in database.run(status(files(have))))


@pytest.mark.parametrize(
    ("before", "have", "version", "after"),
    [
        ("", "1a 2c", 2, "applied applied"),  # edited
        ("", "1a 3b", 3, "applied applied"),  # renumbered
        (BEGUN.format(2), "1a 2b", 2, "applied applied"),  # finished by hand
        ("DELETE FROM d1migrate_log", "1a 2b", 2, "applied applied"),  # applied by wrangler
    ],
)
def test_accept(empty: Database, before: str, have: str, version: int, after: str) -> None:
    """The file is recorded as it is now, with the reason."""
    empty.up("1a 2b")
    empty.script(before)
    empty.run(accept(files(have), empty.stamp, version=version, reason="looked at it"))
    assert states(empty, have) == after
    ((detail,),) = empty.rows("SELECT detail FROM d1migrate_log WHERE action = 'accept'")
    assert detail == '{"reason": "looked at it"}'


@pytest.mark.parametrize(("have", "version"), [("1a 2b", 2), ("1a 2b 3c", 3), ("1a", 2), ("1a", 7)])
def test_nothing_to_accept(empty: Database, have: str, version: int) -> None:
    """Applied as it is, pending, without a file, or unknown."""
    empty.up("1a 2b")
    with pytest.raises(UsageError):
        empty.run(accept(files(have), empty.stamp, version=version, reason="x"))


@pytest.mark.parametrize(("before", "have"), [("", "1a"), (BEGUN.format(2), "1a 2b")])
def test_forget(empty: Database, before: str, have: str) -> None:
    """A version whose file is missing, or that was undone by hand; its table stays."""
    empty.up("1a 2b")
    empty.script(before)
    empty.run(forget(files(have), empty.stamp, version=2, reason="removed"))
    assert empty.versions() == [1]
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name = 'b'") == [("b",)]


def test_nothing_to_forget(empty: Database) -> None:
    """What is applied, and has its file, is rolled back instead."""
    empty.up("1a 2b")
    with pytest.raises(UsageError, match="nothing to forget"):
        empty.run(forget(files("1a 2b"), empty.stamp, version=2, reason="x"))


def test_wranglers_table_follows(empty: Database) -> None:
    """A renumbered file has its new name there, a forgotten one none."""
    old, new = files("1a 2b"), files("1a 3b")
    empty.run(baseline(old, empty.stamp, Mirror.of("d1_migrations", old), to=2))
    empty.run(accept(new, empty.stamp, Mirror.of("d1_migrations", new), version=3, reason="x"))
    assert empty.rows("SELECT name FROM d1_migrations ORDER BY name") == [("001_a.sql",), ("003_b.sql",)]
    empty.run(forget(new[:1], empty.stamp, Mirror.of("d1_migrations", new[:1]), version=3, reason="x"))
    assert empty.rows("SELECT name FROM d1_migrations") == [("001_a.sql",)]
