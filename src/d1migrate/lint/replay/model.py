"""A migration as it ran on a scratch engine, statement by statement: plain values, and look-ups in them.

What is derived from several statements together, such as copies and rebuilds, is above, in `lint/analysis`.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from d1migrate.lint.platform import D1
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.queries import changed_columns, replaces_on_conflict
from d1migrate.sql.create import parse_table
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.select import is_always_true
from d1migrate.sql.statement import assignments
from d1migrate.sql.token_groups import outside
from d1migrate.sql.tokens import Token, significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.lint.platform import Platform, Target
    from d1migrate.migrate.directives import Directive
    from d1migrate.migrate.migration import Migration
    from d1migrate.schema.catalog import Catalog
    from d1migrate.schema.compare import Difference
    from d1migrate.schema.model import ForeignKey, Table
    from d1migrate.sql.split import Statement
    from d1migrate.sql.statement import Shape


_ENDS_WHERE = ("WHERE", "RETURNING", "ORDER", "LIMIT")


class RowAccess(NamedTuple):
    """What a statement does to rows, as SQLite's authorizer reports it; names are folded.

    Attributes:
        kind: read, insert, update or delete.
        table: the table.
        column: the column that is read or updated, "" for whole rows.
        by: the trigger or view that does it, "" for the statement itself.
    """

    kind: str
    table: str
    column: str
    by: str


class ReplayedStatement:
    """One statement, and its effect.

    Attributes:
        index: its place among the statements of the file, from 0.
        source: its text, with its place in the file.
        shape: what kind of statement it is.
        accesses: what it does to rows, as the engine's authorizer reports.
        cascades: what foreign keys then do to rows, with the triggers that they fire.
        before, after: the schema around it.
        refusal: D1's error, if it refuses the statement.
        refusal_with_rows: D1's error for ALTER TABLE … ADD COLUMN if the table has a row.
        quoting_error: the engine's error about a string in double quotes.
        existing_differences: for CREATE … IF NOT EXISTS, how an existing object of that name differs.
    """

    __slots__ = (
        "__dict__",
        "accesses",
        "after",
        "before",
        "cascades",
        "existing_differences",
        "index",
        "quoting_error",
        "refusal",
        "refusal_with_rows",
        "shape",
        "source",
    )

    def __init__(
        self,
        index: int,
        source: Statement,
        shape: Shape,
        accesses: Sequence[RowAccess],
        before: Catalog,
        after: Catalog,
        tokens: list[Token] | None = None,
        *,
        refusal: str | None = None,
        refusal_with_rows: str | None = None,
        quoting_error: str | None = None,
        existing_differences: Sequence[Difference] = (),
        cascades: Sequence[RowAccess] = (),
    ) -> None:
        self.index, self.source, self.shape, self.accesses = index, source, shape, accesses
        self.before, self.after, self.refusal = before, after, refusal
        self.refusal_with_rows, self.quoting_error = refusal_with_rows, quoting_error
        self.existing_differences, self.cascades = existing_differences, cascades
        if tokens is not None:
            self.tokens = tokens

    @property
    def sql(self) -> str:
        """The statement's SQL."""
        return self.source.sql

    @property
    def line(self) -> int:
        """The line of the file that it starts on."""
        return self.source.line

    @property
    def verb(self) -> str:
        """What kind of statement it is, e.g. `drop table`."""
        return self.shape.verb

    @cached_property
    def tokens(self) -> list[Token]:
        """Its significant tokens."""
        return significant(self.sql)

    @cached_property
    def words(self) -> list[str]:
        """Its keywords in order, "" for a token that is not a keyword."""
        return [token.keyword for token in self.tokens]

    @cached_property
    def target(self) -> str:
        """The table whose rows it changes itself, folded, or ""."""
        return next((t.table for t in self.accesses if t.kind != "read" and not t.by), "")

    def reads(self, table: str) -> bool:
        """Whether it reads a table, itself or through a view."""
        return any(access.kind == "read" and access.table == table for access in self.accesses)

    @property
    def deletes_by_triggers(self) -> list[RowAccess]:
        """The deletes by triggers that it fires, also at the end of a cascade."""
        return [
            access for access in (*self.accesses, *self.cascades) if access.kind == "delete" and access.by
        ]

    @cached_property
    def sources(self) -> set[str]:
        """The tables that it copies rows from, directly or through views, folded.

        These are only some of the tables it reads: SQLite also reads the parents that new rows reference.
        """
        named = {fold(unquote(token.text)) for token in self.tokens}
        return {t.table for t in self.accesses if t.kind == "read" and (t.by or t.table) in named}

    def sets(self) -> dict[str, Sequence[Token]]:
        """Return {column: tokens of its new value} for an UPDATE or upsert; names are folded."""
        return assignments(self.tokens)

    def changes(self) -> set[str]:
        """Return the columns of its table that an UPDATE or upsert changes, also generated columns."""
        table = self.before.tables.get(self.target)
        definition = parse_table(table.sql) if table else None
        return changed_columns(definition, self.sets()) if definition else set(self.sets())

    @property
    def replaces(self) -> bool:
        """Whether it deletes the rows that it conflicts with."""
        table, at = self.before.tables.get(self.target), self.shape.at
        clause = self.words[at + 1 : at + 3]
        if table is None or self.verb == "replace" or clause == ["OR", "REPLACE"]:
            return table is not None
        has_own_clause = "CONFLICT" in self.words or clause[:1] == ["OR"]
        return not has_own_clause and replaces_on_conflict(table)

    @property
    def is_from_select(self) -> bool:
        """Whether it is CREATE TABLE … AS SELECT."""
        return self.verb == "create table" and self.words[self.shape.at + 1 : self.shape.at + 2] == ["AS"]

    @property
    def has_where(self) -> bool:
        """Whether an UPDATE or DELETE has a WHERE or LIMIT of its own; `WHERE 1` does not count."""
        at = [
            place
            for place in outside(self.tokens)
            if place >= self.shape.at and self.words[place] in _ENDS_WHERE
        ]
        words = [self.words[place] for place in at]
        if "LIMIT" in words or "WHERE" not in words:
            return "LIMIT" in words
        start, *rest = at[words.index("WHERE") :]
        return not is_always_true(self.tokens[start + 1 : rest[0] if rest else len(self.tokens)])


class BrokenObject(NamedTuple):
    """A view or trigger that fails after the file: its kind, its name, and the error."""

    kind: str
    name: str
    error: str


class RollbackReplay(NamedTuple):
    """The rollback block, run after the file.

    Attributes:
        refusal: D1's error and the line of the file, if a statement is refused.
        differences: how the schema then differs from the one before the file.
    """

    refusal: tuple[str, int] | None = None
    differences: tuple[Difference, ...] = ()


class Replay:
    """One migration, as it ran.

    Attributes:
        migration: the file.
        before, after: the schema around it.
        statements: in order, without those that only add rows (`INSERT … VALUES`).
        count: the number of its statements, including those.
        last: its last statement.
        filled: {number of a table: indices of the first and the last statement that add rows to it}.
        broken: the views and triggers that no longer work after it.
        rollback: what its rollback block does; None if it has none, or it was not tried.
        directives: its `-- d1migrate:` lines.
        records_itself: whether it inserts its own row into the migrations table.
        siblings_record: whether most files before it do.
        previous: the number of the file before it, or None.
        repeats: an earlier file with the same statements, or "".
        not_built: objects of the schema that SQLite refused here.
        header: the comments before its first statement.
        incomplete: whether a statement was refused, here or in an earlier file, so objects may be missing.
        platform: where it is to run.
        target: what is known about the database; None if nothing is.
    """

    def __init__(
        self,
        migration: Migration,
        before: Catalog,
        after: Catalog,
        statements: Sequence[ReplayedStatement],
        *,
        count: int,
        last: Statement | None,
        filled: dict[int, tuple[int, int]],
        broken: Sequence[BrokenObject] = (),
        rollback: RollbackReplay | None = None,
        directives: Sequence[Directive] = (),
        records_itself: bool = False,
        siblings_record: bool = False,
        previous: int | None = None,
        repeats: str = "",
        not_built: Sequence[str] = (),
        header: str = "",
        incomplete: bool = False,
        platform: Platform = D1,
        target: Target | None = None,
    ) -> None:
        self.migration, self.before, self.after, self.statements = migration, before, after, statements
        self.count, self.last, self.filled, self.broken = count, last, filled, broken
        self.rollback, self.directives = rollback, directives
        self.records_itself, self.siblings_record = records_itself, siblings_record
        self.previous, self.not_built, self.header = previous, not_built, header
        self.incomplete = incomplete
        self.repeats, self.platform, self.target = repeats, platform, target

    def is_new(self, table: str, at: ReplayedStatement) -> bool:
        """Whether the table with a name at a statement was created in this file."""
        return not self._is_old(at.before.ids.get(table))

    def _is_old(self, number: int | None) -> bool:
        return number is not None and number < self.before.next_id

    @cached_property
    def verbs(self) -> frozenset[str]:
        """The verbs of its statements, and `refused` if D1 refuses one."""
        refused = ("refused",) if any(statement.refusal is not None for statement in self.statements) else ()
        return frozenset((*(statement.shape.verb for statement in self.statements), *refused))

    def of(self, *verbs: str) -> Iterable[ReplayedStatement]:
        """Return the statements with one of these verbs that D1 accepts."""
        return (
            statement
            for statement in self.statements
            if statement.shape.verb in verbs and statement.refusal is None
        )

    def drops_of_rows(self) -> Iterator[ReplayedStatement]:
        """Yield the DROP TABLEs of existing tables that may hold rows."""
        for statement in self.of("drop table"):
            name = statement.shape.name
            if name in statement.before.tables and not self.is_empty(name, statement):
                yield statement

    @cached_property
    def changed_tables(self) -> tuple[Table, ...]:
        """The tables that it creates or changes, as they are after it."""
        return tuple(table for _, table in self.after.tables.since(self.before.tables))

    def added_foreign_keys(self) -> Iterator[tuple[Table, ForeignKey]]:
        """Yield the foreign keys that it adds, each with its table."""
        for table in self.changed_tables:
            if not table.foreign_keys:
                continue
            before = self.before.tables.get(fold(table.name))
            existing = set(before.foreign_keys) if before else set()
            yield from ((table, key) for key in table.foreign_keys if key not in existing)

    def definer_of(self, table: Table) -> ReplayedStatement | None:
        """Return the last statement that creates or alters a table."""
        return self._definers.get(self.after.ids[fold(table.name)])

    @cached_property
    def _definers(self) -> dict[int, ReplayedStatement]:
        found: dict[int, ReplayedStatement] = {}
        for statement in self.of("create table", "create virtual table", "alter table"):
            number = statement.after.ids.get(statement.shape.name)  # None after RENAME TO
            if (
                number is not None
                and statement.before is not statement.after
                and "RENAME" not in statement.words
            ):
                found[number] = statement
        return found

    @cached_property
    def writers(self) -> dict[int, list[ReplayedStatement]]:
        """{number of a table: the statements that change its rows themselves}."""
        found: dict[int, list[ReplayedStatement]] = {}
        for statement in self.of("insert", "replace", "update", "delete"):
            number = statement.before.ids.get(statement.target)
            if number is not None:
                found.setdefault(number, []).append(statement)
        return found

    @cached_property
    def updates(self) -> dict[int, list[ReplayedStatement]]:
        """The UPDATE statements of `writers`."""
        return {
            number: updates
            for number, writers in self.writers.items()
            if (updates := [statement for statement in writers if statement.verb == "update"])
        }

    @cached_property
    def _emptied(self) -> dict[int, list[int]]:
        """{number of a table: the indices of the DELETE statements without WHERE}."""
        found: dict[int, list[int]] = {}
        for number, writers in self.writers.items():
            for statement in writers:
                if statement.verb == "delete" and not statement.has_where:
                    found.setdefault(number, []).append(statement.index)
        return found

    @cached_property
    def drops(self) -> dict[int, int]:
        """{number of a table: the index of the DROP TABLE that drops it}."""
        found = {}
        for statement in self.of("drop table"):
            number = statement.before.ids.get(statement.shape.name)
            if number is not None:
                found[number] = statement.index
        return found

    def is_empty(self, table: str, at: ReplayedStatement) -> bool:
        """Whether a table certainly has no row before a statement: it is new and not filled, or emptied."""
        number = at.before.ids.get(table)
        if number is None:
            return True
        emptied = self._emptied.get(number, [])
        place = bisect_left(emptied, at.index)
        since = emptied[place - 1] if place else -1
        if since < 0 and self._is_old(number):
            return False
        first, last = self.filled.get(number, (at.index, -1))
        return not (since < last and first < at.index)
