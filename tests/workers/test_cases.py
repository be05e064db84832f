"""The table of cases, `cases.json`: every runtime, with either table, on D1 and in a Durable Object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.runtime.pyodide import PyodideWorkerd
from tests.runtime.typescript import TypeScriptWorkerd
from tests.workers.cases import Case, cases
from tests.workers.conftest import INSIDE
from tests.workers.play import check, differences, play
from tests.workers.runtimes import PythonRuntime, Runtime, TypeScriptRuntime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def both(vendored: Path) -> Iterator[list[Runtime]]:
    """Each runtime, in two isolates."""
    with PyodideWorkerd("3.14", [vendored, INSIDE], isolates=2) as python, TypeScriptWorkerd() as typescript:
        yield [PythonRuntime(python), TypeScriptRuntime(typescript)]


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.id)
def test_case(case: Case, both: list[Runtime]) -> None:
    """Each runtime does what is expected, and all of them the same."""
    playing = [r for r in both if case.data.get("runtime") in (None, r.name)]
    with ThreadPoolExecutor() as pool:
        played = list(pool.map(lambda runtime: play(case, runtime), playing))
    for runtime, one in zip(playing, played, strict=True):
        check(case, runtime.name, one)
    for other in played[1:]:
        assert not differences(case, played[0], other)
