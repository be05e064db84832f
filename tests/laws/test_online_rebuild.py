"""The law of an online rebuild: an application cannot tell that it runs, and what it makes is what one batch makes.

A control database gets the same writes, and the migration as one batch at the moment of the cut-over. The result of
every write is the same in both: rows changed and returned, or the error. At the end all rows, rowids, counters and
the schema are equal. Processes run the job chunk by chunk, some at the same time; batches are lost, late or sent twice;
the job is paused and cancelled.

A run tries each kind of table, with and without triggers of the user; `python -m tests --times 50 --random` tries
thousands of others.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from d1migrate.drivers.sqlite import SqliteDriver
from d1migrate.errors import ApplyError
from tests import inputs
from tests.application.jobs import World, rebuild
from tests.application.pair import Pair, in_memory
from tests.application.tables import KINDS, Kind
from tests.inputs import few, generator
from tests.runtime.workerd import WorkerdDriver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.sql.batch import Batch, Result
    from tests.runtime.workerd import Workerd

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_trigger = pytest.mark.parametrize("triggers", [False, True], ids=["", "with triggers"])


@every_kind
@every_trigger
def test_application_cannot_tell(kind: Kind, triggers: bool) -> None:
    """On the embedded engine."""
    files = rebuild(kind, triggers=triggers)
    for number in range(few(1)):
        with closing(in_memory()) as subject, closing(in_memory()) as control:
            chance = generator(f"{kind.name} {triggers} {number}")
            World(Pair(subject, control), kind, files, chance, faults=chance.choice([0, 0.2])).run()


@pytest.mark.parametrize("kind", KINDS if inputs.TIMES > 1 else KINDS[::5], ids=lambda kind: kind.name)
def test_application_cannot_tell_on_d1(workerd: Workerd, kind: Kind) -> None:
    """On the real D1."""
    for number in range(few(1)):
        chance = generator(f"{kind.name} {number} on D1")
        drivers = [WorkerdDriver(workerd, workerd.database()) for _ in range(2)]
        files = rebuild(kind, triggers=chance.random() < 0.5)
        World(Pair(*drivers), kind, files, chance, faults=0.2).run()


class _Weakened(SqliteDriver):
    """A database without the trigger whose name is `missing`: it is neither created nor dropped."""

    missing = ""

    def batch(self, batch: Batch) -> Sequence[Result]:
        """Run a batch without these statements."""
        if batch.reads:
            return super().batch(batch)
        starts = tuple(f'{verb} TRIGGER "{self.missing}"' for verb in ("CREATE", "DROP"))
        kept = [query for query in batch.queries if not query.sql.startswith(starts)]
        return super().batch(batch._replace(queries=kept))


@pytest.mark.parametrize("missing", ["insert", "update", "move", "delete", "before_insert", "before_update"])
def test_every_sync_trigger_is_needed(missing: str) -> None:
    """Without any of them, some run differs from its control: the application tries what it is for."""
    kind = KINDS[0]
    files = rebuild(kind, triggers=False)
    for number in range(50):
        with (
            closing(_Weakened(":memory:", url="sqlite::memory:")) as subject,
            closing(in_memory()) as control,
        ):
            subject.missing = f"_d1m_sync_1_{missing}"
            try:
                World(Pair(subject, control), kind, files, generator(f"{missing} {number}")).run()
            except (AssertionError, ApplyError):
                return
    raise AssertionError(f"no run differs without {missing}")
