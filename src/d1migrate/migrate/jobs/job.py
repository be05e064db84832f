"""The row of the open job, and the SQL that reads and asserts it.

The table exists exactly while a job is open, and has one row. So a late request of a job that has ended
fails: the table is missing, or the token is another one.
"""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.rebuild_checks import OVER_BUDGET
from d1migrate.sql.batch import Query
from d1migrate.sql.names import JOB_TABLE, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from d1migrate.migrate.jobs.directive import JobDirective
    from d1migrate.migrate.log import Stamp
    from d1migrate.migrate.migration import Migration

    State = Literal["running", "filled", "copy", "drain", "verify", "verified", "indexes"]

CREATE = Query(
    f"CREATE TABLE {JOB_TABLE} (name TEXT PRIMARY KEY, version INTEGER, kind TEXT NOT NULL,"
    " directive TEXT NOT NULL, checksum TEXT, token TEXT NOT NULL, state TEXT NOT NULL,"
    " paused INTEGER NOT NULL DEFAULT 0, on_table TEXT NOT NULL,"
    # Without types, so that the keys keep theirs.
    " lo_1, lo_2, lo_3, lo_4, hi_1, hi_2, hi_3, hi_4, first, last,"
    " size INTEGER NOT NULL, most INTEGER NOT NULL, rows INTEGER NOT NULL DEFAULT 0,"
    " chunks INTEGER NOT NULL DEFAULT 0, began_at INTEGER NOT NULL, moved_at INTEGER NOT NULL,"
    " who TEXT NOT NULL, plan TEXT)"
)
DROP = Query(f"DROP TABLE {JOB_TABLE}")

TOO_MANY = "too many rows for one batch: "
"""The refusal of a batch migration as one transaction: its table has more rows than one chunk."""
NOT_THE_KEY = "not the key of each row: "
"""The refusal of a directive whose key may not find each row exactly once."""
CHANGES_KEY = "the key of its rows would change: "
"""The refusal of a statement that sets the INTEGER PRIMARY KEY, by which its rows are found."""
KEY_STAYS = "write the new values to another column, or change them in a migration without the directive"
"""What to do about that, before a job begins as in lint."""
INSERTS_AGAIN = "no unique key is inserted into "
"""The refusal of a statement that would insert its rows again if it is repeated."""
UNINDEXED = "and no index on its foreign key to "
"""What an online rebuild is refused with if the swap would build an index on a large child."""
TOO_MANY_PARENTS = "too much to replace in one batch"
"""The refusal of an online rebuild: foreign keys to its table make the swap too large."""
CHANGED_SINCE = "changed since its rebuild began: "
"""The refusal of an online rebuild: something else changed the definition of its table."""
NOT_THE_SAME = "in its copy"
"""The refusal of an online rebuild whose shadow does not have the rows of the table."""
MISSING = f"no such table: {JOB_TABLE}"
"""The error of a late request, after its job has ended."""
EXISTS = f"table {JOB_TABLE} already exists"
"""The error of the second of two runners that start a job."""
MOVED = "the job is "
"""The refusal of a chunk if the job is not in the state that the chunk was made for."""

END_BY_HAND = (
    f"`DROP TABLE {JOB_TABLE}` ends the job: a batch then begins again at its first row, and"
    " `d1migrate verify` shows what a rebuild left, and how it is removed"
)
"""What to do about a row that cannot be read."""

_COLUMNS = (
    "name", "version", "kind", "directive", "checksum", "token", "state", "paused", "on_table", "hi_1",
    "first", "last", "size", "most", "rows", "chunks", "began_at", "moved_at", "who", "plan",
)  # fmt: skip


class Job(NamedTuple):
    """An open job.

    Attributes:
        name, version: its migration.
        kind: "batch" or "online".
        directive: the directive of the file when it began.
        checksum: that of the file.
        token: random; every chunk asserts it.
        state: what the next chunk does. A batch is `running`, then `filled`; an online rebuild `copy`,
            `drain`, `verify`, `verified`, and after its cut-over `indexes`.
        paused: whether chunks are refused.
        table: the table.
        at: the first column of the cursor; None before the first chunk.
        first, last: the first column of the lowest and of the highest key at the start; None: no end.
        size: the rows of the last chunk, at most.
        most: the most rows that a chunk may have.
        rows, chunks: what was done.
        began_at, moved_at: epoch seconds, of the start and of the last chunk.
        who: who began it.
        plan: JSON, what an online rebuild does.
        backlog: rows to copy again, as far as they were counted; None if the kind has none.
    """

    name: str
    version: int | None
    kind: Literal["batch", "online"]
    directive: str
    checksum: str | None
    token: str
    state: State
    paused: bool
    table: str
    at: Any
    first: Any
    last: Any
    size: int
    most: int
    rows: int
    chunks: int
    began_at: int
    moved_at: int
    who: str
    plan: str | None = None
    backlog: int | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Job:
        """Return the job of a row of READ, or of `read`."""
        name, version, kind, directive, checksum, token, state, paused, *rest = row
        return cls(name, version, kind, directive, checksum, token, state, bool(paused), *rest)

    @property
    def is_recorded(self) -> bool:
        """Whether its own chunk has recorded the migration; what is left are indexes."""
        return self.state == "indexes"

    @property
    def is_portable(self) -> bool:
        """Whether a copy of the database can continue it: all but a rebuild that has not replaced its table.

        Such a rebuild would copy again what it has: its triggers and its log are left out of a backup.
        """
        return self.kind == "batch" or self.is_recorded

    @property
    def share(self) -> float | None:
        """How far it is, from 0 to 1: the cursor's place between the keys at the start; None if unknown.

        It counts no rows: that alone can exceed D1's CPU limit.
        """
        if self.state not in ("running", "copy", "verify"):
            return 1.0
        ends = (self.at, self.first, self.last)
        if not all(isinstance(end, int | float) for end in ends):
            return 0.0 if self.chunks == 0 else None
        if self.last <= self.first:
            return 1.0
        return min(1.0, max(0.0, float(self.at - self.first) / float(self.last - self.first)))

    @property
    def percent(self) -> str | None:
        """How far it is: `43 %`; None if that is unknown. An open job is never at 100."""
        return None if self.share is None else f"{min(99, int(self.share * 100))} %"


def read(backlog: str = "NULL") -> Query:
    """Return the query for the open job: one row.

    Args:
        backlog: the SQL of `Work.backlog`.
    """
    return Query(f"SELECT {', '.join(_COLUMNS)}, {backlog} AS backlog FROM {JOB_TABLE}")


READ = read()


def insert(
    migration: Migration,
    directive: JobDirective,
    stamp: Stamp,
    *,
    state: str,
    size: int,
    most: int,
    plan: str | None,
) -> Query:
    """Return the statement that inserts the row. The token of its batch is that of the job."""
    values: Mapping[str, str | None] = {
        "name": migration.name,
        "version": None if migration.version is None else str(migration.version),
        "kind": directive.kind,
        "directive": directive.text,
        "checksum": migration.checksum,
        "token": stamp.token,
        "state": state,
        "on_table": directive.table,
        "size": str(size),
        "most": str(most),
        "began_at": str(stamp.at),
        "moved_at": str(stamp.at),
        "who": stamp.who,
        "plan": plan,
    }
    given = {column: value for column, value in values.items() if value is not None}
    places = ", ".join("?" * len(given))
    return Query(f"INSERT INTO {JOB_TABLE} ({', '.join(given)}) VALUES ({places})", tuple(given.values()))


def assert_job(job: Job, *, state: str | None = None, before_swap: bool = False) -> Query:
    """Abort the batch unless this job is open, of this file, in this state, and not paused.

    Args:
        job: the job, as it was read.
        state: the state; None for any, also if it is paused.
        before_swap: whether to abort if an online rebuild has replaced its table since it was read.
    """
    is_this = "token = ?1 AND coalesce(checksum, '') = ?2"
    values = [job.token, job.checksum or ""]
    if state is not None:
        is_this += " AND state = ?3 AND NOT paused"
        values.append(state)
    if before_swap:
        is_this += " AND state <> 'indexes'"
    found = f"(SELECT iif(paused, 'paused', state) || ': ' || name FROM {JOB_TABLE})"
    return Query(
        f"SELECT json_extract('{{}}', {quote_literal(MOVED)} || coalesce({found}, 'gone'))"
        f" WHERE NOT EXISTS (SELECT 1 FROM {JOB_TABLE} WHERE {is_this})",
        tuple(values),
        assertion=True,
    )


def is_too_large(text: str) -> bool:
    """Whether an error means that a migration is too large for one batch, so that it runs as a job."""
    return TOO_MANY in text or OVER_BUDGET in text


def set_size(size: int) -> Query:
    """Return the statement that sets how many rows the chunk may have."""
    return Query(f"UPDATE {JOB_TABLE} SET size = max(1, min(most, CAST(?1 AS INTEGER)))", (str(size),))
