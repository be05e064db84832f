"""What is known about the files in a database that d1migrate did not create, as values."""

from __future__ import annotations

from d1migrate.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from d1migrate.migrate.migration import Migration

    State = Literal[
        "recorded", "applied", "assumed", "pending", "partly applied", "contradicted", "unknown", "squashed"
    ]
    Seen = Literal["present", "changed since", "missing", "still present", "as before", "different"]

UNDECIDED = frozenset({"partly applied", "contradicted", "unknown"})


class Evidence(NamedTuple):
    """One fact that a migration creates, as the database has it.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: the object, or the part of a table.
        seen: what the database shows: the migration's work is done (present, changed since) or not done
            (missing, still present, as before), or the object is as no file makes it (different).
        later: the file that changed it, for `changed since`.
        expected, actual: canonical SQL, or None if it is absent.
    """

    kind: str
    name: str
    seen: Seen
    later: str | None = None
    expected: str | None = None
    actual: str | None = None


class Record(NamedTuple):
    """What another tool recorded of a migration.

    Attributes:
        tool: the tool.
        table: its table.
        entry: the tool's name for the migration.
        how: how the file was matched: by its name, number, checksum, …
        at: when it was applied, in epoch seconds, or None.
        state: applied, failed half-way, or rolled back.
        note: a remark, or None.
    """

    tool: str
    table: str
    entry: str
    how: str
    at: int | None = None
    state: Literal["applied", "failed", "rolled back"] = "applied"
    note: str | None = None


class Assessment(NamedTuple):
    """What is known about one file.

    Attributes:
        migration: the file.
        state: recorded (already in the history), applied, pending, partly applied, contradicted, unknown;
            assumed (by the user); or squashed (the history has the files it replaces).
        because: the reason, in one line.
        evidence: the objects it is based on.
        records: what other tools recorded.
    """

    migration: Migration
    state: State
    because: str
    evidence: tuple[Evidence, ...] = ()
    records: tuple[Record, ...] = ()

    @property
    def at(self) -> int | None:
        """When it was applied, if another tool recorded it."""
        return next((r.at for r in self.records if r.state == "applied" and r.at is not None), None)
