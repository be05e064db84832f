"""What rules receive: a replay, and what several of them derive from it.

Each part is computed once, when a rule first needs it: most files copy nothing and rebuild nothing.
"""

from __future__ import annotations

from functools import cached_property

from d1migrate.lint.columns import Columns
from d1migrate.lint.lineage import Lineage
from d1migrate.lint.rebuilds import Rebuild, find_rebuilds
from d1migrate.lint.replay.model import Replay


class AnalyzedReplay(Replay):
    """One migration as it ran, and where its columns and rows are afterwards."""

    @cached_property
    def columns(self) -> Columns:
        """Which column a name means at each statement."""
        return Columns(self)

    @cached_property
    def lineage(self) -> Lineage:
        """What the file copies, and what of it stays."""
        return Lineage(self, self.columns)

    @cached_property
    def rebuilds(self) -> list[Rebuild]:
        """The tables that the file replaces by another of the same name, in order."""
        return find_rebuilds(self)
