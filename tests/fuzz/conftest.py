"""How many cases of each fuzzer a test run tries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import inputs
from tests.fuzz.harness import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fuzz.harness import Fuzzer

    Run = Callable[[str, Fuzzer], None]

_CASES = {  # what is slow, and seldom wrong, is tried less often
    "arguments": 200, "configurations": 200, "files": 150, "sql": 150, "histories": 150, "plans": 50, "dumps": 50, "databases": 50,
    "sources": 60,
}  # fmt: skip


@pytest.fixture
def run() -> Run:
    """Run a fuzzer, which must find nothing; the number of its first case is the seed of the run."""

    def run(name: str, fuzzer: Fuzzer) -> None:
        faults = fuzz(name, fuzzer, inputs.scaled(_CASES[name]), first=inputs.SEED)
        assert not faults, "\n".join(map(str, faults))

    return run
