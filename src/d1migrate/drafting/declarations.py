"""What flags declare about a draft: renames, values for existing rows, permitted drops.

Each must have an effect. One that names what does not exist, or what the draft does not rename, fill or drop,
is an error: it was mistyped, or the schemas are not what the user thinks.
"""

from __future__ import annotations

from d1migrate.drafting.backfill import backfill_of
from d1migrate.drafting.renames import Rename, look_alike
from d1migrate.errors import UsageError
from d1migrate.hints import did_you_mean, no_such_table
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema import digest
from d1migrate.schema.changes import AddColumn, Create, Diff, RebuildTable, RebuildVirtual
from d1migrate.sql.names import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.drafting.desired import Desired
    from d1migrate.schema.changes import Change
    from d1migrate.schema.model import Schema, Table

ALL = "all"
"""What permits every drop."""


def no_such_column(
    table: str, column: str, known: Iterable[str], *, flag: str = "", otherwise: str | None = None
) -> UsageError:
    """Return the error for a column that a table does not have, with the nearest one, or another hint."""
    names = list(known)
    hint = did_you_mean(column, names, otherwise=otherwise or f"columns: {', '.join(names)}")
    return UsageError(f"{flag and f'{flag}: '}{table} has no column {column}", hint=hint)


class Declarations(NamedTuple):
    """What the flags of a draft declare.

    Attributes:
        renames: tables and columns with a new name.
        backfill: {(table, column): SQL} for existing rows; folded names of the desired schema.
        allow_drop: `table` or `table.column` that may be dropped, or ALL. It names no table outside models.
        keep: tables outside the models that stay, though a new table looks like them.
    """

    renames: tuple[Rename, ...] = ()
    backfill: Mapping[tuple[str, str], str] = {}
    allow_drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        renames: Iterable[str],
        backfill: Iterable[str],
        allow_drop: Iterable[str],
        keep: Iterable[str] = (),
    ) -> Declarations:
        """Parse the values of flags.

        Raises:
            UsageError: a value cannot be parsed, or a column has two of them.
        """
        values: dict[tuple[str, str], str] = {}
        for (table, column), sql in map(backfill_of, backfill):
            if (table, column) in values:
                raise UsageError(f"two --backfill are for {table}.{column}", hint="keep one of them")
            values[table, column] = sql
        return cls(tuple(map(Rename.of, renames)), values, tuple(allow_drop), tuple(keep))

    def refuse_unknown(self, current: Schema, desired: Desired) -> None:
        """Check that everything that is named exists, in one of the schemas.

        Raises:
            UsageError: something does not; the hint has the nearest name.
        """
        names = _Names(current, desired, self.renames)
        for rename in self.renames:
            if not names.is_done(rename):
                names.check(f"--rename {rename.flag}", rename.table, rename.column)
        for table, column in self.backfill:
            names.check(f"--backfill {table}.{column}", table, column)
        for name in self.allow_drop:
            names.check_drop(name)
        for name in self.keep:
            names.check_kept(name)

    def refuse_useless(self, changes: Sequence[Change], current: Schema, desired: Desired) -> None:
        """Check that every declaration has an effect on a draft.

        Args:
            changes: what the draft does, besides renames.
            current: the present schema.
            desired: the desired schema.

        Raises:
            UsageError: one has no effect.
        """
        names = _Names(current, desired, self.renames)
        for rename in self.renames:
            if names.is_done(rename):
                raise _useless(f"--rename {rename.flag}", f"{rename.to} exists, and {rename.old} does not")
        filled = set(_filled(changes))
        for table, column in self.backfill:
            if (table, column) not in filled:
                why = f"the migration does not write {column} of existing rows"
                raise _useless(f"--backfill {table}.{column}", why)
        dropped = {name for table, column in _dropped(changes) for name in drop_names(table, column)}
        for name in self.allow_drop:
            if fold(name) not in (ALL, *dropped):
                raise _useless(f"--allow-drop {name}", "the migration does not drop it")
        tables = {fold(table.name): table for table in desired.schema.tables}
        created = [
            tables[fold(one.name)] for one in changes if isinstance(one, Create) and one.kind == "table"
        ]
        for name in self.keep:
            kept = tables.get(fold(name))
            if kept is None or not any(look_alike(kept, table) for table in created):
                raise _useless(f"--keep {name}", "no new table looks like it")


def drop_names(table: str, column: str | None) -> set[str]:
    """Return the folded names that permit dropping a table, or a column of it."""
    return {fold(table)} if column is None else {fold(table), fold(f"{table}.{column}")}


def _useless(flag: str, why: str) -> UsageError:
    return UsageError(f"{flag} has no effect: {why}", hint="leave the flag out, or correct the name")


def _filled(changes: Iterable[Change]) -> Iterator[tuple[str, str]]:
    """Yield (table, column), folded, of the columns that changes write in existing rows."""
    for change in changes:
        if isinstance(change, AddColumn) and change.value is not None:
            yield fold(change.table), fold(change.column)
        elif isinstance(change, RebuildTable | RebuildVirtual):
            yield from ((fold(change.new.name), fold(column)) for column, _ in change.values)


def _dropped(changes: Sequence[Change]) -> Iterator[tuple[str, str | None]]:
    """Yield what changes drop, as `Diff.lost`, and the generated columns too."""
    yield from Diff(tuple(changes)).lost
    for change in changes:
        if isinstance(change, RebuildTable):
            kept = _columns(change.new)
            yield from ((change.old.name, c.name) for c in change.old.columns if fold(c.name) not in kept)


def _columns(table: Table | None) -> dict[str, str]:
    return {fold(column.name): column.name for column in table.columns} if table else {}


class _Names:
    """The tables and columns of two schemas; a renamed table has its columns under both names."""

    def __init__(self, current: Schema, desired: Desired, renames: Iterable[Rename]) -> None:
        self._current, self._has_models = current, desired.models is not None
        self._before = {fold(table.name): table for table in current.tables}
        self._after = {fold(table.name): table for table in desired.schema.tables}
        self._old = {fold(r.to): fold(r.table) for r in (*desired.renames, *renames) if r.column is None}

    def is_done(self, rename: Rename) -> bool:
        """Whether the new name exists in the current schema already, and the old one does not."""
        existing = self._before if rename.column is None else self._columns_before(rename.table)
        return fold(rename.old) not in existing and fold(rename.to) in existing

    def check(self, flag: str, table: str, column: str | None) -> None:
        """Raise UsageError for a table or a column that neither schema has."""
        tables = {name: table.name for name, table in (*self._before.items(), *self._after.items())}
        name = fold(table)
        if name not in tables:
            raise no_such_table(table, tables.values(), flag=flag)
        known = self._columns_before(table) | _columns(self._after.get(name))
        if column is not None and fold(column) not in known:
            raise no_such_column(tables[name], column, known.values(), flag=flag)

    def check_drop(self, name: str) -> None:
        """Raise UsageError for what a drop cannot name."""
        known = {ALL}
        for table in (*self._before.values(), *self._after.values()):
            known |= drop_names(table.name, None)
            known |= {own for c in table.columns for own in drop_names(table.name, c.name)}
        if fold(name) in known:
            return
        for kind, own, _ in digest.objects(self._current):
            if kind != "table" and fold(own) == fold(name):
                if self._has_models and kind != "index":
                    raise UsageError(
                        f"--allow-drop {name}: {kind} {own} is outside the models, and stays",
                        hint="drop it in a migration of its own: `d1migrate new`",
                    )
                raise UsageError(
                    f"--allow-drop {name}: dropping a {kind} needs no permission", hint="leave the flag out"
                )
        whole, dot, column = name.partition(".")
        self.check(f"--allow-drop {name}", whole, column if dot else None)

    def check_kept(self, name: str) -> None:
        """Raise UsageError for a table that is not outside the models."""
        self.check(f"--keep {name}", name, None)
        if fold(name) in self._after:
            raise _useless(f"--keep {name}", "it is a table of the models")

    def _columns_before(self, table: str) -> dict[str, str]:
        """Return the current columns of a table, which may have its new name."""
        name = fold(table)
        return _columns(self._before.get(name)) | _columns(self._before.get(self._old.get(name, name)))
