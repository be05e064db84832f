"""Write the statements of a squashed file, in an order in which D1 can run them.

Tables, parents first, with their indexes; virtual tables; views; rows, parents first; AUTOINCREMENT's
counters; triggers last, so that no INSERT of the file fires one.
"""

from __future__ import annotations

from d1migrate.backup.inserts import Inserts
from d1migrate.drafting.squash.values import CellReference, key_of
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import column_affinity, is_autoincrement
from d1migrate.schema.render import create_text
from d1migrate.schema.virtual import reindex_statement
from d1migrate.sql.format import name_text
from d1migrate.sql.names import quote_identifier, quote_literal, unquote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from d1migrate.backup.contents import Contents, TableContents
    from d1migrate.drafting.squash.build import Build
    from d1migrate.drafting.squash.values import ExpressionFinder
    from d1migrate.schema.model import Table


class UnknownValue(NamedTuple):
    """A value that depends on the time or on random numbers, and that no known expression gives."""

    table: str
    column: str


class SquashedText(NamedTuple):
    """Blocks of statements, and the values that could not be written."""

    blocks: list[str]
    unknown: list[UnknownValue]


def write(builds: Sequence[Build], finder: ExpressionFinder) -> SquashedText:
    """Write the statements that build the same.

    Args:
        builds: what the files build at each of the moments; these differ in values only.
        finder: finds expressions for values that differ between moments.
    """
    writer = _Writer(builds, finder)
    rows = list(writer.rows())
    contents = builds[0].contents
    mismatched = [table for table in contents.keys.ordered if table.name in contents.keys.mismatched]
    blocks = [
        *_tables(table for table in contents.keys.ordered if table not in mismatched),
        *(_ended(create_text(virtual_table.table.sql)) for virtual_table in contents.virtual),
        *(_ended(create_text(view.sql)) for view in contents.schema.views),
        *rows,
        *_tables(
            mismatched
        ),  # after the rows: a foreign key mismatch makes SQLite refuse every row of the parent
        *_triggers(contents),
    ]
    return SquashedText(blocks, list(dict.fromkeys(writer.unknown)))


def _tables(tables: Iterable[Table]) -> Iterator[str]:
    for table in tables:
        indexes = [index.sql for index in table.indexes if index.sql]
        yield "".join(_ended(create_text(sql)) for sql in (table.sql, *indexes))


def _triggers(contents: Contents) -> Iterator[str]:
    for table in contents.schema.tables:
        yield from (_ended(create_text(trigger.sql)) for trigger in table.triggers)
    yield from (_ended(create_text(trigger.sql)) for trigger in contents.schema.triggers)


def _ended(sql: str) -> str:
    return f"{sql};\n"


class _Writer:
    """Writes the rows of builds."""

    def __init__(self, builds: Sequence[Build], finder: ExpressionFinder) -> None:
        self._builds, self._contents, self._finder = builds, builds[0].contents, finder
        self._tables = {table.name: table for table in self._contents.schema.tables}
        self._statements: list[str] = []
        self._inserts = Inserts(self._statements.append, self._contents.schema.tables)
        self.unknown: list[UnknownValue] = []

    def rows(self) -> Iterator[str]:
        """Yield a block for each table with rows, or with a counter that its rows do not set."""
        filled = [content for content in self._contents.tables if self._builds[0].rows.get(content.name)]
        children = [content for content in filled if self._tables[content.name].foreign_keys]
        if self._contents.keys.deferred and children:
            self._statements.append("PRAGMA defer_foreign_keys = ON")
        parents = self._contents.keys.placeholders if children else {}
        self._statements += parents.values()
        for content in filled:
            self._table(content)
            self._inserts.end()
            yield self._block()
        self._statements += [f"DROP TABLE {quote_identifier(parent)}" for parent in parents]
        for virtual_table in self._contents.virtual:
            name = quote_identifier(virtual_table.table.name)
            for key, value in virtual_table.settings:
                self._statements.append(f"INSERT INTO {name} ({name}, rank) VALUES ({key}, {value})")
            if virtual_table.content and self._builds[0].rows[virtual_table.table.name]:
                self._table(virtual_table.content)
                self._inserts.end()
            elif virtual_table.rebuild and self._builds[0].indexes[virtual_table.table.name]:
                self._statements.append(reindex_statement(virtual_table.table.name))
            yield self._block()
        self._statements += self._counters()
        yield self._block()

    def _block(self) -> str:
        text = "".join(map(_ended, self._statements))
        self._statements.clear()
        return text

    def _table(self, content: TableContents) -> None:
        table = self._tables[content.name]
        columns = self._columns(content)
        skipped = len(content.columns) - len(columns)
        insert = f"INSERT INTO {name_text(table.name)} ({', '.join(columns)}) VALUES\n"
        affinities = {quote_identifier(c.name): column_affinity(table, c) for c in table.columns}
        if table.is_virtual:
            affinities = {}
        alias, rows = rowid_alias(table), list[list[str]]()
        for cells in zip(*(build.rows[content.name] for build in self._builds), strict=True):
            row = self._row(content, cells, affinities, alias)[skipped:]
            if any("(SELECT " in sql and sql not in cells[0] for sql in row):
                # A row may read another row of the same table, which an earlier statement has to insert.
                self._inserts.write(insert, rows)
                rows = []
                self._inserts.write(insert, [row])
            else:
                rows.append(row)
        self._inserts.write(insert, rows)

    def _columns(self, content: TableContents) -> list[str]:
        """Return the columns to write: without the rowid if SQLite would choose the same ones."""
        names = {quote_identifier(c.name): name_text(c.name) for c in self._tables[content.name].columns}
        own = [names[column] for column in content.columns if column in names]
        rows = self._builds[0].rows[content.name]
        if len(own) == len(content.columns) or all(row[0] == str(i) for i, row in enumerate(rows, 1)):
            return own
        return [content.columns[0], *own]

    def _row(
        self,
        content: TableContents,
        cells: Sequence[Sequence[str]],
        affinities: Mapping[str, str],
        alias: str | None,
    ) -> list[str]:
        """Return the SQL of a row's values; `cells` holds the row at each moment."""
        first = cells[0]
        if all(other == first for other in cells[1:]):
            return list(first)
        key = key_of(content, first, alias)
        row = []
        for at, column in enumerate(content.columns):
            values = tuple(cell[at] for cell in cells)
            text: str | None = first[at]
            if len(set(values)) > 1:
                cell = CellReference(content.name, column, key)
                text = self._finder.of(affinities.get(column, "BLOB"), values, cell)
                if text is None:
                    self.unknown.append(UnknownValue(content.name, unquote(column)))
            row.append(text or first[at])
        return row

    def _counters(self) -> Iterator[str]:
        """Yield statements for the AUTOINCREMENT counters that the rows do not set."""
        wanted = self._builds[0].sequences
        for content in self._contents.tables:
            table = self._tables.get(content.name)
            alias = rowid_alias(table) if table and is_autoincrement(table) else None
            if table is None or alias is None:
                continue
            at = content.columns.index(quote_identifier(alias))
            highest = max((0, *(int(row[at]) for row in self._builds[0].rows[content.name])))
            name, counter = quote_literal(table.name), wanted.get(table.name, "0")
            if counter == str(highest):
                continue
            if highest:
                yield f"DELETE FROM sqlite_sequence WHERE name = {name}"
            if counter != "0":
                yield f"INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {counter})"
