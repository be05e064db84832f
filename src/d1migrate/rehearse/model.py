"""What a rehearsal found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - of a NamedTuple's field
from typing import NamedTuple

from d1migrate.lint.check import Diagnostic, failing
from d1migrate.rehearse.row_difference import RowDifference  # noqa: TC001 - of a NamedTuple's field


class Unkept(NamedTuple):
    """A column with values that are gone, and did not arrive elsewhere as they were.

    Attributes:
        column: its name before the migration.
        values: how many rows had a value in it.
        kept: how many of these values are in `into`, as they were.
        into: the columns, as `table.column`, that the migration put them into, or something made of them.
        plain: whether it copies them there as they are; else it computes something of them.
        replaced: whether REPLACE put a default in their place.
        gone: whether the table stays, and has no column in its place.
        sample: the first rows whose value did not arrive: the primary key and the value.
    """

    column: str
    values: int
    kept: int
    into: tuple[str, ...]
    plain: bool
    replaced: bool = False
    gone: bool = False
    sample: Sequence[tuple[object, ...]] = ()

    @property
    def missing(self) -> int:
        """How many of the values did not arrive."""
        return self.values - self.kept


class TableChange(NamedTuple):
    """What became of the rows of one table.

    Attributes:
        table: its name before the migration.
        name: its name after it, or None where it is gone.
        difference: the rows lost, changed and gained; those that nothing explains are the first of its keys.
        lost_by: the words of the file that explain the lost rows, "" where none do.
        changed_by: {column: the words that explain its changes}; a column without any is missing.
        gained_by: the words that explain the gained rows.
        unkept: columns with values that are gone: dropped, replaced, or made of an expression.
        moved_to: the tables that a dropped table was copied into, whole.
        replaced: how many of the lost rows REPLACE deleted.
        unnamed: how many of the lost rows nothing explains.
        renamed: {column: its name now} of those that have another name.
        unnamed_changes: {column: how many of its changes nothing explains}; only where there are any.
    """

    table: str
    name: str | None
    difference: RowDifference
    lost_by: str = ""
    changed_by: Mapping[str, str] = {}
    gained_by: str = ""
    unkept: tuple[Unkept, ...] = ()
    moved_to: tuple[str, ...] = ()
    replaced: int = 0
    unnamed: int = 0
    unnamed_changes: Mapping[str, int] = {}
    renamed: Mapping[str, str] = {}

    @property
    def is_nothing(self) -> bool:
        """Whether the table is as it was."""
        return self.difference.is_nothing and not self.unkept and self.name == self.table

    @property
    def dropped(self) -> dict[str, int]:
        """How many values of the columns that are gone are nowhere else as they were."""
        return {each.column: each.missing for each in self.unkept if each.gone}

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


class RollbackOutcome(NamedTuple):
    """What the rollback did.

    Attributes:
        state: "restores" the schema, "differs", "fails", "irreversible" or "none"; "unproved" if it fails
            on made-up rows, and others may pass.
        loses: {table or table.column: rows, or values, that are lost by going back}.
    """

    state: str
    loses: Mapping[str, int] = {}


class Rehearsed(NamedTuple):
    """One migration.

    Attributes:
        version, name, file: which.
        verdict: "no loss", "no loss on N rows" (if its SQL depends on the rows), "drops data", "replaces
            rows", "transforms data", "copies partly", "loses rows", "finding", "fails", or "unproved": it
            fails on made-up rows, and others may pass.
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
    way_back: RollbackOutcome | None

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
