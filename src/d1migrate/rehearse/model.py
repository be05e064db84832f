"""What a rehearsal found."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - of a NamedTuple's field
from typing import NamedTuple

from d1migrate.lint import Diagnostic, failing
from d1migrate.rehearse.compare import Difference  # noqa: TC001 - of a NamedTuple's field


class TableChange(NamedTuple):
    """What became of the rows of one table.

    Attributes:
        table: its name before the migration.
        name: its name after it, or None where it is gone.
        difference: the rows lost, changed and gained; those that nothing explains are the first of its keys.
        lost_by: the words of the file that explain the lost rows, "" where none do.
        changed_by: {column: the words that explain its changes}; a column without any is missing.
        gained_by: the words that explain the gained rows.
        dropped: columns that are gone, with the rows that held a value in them.
        unnamed: how many of the lost rows nothing explains.
        renamed: {column: its name now} of those that have another name.
        unnamed_changes: {column: how many of its changes nothing explains}; only where there are any.
    """

    table: str
    name: str | None
    difference: Difference
    lost_by: str = ""
    changed_by: Mapping[str, str] = {}
    gained_by: str = ""
    dropped: Mapping[str, int] = {}
    unnamed: int = 0
    unnamed_changes: Mapping[str, int] = {}
    renamed: Mapping[str, str] = {}

    def label(self, column: str) -> str:
        """Return what a column is called: by its name now, if it has one."""
        return self.renamed.get(column, column)


class Cost(NamedTuple):
    """What a migration costs.

    Attributes:
        seconds: what it took here.
        rows_written: rows and index entries, as D1 bills them; estimated from what was written here.
        scaled_seconds, scaled_rows_written: the same at the target's real row counts, or None where they
            were not given. Both are estimates.
        rows_read: None: only a real D1 tells.
    """

    seconds: float
    rows_written: int
    scaled_seconds: float | None = None
    scaled_rows_written: int | None = None
    rows_read: int | None = None


class WayBack(NamedTuple):
    """What the rollback did.

    Attributes:
        state: "restores" the schema, "differs", "fails", "irreversible" or "none".
        loses: {table or table.column: rows, or values, that are lost by going back}.
    """

    state: str
    loses: Mapping[str, int] = {}


class Rehearsed(NamedTuple):
    """One migration.

    Attributes:
        version, name, file: which.
        verdict: "no loss", "no loss on N rows" (where its SQL depends on the rows), "loses rows",
            "finding", "fails", or "unproved": it fails on made-up rows, and others may fare otherwise.
        changes: the tables whose rows are not as they were.
        diagnostics: what is wrong, with the X codes; what the file allows is among it, with the reason.
        cost: what it costs; None where it fails.
        way_back: what its rollback did; None where it fails.
    """

    version: int
    name: str
    file: str
    verdict: str
    changes: tuple[TableChange, ...]
    diagnostics: tuple[Diagnostic, ...]
    cost: Cost | None
    way_back: WayBack | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong that the file does not allow."""
        return not failing(self.diagnostics)


class Rehearsal(NamedTuple):
    """A whole rehearsal.

    Attributes:
        migrations: those rehearsed, in order.
        not_rehearsed: names of those behind one that fails even without rows.
        rows: {table: rows it held when it began}.
        empty: {table: why it stayed empty}.
    """

    migrations: tuple[Rehearsed, ...]
    not_rehearsed: tuple[str, ...]
    rows: Mapping[str, int]
    empty: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong that the files do not allow."""
        return all(migration.ok for migration in self.migrations)
