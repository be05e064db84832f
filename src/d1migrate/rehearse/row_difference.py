"""Two states of a database, row by row: what was lost, changed and gained in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - of a NamedTuple's fields
from typing import TYPE_CHECKING, Any, NamedTuple

from d1migrate.schema.keys import is_partial, is_without_rowid, rowid_alias
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import ROWIDS, fold, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import apsw

    from d1migrate.schema.model import ForeignKey, Index, Table

SAMPLE = 100
"""How many lost rows are named."""

Pair = tuple[str, str]
Key = tuple[Any, ...]


class RowDifference(NamedTuple):
    """What became of the rows of a table.

    Attributes:
        before, after: how many there were and are.
        lost, gained: rows that are there no more, or were not.
        changed: {column: rows in which it holds another value}.
        keys: of the lost rows, the first ones: their primary keys, or all of the row where there is none.
    """

    before: int
    after: int
    lost: int = 0
    gained: int = 0
    changed: Mapping[str, int] = {}
    keys: Sequence[Key] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether every row is there as it was, and no other."""
        return not (self.lost or self.gained or self.changed)


class Match(NamedTuple):
    """How the rows of a table are found again in what became of it.

    Attributes:
        old, new: the table as it was in the database attached as `was`, and as it is in `main`.
        key: (SQL of a column before, of the same after) that tell one row from another, or all that is to be
            compared where nothing does.
        columns: the columns of the key by their names before; none where it is the rowid.
        unique: whether the key does that; else a row may be there several times.
        pairs: (column before, the same after) of all that are there still.
    """

    old: Table
    new: Table
    key: Sequence[Pair]
    columns: Sequence[str]
    unique: bool
    pairs: Sequence[Pair]

    @property
    def is_retyped(self) -> bool:
        """Whether a column has another affinity than before, which may suit some of its values only."""
        old, new = ({column.name: column.type for column in t.columns} for t in (self.old, self.new))
        return any(affinity(old[a]) != affinity(new[b]) for a, b in self.pairs)

    @property
    def was(self) -> str:
        """The old table's name in SQL."""
        return f"was.{quote_identifier(self.old.name)}"

    @property
    def now(self) -> str:
        """The new table's name in SQL."""
        return f"main.{quote_identifier(self.new.name)}"


def match(
    connection: apsw.Connection,
    old: Table,
    new: Table,
    renamed: Mapping[str, str],
    *,
    same: bool,
    refilled: bool,
    others: Collection[str],
) -> Match:
    """Return how to find the rows of a table again: by a key, by rowid, or by what they hold.

    Args:
        connection: to both.
        old: the table as it was.
        new: as it is, under whatever name.
        renamed: {column as it was: as it is}, folded, for those that have another name.
        same: whether it is the same table still, and no copy of it.
        refilled: whether rows may be gone and there again, under other rowids.
        others: the columns, folded, whose values are to be others.
    """
    there = {fold(column.name): column.name for column in new.columns if not column.generated}
    pairs = [
        (name, there[to]) for name in stored(old) if (to := renamed.get(fold(name), fold(name))) in there
    ]
    keeps_rowids = same and not refilled and not is_without_rowid(old)
    keys = [[*old.primary_key]]
    if not keeps_rowids:
        keys += [[str(c) for c in i.columns] for i in old.indexes if i.unique and not _picks(i)]
    has_rowids = keeps_rowids and not rowid_alias(old)
    for place, names in enumerate(keys):
        key = [pair for pair in pairs if pair[0] in names]
        is_kept = (same and place == 0 and not has_rowids) or not {fold(name) for name in names} & set(others)
        is_whole = len(key) == len(names) > 0
        if is_whole and is_kept and _is_alike(old, new, key) and not _has_null(connection, old, names):
            quoted = [(quote_identifier(a), quote_identifier(b)) for a, b in key]
            return Match(old, new, quoted, [a for a, _ in key], unique=True, pairs=pairs)
    if keeps_rowids:
        taken = [{fold(column.name) for column in table.columns} for table in (old, new)]
        rowids = [next((name for name in ROWIDS if name not in names), "") for names in taken]
        if all(rowids):
            return Match(old, new, [(rowids[0], rowids[1])], (), unique=True, pairs=pairs)
    types = {fold(c.name): c.type.upper() for c in new.columns}
    before = {c.name: c.type.upper() for c in old.columns}
    rest = [(a, b, before[a] != types[fold(b)]) for a, b in pairs if fold(a) not in others]
    content = [(held(a, retyped=retyped), held(b, retyped=retyped)) for a, b, retyped in rest]
    return Match(old, new, content, [a for a, _, _ in rest], unique=False, pairs=pairs)


def _is_alike(old: Table, new: Table, pairs: Iterable[Pair]) -> bool:
    """Whether columns compare as before: rows are looked up by an index then, not one by one."""
    sides = []
    for table in (old, new):
        described = parse_table(table.sql)
        collations = (
            {fold(c.name): fold(c.collation or "binary") for c in described.columns} if described else {}
        )
        sides.append(
            {c.name: (affinity(c.type), collations.get(fold(c.name), "binary")) for c in table.columns}
        )
    return all(sides[0][a] == sides[1][b] for a, b in pairs)


def _picks(index: Index) -> bool:
    """Whether an index is over expressions, or some rows only."""
    return None in index.columns or is_partial(index)


def gone(connection: apsw.Connection, old: Table) -> RowDifference:
    """Return the difference where a table is not there any more."""
    was = f"was.{quote_identifier(old.name)}"
    before = _value(connection, f"SELECT count(*) FROM {was}")
    columns = ", ".join(map(quote_identifier, old.primary_key or stored(old)))
    keys = connection.execute(f"SELECT {columns} FROM {was} LIMIT {SAMPLE}")
    return RowDifference(before, 0, before, keys=tuple(keys))


def difference(connection: apsw.Connection, how: Match) -> RowDifference:
    """Compare a table of the database attached as `was` with what became of it in `main`."""
    was, now = (_value(connection, f"SELECT count(*) FROM {table}") for table in (how.was, how.now))
    if not how.key:
        return RowDifference(was, now, max(0, was - now), max(0, now - was))
    if not how.unique:
        lost = list(lost_rows(connection, how))
        return RowDifference(was, now, len(lost), max(0, now - was + len(lost)), {}, tuple(lost[:SAMPLE]))
    same = _same(how)
    gained = f"FROM {how.now} n WHERE NOT EXISTS (SELECT 1 FROM {how.was} o WHERE {same})"
    changed: dict[str, int] = {}
    if how.pairs:
        sums = ", ".join(f"coalesce(sum({_differs(a, b)}), 0)" for a, b in how.pairs)
        row = next(iter(connection.execute(f"SELECT {sums} FROM {how.was} o JOIN {how.now} n ON {same}")))
        changed = {a: count for (a, _), count in zip(how.pairs, row, strict=True) if count}
    lost_count = _value(connection, f"SELECT count(*) {_missing(how)}")
    columns = ", ".join(f"o.{quote_identifier(name)}" for name in how.columns or stored(how.old))
    keys = tuple(connection.execute(f"SELECT {columns} {_missing(how)} LIMIT {SAMPLE}"))
    return RowDifference(was, now, lost_count, _value(connection, f"SELECT count(*) {gained}"), changed, keys)


def lost_rows(connection: apsw.Connection, how: Match) -> Iterator[Key]:
    """Yield the key of every lost row; all of the row where there is none, as often as it is missing."""
    if how.unique:
        yield from connection.execute(f"SELECT {', '.join(f'o.{a}' for a, _ in how.key)} {_missing(how)}")
        return
    names = [f"c{i}" for i in range(len(how.key))]
    sides = (
        f"SELECT {', '.join(f'{pair[side]} AS {name}' for pair, name in zip(how.key, names, strict=True))},"
        f" {(1, -1)[side]} AS n FROM {table}"
        for side, table in enumerate((how.was, how.now))
    )
    alike = ", ".join(f"{name} COLLATE BINARY" for name in names)
    query = f"SELECT {', '.join(names)}, sum(n) FROM ({' UNION ALL '.join(sides)})"
    for *row, count in connection.execute(f"{query} GROUP BY {alike} HAVING sum(n) > 0"):
        for _ in range(count):
            yield tuple(row)


def changed_rows(connection: apsw.Connection, how: Match, column: str) -> Iterator[Key]:
    """Yield the key of every row that holds another value in a column."""
    differs = next(_differs(a, b) for a, b in how.pairs if a == column)
    columns = ", ".join(f"o.{a}" for a, _ in how.key)
    yield from connection.execute(
        f"SELECT {columns} FROM {how.was} o JOIN {how.now} n ON {_same(how)} WHERE {differs}"
    )


def shown(connection: apsw.Connection, how: Match, keys: Sequence[Key]) -> Iterator[Key]:
    """Yield what some lost rows are to be called: their keys, or all of a row that is known by its rowid."""
    if how.columns or not how.key:
        yield from keys[:SAMPLE]
        return
    columns = ", ".join(map(quote_identifier, stored(how.old)))
    for (rowid,) in keys[:SAMPLE]:
        yield from connection.execute(f"SELECT {columns} FROM {how.was} WHERE {how.key[0][0]} = ?", (rowid,))


def values_in(connection: apsw.Connection, table: Table, columns: Sequence[str]) -> dict[str, int]:
    """Return {column: rows with a value in it} of the table as it was."""
    counts = (
        (column, f"SELECT count({quote_identifier(column)}) FROM was.{quote_identifier(table.name)}")
        for column in columns
    )
    return {column: _value(connection, query) for column, query in counts}


def has_links(connection: apsw.Connection, table: Table, key: ForeignKey) -> bool:
    """Whether any row of a table has a link by a foreign key, and not just to itself."""
    tests = [f"{quote_identifier(column)} IS NOT NULL" for column in key.columns]
    if fold(key.table) == fold(table.name):
        to = [name or own for name, own in zip(key.to, table.primary_key or key.columns, strict=False)]
        pairs = zip(key.columns, to, strict=False)
        same = " AND ".join(f"{quote_identifier(a)} IS {quote_identifier(b)}" for a, b in pairs)
        tests.append(f"NOT ({same})")
    query = f"SELECT EXISTS (SELECT 1 FROM {quote_identifier(table.name)} WHERE {' AND '.join(tests)})"
    return bool(_value(connection, query))


def _same(how: Match) -> str:
    return " AND ".join(f"o.{a} IS n.{b}" for a, b in how.key)


def _missing(how: Match) -> str:
    return f"FROM {how.was} o WHERE NOT EXISTS (SELECT 1 FROM {how.now} n WHERE {_same(how)})"


def held(name: str, *, retyped: bool) -> str:
    """Return SQL for what a column holds, in a form that does not hang on its type where that is another."""
    held = f"+{quote_identifier(name)} COLLATE BINARY"
    if not retyped:
        return held
    whole = f"typeof({held}) = 'real' AND {held} = CAST({held} AS INTEGER)"
    return f"CAST(iif({whole}, CAST({held} AS INTEGER), {held}) AS TEXT)"


def _differs(a: str, b: str) -> str:
    """Return SQL for whether a value is another: not where a new type shows it in another form."""
    old, new = f"+o.{quote_identifier(a)}", f"+n.{quote_identifier(b)}"
    return (
        f"iif(typeof({old}) = typeof({new}), {old} COLLATE BINARY IS NOT {new},"
        f" ({_as(old, new)} IS {new} AND {_as(new, old)} IS {old}) IS NOT TRUE)"
    )


def _as(value: str, like: str) -> str:
    """Return SQL for a value in the type that another one has."""
    cases = " ".join(
        f"WHEN '{type_}' THEN CAST({value} AS {type_})" for type_ in ("integer", "real", "text", "blob")
    )
    return f"CASE typeof({like}) {cases} END"


def stored(table: Table) -> list[str]:
    """Return the columns that are not generated."""
    return [column.name for column in table.columns if not column.generated]


def _has_null(connection: apsw.Connection, table: Table, names: Sequence[str]) -> bool:
    """Whether a primary key holds NULL somewhere, as SQLite lets it; such rows cannot be told apart by it."""
    tests = " OR ".join(f"{quote_identifier(name)} IS NULL" for name in names)
    query = f"SELECT EXISTS (SELECT 1 FROM was.{quote_identifier(table.name)} WHERE {tests})"
    return bool(_value(connection, query))


def _value(connection: apsw.Connection, sql: str) -> int:
    return int(next(iter(connection.execute(sql)))[0])
