"""The shapes of `lint`, `explain` and `rehearse`."""

from __future__ import annotations

from typing import Literal, TypedDict


class Finding(TypedDict):
    """A finding of a lint rule.

    Attributes:
        code: the code of the rule, which `d1migrate explain` explains.
        rule: the name of the rule.
        severity: how serious it is, as configured.
        message: what was found.
        file: the path of the file.
        line: the line, from 1.
        column: the column in characters, from 1.
        why: why it matters.
        fix: SQL to use instead; null if there is none.
        allow_reason: the reason for which the file allows the finding; null if it does not.
        total: how many findings of the rule it stands for, itself included.
    """

    code: str
    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    file: str
    line: int
    column: int
    why: str
    fix: str | None
    allow_reason: str | None
    total: int


class Findings(TypedDict):
    """What the linter found.

    Attributes:
        errors: how many errors there are, without allowed ones.
        warnings: how many warnings there are, without allowed ones.
        infos: how many infos there are, without allowed ones.
        allowed: how many findings the files allow.
        diagnostics: the findings, in the order of files and lines; allowed ones are included.
    """

    errors: int
    warnings: int
    infos: int
    allowed: int
    diagnostics: list[Finding]


class Lint(Findings):
    """What `lint` found.

    Attributes:
        platform: where the migrations are to run.
    """

    platform: Literal["d1", "durable-object"]


class Rule(TypedDict):
    """A lint rule.

    Attributes:
        code: its code.
        rule: its name.
        severity: how serious a finding is, unless it is configured.
        title: what it reports.
        why: why that matters.
        why_in_object: why that matters in a Durable Object; null for the same reason.
        only: the platform that it is about; null for every platform.
        given: SQL of an earlier migration that the examples need; null if they need none.
        bad: SQL that it reports; null without an example.
        good: SQL to use instead; null without an example.
    """

    code: str
    rule: str
    severity: Literal["error", "warning", "info"]
    title: str
    why: str
    why_in_object: str | None
    only: Literal["d1", "durable-object"] | None
    given: str | None
    bad: str | None
    good: str | None


class FixedFile(TypedDict):
    """A file with a finding that `lint --fix` resolves.

    Attributes:
        file: the path of the file.
        diff: how it changes, as a unified diff; null if it cannot be fixed.
        written: whether it was written.
        reason: why it cannot be fixed; null if it can.
    """

    file: str
    diff: str | None
    written: bool
    reason: str | None


class Fixes(TypedDict):
    """What `lint --fix` rewrites.

    Attributes:
        files: the files with findings that it resolves.
    """

    files: list[FixedFile]


Value = str | int | float | None
"""A value of a column. A BLOB is a string of hex digits; infinity and NaN are strings."""


class UnkeptColumn(TypedDict):
    """A column with values that the migration removes and does not keep elsewhere unchanged.

    Attributes:
        name: its name before the migration.
        value_count: how many rows had a value in it.
        kept_count: how many of these values are kept unchanged in other columns.
        into: the columns, as `table.column`, that receive the values or something computed from them.
        plain: whether the values are copied as they are, not computed.
        replaced: whether REPLACE wrote a default in their place.
        gone: whether the table still exists and has no column in its place.
        sample: `{column: value}` of the first rows whose value is not kept: the primary key, and the value.
    """

    name: str
    value_count: int
    kept_count: int
    into: list[str]
    plain: bool
    replaced: bool
    gone: bool
    sample: list[dict[str, Value]]


class TableChange(TypedDict):
    """What a migration did to the rows of a table.

    Attributes:
        table: its name before the migration.
        table_after: its name after the migration; null if it is dropped.
        rows_before: how many rows it had.
        rows_after: how many rows it has.
        rows_lost: how many rows it lost.
        rows_lost_by: the words of the file that account for lost rows; null for none.
        rows_lost_unexplained: how many lost rows nothing in the file accounts for.
        rows_replaced: how many of the lost rows REPLACE deleted.
        lost_keys: `{column: value}` of the primary keys of the first lost rows; the whole rows if there is no
            primary key.
        moved_to: the tables that a dropped table was copied into completely.
        rows_gained: how many rows it gained.
        rows_gained_by: the words of the file that account for gained rows; null for none.
        rows_changed: `{column: rows}`, how many rows have another value in it.
        rows_changed_by: `{column: words}` of the file that account for its changes.
        rows_changed_unexplained: `{column: rows}` whose change nothing in the file accounts for.
        renamed_columns: `{column: its new name}`.
        dropped_columns: `{column: values}`, how many of its values are not kept elsewhere.
        not_kept: columns with values that are not kept: dropped, replaced by a default, or computed.
    """

    table: str
    table_after: str | None
    rows_before: int
    rows_after: int
    rows_lost: int
    rows_lost_by: str | None
    rows_lost_unexplained: int
    rows_replaced: int
    lost_keys: list[dict[str, Value]]
    moved_to: list[str]
    rows_gained: int
    rows_gained_by: str | None
    rows_changed: dict[str, int]
    rows_changed_by: dict[str, str]
    rows_changed_unexplained: dict[str, int]
    renamed_columns: dict[str, str]
    dropped_columns: dict[str, int]
    not_kept: list[UnkeptColumn]


class Cost(TypedDict):
    """What a migration costs.

    Attributes:
        seconds: how long it took in the rehearsal.
        rows_written: rows and index entries that it wrote in the rehearsal, as D1 bills them.
        scaled_seconds: an estimate of how long it takes with the row counts of `--scale`; null without it.
        scaled_rows_written: an estimate of what it writes with these row counts; null without `--scale`.
    """

    seconds: float
    rows_written: int
    scaled_seconds: float | None
    scaled_rows_written: int | None


class RollbackOutcome(TypedDict):
    """What the rollback of a migration did.

    Attributes:
        state: whether it restores the schema. `unproved` failed on generated rows, and may pass on others;
            `none` means that the file has no rollback.
        loses: `{table: rows}` and `{table.column: values}` that it loses.
    """

    state: Literal["restores", "differs", "fails", "irreversible", "none", "unproved"]
    loses: dict[str, int]


class RehearsedMigration(Findings):
    """A migration that was rehearsed.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: its name.
        file: the path of the file.
        verdict: what it does, in a few words: `no loss`, `drops data`, `loses rows`, `fails`, …
        ok: whether it has no errors that the file does not allow.
        tables: the tables whose rows changed.
        cost: what it costs; null if it fails.
        rollback: what its rollback did; null if the migration fails.
    """

    version: int | None
    name: str
    file: str
    verdict: str
    ok: bool
    tables: list[TableChange]
    cost: Cost | None
    rollback: RollbackOutcome | None


class Recovery(TypedDict):
    """How a migration can be recovered from. Each way lists what it leaves different from before.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: its name.
        ok: whether a failure and a restore leave no difference.
        after_failure: the differences after the migration failed at its end.
        after_restore: those after the restore point before it was restored; null if nothing was applied.
        after_rollback: those after its rollback; null if it has none, or is not the newest.
        not_checked: why the migration could not be applied, and later ones were not checked; null if it was.
    """

    version: int | None
    name: str
    ok: bool
    after_failure: list[str]
    after_restore: list[str] | None
    after_rollback: list[str] | None
    not_checked: str | None


class Rehearsal(TypedDict):
    """A rehearsal.

    Attributes:
        ok: whether there are no errors that the files do not allow.
        platform: where the migrations are to run.
        migrations: the migrations, in the order in which they ran.
        not_rehearsed: the names of migrations after one that fails even without rows.
        rows: `{table: rows}` that the rehearsal began with.
        empty: `{table: reason}` of tables that stayed empty.
        recovery: how each migration can be recovered from; null without `--recovery`.
    """

    ok: bool
    platform: Literal["d1", "durable-object"]
    migrations: list[RehearsedMigration]
    not_rehearsed: list[str]
    rows: dict[str, int]
    empty: dict[str, str]
    recovery: list[Recovery] | None
