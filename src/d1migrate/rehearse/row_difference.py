"""Compare a table in two states of a database, row by row: what was lost, changed and gained.

The earlier state is attached as `earlier`; the later one is `main`.
"""

from __future__ import annotations

from typing import Any

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import is_partial, is_without_rowid, rowid_alias
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import ROWIDS, fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import apsw

    from d1migrate.schema.model import ForeignKey, Index, Table

SAMPLE = 100
"""How many lost rows are named."""

Pair = tuple[str, str]
Key = tuple[Any, ...]


class RowDifference(NamedTuple):
    """How the rows of a table differ between two states.

    Attributes:
        before, after: how many rows there were and are.
        lost, gained: how many rows exist only before, or only after.
        changed: {column: how many rows hold another value in it}.
        keys: the primary keys of the first lost rows; whole rows if there is no key.
        key_columns: the columns of which each of them has the values.
    """

    before: int
    after: int
    lost: int = 0
    gained: int = 0
    changed: Mapping[str, int] = {}
    keys: Sequence[Key] = ()
    key_columns: Sequence[str] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether the rows are the same."""
        return not (self.lost or self.gained or self.changed)


class Match(NamedTuple):
    """How to match the rows of a table with the rows of its later state.

    Attributes:
        old, new: the table in `earlier` and in `main`.
        key: (SQL of a column before, SQL of the same column after) of the columns that identify a row; if
            none do, of all columns that are compared.
        columns: the columns of the key, by their names before; empty if it is the rowid.
        unique: whether the key identifies a row; else there may be several equal rows.
        pairs: (column before, the same column after) of the columns in both.
    """

    old: Table
    new: Table
    key: Sequence[Pair]
    columns: Sequence[str]
    unique: bool
    pairs: Sequence[Pair]

    @property
    def is_retyped(self) -> bool:
        """Whether a column has another affinity than before, which may not suit all of its values."""
        old, new = ({column.name: column.type for column in t.columns} for t in (self.old, self.new))
        return any(affinity(old[a]) != affinity(new[b]) for a, b in self.pairs)

    @property
    def old_name(self) -> str:
        """The old table's name in SQL."""
        return f"earlier.{quote_identifier(self.old.name)}"

    @property
    def new_name(self) -> str:
        """The new table's name in SQL."""
        return f"main.{quote_identifier(self.new.name)}"


def match_of(
    connection: apsw.Connection,
    old: Table,
    new: Table,
    renamed: Mapping[str, str],
    *,
    is_same: bool,
    is_refilled: bool,
    changing: Collection[str],
) -> Match:
    """Return how to match the rows of a table: by a key, by rowid, or by their content.

    Args:
        connection: to both states.
        old: the table in `earlier`.
        new: the table in `main`, under whatever name.
        renamed: {column before: column after} of the renamed ones, folded.
        is_same: whether it is still the same table, not a copy.
        is_refilled: whether rows may have been deleted and inserted again, with other rowids.
        changing: the columns, folded, whose values are meant to change.
    """
    known = {fold(column.name): column.name for column in new.columns if not column.generated}
    pairs = [
        (name, known[to]) for name in stored(old) if (to := renamed.get(fold(name), fold(name))) in known
    ]
    keeps_rowids = is_same and not is_refilled and not is_without_rowid(old)
    keys = [[*old.primary_key]]
    if not keeps_rowids:
        keys += [[str(c) for c in i.columns] for i in old.indexes if i.unique and not _is_incomplete(i)]
    has_rowids = keeps_rowids and not rowid_alias(old)
    for place, names in enumerate(keys):
        key = [pair for pair in pairs if pair[0] in names]
        is_primary = is_same and place == 0 and not has_rowids
        is_kept = is_primary or not {fold(name) for name in names} & set(changing)
        is_whole = len(key) == len(names) > 0
        if is_whole and is_kept and _compare_alike(old, new, key) and not _has_null(connection, old, names):
            quoted = [(quote_identifier(a), quote_identifier(b)) for a, b in key]
            return Match(old, new, quoted, [a for a, _ in key], unique=True, pairs=pairs)
    if keeps_rowids:
        taken = [{fold(column.name) for column in table.columns} for table in (old, new)]
        rowids = [next((name for name in ROWIDS if name not in names), "") for names in taken]
        if all(rowids):
            return Match(old, new, [(rowids[0], rowids[1])], (), unique=True, pairs=pairs)
    types = {fold(c.name): c.type.upper() for c in new.columns}
    before = {c.name: c.type.upper() for c in old.columns}
    rest = [(a, b, before[a] != types[fold(b)]) for a, b in pairs if fold(a) not in changing]
    content = [(stored_value(a, retyped=r), stored_value(b, retyped=r)) for a, b, r in rest]
    return Match(old, new, content, [a for a, _, _ in rest], unique=False, pairs=pairs)


def _compare_alike(old: Table, new: Table, pairs: Iterable[Pair]) -> bool:
    """Whether columns have the affinity and the collation they had: SQLite then matches rows by an index."""
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


def _is_incomplete(index: Index) -> bool:
    """Whether an index is over expressions, or over some rows only."""
    return None in index.columns or is_partial(index)


def all_lost(connection: apsw.Connection, old: Table) -> RowDifference:
    """Return the difference for a table that no longer exists."""
    name = f"earlier.{quote_identifier(old.name)}"
    before = _value(connection, f"SELECT count(*) FROM {name}")
    columns = old.primary_key or stored(old)
    keys = connection.execute(
        f"SELECT {', '.join(map(quote_identifier, columns))} FROM {name} LIMIT {SAMPLE}"
    )
    return RowDifference(before, 0, before, keys=tuple(keys), key_columns=columns)


def difference(connection: apsw.Connection, match: Match) -> RowDifference:
    """Compare a table of `earlier` with its later state in `main`."""
    before, after = (
        _value(connection, f"SELECT count(*) FROM {table}") for table in (match.old_name, match.new_name)
    )
    if not match.key:
        return RowDifference(before, after, max(0, before - after), max(0, after - before))
    if not match.unique:
        lost = list(lost_rows(connection, match))
        gained = max(0, after - before + len(lost))
        return RowDifference(
            before, after, len(lost), gained, keys=tuple(lost[:SAMPLE]), key_columns=match.columns
        )
    same = _same(match)
    extra = f"FROM {match.new_name} n WHERE NOT EXISTS (SELECT 1 FROM {match.old_name} o WHERE {same})"
    changed: dict[str, int] = {}
    if match.pairs:
        sums = ", ".join(f"coalesce(sum({_differs(a, b)}), 0)" for a, b in match.pairs)
        row = next(
            iter(
                connection.execute(f"SELECT {sums} FROM {match.old_name} o JOIN {match.new_name} n ON {same}")
            )
        )
        changed = {a: count for (a, _), count in zip(match.pairs, row, strict=True) if count}
    lost_count = _value(connection, f"SELECT count(*) {_missing(match)}")
    names = match.columns or stored(match.old)
    columns = ", ".join(f"o.{quote_identifier(name)}" for name in names)
    keys = tuple(connection.execute(f"SELECT {columns} {_missing(match)} LIMIT {SAMPLE}"))
    extra_count = _value(connection, f"SELECT count(*) {extra}")
    return RowDifference(before, after, lost_count, extra_count, changed, keys, names)


def lost_rows(connection: apsw.Connection, match: Match) -> Iterator[Key]:
    """Yield the key of every lost row. Without a key, yield the row, as often as it is missing."""
    if match.unique:
        yield from connection.execute(f"SELECT {', '.join(f'o.{a}' for a, _ in match.key)} {_missing(match)}")
        return
    names = [f"c{i}" for i in range(len(match.key))]
    sides = (
        f"SELECT {', '.join(f'{pair[side]} AS {name}' for pair, name in zip(match.key, names, strict=True))},"
        f" {(1, -1)[side]} AS n FROM {table}"
        for side, table in enumerate((match.old_name, match.new_name))
    )
    columns = ", ".join(f"{name} COLLATE BINARY" for name in names)
    query = f"SELECT {', '.join(names)}, sum(n) FROM ({' UNION ALL '.join(sides)})"
    for *row, count in connection.execute(f"{query} GROUP BY {columns} HAVING sum(n) > 0"):
        for _ in range(count):
            yield tuple(row)


def changed_rows(connection: apsw.Connection, match: Match, column: str) -> Iterator[Key]:
    """Yield the key of every row whose value in a column changed."""
    differs = next(_differs(a, b) for a, b in match.pairs if a == column)
    columns = ", ".join(f"o.{a}" for a, _ in match.key)
    yield from connection.execute(
        f"SELECT {columns} FROM {match.old_name} o JOIN {match.new_name} n ON {_same(match)} WHERE {differs}"
    )


def shown(connection: apsw.Connection, match: Match, keys: Sequence[Key]) -> Iterator[Key]:
    """Yield what identifies some lost rows for people: their keys, or the whole row instead of a rowid."""
    if match.columns or not match.key:
        yield from keys[:SAMPLE]
        return
    columns = ", ".join(map(quote_identifier, stored(match.old)))
    for (rowid,) in keys[:SAMPLE]:
        yield from connection.execute(
            f"SELECT {columns} FROM {match.old_name} WHERE {match.key[0][0]} = ?", (rowid,)
        )


def has_links(connection: apsw.Connection, table: Table, key: ForeignKey) -> bool:
    """Whether any row of a table references another row by a foreign key."""
    tests = [f"{quote_identifier(column)} IS NOT NULL" for column in key.columns]
    if fold(key.table) == fold(table.name):
        to = [name or own for name, own in zip(key.to, table.primary_key or key.columns, strict=False)]
        pairs = zip(key.columns, to, strict=False)
        same = " AND ".join(f"{quote_identifier(a)} IS {quote_identifier(b)}" for a, b in pairs)
        tests.append(f"NOT ({same})")
    query = f"SELECT EXISTS (SELECT 1 FROM {quote_identifier(table.name)} WHERE {' AND '.join(tests)})"
    return bool(_value(connection, query))


def _same(match: Match) -> str:
    return " AND ".join(f"o.{a} IS n.{b}" for a, b in match.key)


def _missing(match: Match) -> str:
    return f"FROM {match.old_name} o WHERE NOT EXISTS (SELECT 1 FROM {match.new_name} n WHERE {_same(match)})"


def stored_value(name: str, *, retyped: bool) -> str:
    """Return SQL for the value of a column; if the column was retyped, in a form independent of its type."""
    value = f"+{quote_identifier(name)} COLLATE BINARY"
    if not retyped:
        return value
    whole = f"typeof({value}) = 'real' AND {value} = CAST({value} AS INTEGER)"
    return f"CAST(iif({whole}, CAST({value} AS INTEGER), {value}) AS TEXT)"


def _differs(a: str, b: str) -> str:
    """Return SQL for whether a value changed; being stored in the form of a new type does not count."""
    old, new = f"+o.{quote_identifier(a)}", f"+n.{quote_identifier(b)}"
    return (
        f"iif(typeof({old}) = typeof({new}), {old} COLLATE BINARY IS NOT {new},"
        f" ({_as(old, new)} IS {new} AND {_as(new, old)} IS {old}) IS NOT TRUE)"
    )


def _as(value: str, like: str) -> str:
    """Return SQL for a value, cast to the type of another one."""
    cases = " ".join(
        f"WHEN '{type_}' THEN CAST({value} AS {type_})" for type_ in ("integer", "real", "text", "blob")
    )
    return f"CASE typeof({like}) {cases} END"


def stored(table: Table) -> list[str]:
    """Return the columns that are not generated."""
    return [column.name for column in table.columns if not column.generated]


def _has_null(connection: apsw.Connection, table: Table, names: Sequence[str]) -> bool:
    """Whether a key holds NULL somewhere, which SQLite allows: then it does not identify rows."""
    tests = " OR ".join(f"{quote_identifier(name)} IS NULL" for name in names)
    query = f"SELECT EXISTS (SELECT 1 FROM earlier.{quote_identifier(table.name)} WHERE {tests})"
    return bool(_value(connection, query))


def _value(connection: apsw.Connection, sql: str) -> int:
    return int(next(iter(connection.execute(sql)))[0])
