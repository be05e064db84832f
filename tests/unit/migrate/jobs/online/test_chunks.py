"""The size of a chunk respects the budget of a batch."""

from __future__ import annotations

import pytest

from tests.unit.migrate.jobs.online.running import Run
from tests.unit.migrate.jobs.online.test_work import CASES, both


@pytest.mark.parametrize(("case", "most"), [("check", 100), ("indexes", 50), ("new unique", 66)])
def test_it_counts_entries(case: str, most: int) -> None:
    """A row, its indexes and its key in the log, of a page and of as many rows that changed."""
    online, _, text = both(*CASES[case])
    assert Run(online, text, size=300, budget=400).job.most == most


def test_each_chunk_is_bounded() -> None:
    """It copies no more rows than the row allows, and as many again from the log."""
    online, _, text = both(*CASES["check"])
    job = Run(online, text, size=2)
    online.execute("UPDATE t SET b = b")
    copied = []
    while job.job.state == "copy":
        job.step()
        copied.append(job.job.rows)
    assert copied == [2, 4, 6, 8, 8]
