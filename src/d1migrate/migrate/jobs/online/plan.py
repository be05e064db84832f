"""What an online rebuild does, as one value that the job's row keeps as JSON."""

from __future__ import annotations

import json

from d1migrate.errors import PlanError
from d1migrate.migrate.jobs.job import END_BY_HAND
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import HELPER, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


MOST_AT_CUT_OVER = 1000
"""The most rows that the batch of the swap may copy again."""


class Unique(NamedTuple):
    """A unique key of the old table other than the job's key: OR REPLACE may delete a row because of it.

    Attributes:
        terms: (SQL over the columns, whether it is a column, its COLLATE or "") of each.
        where: the condition of a partial index, or "".
        columns: the columns whose change may matter; empty for any.
        reads: the columns that its expressions read.
    """

    terms: tuple[tuple[str, bool, str], ...]
    where: str = ""
    columns: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


class NewIndex(NamedTuple):
    """An index of the new table. Its name is taken until the swap, so the shadow has it under another name.

    Attributes:
        name: its name.
        create: its CREATE INDEX.
        temporary: the name on the shadow.
        on_shadow: the CREATE INDEX of that.
    """

    name: str
    create: str
    temporary: str
    on_shadow: str


class Parent(NamedTuple):
    """A foreign key of the new table.

    Attributes:
        columns: its columns.
        table: the parent; the table itself for a self-reference.
        to: the parent's columns.
        is_watched: whether triggers on the parent take the rows that reference a changed row out of the
            shadow. Without them, a write that the old table allows might be refused, or change the shadow
            alone: by a key that the old table lacks, by one to the table itself, if a row references itself,
            and by an action that a trigger of the table ignores.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]
    is_watched: bool = False
    uniques: tuple[Unique, ...] = ()


class Value(NamedTuple):
    """What a column of the new table is filled with.

    Attributes:
        column: the column, quoted, or a name of the rowid.
        sql: its value, over the columns of the hold table.
        compared: whether it is the same whenever it is computed.
        typed: whether its type stays what it was.
        checked: whether a value must survive the column's new type, as in the guarded rebuild.
        strict: the only type that a STRICT table accepts there; "" for any.
    """

    column: str
    sql: str
    compared: bool = True
    typed: bool = False
    checked: bool = False
    strict: str = ""


class OnlinePlan(NamedTuple):
    """An online rebuild.

    Attributes:
        table: the table.
        number: that of the helpers in the file, `1` of `_d1m_hold_1`.
        create: the CREATE TABLE of the shadow.
        key: the cursor's columns in the table: a name of the rowid, or the primary key.
        shadow_key: the same columns in the shadow.
        collations: their collations.
        held: what the hold table of the file selects from the table, as SQL.
        values: what the shadow's columns are filled with.
        uniques: other unique keys of the old table.
        indexes: the indexes of the new table.
        triggers: the CREATE TRIGGER statements of the new table.
        old_triggers: the names of the triggers of the old table.
        parents: the foreign keys of the new table.
        unindexed: those of them without an index, by number.
        children: other tables that reference the table, each with (name, CREATE INDEX) of the helpers that
            its keys need.
        links: how many foreign keys SQLite follows when the table is dropped.
        counter: whether AUTOINCREMENT counts on.
        keys: how many indexes the constraints of the new table create.
        definition: what the table was, and the foreign keys to it, as in `unchanged.definition_of`.
    """

    table: str
    number: str
    create: str
    key: tuple[str, ...]
    shadow_key: tuple[str, ...]
    collations: tuple[str, ...]
    held: str
    values: tuple[Value, ...]
    uniques: tuple[Unique, ...] = ()
    indexes: tuple[NewIndex, ...] = ()
    triggers: tuple[str, ...] = ()
    old_triggers: tuple[str, ...] = ()
    parents: tuple[Parent, ...] = ()
    unindexed: tuple[int, ...] = ()
    children: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    links: int = 0
    counter: bool = False
    keys: int = 0
    definition: tuple[str, ...] = ()

    @property
    def shadow(self) -> str:
        """The shadow: the hold table of the guarded form, so that only one of the two can run."""
        return f"{HELPER}hold_{self.number}"

    @property
    def log(self) -> str:
        """The change log: the keys of rows to copy again."""
        return f"{HELPER}log_{self.number}"

    @property
    def log_key(self) -> tuple[str, ...]:
        """The columns of the log."""
        return tuple(f"k{n}" for n in range(1, len(self.key) + 1))

    @property
    def backlog(self) -> str:
        """The SQL of how many keys the log has, counted up to a limit."""
        some = f"SELECT 1 FROM {quote_identifier(self.log)} LIMIT {MOST_AT_CUT_OVER + 1}"
        return f"(SELECT count(*) FROM ({some}))"

    @property
    def is_its_own_parent(self) -> bool:
        """Whether the new table references itself."""
        return any(parent.table == self.table for parent in self.parents)

    @property
    def entries(self) -> int:
        """How many entries a row of the shadow has, with that in the log."""
        return 2 + self.keys + len(self.indexes) + len(self.unindexed)

    def helper(self, number: int) -> str:
        """Return the quoted name of the index that the shadow's foreign key of that number needs."""
        return quote_identifier(f"{HELPER}index_{self.number}_own_{number}")

    def sync(self, tag: str) -> str:
        """Return the quoted name of a sync trigger."""
        return quote_identifier(f"{HELPER}sync_{self.number}_{tag}")

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(self, separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> OnlinePlan:
        """Return what `dumps` wrote.

        Raises:
            PlanError: it is not such a text: another version of d1migrate wrote it, or it was edited.
        """
        try:
            fields = dict(zip(cls._fields, json.loads(text), strict=True))
            kinds = {"values": Value, "uniques": Unique, "indexes": NewIndex, "parents": Parent}
            for name, kind in kinds.items():
                fields[name] = tuple(kind(*map(_tuples, each)) for each in fields[name])
            fields["parents"] = tuple(
                parent._replace(uniques=tuple(Unique(*unique) for unique in parent.uniques))
                for parent in fields["parents"]
            )
        except (ValueError, TypeError) as error:
            raise PlanError(
                "the plan of the open job cannot be read; another version of d1migrate may have written it",
                hint=f"run that version; or {END_BY_HAND}",
            ) from error
        return cls(**{name: _tuples(value) for name, value in fields.items()})


def _tuples(value: Any) -> Any:
    """Return a value of JSON with tuples instead of lists."""
    return tuple(_each(value)) if isinstance(value, list) else value


def _each(values: list[Any]) -> Iterator[Any]:
    return map(_tuples, values)
