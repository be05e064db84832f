"""A fleet through everything that can go wrong on the way: afterward each tenant has each migration exactly once.

More tenants with `--times`: ten thousand files at 100, as many databases at 400.
"""

from __future__ import annotations

import random
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import inputs
from tests.crash import fleets
from tests.crash.fleets import TARGET, Fleet, counts_of
from tests.runtime import tenants
from tests.runtime.cloudflare import Cloudflare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILES = inputs.scaled(100)
DATABASES = inputs.scaled(25)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Cloudflare]:
    """A server with no past and no quota that would slow the command; one of its own for many databases."""
    with ExitStack() as stack:
        if DATABASES < 1000:
            found: Cloudflare = request.getfixturevalue("cloudflare")
        else:
            found = stack.enter_context(Cloudflare(states=DATABASES + 100))
        found.settings(keep_past=False, quota=1_000_000)
        yield found
        found.faults()


def check(fleet: Fleet, files: Sequence[Path], expected: dict[str, int]) -> None:
    """The tenants are migrated, and the journal counts what it should."""
    tenants.check(files, TARGET)
    assert counts_of(fleet.status()) == expected


# --- files ---


def test_files_killed_three_times(tmp_path: Path) -> None:
    """The next process goes on."""
    fleet, files = fleets.of_files(tmp_path, FILES)
    for _ in range(3):
        fleet.kill_after(FILES // 5)
    ended = fleet.up()
    assert ended.code == 0, ended.output
    check(fleet, files, {"done": FILES})


def test_files_killed_at_the_same_time_as_another_process_works(tmp_path: Path) -> None:
    """The living one takes over what the killed one had claimed."""
    fleet, files = fleets.of_files(tmp_path, FILES)
    other = fleet.start()
    fleet.kill_after(FILES // 10)
    ended = fleet.end(other)
    assert ended.code == 0, ended.output
    check(fleet, files, {"done": FILES})


def test_files_without_a_journal(tmp_path: Path) -> None:
    """It saves requests, and nothing else: a new one asks each tenant once more."""
    fleet, files = fleets.of_files(tmp_path, FILES)
    fleet.kill_after(FILES // 2)
    for left in fleet.journal.parent.glob("fleet-*"):
        left.unlink()
    ended = fleet.up()
    assert ended.code == 0, ended.output
    check(fleet, files, {"done": FILES})


def test_files_deleted_and_damaged_on_the_way(tmp_path: Path) -> None:
    """They fail, alone; once they are repaired, `retry` finishes the run."""
    fleet, files = fleets.of_files(tmp_path, FILES, more='stop = "50%"\n')
    fleet.kill_after(FILES // 5)
    untouched = [file for file in files if tenants.wrong(tenants.look(file), TARGET)]
    deleted, damaged = untouched[-2:]
    original = deleted.read_bytes()
    deleted.unlink()
    damaged.write_bytes(b"not a database" * 1000)
    ended = fleet.up()
    assert ended.code == 1, ended.output
    assert counts_of(ended.counts) == {"done": FILES - 2, "failed": 2}
    for file in (deleted, damaged):
        assert file.stem in ended.output
        file.write_bytes(original)
    assert fleet.end(fleet.start("retry")).code == 0
    ended = fleet.up()
    assert ended.code == 0, ended.output
    check(fleet, files, {"done": FILES})


# --- D1 ---


def test_databases_killed_three_times(tmp_path: Path, server: Cloudflare) -> None:
    """The next process goes on, though every third answer is lost."""
    fleet, ids = fleets.of_databases(tmp_path, server, DATABASES)
    server.faults({"do": "lose reply", "match": {"path": "/raw$", "every": 3}})
    for _ in range(3):
        fleet.kill_after(max(DATABASES // 4, 4))
    ended = fleet.up()
    assert ended.code == 0, ended.output
    check(fleet, [server.file(id_) for id_ in ids], {"done": DATABASES})


FAULTS: dict[str, dict[str, object]] = {
    "7429 before the work": {"do": "7429", "match": {"path": "/raw$", "every": 5}},
    "7429 after the work": {"do": "7429", "after": True, "match": {"path": "/raw$", "every": 5}},
    "500 after the work": {"do": "500", "after": True, "match": {"path": "/raw$", "every": 4}},
    "late": {"do": "late", "past": 7, "match": {"path": "/raw$", "every": 6}},
    "twice": {"do": "twice", "answer": "second", "match": {"path": "/raw$", "every": 3}},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_databases_with_a_fault(tmp_path: Path, server: Cloudflare, fault: str) -> None:
    """One process finishes: nothing runs twice, nothing is left out."""
    # An inspection that is refused would be reported, and has nothing to do with what is migrated.
    fleet, ids = fleets.of_databases(tmp_path, server, DATABASES, more="inspect = 0\n")
    server.faults(FAULTS[fault])
    ended = fleet.up()
    server.faults()
    server.arrive()
    assert ended.code == 0, ended.output
    check(fleet, [server.file(id_) for id_ in ids], {"done": DATABASES})


def test_two_processes(tmp_path: Path, server: Cloudflare) -> None:
    """Each takes its share: no tenant is asked by both."""
    fleet, ids = fleets.of_databases(tmp_path, server, DATABASES)
    processes = [fleet.start() for _ in range(2)]
    for process in processes:
        ended = fleet.end(process)
        assert ended.code == 0, ended.output
    check(fleet, [server.file(id_) for id_ in ids], {"done": DATABASES})


def test_database_deleted_on_the_way(tmp_path: Path, server: Cloudflare) -> None:
    """It fails alone, with its name; after the next inventory it is not in the fleet."""
    fleet, ids = fleets.of_databases(tmp_path, server, DATABASES, more='stop = "50%"\n')
    fleet.kill_after(5)
    left = [id_ for id_ in ids if tenants.wrong(tenants.look(server.file(id_)), TARGET)]
    gone = random.Random(0).choice(left)  # noqa: S311 - not a secret
    server.delete(gone)
    ended = fleet.up()
    assert ended.code == 1, ended.output
    assert counts_of(ended.counts) == {"done": DATABASES - 1, "failed": 1}
    assert re.search(r"could not be found|no such database|does not exist", ended.output), ended.output
    tenants.check([server.file(id_) for id_ in ids if id_ != gone], TARGET)
