"""Renames: told by flags and notes, never guessed; what might be one is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.errors import UsageError
from d1migrate.sql.names import fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def open_renames(renames: Sequence[Rename], current: Schema, desired: Schema) -> list[Rename]:
    """Return those that are still to be done: tables first, columns under their table's old or new name.

    One whose old name is gone and whose new name is there has been done before, and is left out.

    Raises:
        UsageError: neither name is there, or both are.
    """
    now = {fold(table.name): table for table in current.tables}
    then = {fold(table.name): table for table in desired.tables}
    found: list[Rename] = []
    moved: dict[str, str] = {}
    for rename in (r for r in renames if r.column is None):
        if _is_open(fold(rename.table), fold(rename.to), set(now), set(then), rename):
            found.append(rename)
            moved[fold(rename.to)] = fold(rename.table)
    for rename in (r for r in renames if r.column is not None):
        table = fold(rename.table)
        table = next((new for new, old in moved.items() if old == table), table)
        before, after = now.get(moved.get(table, table)), then.get(table)
        if after is None:
            raise UsageError(f"there is no table {rename.table} to rename a column of")
        if before is not None and _is_open(
            fold(rename.column or ""), fold(rename.to), _names(before), _names(after), rename
        ):
            found.append(Rename(after.name, rename.column, rename.to))
    return found


def _is_open(old: str, new: str, there: set[str], wanted: set[str], rename: Rename) -> bool:
    what = rename.table if rename.column is None else f"{rename.table}.{rename.column}"
    if new not in wanted or old in wanted:
        raise UsageError(f"{what} cannot be renamed to {rename.to}: that is not what the desired schema has")
    if old in there and new in there:
        raise UsageError(f"{what} cannot be renamed to {rename.to}: both are there")
    return old in there


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
