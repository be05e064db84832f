"""Laws of the note that an index is complete: it spares queries, and never changes what a run does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from d1migrate.drivers.protocol import Capabilities
from d1migrate.drivers.run import run
from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import Error, Unfinished
from d1migrate.migrate.flows import down
from d1migrate.migrate.flows.ensure import ensure
from d1migrate.migrate.log import Stamp
from d1migrate.migrate.source import load
from d1migrate.migrate.table_choice import USUAL
from d1migrate.sql.batch import Batch, Query
from tests.inputs import scaled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.flows.report import Report
    from d1migrate.sql.batch import Flow, Result

FILES = [
    (f"00{n}_{name}.sql", f"CREATE TABLE {name} (x);\n-- Rollback: DROP TABLE {name};")
    for n, name in enumerate("abcd", 1)
]
EDITED = (FILES[1][0], "CREATE TABLE b (y);\n-- Rollback: DROP TABLE b;")
REFORMATTED = (FILES[1][0], f"-- Another comment.\n{FILES[1][1]}")
INDEXES = {
    **{f"the first {n}": load(FILES[:n]) for n in range(1, 5)},
    "without the second": load([FILES[0], *FILES[2:]]),
    "edited": load([FILES[0], EDITED, FILES[2]]),
    "reformatted": load([FILES[0], REFORMATTED, FILES[2]]),
    "renamed": load([FILES[0], ("002_other.sql", FILES[1][1]), FILES[2]]),
    "another": load([("001_z.sql", "CREATE TABLE z (x);"), ("002_y.sql", "CREATE TABLE y (x);")]),
}


class Run(NamedTuple):
    """A call of a Worker, with the index it was deployed with."""

    files: str
    to: int | None
    accept_newer: bool
    allow_out_of_order: bool
    writes: int
    """How many transactions there is room for."""


RUNS = st.builds(
    Run,
    st.sampled_from(sorted(INDEXES)),
    st.none() | st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2) | st.just(9),
)


class Object:
    """A database that only d1migrate writes, and that can be emptied."""

    capabilities = Capabilities()
    url = "an object"

    def __init__(self, *, notes: bool) -> None:
        self._notes, self._stamps, self.reads, self._room = notes, 0, 0, 0
        self.empty()

    def empty(self) -> None:
        """Delete everything: what `deleteAll()` does."""
        self._driver = SqliteDriver(":memory:", url="sqlite::memory:")

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch, unless it is one write too many."""
        self.reads += batch.reads
        self._room -= not batch.reads
        if self._room < 0:
            raise Unfinished("no room")
        return self._driver.batch(batch)

    def close(self) -> None:
        """Nothing to do."""

    def call(self, called: Run) -> Any:
        """What a call returns or raises."""
        self._room = called.writes
        flow = ensure(
            INDEXES[called.files],
            USUAL,
            self._stamp,
            to=called.to,
            allow_out_of_order=called.allow_out_of_order,
            accept_newer=called.accept_newer,
            notes_index=self._notes,
        )
        return self._outcome(flow)

    def down(self) -> Any:
        """What rolling back one migration returns or raises."""
        self._room = 9
        return self._outcome(self._roll_back())

    def _roll_back(self) -> Flow[Report]:
        planned = yield from down.choose((), USUAL, allow_loss=["all"])
        return (yield from down.down(planned, self._stamp))

    def _outcome(self, flow: Flow[Report]) -> Any:
        try:
            return [(step.name, step.action) for step in run(flow, self).results]
        except Error as error:
            return type(error).__name__, str(error)

    def _stamp(self) -> Stamp:
        self._stamps += 1
        return Stamp(f"token {self._stamps}", 1, "test", "test")

    def rows(self) -> Any:
        """The history, and what was logged but for the notes."""
        try:
            history = "SELECT version, name FROM schema_migrations ORDER BY version"
            log = "SELECT token, event, action, version, name, checksum FROM d1migrate_log ORDER BY id"
            found = self._driver.batch(Batch([Query(history), Query(log)], reads=True))
        except Error as error:
            return str(error)
        return [result.rows for result in found]


@given(st.lists(st.one_of(RUNS, RUNS, RUNS, st.sampled_from(["down", "empty"])), max_size=8))
@settings(max_examples=scaled(300))
def test_the_note_changes_nothing(actions: list[Run | str]) -> None:
    """Whatever was run, edited, interrupted, rolled back or deleted before: the outcome is that without notes."""
    noting, plain = Object(notes=True), Object(notes=False)
    for action in actions:
        if action == "empty":
            noting.empty()
            plain.empty()
        elif isinstance(action, Run):
            assert noting.call(action) == plain.call(action), action
        else:
            assert noting.down() == plain.down()
        assert noting.rows() == plain.rows()


@given(st.integers(1, 60))
@settings(max_examples=scaled(20))
def test_a_complete_index_costs_one_query(count: int) -> None:
    """However many migrations it has; the row that it reads is one."""
    INDEXES["long"] = load([(f"{n:03}_t.sql", f"CREATE TABLE t{n} (x);") for n in range(1, count + 1)])
    called = Run("long", None, accept_newer=True, allow_out_of_order=False, writes=99)
    noting = Object(notes=True)
    assert len(noting.call(called)) == count
    before = noting.reads
    assert noting.call(called) == []
    assert noting.reads == before + 1
