"""The law of a backfill: chunks fill what one statement fills, whatever an application writes between them.

The column has companion triggers, which fill the rows that the application writes. The control database gets the
same writes, and the file as one statement at the end; the runs are those of test_online_rebuild.
"""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.application.jobs import World, backfill
from tests.application.pair import Pair, in_memory
from tests.application.tables import KINDS, Kind
from tests.inputs import few, generator
from tests.runtime.workerd import Workerd, WorkerdDriver

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@every_kind
def test_chunks_fill_what_one_statement_fills(kind: Kind) -> None:
    """On the embedded engine."""
    files = backfill(kind)
    for number in range(few(1)):
        with closing(in_memory()) as subject, closing(in_memory()) as control:
            chance = generator(f"{kind.name} {number} filled")
            World(Pair(subject, control), kind, files, chance, faults=chance.choice([0, 0.2])).run()


@pytest.mark.parametrize("kind", KINDS[::4], ids=lambda kind: kind.name)
def test_chunks_fill_what_one_statement_fills_on_d1(workerd: Workerd, kind: Kind) -> None:
    """On the real D1."""
    for number in range(few(1)):
        chance = generator(f"{kind.name} {number} filled on D1")
        drivers = [WorkerdDriver(workerd, workerd.database()) for _ in range(2)]
        World(Pair(*drivers), kind, backfill(kind), chance, faults=0.2).run()
