"""What is known of the files and a database that did not start here, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from d1migrate.migrate.migration import Migration

State = Literal[
    "recorded", "applied", "assumed", "pending", "partly applied", "contradicted", "unknown", "squashed"
]
Seen = Literal["there", "gone", "changed since", "missing", "still there", "as before", "different"]

UNDECIDED = frozenset({"partly applied", "contradicted", "unknown"})


class Evidence(NamedTuple):
    """One fact that a migration made, as the database has it.

    Attributes:
        kind: table, column, constraint, index, trigger or view.
        name: of what.
        seen: what the database shows: the migration's work (there, gone, changed since), that it is not done
            (missing, still there, as before), or what no file made (different).
        later: the file that changed it since, for `changed since`.
        expected, actual: canonical SQL, None where there is none; both where it is `different`.
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
        tool: whose record it is.
        table: where it stands.
        entry: what it calls the migration.
        how: by what a file was found to be this one: its name, number, checksum, …
        at: when it was applied, in epoch seconds, or None.
        state: whether it says that the migration is applied, failed half-way, or is being taken back.
        note: what else to know, or None.
    """

    tool: str
    table: str
    entry: str
    how: str
    at: int | None = None
    state: Literal["applied", "failed", "rolled back"] = "applied"
    note: str | None = None


class Judgement(NamedTuple):
    """What is known of one file.

    Attributes:
        migration: the file.
        state: recorded (in the history already), applied, pending, partly applied, contradicted, unknown; or
            assumed, where the user vouches; or squashed, where the history has the files it stands for.
        because: why, in a line.
        evidence: the objects it rests on.
        records: what other tools recorded.
    """

    migration: Migration
    state: State
    because: str
    evidence: tuple[Evidence, ...] = ()
    records: tuple[Record, ...] = ()

    @property
    def at(self) -> int | None:
        """When it was applied, as far as another tool recorded it."""
        return next((r.at for r in self.records if r.state == "applied" and r.at is not None), None)
