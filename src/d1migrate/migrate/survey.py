"""Which history tables a database has, of which shape they are, and what is wrong with them.

Which of them holds the history is decided in `table_decision`.
"""

from __future__ import annotations

from d1migrate.migrate import log
from d1migrate.migrate.other_tools import owner_of
from d1migrate.migrate.table import SUFFIX
from d1migrate.named_tuple import NamedTuple
from d1migrate.sql.names import fold, quote_identifier, quote_literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from d1migrate.migrate.table import NameTable


class Column(NamedTuple):
    """A column of a table, as SQLite describes it."""

    name: str
    type: str
    pk: int
    not_null: int
    default: str | None


class Survey(NamedTuple):
    """Which of the tables exist, and their columns.

    Attributes:
        tables: {name in lower case: the columns}.
        counted: the names of those that are AUTOINCREMENT.
        unique: the names of those with a unique index on `name` alone.
        without_rowid: the names of those that are WITHOUT ROWID.
    """

    tables: Mapping[str, Sequence[Column]]
    counted: frozenset[str]
    unique: frozenset[str]
    without_rowid: frozenset[str]

    @classmethod
    def of(cls, columns: Iterable[tuple[Any, ...]], unique: Iterable[tuple[Any, ...]]) -> Survey:
        """Return what the answers to `table_decision.queries` say."""
        tables: dict[str, list[Column]] = {}
        counted, without_rowid = set[str](), set[str]()
        for table, is_counted, has_no_rowid, *column in columns:
            tables.setdefault(fold(table), []).append(Column(*column))
            counted |= {fold(table)} if is_counted else set()
            without_rowid |= {fold(table)} if has_no_rowid else set()
        unique_names = frozenset(fold(name) for (name,) in unique)
        return cls(tables, frozenset(counted), unique_names, frozenset(without_rowid))

    def columns(self, table: str) -> Sequence[Column]:
        """Return the columns of a table; none if it does not exist."""
        return self.tables.get(fold(table), ())

    def is_versions(self, table: str) -> bool:
        """Whether a table exists and has the shape of `schema_migrations`."""
        return owner_of(self.columns(table)) == "d1migrate"

    def is_names(self, table: str) -> bool:
        """Whether a table exists and has the shape of wrangler's."""
        names = {column.name for column in self.columns(table)}
        return {"name", "applied_at"} <= names and "version" not in names

    def is_log(self, table: str) -> bool:
        """Whether a table exists and has the shape of the log."""
        return log.is_log(column.name for column in self.columns(table))


NO_FILE = (
    "{rows} of its rows do not name a file, e.g. {first}: `d1migrate adopt` records the files that are meant;"
    " or remove such a row"
)
NO_ID = "it has no `id INTEGER PRIMARY KEY`, which wrangler reads"
NO_NAME = "{rows} of its rows have no name"
TWICE = "{name} is in it more than once"
NOT_UNIQUE = "its names are not unique, so that two runs could apply the same file"


def problems_of_names(
    survey: Survey, table: NameTable, rows: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield why d1migrate does not write to a table of names, each with the statements that mend it.

    Args:
        survey: what exists.
        table: the table.
        rows: its rows.
    """
    names = [name for _, name, *_ in rows]
    # NuxtHub's own runner records names without .sql in the table that it configures for wrangler.
    odd = [n for n in names if n is not None and not _is_of_file(n) and f"{n}{SUFFIX}" not in names]
    if odd:
        row = odd[0]
        literal = f"x'{row.hex()}'" if isinstance(row, bytes) else quote_literal(str(row))
        yield (
            NO_FILE.format(rows=len(odd), first=literal),
            [f"DELETE FROM {table.sql} WHERE name = {literal}"],
        )
    if table.ids != "id":
        yield NO_ID, table.rebuild
        return
    if None in names:
        yield NO_NAME.format(rows=names.count(None)), [f"DELETE FROM {table.sql} WHERE name IS NULL"]
    known = [name for name in names if name is not None]
    if len(set(known)) < len(known):
        twice = next(name for name in known if known.count(name) > 1)
        first = f"SELECT min(id) FROM {table.sql} GROUP BY name"
        yield TWICE.format(name=twice), [f"DELETE FROM {table.sql} WHERE id NOT IN ({first})"]
    if fold(table.name) not in survey.unique:
        index = quote_identifier(f"{table.name}_name")
        yield NOT_UNIQUE, [f"CREATE UNIQUE INDEX {index} ON {table.sql}(name)"]


def _is_of_file(name: object) -> bool:
    return isinstance(name, str) and name.endswith(SUFFIX)
