"""Correcting the history by hand: accept and forget. No SQL of a file runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import HistoryError, UsageError
from d1migrate.migrate.flows.baseline import baseline
from d1migrate.migrate.flows.read import status
from d1migrate.migrate.flows.repair import correct, plan_accept, plan_forget, plan_rename
from d1migrate.migrate.table import NameTable
from d1migrate.migrate.table_choice import USUAL, Suggestion, TableChoice
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from d1migrate.migrate.flows.repair import Correction
    from d1migrate.sql.batch import Flow
    from tests.unit.migrate.flows.database import Database

BEGUN = "DELETE FROM d1migrate_log WHERE event = 'done' AND version = {}"


def states(database: Database, have: str) -> str:
    """The states that `status` shows."""
    return " ".join(entry.state for entry in database.run(status(files(have), USUAL)))


def corrected(database: Database, planned: Flow[Correction], reason: str = "x") -> None:
    """Decide, and record it."""
    database.run(correct(database.run(planned), database.stamp, reason=reason))


@pytest.mark.parametrize(
    ("before", "have", "version", "after"),
    [
        ("", "1a 2c", 2, "applied applied"),  # edited
        (BEGUN.format(2), "1a 2b", 2, "applied applied"),  # finished by hand
        ("DELETE FROM d1migrate_log", "1a 2b", 2, "applied applied"),  # applied by wrangler
    ],
)
def test_accept(empty: Database, before: str, have: str, version: int, after: str) -> None:
    """The file is recorded as it is now, with the reason."""
    empty.up("1a 2b")
    empty.script(before)
    corrected(empty, plan_accept(files(have), USUAL, version), "looked at it")
    assert states(empty, have) == after
    ((detail,),) = empty.rows("SELECT detail FROM d1migrate_log WHERE action = 'accept'")
    assert detail == '{"reason": "looked at it"}'


@pytest.mark.parametrize(("have", "version"), [("1a 2b", 2), ("1a 2b 3c", 3), ("1a", 2), ("1a", 7)])
def test_nothing_to_accept(empty: Database, have: str, version: int) -> None:
    """Applied as it is, pending, without a file, or unknown."""
    empty.up("1a 2b")
    with pytest.raises(UsageError):
        corrected(empty, plan_accept(files(have), USUAL, version), "x")


@pytest.mark.parametrize(("before", "have"), [("", "1a"), (BEGUN.format(2), "1a 2b")])
def test_forget(empty: Database, before: str, have: str) -> None:
    """A version whose file is missing, or that was undone by hand; its table stays."""
    empty.up("1a 2b")
    empty.script(before)
    corrected(empty, plan_forget(files(have), USUAL, 2), "removed")
    assert empty.versions() == [1]
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name = 'b'") == [("b",)]


def test_nothing_to_forget(empty: Database) -> None:
    """What is applied, and has its file, is rolled back instead."""
    empty.up("1a 2b")
    with pytest.raises(UsageError, match="nothing to forget"):
        corrected(empty, plan_forget(files("1a 2b"), USUAL, 2), "x")


def test_rename(empty: Database) -> None:
    """A missing migration is recorded under the name of a file, with its time and the reason."""
    empty.up("1a 2b")
    assert states(empty, "1a 3b") == "applied renamed"
    corrected(empty, plan_rename(files("1a 3b"), USUAL, "002_b", 3), "merged")
    assert states(empty, "1a 3b") == "applied applied"
    rows = empty.rows("SELECT version, name, applied_at FROM schema_migrations WHERE version > 1")
    assert rows == [(3, "003_b", 1_790_000_020)]
    details = empty.rows("SELECT action, detail FROM d1migrate_log WHERE detail LIKE '%merged%'")
    assert details == [(action, '{"reason": "merged", "was": "002_b"}') for action in ("forget", "accept")]


@pytest.mark.parametrize(
    ("have", "old", "new", "error"),
    [
        ("1a 3c", "002_b", "003_c", HistoryError),  # another content
        ("1a 2b 3b", "002_b", "003_b", UsageError),  # its file is there
        ("1a", "002_b", "001_a", UsageError),  # that is applied
        ("1a 3b", "004_d", "003_b", UsageError),
    ],
)
def test_nothing_to_rename(empty: Database, have: str, old: str, new: str, error: type[Exception]) -> None:
    """Only what lost its file gets another name, and only the name of a file that is the same."""
    empty.up("1a 2b")
    with pytest.raises(error):
        corrected(empty, plan_rename(files(have), USUAL, old, new), "x")


def test_wranglers_table_follows(empty: Database) -> None:
    """A renamed file has its new name there, a forgotten one none."""
    empty.script(f"{NameTable().create}; INSERT INTO d1_migrations (name) VALUES ('001_a.sql')")
    choice = TableChoice("schema_migrations")
    empty.run(
        baseline(
            files("1a 2b"),
            choice._replace(configured=None, files=Suggestion(recording=True)),
            empty.stamp,
            to=1,
        )
    )
    old, new = files("1a 2b"), files("1a 3b")
    choice = choice._replace(configured=None, files=Suggestion(recording=True))
    empty.run(baseline(old, choice, empty.stamp, to=2))
    corrected(empty, plan_rename(new, choice, 2, 3), "x")
    assert empty.rows("SELECT name FROM d1_migrations ORDER BY name") == [("001_a.sql",), ("003_b.sql",)]
    corrected(empty, plan_forget(new[:1], choice, 3), "x")
    assert empty.rows("SELECT name FROM d1_migrations") == [("001_a.sql",)]


def test_a_history_that_changed_since(empty: Database) -> None:
    """What was decided on another history is not recorded."""
    empty.up("1a 2b")
    found = empty.run(plan_forget(files("1a"), USUAL, 2))
    empty.up("1a 2b 3c")
    with pytest.raises(HistoryError, match="another run changed the history"):
        empty.run(correct(found, empty.stamp, reason="x"))
    assert empty.versions() == [1, 2, 3]
