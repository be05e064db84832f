"""Every fault on the way to a remote D1, at every request: what is said is true, and the next run ends it."""

from __future__ import annotations

import itertools
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from d1migrate.errors import ApplyError, Error
from tests import inputs
from tests.crash.runs import ROOT, every_action, start_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from d1migrate.drivers.rest import RestDriver
    from tests.crash.killed import Killed
    from tests.crash.runs import Expected
    from tests.remote.conftest import Remote

MODES: dict[str, dict[str, Any]] = {
    "the connection closes before the work": {"do": "drop"},
    "the connection closes after the work": {"do": "lose reply"},
    "the connection closes in the answer": {"do": "cut reply"},
    "the connection closes, and nothing ever arrives": {"do": "late"},
    "half of the JSON": {"do": "garbage"},
    "silence instead of the work": {"do": "hang"},
    "silence after the work": {"do": "hang", "after": True},
    "429": {"do": "429"},
    "429 for long": {"do": "429", "retry_after": 250},
    "429 in HTML": {"do": "answer", "status": 429, "body": "<h1>error code: 1015</h1>"},
    "500 instead of the work": {"do": "500"},
    "500 after the work": {"do": "500", "after": True},
    "503 instead of the work": {"do": "503"},
    "503 after the work": {"do": "503", "after": True},
    "a bare error instead of the work": {"do": "bare"},
    "a bare error after the work": {"do": "bare", "after": True},
    "30 seconds are over": {"do": "timeout"},
    "too large": {"do": "413"},
    "a firewall's page": {"do": "firewall"},
    "a proxy's page instead of the work": {"do": "answer", "status": 502, "body": "<h1>Bad gateway</h1>"},
    "a proxy's page after the work": {"do": "answer", "status": 502, "body": "<h1>", "after": True},
    "a redirect": {"do": "answer", "status": 302, "headers": {"location": "https://example.com/"}},
    "success, and nothing else": {"do": "answer", "body": '{"success": true}'},
    "statement by statement": {"do": "not atomic"},
    "twice, and the first answer": {"do": "twice", "answer": "first"},
    "twice, and the second answer": {"do": "twice", "answer": "second"},
    "again after the next request": {"do": "again", "past": 1},
    "the connection closes, and it arrives after the next request": {"do": "late", "past": 1},
    "429 for CPU time instead of the work": {"do": "7429"},
    "429 for CPU time after the work": {"do": "7429", "after": True},
    "the token is refused": {"do": "401"},
    "one result of many": {"do": "edit", "how": "first result"},
    "a reset in the answer": {"do": "wire", "how": "reset in the body"},
}
every_mode = pytest.mark.parametrize("mode", MODES)
PATIENCE = 0.5  # seconds; D1 in a test answers within a few hundredths


def at(number: int, mode: str, path: str = "/client/v4/") -> dict[str, Any]:
    """The fault at the request of that number, counted from 1."""
    return {"match": {"path": path, "nth": number}, **MODES[mode]}


def opened(remote: Remote, mode: str) -> RestDriver:
    """A driver that has to look the database up first, and does not wait long where nobody answers."""
    return remote.open(by_name=True, timeout=PATIENCE if MODES[mode]["do"] == "hang" else None)


def skip_some(expected: Expected, mode: str) -> None:
    """Try every fourth fault with names; all of them with --times 2. The table does not matter to how a fault looks."""
    if expected.shape == "names" and list(MODES).index(mode) % 4 and inputs.TIMES <= 1:
        pytest.skip("with --times 2")


def test_every_fault_is_here() -> None:
    """All that the stand-in can do."""
    source = (ROOT / "tests" / "runtime" / "cloudflare_faults.mjs").read_text()
    listed = source[source.index("const CONNECTION") : source.index("const MATCH")]
    instead = source[source.index("const INSTEAD") : source.index("export const THROTTLE")]
    does = {*re.findall(r'"([\w ]+)"', listed), *re.findall(r"^  (\w+): ", instead, re.MULTILINE)}
    assert does == {mode["do"] for mode in MODES.values()}


@every_mode
def test_a_fault_at_every_request(new_remote: Callable[[], Remote], expected: Expected, mode: str) -> None:
    """From the look-up to the last batch: an error names what is applied, unless it says that nobody knows."""
    skip_some(expected, mode)
    for k in itertools.count(1):
        remote = new_remote()
        before = len(remote.server.requests())
        remote.server.faults(at(k, mode))
        try:
            expected.act(opened(remote, mode), "up")
        except ApplyError as error:
            assert not error.unknown
            states = {e.name: e.state for e in expected.migrator(remote.open()).status()}
            assert {name for name, state in states.items() if state == "applied"} == set(error.applied)
        except Error as error:
            assert error.exit_code
        asked = remote.server.requests()[before:]
        hit = len(asked) >= k
        remote.server.faults()
        writes = [r for r in asked if r["path"].endswith("/query")]
        expected.check_again(remote.open, "up", (mode, k))
        bodies = [r["body"] for r in writes if r.get("status") != 429]
        assert len(set(bodies)) == len(bodies), "a write was repeated"
        if not hit:
            break
    assert k > 8


@every_action
def test_killed_at_every_request(
    new_remote: Callable[[], Remote], expected: Expected, killed: Killed, action: str
) -> None:
    """A process killed before a request, or after the response."""
    for moment in expected.moments():
        remote = new_remote()
        start_of(action, remote.open, expected)
        if not killed.run(remote.id, action, "request", moment, **remote.server.environment):
            break
        expected.check_again(remote.open, action, moment)
    assert moment > (6 if "single" in action else 12)


@every_mode
def test_two_runners_and_a_fault(new_remote: Callable[[], Remote], expected: Expected, mode: str) -> None:
    """Whoever of the two it hits: neither applies anything twice, and the next run ends it."""
    skip_some(expected, mode)
    for k in range(1, 5):
        remote = new_remote()
        remote.server.faults(at(k, mode, "/query$"))
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(expected.act, opened(remote, mode), "up") for _ in range(2)]
        errors = [error for run in runs if (error := run.exception()) is not None]
        assert all(isinstance(error, Error) for error in errors)
        remote.server.faults()
        expected.check_again(remote.open, "up", (mode, k))
