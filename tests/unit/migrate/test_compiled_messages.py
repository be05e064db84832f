"""The messages of a runtime without a planner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from d1migrate.errors import UsageError
from d1migrate.migrate.compiled_messages import messages
from d1migrate.migrate.selector import find
from d1migrate.migrate.source import load
from d1migrate.migrate.table import NameTable, VersionTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.migration import Migration

FILES = load([("1_a.sql", "SELECT 1;"), ("2_b.sql", "SELECT 2;"), ("3_b.sql", "SELECT 3;")])


def test_the_names_of_the_tables_are_filled_in() -> None:
    """The others are known only to the runtime."""
    versions, names = messages(FILES, VersionTable("history")), messages(FILES, NameTable("done"))
    assert versions["oneSided"][0] == "only history records {name}"
    assert versions["unmoved"][0] == "only d1_migrations records {name}, and the history is in history"
    assert names["unmoved"][0] == "only schema_migrations records {name}, and the history is in done"


@pytest.mark.parametrize("table", [VersionTable(), NameTable()])
def test_each_has_a_problem_and_a_hint(table: VersionTable | NameTable) -> None:
    """And no place that the runtime could not fill, because it belongs to the tables."""
    for name, message in messages(FILES, table).items():
        assert len(message) == 2, name
        assert message[0], name
        assert not re.search(r"\{(table|other)\}", " ".join(message)), name


@pytest.mark.parametrize("files", [FILES, FILES[:1], ()])
def test_no_such_migration(files: Sequence[Migration]) -> None:
    """As Python has it, for a number."""
    problem, hint = messages(files, VersionTable())["noSuch"]
    with pytest.raises(UsageError) as caught:
        find(files, 9)
    assert (str(caught.value), caught.value.hint) == (problem.format(to=9), hint)
