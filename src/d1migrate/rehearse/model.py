"""The result of a rehearsal, as values."""

from __future__ import annotations

from typing import Literal

from d1migrate.lint.check import Diagnostic, failing
from d1migrate.lint.platform import D1, Platform
from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d1migrate.rehearse.row_difference import RowDifference


class UnkeptColumn(NamedTuple):
    """A column with values that the migration removes and does not keep elsewhere unchanged.

    Attributes:
        column: its name before the migration.
        values: how many rows had a value in it.
        kept: how many of these values are in `into` unchanged.
        into: the columns, as `table.column`, that receive the values or something computed from them.
        plain: whether the values are copied as they are, not computed.
        replaced: whether REPLACE wrote a default in their place.
        gone: whether the table still exists and has no column in its place.
        sample: the first rows whose value is not kept: the primary key and the value.
        sample_columns: the columns of which each row of the sample has the values.
    """

    column: str
    values: int
    kept: int
    into: tuple[str, ...]
    plain: bool
    replaced: bool = False
    gone: bool = False
    sample: Sequence[tuple[object, ...]] = ()
    sample_columns: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """How many of the values are not kept."""
        return self.values - self.kept


class TableChange(NamedTuple):
    """What a migration did to the rows of one table.

    Attributes:
        table: its name before the migration.
        name: its name after it, or None if it is dropped.
        difference: the rows lost, changed and gained; its keys list unexplained rows first.
        lost_by: the words of the file that explain the lost rows, or "".
        changed_by: {column: the words that explain its changes}, for columns with an explanation.
        gained_by: the words that explain the gained rows.
        unkept: columns with values that are not kept: dropped, replaced by a default, or computed.
        moved_to: the tables that a dropped table was copied into completely.
        replaced: how many of the lost rows REPLACE deleted.
        unexplained: how many of the lost rows nothing in the file explains.
        unexplained_changes: {column: how many of its changes nothing in the file explains}, if any.
        renamed: {column: its name now} of the renamed columns.
    """

    table: str
    name: str | None
    difference: RowDifference
    lost_by: str = ""
    changed_by: Mapping[str, str] = {}
    gained_by: str = ""
    unkept: tuple[UnkeptColumn, ...] = ()
    moved_to: tuple[str, ...] = ()
    replaced: int = 0
    unexplained: int = 0
    unexplained_changes: Mapping[str, int] = {}
    renamed: Mapping[str, str] = {}

    @property
    def is_nothing(self) -> bool:
        """Whether the table is unchanged."""
        return self.difference.is_nothing and not self.unkept and self.name == self.table

    @property
    def dropped(self) -> dict[str, int]:
        """{dropped column: how many of its values are not kept elsewhere}."""
        return {each.column: each.missing for each in self.unkept if each.gone}

    def label(self, column: str) -> str:
        """Return the name of a column for people: its name now, if it has one."""
        return self.renamed.get(column, column)


class Cost(NamedTuple):
    """What a migration costs.

    Attributes:
        seconds: how long it took here.
        rows_written: rows and index entries, as D1 bills them; estimated from what was written here.
        scaled_seconds, scaled_rows_written: the same at the target's row counts, or None if these were not
            given. Both are estimates.
    """

    seconds: float
    rows_written: int
    scaled_seconds: float | None = None
    scaled_rows_written: int | None = None


class RollbackOutcome(NamedTuple):
    """What the rollback did.

    Attributes:
        state: "restores" the schema, "differs", "fails", "irreversible" or "none"; "unproved" if it fails on
            generated rows, and may pass on others.
        loses: {table or table.column: rows, or values, that it loses}.
    """

    state: Literal["restores", "differs", "fails", "irreversible", "none", "unproved"]
    loses: Mapping[str, int] = {}


class Rehearsed(NamedTuple):
    """The rehearsal of one migration.

    Attributes:
        version, name, file: the migration.
        verdict: "no loss", "no loss on N rows" (if its SQL depends on the rows), "drops data", "replaces
            rows", "transforms data", "copies partly", "loses rows", "finding", "fails", or "unproved": it
            fails on generated rows, and may pass on others.
        changes: the tables whose rows changed.
        diagnostics: the findings, with X codes. Suppressed ones are included, with their reason.
        cost: what it costs; None if it fails.
        rollback: what its rollback did; None if it fails.
    """

    version: int | None
    name: str
    file: str
    verdict: str
    changes: tuple[TableChange, ...]
    diagnostics: tuple[Diagnostic, ...]
    cost: Cost | None
    rollback: RollbackOutcome | None

    @property
    def ok(self) -> bool:
        """Whether there are no errors that the file does not suppress."""
        return not failing(self.diagnostics)


class Rehearsal(NamedTuple):
    """A whole rehearsal.

    Attributes:
        migrations: those rehearsed, in order.
        not_rehearsed: names of the migrations after one that fails even without rows.
        rows: {table: how many rows it began with}.
        empty: {table: why it stayed empty}.
        platform: where the migrations are to run.
    """

    migrations: tuple[Rehearsed, ...]
    not_rehearsed: tuple[str, ...]
    rows: Mapping[str, int]
    empty: Mapping[str, str]
    platform: Platform = D1

    @property
    def ok(self) -> bool:
        """Whether there are no errors that the files do not suppress."""
        return all(migration.ok for migration in self.migrations)
