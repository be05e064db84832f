"""The shapes of the commands that change a database: plan, up, down, adopt, baseline, repair, init."""

from __future__ import annotations

from typing import Literal, TypedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.report.shapes.common import Difference, Entry, Migration, Problem, Reason
    from d1migrate.report.shapes.errors import HistoryError


class PlannedStep(TypedDict):
    """A migration that would be applied or rolled back.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: its name.
        direction: whether it would be applied or rolled back.
        transport: how it reaches the database: as one batch, or by D1's import, which is not atomic.
        transport_reason: why by an import; null for a batch.
        runs_as_job: whether it runs in chunks, because its table is too large for one batch; null if
            that depends on the migrations before it.
        statements: its SQL statements; null for a large file.
        statement_count: how many statements it has.
        bytes: the size of the statements.
        phase: whether it runs before or after the deploy of the code; null if unclear, and for a rollback.
        phase_reason: why; null for a rollback.
        deletes_rows: `{table: rows}` that a rollback deletes, null for uncounted rows; null for an `up`.
        deletes_values: `{table.column: values}` that a rollback deletes with the column; null for an `up`.
    """

    version: int | None
    name: str
    direction: Literal["up", "down"]
    transport: Literal["batch", "import"]
    transport_reason: str | None
    runs_as_job: bool | None
    statements: list[str] | None
    statement_count: int
    bytes: int
    phase: Literal["before", "after"] | None
    phase_reason: str | None
    deletes_rows: dict[str, int | None] | None
    deletes_values: dict[str, int | None] | None


class Gate(TypedDict):
    """A gate of the environment, and whether the run passes it.

    Attributes:
        name: its name in d1migrate.toml.
        state: whether the run passes, is refused, or overrides the gate with a reason.
        message: what was found.
        override: the flag that overrides the gate.
        reason: the reason given with that flag; null if the gate passes, or no reason was given.
        warning: a warning about a gate that passes; null for none.
        hint: what makes the gate pass; null if it passes, or that is not known.
    """

    name: Literal["after", "window", "require_rollback", "rehearse", "lint", "restore_point", "protected"]
    state: Literal["passed", "refused", "overridden"]
    message: str
    override: str
    reason: str | None
    warning: str | None
    hint: str | None


class Plan(TypedDict):
    """What would run.

    Attributes:
        steps: the migrations, in the order in which they would run.
        single_transaction: whether all of them run in one transaction.
        requests: how many requests the run sends to a remote database, without the chunks of a job.
        waits_for: the migration whose job is open; `up` ends it before anything else is applied. Null if
            none is open.
        gates: the gates of the environment.
    """

    steps: list[PlannedStep]
    single_transaction: bool
    requests: int
    waits_for: str | None
    gates: list[Gate]


class Step(TypedDict):
    """A migration that was applied or rolled back.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: its name.
        direction: whether it was applied or rolled back.
        statement_count: how many statements it has.
        deleted_rows: `{table: rows}` that the rollback deleted, null for uncounted rows; null for an `up`.
        deleted_values: `{table.column: values}` that it deleted with the column; null for an `up`.
    """

    version: int | None
    name: str
    direction: Literal["up", "down"]
    statement_count: int
    deleted_rows: dict[str, int | None] | None
    deleted_values: dict[str, int | None] | None


class Run(TypedDict):
    """What was done.

    Attributes:
        steps: the migrations, in the order in which they ran.
        applied_meanwhile: migrations that another run applied at the same time.
        problems: what is wrong with the database after the run.
    """

    steps: list[Step]
    applied_meanwhile: list[Migration]
    problems: list[Problem]


class Up(Run):
    """What was done.

    Attributes:
        waits_for: the migration whose job must end before others can be applied; null if nothing waits.
    """

    waits_for: str | None


class Evidence(TypedDict):
    """One thing that a file creates or drops, as the database has it.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: the object, or the part of a table.
        state: what the database shows. The file was applied: present, changed since. It was not: missing,
            still present, as before. Neither: different.
        changed_by: the file that changed it since; null for none.
        expected: SQL of what the file creates; empty for a table, whose columns are listed on their own; null
            if it drops it.
        actual: the same of what the database has; null if it lacks it.
    """

    kind: str
    name: str
    state: Literal["present", "changed since", "missing", "still present", "as before", "different"]
    changed_by: str | None
    expected: str | None
    actual: str | None


class ToolRecord(TypedDict):
    """What another tool recorded of a migration.

    Attributes:
        tool: the tool.
        table: its table.
        name: its name for the migration.
        matched_by: how the file was found: by its name, number, checksum, …
        applied_at: when the tool applied it, in epoch seconds; null if unknown.
        state: what the tool recorded.
        note: a remark; null for none.
    """

    tool: str
    table: str
    name: str
    matched_by: str
    applied_at: int | None
    state: Literal["applied", "failed", "rolled back"]
    note: str | None


class Assessment(TypedDict):
    """A file, and whether the database has it.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: the name of the migration.
        state: whether the database has it. `recorded` is in the history already, `assumed` was declared by
            `--assume`, `squashed` replaces files that the history has.
        reason: why, in a sentence.
        objects: the objects that decided it.
        records: what other tools recorded of it.
    """

    version: int | None
    name: str
    state: Literal[
        "recorded", "applied", "assumed", "pending", "partly applied", "contradicted", "unknown", "squashed"
    ]
    reason: str
    objects: list[Evidence]
    records: list[ToolRecord]


class Object(TypedDict):
    """An object of a database.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: its name.
    """

    kind: str
    name: str


class RenamedTable(TypedDict):
    """A table that gets another name.

    Attributes:
        table: its name before.
        renamed_to: its name after.
    """

    table: str
    renamed_to: str


class Adoption(TypedDict):
    """Which files an existing database has.

    Attributes:
        migrations: the files, in order.
        unmanaged_objects: objects that no file creates.
        unknown_records: records of other tools for which there is no file.
        set_aside: the table of another tool that has the name of the migrations table; null for none.
        without_checksum: applied migrations whose checksum is not recorded.
        differences: why they get none: where the live schema differs from what the applied files build.
        not_compared: why the schemas were not compared; null if they were.
        recorded: migrations that are recorded as applied, or would be in a dry run.
        checksums_recorded: applied migrations whose checksum is recorded, or would be in a dry run.
        done: whether anything was recorded; false for a dry run.
    """

    migrations: list[Assessment]
    unmanaged_objects: list[Object]
    unknown_records: list[ToolRecord]
    set_aside: RenamedTable | None
    without_checksum: list[Migration]
    differences: list[Difference]
    not_compared: str | None
    recorded: list[Migration]
    checksums_recorded: list[Migration]
    done: bool


class Baseline(TypedDict):
    """How the history of an existing database begins.

    Attributes:
        file: the migration file that was written; null for `--to`, and for a dry run.
        sql: its text, for a dry run; else null.
        recorded: migrations that are recorded as applied, or would be in a dry run.
        unproved: those of them of which the database does not have everything.
        done: whether anything was recorded; false for a dry run.
    """

    file: str | None
    sql: str | None
    recorded: list[Migration]
    unproved: list[Reason]
    done: bool


class Repairs(TypedDict):
    """What is wrong with the recorded history, without options.

    Attributes:
        to_repair: each error, with the command that corrects it as its hint.
    """

    to_repair: list[HistoryError]


class Correction(TypedDict):
    """The record of a migration, for `--accept`, `--rename` and `--forget`.

    Attributes:
        migration: the migration, as it was recorded.
        done: whether the record was corrected; false for a dry run.
    """

    migration: Entry
    done: bool


class Recorded(TypedDict):
    """A migration that a migrations table records.

    Attributes:
        table: the migrations table.
        version: the number of the migration; null if it has none.
        name: its name, as the table records it.
    """

    table: str
    version: int | None
    name: str


class Synchronization(TypedDict):
    """What each of two migrations tables lacks, for `--sync-tables`.

    Attributes:
        recorded: what is recorded, or would be in a dry run.
        done: whether it was recorded; false for a dry run, and if nothing was missing.
    """

    recorded: list[Recorded]
    done: bool


class Move(TypedDict):
    """A history that moves from one migrations table to another, for `--move-history`.

    Attributes:
        source: the table that it is moved from.
        target: the table that it is moved to.
        drops: whether the source is dropped.
        recorded: what is recorded in the target, or would be in a dry run.
        done: whether it was moved; false for a dry run.
    """

    source: str
    target: str
    drops: bool
    recorded: list[Recorded]
    done: bool


class Setup(TypedDict):
    """A project, after `init` wrote what it lacked.

    Attributes:
        created: the files that are written, or would be in a dry run.
        done: whether they were written; false for a dry run, and if nothing is missing.
        configurations: the configuration files that are read.
        generator: the configuration of the tool that generates the migrations; null for none.
        environment: the name in `[env.NAME]`; null if the database was given by its url.
        database: the url of the database.
        folder: the migrations folder.
        pattern: which files below the folder are migrations.
        file_count: how many migration files there are.
        table: the migrations table.
        applied: how many migrations are applied; null if the database was not read.
        pending: how many migrations `up` would apply; null if the database was not read.
        next: commands to type next, best first.
    """

    created: list[str]
    done: bool
    configurations: list[str]
    generator: str | None
    environment: str | None
    database: str
    folder: str
    pattern: str
    file_count: int
    table: str
    applied: int | None
    pending: int | None
    next: list[str]
