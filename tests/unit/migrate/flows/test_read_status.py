"""Files and database compared, and what is wrong as far as the history shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d1migrate.migrate.flows.read import status
from d1migrate.migrate.flows.read_status import read_status
from d1migrate.migrate.table_choice import USUAL
from tests.unit.migrate.shorthand import files

if TYPE_CHECKING:
    from tests.unit.migrate.flows.database import Database


def test_leftovers_are_problems(empty: Database) -> None:
    """Files beside the history; and what an interrupted rebuild left."""
    empty.up("1a")
    assert [e.state for e in empty.run(status(files("1a 2b"), USUAL))] == ["applied", "pending"]
    empty.script("CREATE TABLE _d1m_hold_a (x)")
    entries, _, problems = empty.run(read_status(files("1a 2b"), USUAL))
    assert [entry.state for entry in entries] == ["applied", "pending"]
    assert [(problem.kind, problem.name) for problem in problems] == [("leftover", "_d1m_hold_a")]
