"""Time the journal of a fleet: `journal_times.py fill DATABASE TENANTS`, or `measure DATABASE …`."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from d1migrate.fleet.journal import Journal, new_owner, open_journal
from d1migrate.fleet.model import Finished
from d1migrate.fleet.tenant import Tenant
from d1migrate.project.waves import read_waves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from d1migrate.fleet.model import Run

_WAVES = read_waves(("1", "10%", "rest"), ("0", "100%", "100%"))
_CLAIMED = 50
_ROUNDS = 12
_QUESTIONS = 20  # in each round


def main() -> None:
    """List tenants in a journal, or print what operations of several journals take, as seconds in JSON."""
    if sys.argv[1] == "fill":
        with closing(open_journal(f"sqlite:{sys.argv[2]}", "tenants")) as journal:
            _fill(journal, int(sys.argv[3]))
    else:
        print(json.dumps(_measure(sys.argv[2:])))


def _begin(journal: Journal) -> Run:
    journal.create()
    return journal.begin("digest", "003_last", _WAVES, "benchmark")


def _fill(journal: Journal, count: int) -> None:
    run = _begin(journal)
    journal.add(run, _tenants(count))
    if journal.seal(run).total != count:
        sys.exit("the journal lacks tenants")


def _tenants(count: int) -> Iterator[tuple[Tenant, int]]:
    """Yield tenants with the random ids that databases of D1 have."""
    chosen = random.Random(1)  # noqa: S311
    for number in range(count):
        tenant = str(uuid.UUID(int=chosen.getrandbits(128), version=4))
        wave = 0 if number == 0 else 1 if number < count // 10 else 2
        yield Tenant(tenant, f"tenant-{number}", f"d1:{tenant}"), wave


def _measure(paths: list[str]) -> list[dict[str, float]]:
    """Return the median of each operation, for each of the journals; they take turns."""
    journals = [_Timed(path) for path in paths]
    for _ in range(_ROUNDS):
        for journal in journals:
            journal.claim_and_finish()
            journal.ask()
    return [{what: statistics.median(taken) for what, taken in journal.taken.items()} for journal in journals]


class _Timed:
    """A journal whose operations are timed."""

    def __init__(self, path: str) -> None:
        self._url, self._owner = f"sqlite:{path}", new_owner()
        self._journal = open_journal(self._url, "tenants")
        self._run = _begin(self._journal)
        self.taken: dict[str, list[float]] = {"status": [], "claim": [], "finish": []}

    def claim_and_finish(self) -> None:
        """Take some tenants, of which one fails."""
        started = time.perf_counter()
        claim = self._journal.claim(self._run, self._owner, _CLAIMED, 60)
        claimed = time.perf_counter()
        outcomes = [Finished(tenant.id, "done", "003_last", 1) for tenant in claim.tenants]
        if len(outcomes) == _CLAIMED:
            outcomes[0] = outcomes[0]._replace(
                state="failed", error="no such table: users", place="003_last.sql:1"
            )
        self._journal.finish(self._run, self._owner, outcomes)
        if len(outcomes) == _CLAIMED:
            self.taken["claim"].append(claimed - started)
            self.taken["finish"].append(time.perf_counter() - claimed)

    def ask(self) -> None:
        """Read the status, each time with a new connection, as a command does."""
        for _ in range(_QUESTIONS):
            started = time.perf_counter()
            with closing(open_journal(self._url, "tenants")) as asked:
                if asked.status() is None:
                    sys.exit("the journal has no run")
            self.taken["status"].append(time.perf_counter() - started)


if __name__ == "__main__":
    main()
