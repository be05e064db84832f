"""What one statement copies: from which column into which, which rows, and whether unchanged.

What becomes of the copies in the rest of the file is in `lineage`.
"""

from __future__ import annotations

from itertools import pairwise

from d1migrate.lint.declared_types import is_narrower, types_of
from d1migrate.lint.domains import failing, required
from d1migrate.lint.expressions import as_column, omits_nothing, passed_through
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.keys import unique_keys
from d1migrate.schema.queries import holds_no_null
from d1migrate.sql.affinity import affinity
from d1migrate.sql.create import parse_table, parse_trigger
from d1migrate.sql.names import fold, quote_identifier, unquote
from d1migrate.sql.references import references
from d1migrate.sql.select import Source, is_always_true, is_never_true, selects, with_names
from d1migrate.sql.statement import insert_of
from d1migrate.sql.token_groups import closing, outside, text_at
from d1migrate.sql.tokens import Token, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from d1migrate.lint.columns import ColumnId, Columns
    from d1migrate.lint.replay.model import Replay, ReplayedStatement
    from d1migrate.schema.model import Table
    from d1migrate.sql.references import Reference
    from d1migrate.sql.select import Select

Values = dict[str, "Sequence[Token]"]


class Copy(NamedTuple):
    """A column whose values a statement puts into another.

    Attributes:
        statement: the statement.
        source, into: the two columns.
        keeps: whether each value is unchanged; None if that is unknown.
        adds: whether the statement adds a row for each row it reads; an UPDATE does not.
        picks: the word because of which it may read only some rows, such as `WHERE`; "" if it reads all.
        conflict: the clause or trigger because of which rows may be skipped or replaced; "" if none can.
        omits_only_nulls: whether the omitted rows have no value in this column.
    """

    statement: ReplayedStatement
    source: ColumnId
    into: ColumnId
    keeps: bool | None
    adds: bool
    picks: str = ""
    conflict: str = ""
    omits_only_nulls: bool = False

    @property
    def omits(self) -> str:
        """The word because of which rows may be missing from the copy; "" if it has all."""
        return self.conflict or self.picks


def copies_of(replay: Replay, columns: Columns, statement: ReplayedStatement) -> Iterator[Copy]:
    """Yield what an INSERT, REPLACE, UPDATE or CREATE TABLE … AS copies."""
    if statement.verb == "update":
        yield from _of_update(replay, columns, statement)
        return
    for select, values in _selected(statement):
        if values is None:
            yield from _unread(columns, statement, _into(statement))
        else:
            yield from _of_select(replay, columns, statement, _into(statement), select, values)


def values_of(statement: ReplayedStatement) -> list[Values | None]:
    """Return {column: its value} for each SELECT that fills a table; None for one that cannot be read."""
    return [values for _, values in _selected(statement)]


def copies_star(statement: ReplayedStatement) -> bool:
    """Whether a statement fills a table from `SELECT *`."""
    return any(_is_star(value.tokens) for select, _ in _selected(statement) for value in select.values)


def values_inside(statement: ReplayedStatement) -> Values:
    """Return {column: its value}, looking inside WITH and subqueries.

    If the outer SELECT only passes a column on, its value is looked up by name in the inner SELECTs.
    """
    query = _query(statement)
    if query is None:
        return {}
    tokens = statement.tokens if statement.words[0] == "WITH" else query
    inside = {
        value.alias: value.tokens
        for at, token in enumerate(tokens)
        if token.text == "(" and text_at(tokens, at + 1).upper() in ("SELECT", "WITH")
        for select in selects(tokens[at + 1 : closing(tokens, at)])
        for value in select.values
        if value.alias and as_column(value.tokens) is None
    }
    found: Values = {}
    columns = columns_into(statement, _into(statement))
    for select, values in _selected(statement):
        listed = [value.tokens for value in select.values]
        if values is None and [token.text for value in listed for token in value][-1:] == ["*"]:
            values = {column: inside[column] for column in columns if column in inside}
        elif values is None:
            values = dict(zip(columns, listed, strict=False))
        for column, value in values.items():
            source = as_column(value)
            found[column] = inside.get(source.name, value) if source else value
    return found


class _Reader:
    """Resolves the names of a statement to the columns of its tables."""

    def __init__(self, columns: Columns, statement: ReplayedStatement, sources: Sequence[Source]) -> None:
        self._all, self._statement, self._sources = columns, statement, sources
        self._tables = {statement.before.ids.get(source.table) for source in sources}

    def source_of(self, column: ColumnId) -> Source | None:
        """Return the table of the statement that has a column; None if only a subquery reads it."""
        return next(
            (s for s in self._sources if self._statement.before.ids.get(s.table) == column.table), None
        )

    def read(self) -> Iterator[tuple[str, ColumnId]]:
        """Yield (name, column) of everything the statement reads, as the engine reports."""
        found = (
            (t.column, self._columns(t.table).get(t.column))
            for t in self._statement.accesses
            if t.kind == "read"
        )
        yield from dict.fromkeys((name, column) for name, column in found if column is not None)

    def mentioned(self, value: Sequence[Token]) -> Iterator[tuple[str, ColumnId]]:
        """Yield (name, column) of the columns that a value reads, also in its subqueries."""
        named = list(references(value))
        own = {found[1] for reference in named if (found := self._resolve(reference))}
        names = {reference.name for reference in named}
        for name, column in self.read():
            if column in own or (name in names and column.table not in self._tables):
                yield name, column

    def keeps(self, value: Sequence[Token], column: ColumnId, type_: str | None) -> bool:
        """Whether a value is a column unchanged, stored with a declared type; None for no type."""
        found = passed_through(value)
        resolved = self._resolve(found.column) if found else None
        if found is None or resolved is None or resolved[1] != column:
            return False
        old = types_of(self._statement.before.tables[resolved[0].table])[found.column.name]
        types = (old, *found.casts, *([] if type_ is None else [type_]))
        kinds = [affinity(each) for each in types]
        if kinds[0] == "INTEGER" and "REAL" in kinds[1:-1] and kinds[-1] == "TEXT":
            return False  # 1 becomes '1.0'
        return not any(is_narrower(one, other) for one, other in pairwise(types))

    def is_never_null(self, reference: Reference, null: bool) -> bool:
        """Whether a NULL test omits no row: `x IS NOT NULL` for a column that is never NULL."""
        found = self._resolve(reference)
        table = self._statement.before.tables[found[0].table] if found else None
        if null or table is None:
            return False
        described = parse_table(table.sql)
        return described is not None and holds_no_null(described, reference.name)

    def _resolve(self, reference: Reference) -> tuple[Source, ColumnId] | None:
        for source in self._sources:
            column = self._columns(source.table).get(reference.name)
            if column is not None and reference.qualifier in ("", source.alias):
                return source, column
        return None

    def _columns(self, table: str) -> Mapping[str, ColumnId]:
        number = self._statement.before.ids.get(table)
        return self._all.at(number, self._statement.index) if number is not None else {}


# --- INSERT … SELECT, CREATE TABLE … AS ---


def _into(statement: ReplayedStatement) -> Table:
    return statement.after.tables[statement.shape.name if statement.is_from_select else statement.target]


def _selected(statement: ReplayedStatement) -> Iterator[tuple[Select, Values | None]]:
    """Yield the SELECTs that fill a table, with what each puts into its columns."""
    query = _query(statement)
    if (
        query is None
        or (statement.shape.name if statement.is_from_select else statement.target)
        not in statement.after.tables
    ):
        return
    columns = columns_into(statement, _into(statement))
    defined = with_names(statement.tokens)[0] if statement.words[0] == "WITH" else ()
    returns_nothing = [token.text.upper() for token in query[-2:]] == ["LIMIT", "0"]
    for select in selects(query, defined) if not returns_nothing else ():
        if is_never_true(select.where):
            continue
        values = _expanded(statement, select)
        is_read = values is not None and len(values) == len(columns) and all(s.table for s in select.sources)
        yield select, dict(zip(columns, values, strict=True)) if values is not None and is_read else None


def _query(statement: ReplayedStatement) -> Sequence[Token] | None:
    """Return the tokens of the query that fills a table, or None if there is no query."""
    if statement.is_from_select:
        return statement.tokens[statement.shape.at + 2 :]
    insert = insert_of(statement.tokens)
    return insert.source if insert and text_at(insert.source, 0).upper() in ("SELECT", "WITH") else None


def columns_into(statement: ReplayedStatement, into: Table) -> list[str]:
    """Return the columns that a statement fills, folded, in its order."""
    insert = insert_of(statement.tokens)
    named = [*insert.columns] if insert else []
    return named or [fold(column.name) for column in into.columns if not column.generated]


def lists_columns(statement: ReplayedStatement) -> bool:
    """Whether an INSERT names the columns that it fills."""
    insert = insert_of(statement.tokens)
    return insert is not None and bool(insert.columns)


def _expanded(statement: ReplayedStatement, select: Select) -> list[Sequence[Token]] | None:
    """Return the values of a SELECT with `*` expanded to columns; None if these are unknown."""
    found: list[Sequence[Token]] = []
    for value in select.values:
        if not _is_star(value.tokens):
            found.append(value.tokens)
            continue
        qualifier = fold(unquote(value.tokens[0].text)) if len(value.tokens) == 3 else None
        for source in select.sources:
            if qualifier in (None, source.alias):
                if source.table not in statement.before.tables:
                    return None
                found += [_qualified(source, c.name) for c in statement.before.tables[source.table].columns]
    return found


def _is_star(value: Sequence[Token]) -> bool:
    """Whether a result column is `*` or `t.*`."""
    return value[-1].text == "*" and len(value) in (1, 3)


def _qualified(source: Source, column: str) -> Sequence[Token]:
    names = (quote_identifier(source.alias), ".", quote_identifier(column))
    return [Token("operator" if name == "." else "quoted", name, 0) for name in names]


def _of_select(
    replay: Replay,
    columns: Columns,
    statement: ReplayedStatement,
    into: Table,
    select: Select,
    values: Values,
) -> Iterator[Copy]:
    reader = _Reader(columns, statement, select.sources)
    target = columns.at(statement.after.ids[fold(into.name)], statement.index + 1)
    types = {} if statement.is_from_select else types_of(into)
    conflict = _conflict(replay, statement, into, select, values)
    where = "" if omits_nothing(select.where, reader.is_never_null) else "WHERE"
    for to, value in values.items():
        for name, column in reader.mentioned(value) if to in target else ():
            source = reader.source_of(column)
            joins = select.picks or ("a subquery" if source is None else "" if source.whole else "JOIN")
            only_nulls = not conflict and not joins and omits_nothing(select.where, _is_set(name))
            keeps = reader.keeps(value, column, types.get(to))
            yield Copy(statement, column, target[to], keeps, True, joins or where, conflict, only_nulls)


def _is_set(column: str, new: str | None = None) -> Callable[[Reference, bool], bool]:
    """Return a function: whether a NULL test omits only rows without a value in a column.

    Args:
        column: the column.
        new: a column that is still NULL in every row, so that IS NULL omits none.
    """
    return lambda reference, null: reference.name == (new if null else column)


def _unread(columns: Columns, statement: ReplayedStatement, into: Table) -> Iterator[Copy]:
    """Yield what a query that cannot be read may copy: each column it reads, into each column."""
    number = statement.after.ids[fold(into.name)]
    target = columns.at(number, statement.index + 1)
    for _, column in _Reader(columns, statement, ()).read():
        if column.table != number:
            yield from (Copy(statement, column, to, None, True, "a subquery") for to in target.values())


# --- UPDATE ---


def _of_update(replay: Replay, columns: Columns, statement: ReplayedStatement) -> Iterator[Copy]:
    number = statement.before.ids.get(statement.target)
    if number is None:
        return
    sources, where = _from_and_where(statement)
    reader = _Reader(columns, statement, (Source(statement.target, _alias(statement)), *sources))
    table = statement.before.tables[statement.target]
    target, types = columns.at(number, statement.index), types_of(table)
    clause = " ".join(statement.words[statement.shape.at + 1 : statement.shape.at + 3])
    conflict = clause if clause in ("OR IGNORE", "OR REPLACE") else ""
    conflict = conflict or _taken_by_trigger(statement, table, "UPDATE")
    whole = "" if is_always_true(where) else "WHERE"
    for to, value in statement.sets().items():
        for name, column in reader.mentioned(value) if to in target else ():
            joins = "JOIN" if sources else "a subquery" if column.table != number else ""
            is_added = target[to].since >= 0
            new = to if is_added and not _is_filled(replay, columns, statement, target[to]) else None
            only_nulls = not conflict and not joins and omits_nothing(where, _is_set(name, new))
            keeps = reader.keeps(value, column, types[to])
            yield Copy(statement, column, target[to], keeps, False, joins or whole, conflict, only_nulls)


def _alias(statement: ReplayedStatement) -> str:
    """Return the name that qualifies the columns of an UPDATE's table."""
    words = statement.words
    at = words.index("SET") if "SET" in words else 0
    return fold(unquote(statement.tokens[at - 1].text)) if at and words[at - 2] == "AS" else statement.target


def _from_and_where(statement: ReplayedStatement) -> tuple[Sequence[Source], Sequence[Token]]:
    """Return the tables that FROM adds to an UPDATE, and its condition."""
    words = ("FROM", "WHERE", "LIMIT", "ORDER")
    tokens = statement.tokens[statement.shape.at :]
    at = next((i for i in outside(tokens) if tokens[i].keyword in words), None)
    if at is None:
        return (), ()
    head = (Token("word", "SELECT", 0), Token("number", "1", 0))
    (rest,) = selects([*head, *tokens[at:]])
    limited = (Token("word", "LIMIT", 0),) if rest.picks == "LIMIT" else ()
    return rest.sources, (*rest.where, *limited)


def _is_filled(replay: Replay, columns: Columns, statement: ReplayedStatement, column: ColumnId) -> bool:
    """Whether a column that the file adds may have values before a statement: its default, or an UPDATE."""
    table = statement.before.tables[statement.target]
    names = {name for name, each in columns.at(column.table, statement.index).items() if each == column}
    if any(fold(c.name) in names and (c.default or "NULL").upper() != "NULL" for c in table.columns):
        return True
    earlier = (other for other in replay.writers.get(column.table, ()) if other.index < statement.index)
    return any(columns.at(column.table, w.index).get(to) == column for w in earlier for to in w.sets())


# --- conflicts ---


def _conflict(
    replay: Replay, statement: ReplayedStatement, into: Table, select: Select, values: Values
) -> str:
    """Return the words because of which rows of a copy may be skipped or replaced; "" if none can."""
    if statement.is_from_select:
        return ""
    if trigger := _taken_by_trigger(statement, into, "INSERT"):
        return trigger
    words, at = statement.words, statement.shape.at
    clause = words[at + 1 : at + 3]
    if "DO" in words:
        what = f"ON CONFLICT DO {words[words.index('DO') + 1]}"
    elif statement.verb == "replace" or clause == ["OR", "REPLACE"]:
        what = "REPLACE"
    elif clause == ["OR", "IGNORE"]:
        what = "OR IGNORE"
    elif "CONFLICT" in into.sql.upper():
        what = "ON CONFLICT"
    else:
        return ""
    table = statement.before.tables.get(select.sources[0].table) if len(select.sources) == 1 else None
    if (
        table is None
        or not replay.is_empty(fold(into.name), statement)
        or not _are_unique(table, into, values)
    ):
        return what
    is_met = what != "OR IGNORE" or not [*required(into, table, values), *failing(into, table, values)]
    return "" if is_met else what


def _taken_by_trigger(statement: ReplayedStatement, table: Table, event: str) -> str:
    """Return the trigger that may skip or delete rows that a statement writes, or ""."""
    for trigger in table.triggers:
        definition = parse_trigger(trigger.sql)
        if (
            definition
            and definition.event == event
            and "IGNORE" in (t.keyword for t in significant(trigger.sql))
        ):
            return f"trigger {trigger.name}"
    by = (t.by for t in statement.deletes_by_triggers if t.table == fold(table.name))
    return next((f"trigger {name}" for name in by), "")


def _are_unique(source: Table, into: Table, values: Values) -> bool:
    """Whether rows that are unique in one table cannot conflict in another, given the copied values."""
    source_keys = [key.columns for key in unique_keys(source) if key.columns and not key.partial]
    for key in unique_keys(into):
        if key.columns is None:
            return False
        if key.is_rowid and not key.columns.keys() & values.keys():
            continue
        copied = {
            column.name: collation
            for name, collation in key.columns.items()
            if name in values and (column := as_column(values[name]))
        }
        if not any(
            all(copied.get(name) in ("binary", collation) for name, collation in unique.items())
            for unique in source_keys
        ):
            return False
    return True
