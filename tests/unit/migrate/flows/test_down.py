"""Rolling back: the plan is done, and no rows are lost without permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import ApplyError, DataLoss, Error, Irreversible
from d1migrate.migrate.flows.down import choose, down
from d1migrate.migrate.table_choice import USUAL
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database


def roll_back(database: Database, have: str, **options: Any) -> list[tuple[int | None, str]]:
    """Plan it and do it."""
    plan = database.run(choose(files(have), USUAL, **options))
    report = database.run(down(plan, database.stamp))
    return [(step.version, step.action) for step in report.steps]


def test_the_newest_or_all_above_a_version(empty: Database) -> None:
    """Newest first; tables are dropped, and rows of the history are deleted."""
    empty.up("1a 2b 3c")
    assert roll_back(empty, "1a 2b 3c") == [(3, "down")]
    assert roll_back(empty, "1a 2b 3c", to=0) == [(2, "down"), (1, "down")]
    assert empty.versions() == []
    assert empty.rows("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b', 'c')") == []


def test_without_its_file(empty: Database) -> None:
    """The log keeps the rollback."""
    empty.up("1a 2b")
    assert roll_back(empty, "1a") == [(2, "down")]
    assert empty.versions() == [1]


@pytest.mark.parametrize("allowed", [["b"], ["B"], ["all"]])
def test_rows_that_would_be_lost(empty: Database, allowed: list[str]) -> None:
    """They are counted, and the table has to be allowed."""
    empty.up("1a 2b")
    empty.script("INSERT INTO b VALUES (1), (2)")
    with pytest.raises(DataLoss, match="b"):
        empty.run(choose(files("1a 2b"), USUAL))
    assert roll_back(empty, "1a 2b", allow_loss=allowed) == [(2, "down")]
    details = empty.rows("SELECT detail FROM d1migrate_log WHERE action = 'down' AND event = 'done'")
    assert details == [('{"rows": {"b": 2}}',)]


def test_rows_that_appear_after_the_plan(empty: Database) -> None:
    """The batch finds a row in a table that was counted as empty, and is rolled back."""
    empty.up("1a 2b")
    plan = empty.run(choose(files("1a 2b"), USUAL))
    empty.script("INSERT INTO b VALUES (1)")
    with pytest.raises(ApplyError, match="b"):
        empty.run(down(plan, empty.stamp))
    assert empty.versions() == [1, 2]
    assert empty.rows("SELECT * FROM b") == [(1,)]


def test_another_run_was_faster(empty: Database) -> None:
    """A plan is for the history that was read."""
    empty.up("1a 2b")
    plan = empty.run(choose(files("1a 2b"), USUAL))
    assert roll_back(empty, "1a 2b") == [(2, "down")]
    with pytest.raises(Error):
        empty.run(down(plan, empty.stamp))
    assert empty.versions() == [1]


def test_nothing_is_rolled_back_if_one_of_them_cannot_be(empty: Database) -> None:
    """All rollbacks are there before the first is run."""
    from d1migrate.migrate.flows.up import up

    have = [*files("1a", rollback=""), *files("2b")]
    empty.run(up(have, USUAL, empty.stamp))
    with pytest.raises(Irreversible):
        empty.run(choose(have, USUAL, to=0))
    assert empty.versions() == [1, 2]
