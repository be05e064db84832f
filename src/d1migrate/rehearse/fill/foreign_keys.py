"""Foreign keys, and the keys of parents that they can reference."""

from __future__ import annotations

from collections import defaultdict

from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import is_unique, parent_columns
from d1migrate.sql.names import fold, quote_identifier

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import apsw

    from d1migrate.schema.model import ForeignKey, Table
    from d1migrate.sql.batch import Value

ParentKey = tuple["Value", ...]

_POOL = 1000  # how many keys of a table are read; a table that was not filled here may hold any number
_DEPTH = 20  # how many tables may predict each other's keys in a row: Python's stack is limited


class Link(NamedTuple):
    """A foreign key; column names are folded.

    Attributes:
        number: SQLite's number for it, in its table.
        columns: the columns of the child.
        parent: the referenced table.
        to: the referenced columns.
        nullable: the columns to set to NULL if there is no parent.
        is_unique: whether no two rows may reference the same parent.
        is_self: whether it references its own table.
    """

    number: int
    columns: tuple[str, ...]
    parent: str
    to: tuple[str, ...]
    nullable: tuple[str, ...]
    is_unique: bool
    is_self: bool

    def __str__(self) -> str:
        """The foreign key as SQL writes it."""
        return f"FOREIGN KEY ({', '.join(self.columns)}) REFERENCES {self.parent}"


def links_of(table: Table, tables: Mapping[str, Table]) -> list[Link]:
    """Return the foreign keys of a table that can be satisfied, those with most columns first.

    Args:
        table: the table.
        tables: all tables by folded name.
    """
    keys = [tuple(fold(column) for column in key.columns) for key in table.foreign_keys]
    free = {fold(c.name) for c in table.columns if not (c.not_null or c.primary_key or c.generated)}
    found = []
    for number, (columns, key) in enumerate(zip(keys, table.foreign_keys, strict=True)):
        to = _targets(key, tables.get(fold(key.table)))
        is_self = fold(key.table) == fold(table.name)
        if to is None or (is_self and to == columns):
            continue  # no such columns: an error whenever SQLite checks it; or each row is its own parent
        others = {column for other in keys if other is not columns for column in other}
        nullable = [column for column in columns if column in free]
        nullable = [column for column in nullable if column not in others] or nullable
        unique = is_unique(table, columns)
        found.append(Link(number, columns, key.table, to, tuple(nullable), unique, is_self))
    return sorted(found, key=lambda link: (link.is_self, -len(link.columns)))


def _targets(key: ForeignKey, parent: Table | None) -> tuple[str, ...] | None:
    """Return the referenced columns, folded; None if the parent does not have them."""
    if parent is None:
        return tuple(fold(to) for to in key.to if to is not None)
    names = {fold(column.name) for column in parent.columns}
    to = tuple(map(fold, parent_columns(parent, key)))
    return to if len(to) == len(key.columns) and set(to) <= names else None


class Parents:
    """The keys of all tables: those of their rows, or of the rows that a table will be given.

    Attributes:
        planned: {folded name: a function from columns and a row's number to its key}, of the tables that
            have not been filled yet.
    """

    def __init__(self, connection: apsw.Connection, rows: int) -> None:
        self.planned: dict[str, Callable[[Sequence[str], int], ParentKey]] = {}
        self._rows = rows
        self._connection = connection
        self._depth = 0
        self._keys: dict[tuple[str, tuple[str, ...]], list[ParentKey]] = {}
        self._predicted: dict[tuple[str, tuple[str, ...]], list[ParentKey]] = {}
        self._parts: dict[tuple[str, tuple[str, ...], tuple[int, ...]], dict[ParentKey, list[ParentKey]]] = {}

    def forget(self) -> None:
        """Read the keys of the tables again."""
        self._keys.clear()
        self._parts.clear()

    def matching(self, link: Link, bound: Mapping[str, Value]) -> list[ParentKey]:
        """Return the keys that a link may reference, with given values in some columns."""
        name = fold(link.parent)
        if name in self.planned:
            return fitting(link, self._predict(link, name), bound)
        at = name, link.to
        if at not in self._keys:
            self._keys[at] = self._read(link)
        if not bound:
            return self._keys[at]
        places = tuple(i for i, column in enumerate(link.columns) if column in bound)
        index = self._parts.get((*at, places))
        if index is None:
            index = self._parts[*at, places] = defaultdict(list)
            for key in self._keys[at]:
                index[tuple(key[i] for i in places)].append(key)
        return index.get(tuple(bound[link.columns[i]] for i in places), [])

    def _predict(self, link: Link, name: str) -> list[ParentKey]:
        at = name, link.to
        if at not in self._predicted:
            # Tables that reference each other in a circle find no keys while these are being predicted.
            self._predicted[at] = []
            if self._depth < _DEPTH:
                self._depth += 1
                keys = [self.planned[name](link.to, i) for i in range(self._rows)]
                self._depth -= 1
                self._predicted[at] = [key for key in keys if None not in key]
        return self._predicted[at]

    def _read(self, link: Link) -> list[ParentKey]:
        columns = [quote_identifier(column) for column in link.to]
        if not columns or not self._connection.table_exists("main", link.parent):
            return []
        sql = (
            f"SELECT DISTINCT {', '.join(columns)} FROM main.{quote_identifier(link.parent)}"
            f" WHERE {' AND '.join(f'{column} NOT NULL' for column in columns)} LIMIT {_POOL}"
        )
        return list(self._connection.execute(sql))


def fitting(link: Link, keys: Iterable[ParentKey], bound: Mapping[str, Value]) -> list[ParentKey]:
    """Return the keys that have given values in some of the link's columns."""
    places = [(i, bound[column]) for i, column in enumerate(link.columns) if column in bound]
    return [key for key in keys if all(key[i] == value for i, value in places)]
