"""A law of old code on a newer database: one row and the whole history decide alike, in either table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import HistoryError
from d1migrate.migrate import log
from d1migrate.migrate.flows.read import read_history
from d1migrate.migrate.plan import plan_up
from d1migrate.migrate.source import load
from d1migrate.migrate.table import VERSIONS, WRANGLER, NameTable, VersionTable
from d1migrate.migrate.table_choice import TableChoice
from d1migrate.migrate.up_to_date import is_up_to_date, state_query
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled
from tests.unit.migrate.flows.three import new_stamp

if TYPE_CHECKING:
    from d1migrate.migrate.history import History
    from d1migrate.migrate.migration import Migration

NAMES = {
    VERSIONS: ["0_zero", "1_one", "02_two", "9_nine", "10_ten", "20240101_day", "9007199254740991_last"],
    WRANGLER: "-5_minus 0000_zero 0001_a/migration 0001_a 9_nine 10_ten 010_é 2024-01-13-it's init".split(),
}


def text_of(name: str) -> str:
    """A text of its own for each name."""
    return f'CREATE TABLE "{name}" (x);'


@pytest.mark.parametrize("table", NAMES)
@given(st.data())
@settings(max_examples=scaled(300))
def test_newer_is_decided_alike(table: str, data: st.DataObject) -> None:
    """Nothing is to do exactly if the files are the first of what is applied, in wrangler's order."""
    every = load([(f"{name}.sql", text_of(name)) for name in NAMES[table]])
    have = data.draw(st.sampled_from([len(every), *range(len(every))]))
    files = [m for m in every[:have] if data.draw(st.integers(0, 9))]
    kinds = st.sampled_from(["same", "same", "same", "unlogged", "edited", "partial", "absent"])
    first = data.draw(st.integers(0, len(every)))
    recorded = {m: "same" if i < first else data.draw(kinds) for i, m in enumerate(every)}
    choice = TableChoice(table)
    with_rows = database(choice.guess, recorded)
    history = run(read_history(choice), with_rows)
    (state,) = with_rows.batch(Batch([state_query(history.table)], reads=True))
    with_rows.close()

    applied = [m for m in every if recorded[m] != "absent"]
    regular = not {"edited", "partial"} & {recorded[m] for m in files} and "partial" not in recorded.values()
    expected = regular and files == applied[: len(files)] and bool(files or not applied)

    assert is_up_to_date(files, history.table, *state.rows[0], accept_newer=True) is expected
    assert nothing_to_do(files, history) is expected


def nothing_to_do(files: list[Migration], history: History) -> bool:
    """What the whole history says."""
    try:
        return not plan_up(files, history, accept_newer=True).steps
    except HistoryError:
        return False


def database(table: VersionTable | NameTable, recorded: dict[Migration, str]) -> SqliteDriver:
    """A database with rows in the migrations table and in the log."""
    queries = [Query(table.create), Query(log.CREATE)]
    for migration, kind in recorded.items():
        if kind == "absent":
            continue
        stamp = new_stamp()
        event = log.event_of("up", migration)
        if kind == "edited":
            event = event._replace(checksum="v1:another", file_digest="another")
        if kind != "unlogged":
            queries.append(log.record("begun" if kind == "partial" else "done", event, stamp))
        queries += table.insert(migration, stamp.at)
    driver = SqliteDriver(":memory:", url="sqlite::memory:")
    driver.batch(Batch(queries))
    return driver
