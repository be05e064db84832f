"""Renames: told by flags and notes, never guessed; what might be one is said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.scratch_schema import must
from d1migrate.errors import UsageError
from d1migrate.schema import digest
from d1migrate.schema.alter import StatementGroup
from d1migrate.sql.names import HELPER, fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from d1migrate.drafting.scratch_schema import ScratchSchema
    from d1migrate.schema.changes import Diff
    from d1migrate.schema.model import Schema, Table


class Rename(NamedTuple):
    """A table (column None) or a column gets a new name; `table` is the table's name before it."""

    table: str
    column: str | None
    to: str

    @property
    def sql(self) -> str:
        """The ALTER TABLE that does it, without a `;`."""
        table, to = quote_identifier(self.table), quote_identifier(self.to)
        if self.column is None:
            return f"ALTER TABLE {table} RENAME TO {to}"
        return f"ALTER TABLE {table} RENAME COLUMN {quote_identifier(self.column)} TO {to}"

    @property
    def back(self) -> Rename:
        """The rename that undoes it, where it is the last one done."""
        if self.column is None:
            return Rename(self.to, None, self.table)
        return Rename(self.table, self.to, self.column)

    @property
    def old(self) -> str:
        """The name before it."""
        return self.table if self.column is None else self.column

    def named(self, *, old: str | None = None, to: str | None = None) -> Rename:
        """Return the rename of another name, or to another one."""
        to = self.to if to is None else to
        if self.column is None:
            return Rename(self.table if old is None else old, None, to)
        return Rename(self.table, self.column if old is None else old, to)

    @property
    def flag(self) -> str:
        """The rename as a flag has it: `users.name=full_name`."""
        return f"{self.table}{'' if self.column is None else '.' + self.column}={self.to}"

    @classmethod
    def of(cls, text: str) -> Rename:
        """Read `old=new` or `table.old=new`, as a flag has it.

        Raises:
            UsageError: it is neither.
        """
        old, equals, new = text.partition("=")
        table, dot, column = old.partition(".")
        if not (equals and table and new) or (dot and not column):
            raise UsageError(
                f"{text!r} tells of no rename", hint="--rename users.name=full_name, or --rename users=people"
            )
        return cls(table, column if dot else None, new)


_IN_THE_WAY = re.compile(
    r"error in (?:view|trigger) (?P<broken>.+?)(?: after rename)?: "
    r"|there is already another table or index with this name: (?P<taken>.+?): SQLITE_ERROR"
)


def rename_groups(bench: ScratchSchema, rename: Rename) -> Iterator[StatementGroup]:
    """Run a rename on an engine; yield its statements, and before them those that drop what is in its way.

    SQLite refuses a rename that would break a view or trigger, and one to a name that an index or view has.

    Raises:
        PlanError: D1 refuses the rename all the same.
    """
    dropped = list[str]()
    while (refusal := bench.run(rename.sql)) is not None:
        match = _IN_THE_WAY.match(refusal)
        name = fold(match["broken"] or match["taken"]) if match else ""
        found = [
            f"DROP {kind.upper()} {quote_identifier(own)}"
            for kind, own, _ in digest.objects(bench.schema())
            if fold(own) == name and kind != "table"
        ]
        if not found:
            must(refusal, rename.sql)
        must(bench.run(found[0]), found[0])
        dropped += found[:1]
    if dropped:
        yield StatementGroup("In the way of a rename", tuple(dropped))
    yield StatementGroup("", (rename.sql,))


def open_renames(renames: Sequence[Rename], current: Schema, desired: Schema) -> list[Rename]:
    """Return those that are still to be done: tables first, columns under their table's old or new name.

    One whose old name is gone and whose new name is there has been done before, and is left out.

    Chains are done from their end. A circle takes another name for a while.

    Raises:
        UsageError: neither name is there, or both are, or two renames are of or to one name.
    """
    now = {fold(table.name): table for table in current.tables}
    then = {fold(table.name): table for table in desired.tables}
    renames = list(dict.fromkeys(renames))
    found = _ordered([r for r in renames if r.column is None], now.keys(), then.keys())
    moved: dict[str, str] = {}
    for rename in found:
        moved[fold(rename.to)] = moved.pop(fold(rename.table), fold(rename.table))
    columns: dict[str, list[Rename]] = {}
    for rename in (r for r in renames if r.column is not None):
        name = fold(rename.table)
        name = name if name in then else next((new for new, old in moved.items() if old == name), name)
        if name not in then:
            raise UsageError(f"there is no table {rename.table} to rename a column of")
        columns.setdefault(name, []).append(rename._replace(table=then[name].name))
    for name, inside in columns.items():
        before = now.get(moved.get(name, name))
        if before is not None:
            found += _ordered(list(dict.fromkeys(inside)), _names(before), _names(then[name]))
    return found


def _ordered(renames: Sequence[Rename], there: Collection[str], wanted: Collection[str]) -> list[Rename]:
    """Return those that are still to be done, in an order in which each finds its name free."""
    by_old = {fold(rename.old): rename for rename in renames}
    targets = {fold(rename.to) for rename in renames}
    if len(by_old) < len(renames) or len(targets) < len(renames):
        flags = ", ".join(rename.flag for rename in renames)
        raise UsageError(f"two renames are of one name, or to one name: {flags}")
    found: list[Rename] = []
    for first in [rename for name, rename in by_old.items() if name not in targets]:
        chain = _chain(first, by_old)
        if _is_open(chain, there, wanted):
            found += reversed(chain)
    while by_old:
        chain = _chain(next(iter(by_old.values())), by_old)
        for rename in chain:
            if fold(rename.old) not in there or fold(rename.old) not in wanted or len(chain) == 1:
                raise _misfit(rename, "that is not what the desired schema has")
        found += [chain[0].named(to=_MEANWHILE), *reversed(chain[1:]), chain[0].named(old=_MEANWHILE)]
    return found


_MEANWHILE = f"{HELPER}renamed"


def _chain(first: Rename, by_old: dict[str, Rename]) -> list[Rename]:
    """Take a rename out of a dict, and those that follow: each is of the name that the one before is to."""
    chain = [by_old.pop(fold(first.old))]
    while (name := fold(chain[-1].to)) in by_old:
        chain.append(by_old.pop(name))
    return chain


def circles(renames: Sequence[Rename]) -> list[Rename]:
    """Return the renames that swap names, or pass them round."""
    by_place = {(fold(r.table) if r.column is not None else "", fold(r.old)): r for r in renames}
    places = {(place, fold(rename.to)) for (place, _), rename in by_place.items()}
    while ends := [key for key in by_place if key not in places]:
        for key in ends:
            del by_place[key]
        places = {(place, fold(rename.to)) for (place, _), rename in by_place.items()}
    return list(by_place.values())


def _is_open(chain: Sequence[Rename], there: Collection[str], wanted: Collection[str]) -> bool:
    """Whether a chain is still to be done: its first name is there, and its last one is not."""
    first, last = chain[0], chain[-1]
    for rename in chain:
        if fold(rename.to) not in wanted or fold(first.old) in wanted:
            raise _misfit(rename, "that is not what the desired schema has")
    if fold(first.old) in there and fold(last.to) in there:
        raise _misfit(first if len(chain) == 1 else last, "both are there")
    if first.column is not None and fold(first.old) not in there and fold(last.to) not in there:
        raise _misfit(first, "neither is there")
    return fold(first.old) in there


def _misfit(rename: Rename, why: str) -> UsageError:
    what = rename.table if rename.column is None else f"{rename.table}.{rename.column}"
    return UsageError(f"{what} cannot be renamed to {rename.to}: {why}")


def candidates(found: Diff, current: Schema, desired: Schema) -> list[Rename]:
    """Return what might be renames: a column that goes and one of the same type that comes, in one table."""
    now = {fold(table.name): table for table in current.tables}
    then = {fold(table.name): table for table in desired.tables}
    made = [table for name, table in then.items() if name not in now]
    pairs: list[Rename] = []
    for name, column in found.lost:
        old = now[fold(name)]
        if column is None:
            pairs += [Rename(name, None, new.name) for new in made if _names(new) == _names(old)]
            continue
        kind = next(c.type for c in old.columns if fold(c.name) == fold(column))
        pairs += [
            Rename(name, column, c.name)
            for c in then[fold(name)].columns
            if fold(c.name) not in _names(old) and c.type.upper() == kind.upper()
        ]
    return pairs


def _names(table: Table) -> set[str]:
    return {fold(column.name) for column in table.columns}
