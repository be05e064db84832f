"""How the schemas of tenants differ from what their migrations build."""

from __future__ import annotations

import threading
from contextlib import suppress

from d1migrate.errors import SourceError
from d1migrate.hints import listed
from d1migrate.migrate.flows.read import schema_in
from d1migrate.migrate.flows.verify import drift, in_order_of_application, without_file
from d1migrate.migrate.status import compare
from d1migrate.schema import introspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.fleet.plan import FleetPlan, KnownState
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import Schema
    from d1migrate.sql.batch import Result

_SCHEMAS = 200  # that are remembered
_NAMED = 3  # differences


class Schemas:
    """Compares schemas, once for all tenants with the same one in the same state. Threads may share it."""

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        self._lock = threading.Lock()
        self._expected: dict[KnownState, Schema | None] = {}
        self._drifts: dict[tuple[KnownState, int], str] = {}

    def drift(self, state: KnownState, answers: Sequence[Result]) -> str:
        """Return how the schema of a database differs from what its migrations build; "" if it does not.

        Args:
            state: its state.
            answers: those to `introspect.QUERIES`.
        """
        key = state, hash(tuple(tuple(map(tuple, answer.rows)) for answer in answers))
        with self._lock:  # the others need the same, and wait for it
            if key not in self._drifts:
                if len(self._drifts) >= _SCHEMAS:
                    self._drifts.clear()
                found = self._compared(state, answers)
                self._drifts[key] = listed(
                    [f"{one.kind} {one.name} is {one.problem}" for one in found], _NAMED
                )
            return self._drifts[key]

    def _compared(self, state: KnownState, answers: Sequence[Result]) -> Sequence[Difference]:
        expected = self._built(state)
        if expected is None:
            return ()
        live = schema_in(introspect.read(answers), self._plan.choice)
        found = drift(expected, live, (self._plan.choice.wrangler, state.history.table.name))
        if not state.has_job:
            return found
        # An online rebuild may have its indexes still to build.
        return [one for one in found if (one.kind, one.problem) != ("index", "missing")]

    def _built(self, state: KnownState) -> Schema | None:
        """Return what the applied files build; None if that cannot be known, as before a baseline."""
        if state not in self._expected:
            from d1migrate.lint.replay.replayer import schema_of

            if len(self._expected) >= _SCHEMAS:
                self._expected.clear()
            entries = compare(self._plan.migrations, state.history)
            self._expected[state] = None
            if state.refusal is None and without_file(entries) is None:
                with suppress(SourceError):
                    files = in_order_of_application(entries)
                    self._expected[state] = schema_of(files, state.history.table)
        return self._expected[state]
