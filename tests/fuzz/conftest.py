"""How many cases of each fuzzer a test run tries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.fuzz.harness import CASES, fuzz

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.harness import Fuzzer

    Run = Callable[[str, Fuzzer], None]

_SHARES = {  # of the full number, in percent: what is slow, and seldom wrong, is tried less often
    "arguments": 20, "configurations": 20, "files": 15, "sql": 15, "histories": 15, "plans": 5, "dumps": 5, "databases": 5,
}  # fmt: skip
_USUAL = 1_000
"""Cases of all fuzzers together, in a run that asks for no other number."""


@pytest.fixture
def run() -> Run:
    """Run a fuzzer, which must find nothing: a share of D1MIGRATE_FUZZ cases, or of a few hundred."""
    asked = os.environ.get("D1MIGRATE_FUZZ")
    total = CASES if asked == "all" else int(asked) if asked else _USUAL

    def run(name: str, fuzzer: Fuzzer) -> None:
        faults = fuzz(name, fuzzer, max(1, total * _SHARES[name] // 100))
        assert not faults, "\n".join(map(str, faults))

    return run
