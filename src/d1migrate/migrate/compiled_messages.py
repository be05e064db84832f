"""The messages of a runtime without a planner: [what is wrong, what to do], as in the planner's errors.

Words in braces are filled in by the runtime. The index carries them, so that they are written once.
"""

from __future__ import annotations

from d1migrate.errors import (
    MIGRATIONS_USED,
    QUERIES_USED,
    ROWS_USED,
    RUN_AGAIN,
    SECONDS_USED,
    UNFINISHED,
)
from d1migrate.migrate import refusals, selector
from d1migrate.migrate.apply_error import JOB_OPEN, NO_RESPONSE
from d1migrate.migrate.history import DAMAGED
from d1migrate.migrate.refusals import Message
from d1migrate.migrate.table import VersionTable
from d1migrate.sql.durable_object import KEYS_OFF, KEYS_OFF_HINT, VIOLATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from d1migrate.migrate.migration import Migration
    from d1migrate.migrate.table import MigrationsTable

_WRITE_INDEX = "`d1migrate index` writes the index and its runtime"


_RESTORE_OF_JOB = "restore the file; or let the object end the job by `DROP TABLE _d1m_job`"
_IN_OBJECTS = {
    "renamed": "rename the file back",
    "squashed": "restore the files that it replaces: an object that has them cannot record this one",
    "changed": "restore the file and write a new migration",
    "missing": "restore the file, or deploy newer code",
    "missingOrPending": "restore the file, rename it back, or deploy newer code",
    "late": "rename the file, so that it comes last",
    "jobMissing": _RESTORE_OF_JOB,
    "jobEdited": _RESTORE_OF_JOB,
    "jobOpen": "the job stays open: the next call continues it, `DROP TABLE _d1m_job` ends it",
}
"""What to do about a refusal in an object: only its Worker can change it."""


def messages(
    migrations: Sequence[Migration], table: MigrationsTable, *, in_objects: bool = False
) -> dict[str, list[str]]:
    """Return [what is wrong, what to do] of each error, by the names that the runtime knows.

    Args:
        migrations: the files, in wrangler's order.
        table: the migrations table.
        in_objects: whether the runtime is for Durable Objects.
    """
    other = table.beside.name if isinstance(table, VersionTable) else VersionTable().name
    words = {"table": table.name, "other": other}
    found = {**_refusals(migrations, table), **_usage(migrations), **_run()}
    if any(migration.job for migration in migrations):
        found |= {"jobEdited": refusals.JOB_EDITED, "jobOpen": ("", JOB_OPEN)}
    if in_objects:
        create = " ".join(table.create.split())
        record = (
            f"code of the object records the files that it has, before this call: `{create}`, a row for each"
        )
        hints = {**_IN_OBJECTS, "unmanaged": record}
        found |= {name: (found[name][0], hint) for name, hint in hints.items() if name in found}
    return {name: list(Message(*message).filled(words)) for name, message in found.items()}


def _refusals(migrations: Sequence[Migration], table: MigrationsTable) -> dict[str, tuple[str, str]]:
    return {
        "partial": refusals.PARTIAL,
        "renamed": refusals.RENAMED,
        "squashed": refusals.SQUASHED,
        "changed": refusals.CHANGED,
        "missing": refusals.MISSING,
        "missingOrPending": refusals.MISSING_OR_PENDING,
        "late": refusals.LATE,
        "unmanaged": refusals.unmanaged(refusals.names(migrations)),
        "onlyRead": refusals.ONLY_READ,
        "mendable": refusals.MENDABLE,
        "unmoved": refusals.UNMOVED,
        "oneSided": refusals.ONE_SIDED,
        "alone": refusals.log_alone(table),
        "damaged": ("{damage}", DAMAGED),
    }


def _usage(migrations: Sequence[Migration]) -> dict[str, tuple[str, str]]:
    return {
        "edited": ("the index was edited by hand: it is not what `d1migrate index` wrote", _WRITE_INDEX),
        "noSuch": (selector.NO_SUCH, selector.all_known(migrations)),
        "noSelector": ("to: {to} is not a migration", "expected a name, or a number"),
        "several": selector.SEVERAL,
        "fewQueries": ("maxQueries={most}: a migration takes {fewest}", ""),
        "keysOff": (KEYS_OFF, KEYS_OFF_HINT),
    }


def _run() -> dict[str, tuple[str, str]]:
    return {
        "lost": ("{error}: no response came", NO_RESPONSE),
        "violated": (VIOLATED, ""),
        "unfinished": (UNFINISHED, RUN_AGAIN),
        "queriesUsed": (QUERIES_USED, RUN_AGAIN),
        "migrationsUsed": (MIGRATIONS_USED, RUN_AGAIN),
        "rowsUsed": (ROWS_USED, RUN_AGAIN),
        "secondsUsed": (SECONDS_USED, RUN_AGAIN),
        "jobMissing": refusals.JOB_MISSING,
    }
