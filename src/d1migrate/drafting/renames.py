"""Renames: declared by flags and notes, never guessed. Errors list what may be one."""

from __future__ import annotations

import re

from d1migrate.errors import PlanError, UsageError
from d1migrate.hints import did_you_mean, flags
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest
from d1migrate.schema.alter import StatementGroup
from d1migrate.sql.affinity import is_same_type
from d1migrate.sql.names import HELPER, fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.drafting.scratch_schema import ScratchSchema
    from d1migrate.schema.changes import Diff
    from d1migrate.schema.model import Column, Schema, Table


class Rename(NamedTuple):
    """A new name for a table (column is None) or a column; `table` is the table's name before it."""

    table: str
    column: str | None
    to: str

    @property
    def sql(self) -> str:
        """The ALTER TABLE statement, without a `;`."""
        table, to = quote_identifier(self.table), quote_identifier(self.to)
        if self.column is None:
            return f"ALTER TABLE {table} RENAME TO {to}"
        return f"ALTER TABLE {table} RENAME COLUMN {quote_identifier(self.column)} TO {to}"

    @property
    def reversed(self) -> Rename:
        """The rename that undoes it, if it was the last one."""
        if self.column is None:
            return Rename(self.to, None, self.table)
        return Rename(self.table, self.to, self.column)

    @property
    def old(self) -> str:
        """The name before the rename."""
        return self.table if self.column is None else self.column

    def named(self, *, old: str | None = None, to: str | None = None) -> Rename:
        """Return the rename with another old or new name."""
        to = self.to if to is None else to
        if self.column is None:
            return Rename(self.table if old is None else old, None, to)
        return Rename(self.table, self.column if old is None else old, to)

    @property
    def flag(self) -> str:
        """The rename as the value of a flag: `users.name=full_name`."""
        return f"{self.table}{'' if self.column is None else '.' + self.column}={self.to}"

    @classmethod
    def of(cls, text: str) -> Rename:
        """Parse `old=new` or `table.old=new`, the value of a flag.

        Raises:
            UsageError: it is neither.
        """
        old, equals, new = text.partition("=")
        table, dot, column = old.partition(".")
        if not (equals and table and new) or (dot and not column):
            raise UsageError(
                f"{text!r} is not a rename",
                hint="for example: --rename users.name=full_name, or --rename users=people",
            )
        return cls(table, column if dot else None, new)


_BLOCKED = re.compile(
    r"error in (?:view|trigger) (?P<broken>.+?)(?: after rename)?: "
    r"|there is already another table or index with this name: (?P<taken>.+?): SQLITE_ERROR"
)


def rename_groups(scratch: ScratchSchema, rename: Rename) -> Iterator[StatementGroup]:
    """Run a rename on an engine; yield its statements, after those that drop the objects which block it.

    SQLite refuses a rename that would break a view or trigger, and one to a name that an index or view has.

    Raises:
        PlanError: D1 refuses the rename without these objects, too.
    """
    dropped = list[str]()
    while (refusal := scratch.refusal(rename.sql)) is not None:
        match = _BLOCKED.match(refusal)
        name = fold(match["broken"] or match["taken"]) if match else ""
        found = [
            f"DROP {kind.upper()} {quote_identifier(own)}"
            for kind, own, _ in digest.objects(scratch.schema())
            if fold(own) == name and kind != "table"
        ]
        if not found:
            raise PlanError(f"{refusal}\n    in: {rename.sql}")
        scratch.run(found[0])
        dropped += found[:1]
    if dropped:
        yield StatementGroup("Drop what blocks the rename", tuple(dropped))
    yield StatementGroup("", (rename.sql,))


def pending_renames(renames: Sequence[Rename], current: Schema, desired: Schema) -> list[Rename]:
    """Return the renames that are not done yet: tables first, then columns.

    A rename is done if the old name does not exist and the new one does. A column's table may be given by its
    old or its new name. A chain is renamed from its end; a circle uses a temporary name.

    Raises:
        UsageError: neither name exists, or both do, or two renames share an old or a new name.
    """
    before = {fold(table.name): table for table in current.tables}
    after = {fold(table.name): table for table in desired.tables}
    renames = list(dict.fromkeys(renames))
    found = _ordered([r for r in renames if r.column is None], before.keys(), after.keys())
    moved: dict[str, str] = {}
    for rename in found:
        moved[fold(rename.to)] = moved.pop(fold(rename.table), fold(rename.table))
    columns: dict[str, list[Rename]] = {}
    for rename in (r for r in renames if r.column is not None):
        name = fold(rename.table)
        name = name if name in after else next((new for new, old in moved.items() if old == name), name)
        if name not in after:
            known = [table.name for table in desired.tables]
            raise UsageError(
                f"cannot rename a column of {rename.table}: no such table",
                hint=did_you_mean(rename.table, known),
            )
        columns.setdefault(name, []).append(rename._replace(table=after[name].name))
    for name, inside in columns.items():
        table = before.get(moved.get(name, name))
        if table is not None:
            found += _ordered(list(dict.fromkeys(inside)), _names(table), _names(after[name]))
    return found


def _ordered(renames: Sequence[Rename], existing: Collection[str], wanted: Collection[str]) -> list[Rename]:
    """Return the renames that are not done yet, in an order in which each new name is free."""
    by_old = {fold(rename.old): rename for rename in renames}
    targets = {fold(rename.to) for rename in renames}
    if len(by_old) < len(renames) or len(targets) < len(renames):
        flags = ", ".join(rename.flag for rename in renames)
        raise UsageError(f"two renames share an old or a new name: {flags}")
    found: list[Rename] = []
    for first in [rename for name, rename in by_old.items() if name not in targets]:
        chain = _chain(first, by_old)
        if _is_pending(chain, existing, wanted):
            found += reversed(chain)
    while by_old:
        chain = _chain(next(iter(by_old.values())), by_old)
        for rename in chain:
            if len(chain) == 1:
                raise _misfit(rename, "that is its name")
            if fold(rename.old) not in existing:
                raise _misfit(rename, "it does not exist")
            if fold(rename.old) not in wanted:
                raise _misfit(rename, f"the desired schema has no {rename.old}, which another rename needs")
        found += [chain[0].named(to=_TEMPORARY), *reversed(chain[1:]), chain[0].named(old=_TEMPORARY)]
    return found


_TEMPORARY = f"{HELPER}renamed"


def _chain(first: Rename, by_old: dict[str, Rename]) -> list[Rename]:
    """Remove a rename from a dict, and the renames that follow it: each renames the new name of the last."""
    chain = [by_old.pop(fold(first.old))]
    while (name := fold(chain[-1].to)) in by_old:
        chain.append(by_old.pop(name))
    return chain


def rename_flags(renames: Sequence[Rename]) -> str:
    """Return the flags that declare renames; with `or` between them if two share an old or a new name."""
    place = [fold(rename.table) if rename.column is not None else None for rename in renames]
    before = set(zip(place, (fold(rename.old) for rename in renames), strict=True))
    after = set(zip(place, (fold(rename.to) for rename in renames), strict=True))
    is_choice = min(len(before), len(after)) < len(renames)
    return flags("--rename", (rename.flag for rename in renames), " or " if is_choice else " ")


def circles(renames: Sequence[Rename]) -> list[Rename]:
    """Return the renames that swap names, or rotate them."""
    by_place = {(fold(r.table) if r.column is not None else "", fold(r.old)): r for r in renames}
    places = {(place, fold(rename.to)) for (place, _), rename in by_place.items()}
    while ends := [key for key in by_place if key not in places]:
        for key in ends:
            del by_place[key]
        places = {(place, fold(rename.to)) for (place, _), rename in by_place.items()}
    return list(by_place.values())


def _is_pending(chain: Sequence[Rename], existing: Collection[str], wanted: Collection[str]) -> bool:
    """Whether a chain is not done yet: its first name exists, and its last one does not."""
    first, last = chain[0], chain[-1]
    for rename in chain:
        if fold(rename.to) not in wanted:
            raise _misfit(
                rename, f"the desired schema has no {rename.to}", hint=did_you_mean(rename.to, wanted)
            )
        if fold(first.old) in wanted:
            raise _misfit(rename, f"the desired schema still has {first.old}")
    if fold(first.old) in existing and fold(last.to) in existing:
        raise _misfit(first if len(chain) == 1 else last, "both exist")
    if first.column is not None and fold(first.old) not in existing and fold(last.to) not in existing:
        raise _misfit(first, "neither exists", hint=did_you_mean(first.old, existing))
    return fold(first.old) in existing


def _misfit(rename: Rename, why: str, *, hint: str | None = None) -> UsageError:
    what = rename.table if rename.column is None else f"{rename.table}.{rename.column}"
    return UsageError(f"{what} cannot be renamed to {rename.to}: {why}", hint=hint)


def candidates(found: Diff, current: Schema, desired: Schema) -> list[Rename]:
    """Return possible renames: a dropped and an added column of like types, or tables that look alike."""
    before = {fold(table.name): table for table in current.tables}
    after = {fold(table.name): table for table in desired.tables}
    created = [table for name, table in after.items() if name not in before]
    pairs: list[Rename] = []
    for name, column in found.lost:
        old = before[fold(name)]
        if column is None:
            pairs += [Rename(name, None, new.name) for new in created if look_alike(old, new)]
            continue
        kind = next(c.type for c in old.columns if fold(c.name) == fold(column))
        pairs += [
            Rename(name, column, c.name)
            for c in after[fold(name)].columns
            if fold(c.name) not in _names(old) and is_same_type(c.type, kind)
        ]
    return pairs


def look_alike(old: Table, new: Table) -> bool:
    """Whether a table may be another one under a new name, also with a renamed column and new columns.

    All columns but one are there, and a new one has the type of that. Of two columns both must be the same,
    as most tables have an id and a name; but a table between two others may call a parent's key differently.
    """
    gone = [column for column in old.columns if fold(column.name) not in _names(new)]
    added = [column for column in new.columns if fold(column.name) not in _names(old)]
    if len(old.columns) > 2:
        return not gone or (len(gone) == 1 and any(is_same_type(gone[0].type, c.type) for c in added))
    if len(gone) == len(added) == 1:
        return _parents(old, gone[0]) == _parents(new, added[0]) != set()
    return not gone and not added


def _parents(table: Table, column: Column) -> set[str]:
    return {fold(key.table) for key in table.foreign_keys if fold(column.name) in map(fold, key.columns)}


def _names(table: Table) -> set[str]:
    return {fold(column.name) for column in table.columns}
