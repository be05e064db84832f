"""Durable Objects: in each Python that Workers run, over both shapes of `ctx.storage`."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.answers import InsideError
from tests.runtime.pyodide import PYTHONS
from tests.workers.test_flows import FLOWS, IN_EITHER_TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.table import Shape as TableShape
    from tests.runtime.answers import Answer
    from tests.runtime.pyodide import PyodideWorkerd, Shape
    from tests.workers.conftest import Runtimes

D1_ONLY = ["limits"]
"""The flows whose limits are those of D1."""

SYNC = pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
DEFERRABLE = pytest.mark.parametrize("deferrable", [False, True], ids=["pragma", "deferrable"])
NAMES = ["001_notes", "002_first_note", "003_tags"]
EVERY = [f"{n:03d}_table_{n}" for n in range(1, 201)]
CHECKS = [
    *("without_waiting", "undrained", "old_violations", "keys_left_off", "locked", "values"),
    *("after_delete_all", "keys_are_no_tables", "callbacks_are_released", "wrong_storage", "frozen_clock"),
]


class Object:
    """A fresh object of a shape."""

    numbers = count()

    def __init__(self, inside: PyodideWorkerd, shape: Shape) -> None:
        self._inside, self._shape = inside, shape
        self._name = f"object {next(self.numbers)}"

    def ask(self, function: str, faults: Sequence[dict[str, Any]] = (), **arguments: Any) -> Answer:
        """Call a function of inside/objects.py in it."""
        asked = f"objects:{function}"
        return self._inside.call(asked, object=self._name, shape=self._shape, faults=faults, **arguments)

    def method(self, kind: str, name: str) -> Any:
        """Call a method of its instance of a class there."""
        kind = f"objects:{kind}"
        return self._inside.call(name, object=self._name, kind=kind, shape=self._shape).result

    def another(self) -> Object:
        """Another one of that shape."""
        return Object(self._inside, self._shape)

    def reset(self) -> None:
        """End its instance, as an eviction does."""
        self._inside.reset(self._name)


@pytest.fixture
def fresh(inside: PyodideWorkerd, shape: Shape) -> Object:
    """An object that nobody has used."""
    return Object(inside, shape)


@pytest.fixture
def newest(runtimes: Runtimes, shape: Shape) -> Object:
    """The same in the newest Python alone, for what does not depend on it: the D1 tests run it in all."""
    return Object(runtimes[PYTHONS[-1]], shape)


@pytest.mark.parametrize("flow", [flow for flow in IN_EITHER_TABLE if flow not in D1_ONLY])
def test_flow_in_either_table(newest: Object, table: TableShape, flow: str) -> None:
    """What is true of D1 is true here."""
    newest.ask("flow", name=flow, table=table)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(newest: Object, flow: str) -> None:
    """As above, without a table to choose."""
    newest.ask("flow", name=flow)


@pytest.mark.parametrize("check", CHECKS)
def test_check(fresh: Object, check: str) -> None:
    """The function of that name in inside/objects.py, whose docstring says what it asserts."""
    fresh.ask(check)


@pytest.mark.parametrize("at", range(3))
def test_failing(fresh: Object, at: int) -> None:
    """A failing statement in each of three files."""
    fresh.ask("failing", at=at)


@SYNC
def test_counts(fresh: Object, sync: bool) -> None:
    """The counts of an event, in both forms."""
    fresh.ask("counts", sync=sync)


@DEFERRABLE
def test_a_deferred_violation(fresh: Object, deferrable: bool) -> None:
    """In the next event, what was applied before it is there, and nothing of it."""
    fresh.ask("deferred_violation", deferrable=deferrable)
    assert fresh.ask("after_violation").result == [["001_tables"], [[2]]]


@DEFERRABLE
def test_a_rebuild_by_rename(fresh: Object, deferrable: bool) -> None:
    """The event ends well, too."""
    fresh.ask("by_rename", deferrable=deferrable)
    assert fresh.ask("after_violation").result == [["001_tables", "002_copy"], [[2]]]


def test_a_stub(inside: PyodideWorkerd, shape: Shape) -> None:
    """What a Worker has of an object is not its storage."""
    inside.call("objects:stub", database=inside.database(), shape=shape, env=True)


def test_a_class_without_sql(fresh: Object) -> None:
    """A deployed class throws this; workerd gives SQL to every class."""
    text = "SQL is not enabled for this Durable Object class. To enable it, change `new_classes` to …"
    fresh.ask("without_sql", faults=[{"noSql": text}])


@SYNC
@pytest.mark.parametrize("migrations", [3, 200])
def test_nothing_to_do_is_one_query(newest: Object, migrations: int, sync: bool) -> None:
    """However many are applied; no transaction, nothing to wait for."""
    newest.ask("applied", count=migrations)
    calls = newest.ask("nothing_to_do", count=migrations, sync=sync).calls
    assert calls == {"exec": 1, "transactionSync": 0, "sync": 0, "getCurrentBookmark": 0}


def test_200_migrations_wait_for_the_disk_now_and_then(newest: Object) -> None:
    """Not after each one; the synchronous form waits for nothing."""
    calls = newest.ask("history_of_200", sync=False).calls
    assert (calls["transactionSync"], calls["sync"]) == (200, 20)
    calls = newest.another().ask("history_of_200", sync=True).calls
    assert (calls["transactionSync"], calls["sync"]) == (200, 0)


def test_restore_points(fresh: Object) -> None:
    """The bookmark from before a run, which only the asynchronous form can ask for."""
    bookmark = "0000007b-0000b26e-00001538-0c3e87bb37b3db5cc52eedb93cd3b96b"
    answer = fresh.ask("restore_points", faults=[{"bookmark": bookmark}], sync=False)
    assert answer.result == [bookmark] * 3
    assert answer.calls["getCurrentBookmark"] == 2


@pytest.mark.parametrize(
    ("sync", "faults"),
    [
        (True, [{"bookmark": "0000007b-0000b26e"}]),
        (False, []),
        (False, [{"getCurrentBookmark": n, "do": "throw before"} for n in range(2)]),
    ],
)
def test_no_restore_point(fresh: Object, sync: bool, faults: list[dict[str, Any]]) -> None:
    """The synchronous form takes none; all zeros, as locally, are none; nor has every platform one."""
    assert fresh.ask("restore_points", faults=faults, sync=sync).result == [None] * 3


def test_what_was_applied_before_an_error_stays(fresh: Object) -> None:
    """Even where the error resets the object, which undoes what is not committed."""
    with pytest.raises((InsideError, RuntimeError), match="nope"):
        fresh.ask("failing_in_a_block")
    assert fresh.ask("names").result == ["001_notes"]


@SYNC
@pytest.mark.parametrize("at", range(3))
def test_a_transaction_that_is_not_begun(fresh: Object, at: int, sync: bool) -> None:
    """Nothing of that migration is applied, and the log shows it; the next call does the rest."""
    fault = {"transactionSync": at, "do": "throw before", "message": "internal error; reference = e_1"}
    with pytest.raises(InsideError, match="internal error") as caught:
        fresh.ask("run_three", faults=[fault], sync=sync)
    assert caught.value.type == "ApplyError"
    assert caught.value.attributes["unknown"] is False
    assert len(caught.value.attributes["applied"]) == at
    assert fresh.ask("run_three", sync=sync).result == NAMES[at:]


@pytest.mark.parametrize("do", ["throw before", "throw after"])
def test_a_commit_that_fails(fresh: Object, do: str) -> None:
    """It is an error of d1migrate, also where nothing is to be committed but what the caller wrote."""
    with pytest.raises(InsideError, match="internal error") as caught:
        fresh.ask("run_three", faults=[{"sync": 0, "do": do, "message": "internal error"}], sync=False)
    assert caught.value.type == "AmbiguousError"
    assert fresh.ask("run_three", sync=False).result == NAMES


@SYNC
@pytest.mark.parametrize("at", range(3))
def test_a_transaction_that_fails_after_all(fresh: Object, at: int, sync: bool) -> None:
    """The log shows that it was committed: the run goes on."""
    fault = {"transactionSync": at, "do": "throw after", "message": "internal error; reference = e_1"}
    assert fresh.ask("run_three", faults=[fault], sync=sync).result == NAMES
    assert fresh.ask("run_three", sync=sync).result == []


def test_a_reset_between_two_migrations(newest: Object) -> None:
    """What was committed stays; the next call does the rest, each once."""
    with ThreadPoolExecutor(1) as pool:
        fault = {"sync": 3, "do": "slow", "ms": 3_000}
        running = pool.submit(newest.ask, "history_of_200", [fault], sync=False)
        time.sleep(2)
        newest.reset()
        with pytest.raises((InsideError, RuntimeError)):
            running.result()
    applied = newest.ask("names").result
    assert 0 < len(applied) < 200
    assert applied == EVERY[: len(applied)]
    newest.ask("finish_200", left=200 - len(applied))
    assert newest.ask("names").result == EVERY


@SYNC
def test_20_calls_at_once_in_an_event(fresh: Object, sync: bool) -> None:
    """Each migration is applied by exactly one of them."""
    found = fresh.ask("race", sync=sync).result
    assert sorted(name for names in found for name in names) == EVERY[:30]


def test_an_error_that_pyodide_loses(fresh: Object) -> None:
    """A read is repeated; what was written is rolled back."""
    fresh.ask("lost_error")


def test_20_events_at_once(fresh: Object) -> None:
    """They interleave wherever one of them waits for the disk."""
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: fresh.ask("race", sync=False).result, range(5)))
    assert sorted(name for runs in found for names in runs for name in names) == EVERY[:30]


def test_migrating_in_init(fresh: Object) -> None:
    """Once an object, not once an instance: the next one has nothing to do."""
    assert fresh.method("Tenant", "state") == [NAMES, 3]
    assert fresh.method("Tenant", "state") == [NAMES, 3]
    fresh.reset()
    assert fresh.method("Tenant", "state") == [[], 3]


def test_a_failing_init(fresh: Object) -> None:
    """The instance answers every call with the error; what was applied before stays, in the next instance too."""
    for _ in range(3):
        with pytest.raises(InsideError, match=r"002_wrong\.sql:2: no such table: nope") as caught:
            fresh.method("Broken", "state")
        assert caught.value.type == "ApplyError"
    tries = fresh.ask("tries").result
    fresh.reset()
    with pytest.raises(InsideError, match="002_wrong"):
        fresh.method("Broken", "state")
    assert fresh.ask("tries").result == tries + 1
    assert fresh.ask("names").result == ["001_notes"]


def test_an_eviction(runtimes: Runtimes) -> None:
    """After ten seconds without an event, workerd ends the instance; the note of the index is in the database."""
    evicted = Object(runtimes[PYTHONS[-1]], "raw")
    assert evicted.method("Tenant", "state")[0] != []
    time.sleep(12)
    assert evicted.method("Tenant", "state")[0] == []
    assert evicted.ask("nothing_to_do", count=3, sync=True).calls["exec"] == 1
