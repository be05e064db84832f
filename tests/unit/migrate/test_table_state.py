"""The state of a migrations table: what it expects is what the SQL of a real table yields."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.migrate.table import NameTable, VersionTable
from d1migrate.migrate.table_state import NameState, VersionState
from d1migrate.sql.batch import Batch, Query

if TYPE_CHECKING:
    from d1migrate.migrate.table import MigrationsTable
    from d1migrate.migrate.table_state import TableState


class M(NamedTuple):
    """A migration, as far as a table identifies it."""

    version: int
    name: str


ONE, TWO = M(1, "001_a"), M(2**53 - 1, "9007199254740991_b")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("table", "empty"),
    [
        (NameTable(), NameState()),
        (NameTable(counted=False), NameState(counter=None)),
        (VersionTable(), VersionState()),
        (VersionTable(exists=True, mirrored=True), VersionState(beside=NameState(), mirrored=True)),
    ],
)
def test_the_state_is_that_of_the_table(table: MigrationsTable, empty: TableState, *, full: bool) -> None:
    """After each record, and after one is removed."""
    beside = [Query(table.beside.create)] if isinstance(table, VersionTable) and table.exists else []
    create = table.create if table.shape == "versions" or table.counted else _without_counter(table)  # type: ignore[union-attr]
    with closing(SqliteDriver(":memory:", url="sqlite::memory:")) as driver:
        driver.batch(Batch((Query(create), *beside)))
        state = empty
        for change, then in (
            (table.insert(ONE, 1), state.plus(ONE)),
            (table.insert(TWO, 2), state.plus(ONE).plus(TWO)),
            (table.delete(ONE), state.plus(ONE).plus(TWO).minus(ONE)),
        ):
            driver.batch(Batch(change))
            (answer,) = driver.batch(Batch([Query(f"SELECT {table.fingerprint(full=full)}")], reads=True))
            assert answer.rows[0][0] == then.expected(full=full)


def test_a_table_of_names_is_read_with_its_counter() -> None:
    """The next row gets the id after the counter, even if that of the last row is lower."""
    state = NameState.of([(1, "001_a.sql", 5, 3)], 3)
    assert state.plus(TWO).rows == ((1, "001_a.sql"), (4, "9007199254740991_b.sql"))


def _without_counter(table: MigrationsTable) -> str:
    return table.create.replace(" AUTOINCREMENT", "")
