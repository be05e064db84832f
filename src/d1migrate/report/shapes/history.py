"""The shapes of what reads: status, list, current, history, verify, env, gate, version."""

from __future__ import annotations

from typing import Literal, TypedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from d1migrate.report.shapes.common import Difference, Entry, Problem, Reason
    from d1migrate.report.shapes.errors import AnyError
    from d1migrate.report.shapes.jobs import Job


class Status(TypedDict):
    """What is applied and what is pending.

    Attributes:
        environment: the name in `[env.NAME]`; null if the database was given by its url.
        database: the url of the database.
        table: the migrations table, which has a row for each applied migration.
        current: the name of the last applied migration, in the order of the files; null if none is applied.
        current_version: its number; null if it has none.
        latest: the name of the last file; null if there are no files.
        latest_version: its number; null if it has none.
        pending: how many migrations `up` would apply, or refuse as out of order.
        job: the open job, for which pending migrations wait; null if none is open.
        migrations: all migrations, in the order of the files.
        problems: what is wrong with the database, as far as the history shows it.
    """

    environment: str | None
    database: str
    table: str
    current: str | None
    current_version: int | None
    latest: str | None
    latest_version: int | None
    pending: int
    job: Job | None
    migrations: list[Entry]
    problems: list[Problem]


class Current(TypedDict):
    """The last applied migration.

    Attributes:
        current: its name; null if no migration is applied.
        current_version: its number; null if it has none.
    """

    current: str | None
    current_version: int | None


class File(TypedDict):
    """A migration file.

    Attributes:
        version: its number; null if its name does not begin with one.
        name: the name of the migration.
        file: the path of the file.
        bytes: the size of the file.
        checksum: its checksum; null if the file cannot be read.
        reversible: whether it has a rollback.
        phase: whether it runs before or after the deploy of the code; null if that is unclear.
        phase_reason: why.
        job_kind: how it runs in chunks if its table is large; null if it always runs as a whole.
    """

    version: int | None
    name: str
    file: str
    bytes: int
    checksum: str | None
    reversible: bool
    phase: Literal["before", "after"] | None
    phase_reason: str
    job_kind: Literal["batch", "online"] | None


class Files(TypedDict):
    """The migration files.

    Attributes:
        migrations: the files, in order.
    """

    migrations: list[File]


class Detail(TypedDict, total=False):
    """What else the log has of an action: some of these keys, and those of other versions of d1migrate.

    Attributes:
        reason: the reason that was given.
        was: the name that the migration was recorded under; of a restore, the last applied migration before.
        current: the last applied migration after a restore; null if none is applied.
        point: the restore point, or the backup, that was restored.
        sha256: the digest of the backup.
        rows: `{table: rows}` that a rollback deleted; null for a table whose rows were not counted. Of a job,
            how many rows it changed or copied.
        chunks: how many chunks a job had.
        table: the table that a job works on.
        applied: "elsewhere" if wrangler applied the migration while its job was open.
        values: `{table.column: values}` that a rollback deleted with the column.
        lint: false if the linter did not check the migration.
        overridden: `{gate: reason}` of the gates that were overridden.
        adopted: why `adopt` recorded the migration.
        recorded: `{table: names}` of migrations that were recorded in a migrations table.
        source: the migrations table that the history was moved from.
        target: the migrations table that the history was moved to.
        text: a note that is not an object.
    """

    reason: object
    was: object
    current: object
    point: object
    sha256: object
    rows: object
    chunks: object
    table: object
    applied: object
    values: object
    lint: object
    overridden: object
    adopted: object
    recorded: object
    source: object
    target: object
    text: object


class LogEntry(TypedDict):
    """Something that happened to the database.

    Attributes:
        version: the number of the migration; null if it has none, or the whole database is meant.
        name: the name of the migration; null if the whole database is meant.
        action: what was done: up, down, baseline, accept, forget, adopt, sync, move, restoring, restore or
            rewind (a restore made it pending again); to a job: start, pause, resume or cancel.
        occurred_at: when, in epoch seconds; null if the time is unknown.
        by: who; null if it was wrangler.
        checksum: the checksum of the file; null if unknown.
        token: the random token of the transaction; null if it was wrangler.
        done: false for what began and did not finish.
        detail: what else is known; null for nothing.
        restore_point: the restore point that was taken before; null if none was taken.
    """

    version: int | None
    name: str | None
    action: str
    occurred_at: int | None
    by: str | None
    checksum: str | None
    token: str | None
    done: bool
    detail: Detail | None
    restore_point: str | None


class History(TypedDict):
    """Everything that happened.

    Attributes:
        entries: the entries of the log, and what wrangler applied; oldest first.
    """

    entries: list[LogEntry]


class Verification(TypedDict):
    """Files, history and live schema, compared.

    Attributes:
        ok: whether they agree and there is no problem. Pending migrations do not count.
        migrations: all migrations, in the order of the files.
        gaps: numbers without a file, between those of the first and the last one; none for timestamps.
        differences: where the live schema differs from what the applied files build.
        not_compared: why the schemas were not compared; null if they were.
        problems: what else is wrong with the database, or with its history.
    """

    ok: bool
    migrations: list[Entry]
    gaps: list[int]
    differences: list[Difference]
    not_compared: str | None
    problems: list[Problem]


class Window(TypedDict):
    """The maintenance window of an environment.

    Attributes:
        schedule: the setting `window`.
        open: whether the database may be changed now.
        changes_at: when the window closes, or opens, in epoch seconds; null if that is weeks away.
    """

    schedule: str
    open: bool
    changes_at: int | None


class Protection(TypedDict):
    """What an environment requires before its database is changed: its settings in d1migrate.toml.

    Attributes:
        protected: whether its name has to be confirmed.
        after: the environment that must have the migrations first; null for none.
        window: the maintenance window; null for any time.
        require_rollback: whether every migration must have a rollback.
        restore_point: whether a restore point is required first.
        lint: the level of findings for which `up` refuses; null if it is not set.
        rehearse: the level of findings of the required rehearsal; null if none is required.
    """

    protected: bool
    after: str | None
    window: Window | None
    require_rollback: bool
    restore_point: bool
    lint: str | None
    rehearse: str | None


class Environment(TypedDict):
    """An environment. What cannot be read is null.

    Attributes:
        environment: the name in `[env.NAME]`.
        database: the url of the database.
        protection: what it requires.
        reachable: whether the database can be read; null if that was not tried, because of its files.
        error: why the files or the database cannot be read; null if they can.
        table: the migrations table.
        current: the name of the last applied migration; also null if none is applied.
        current_version: its number; also null if it has none.
        latest: the name of the last file.
        latest_version: its number.
        pending: how many migrations `up` would apply, or refuse as out of order.
        problems: what is wrong with the database, as far as the history shows it.
    """

    environment: str
    database: str
    protection: Protection
    reachable: bool | None
    error: AnyError | None
    table: str | None
    current: str | None
    current_version: int | None
    latest: str | None
    latest_version: int | None
    pending: int | None
    problems: list[Problem] | None


class Version(TypedDict):
    """Which release this is, for a bug report.

    Attributes:
        d1migrate: the version of d1migrate.
        sqlite: the version of the embedded SQLite.
        python: the version of Python.
    """

    d1migrate: str
    sqlite: str
    python: str


class Environments(TypedDict):
    """The environments, side by side.

    Attributes:
        environments: the environments of d1migrate.toml, else those of the wrangler configuration.
    """

    environments: list[Environment]


class GateCheck(TypedDict):
    """Whether code can run on the database.

    Attributes:
        ok: whether it can, for certain.
        written_for: the newest migration that the code was written with; null for code without any.
        current: the last applied migration; null if none is applied.
        needed: migrations that the code needs and that are not applied.
        breaking: applied migrations that break the code.
        unclear: migrations that may break the code, or that it may need.
    """

    ok: bool
    written_for: str | None
    current: str | None
    needed: list[str]
    breaking: list[Reason]
    unclear: list[Reason]
