"""Edit the text of a file so that its unsafe rebuilds are guarded. Everything else stays byte for byte.

The file decides what is copied and how: its CREATE TABLE and its INSERT … SELECT stay. Only the way in which
it drops the old table changes. Four shapes of rebuild are supported:

- CREATE new, copy, DROP old, RENAME new: the new table holds the rows; the table is recreated from it.
- CREATE new, copy, RENAME old aside, RENAME new, DROP old: the same.
- RENAME old aside, CREATE new, copy: instead of the RENAME, the old table is copied and its DROP guarded.
- DROP old, CREATE new, copied back from a copy or not at all: the DROP is guarded, and the rows are put back.
"""

from __future__ import annotations

from collections import Counter

from d1migrate.drafting.rebuild_guards import (
    RebuildGuards,
    lost_objects,
    statement_lines,
    with_table_name,
    writable_columns,
)
from d1migrate.errors import PlanError
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cost import DEFAULT_BUDGET, long_columns, rebuild_costs
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import rowid_of
from d1migrate.schema.rebuild import MAX_COLUMNS
from d1migrate.schema.rebuild_checks import budget_statement, is_budget_statement
from d1migrate.sql.names import HELPER, ROWIDS, fold, unquote
from d1migrate.sql.names import quote_identifier as q
from d1migrate.sql.statement import pragma_of
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.lint.analysis import AnalyzedReplay
    from d1migrate.lint.rebuilds import Rebuild
    from d1migrate.lint.replay.model import ReplayedStatement
    from d1migrate.schema.model import Table
    from d1migrate.sql.split import Statement

_USELESS = ("foreign_keys", "legacy_alter_table", "defer_foreign_keys")
_ROWID = f"{HELPER}rowid"
_DEFER = "PRAGMA defer_foreign_keys = ON"


class Edit(NamedTuple):
    """A replacement of the text between two places, in characters."""

    start: int
    end: int
    text: str


def edits(
    replay: AnalyzedReplay, flagged: Collection[int], budget: int | None = DEFAULT_BUDGET
) -> list[Edit]:
    """Return the edits that make the rebuilds of a file keep every row.

    Args:
        replay: the file as it statement.
        flagged: the statements that lose rows.
        budget: the most entries that the rebuilds may write; None: any number.

    Raises:
        PlanError: one of them belongs to no rebuild, or to one that cannot be rewritten; it says why.
    """
    pieces = [piece for piece in replay.migration.pieces() if piece.sql]
    file = _File(replay, pieces)
    found = replay.rebuilds
    known = set[int]()
    for number, rebuild in enumerate(found, 1):
        known |= file.rewrite(rebuild, number, flagged)
    for index in sorted(set(flagged) - known):
        raise PlanError(
            f"line {pieces[index].line}: no table is rebuilt here, so there are no rows to put back"
        )
    file.settle_pragmas()
    file.assert_budget(budget)
    return sorted(file.edits)


class _File:
    """One file and its edits."""

    def __init__(self, replay: AnalyzedReplay, pieces: Sequence[Statement]) -> None:
        self._replay, self._pieces = replay, pieces
        self._costs, self._rebuilt = Counter[str](), dict[str, list[str]]()
        self.edits: list[Edit] = []

    def rewrite(self, rebuild: Rebuild, number: int, flagged: Collection[int]) -> set[int]:
        """Rewrite the rebuild of a referenced table; return the statements that remove the old table."""
        name, begin = fold(rebuild.old.name), rebuild.statement
        aside = None if begin.verb == "drop table" else begin.after.name_of(begin.before.ids[name])
        drop = self._drop_of(aside, begin.index) if aside else begin
        own = {statement.index for statement in (begin, drop) if statement}
        if not own & set(flagged) and not any(True for _ in begin.before.references(name)):
            return own
        if (first := self._replay.statements[0].before).tables.get(name) == rebuild.old:
            self._rebuilt[rebuild.old.name] = long_columns(rebuild.old)
            self._costs += rebuild_costs(rebuild.old, rebuild.new, first)
        case = _Case(rebuild, number, begin, self._naming(rebuild), drop, aside)
        if case.end.verb == "alter table":
            self._from_copy(case)
        elif aside:
            self._from_aside(case)
        else:
            self._from_hold(case)
        return own

    def _naming(self, rebuild: Rebuild) -> ReplayedStatement:
        """Return the statement that gives the new table its name."""
        name = fold(rebuild.new.name)
        table_id = self._replay.after.ids[name]
        return next(
            statement
            for statement in self._replay.of("create table", "alter table")
            if statement.after.ids.get(name) == table_id and statement.before.ids.get(name) != table_id
        )

    def _drop_of(self, table: str, after: int) -> ReplayedStatement | None:
        for statement in self._replay.of("drop table"):
            if statement.index > after and statement.shape.name == fold(table):
                return statement
        return None

    # --- the shapes ---

    def _from_copy(self, case: _Case) -> None:
        """A new table was filled beside the old one: the rows are copied from it."""
        copy = case.end.before.tables[case.end.shape.name]
        old = case.begin.before
        # Take the new table from before the RENAME, which changes its foreign keys to the old name.
        copy = old.tables.get(fold(copy.name), copy)
        guards = RebuildGuards(old.tables[fold(case.rebuild.old.name)], old, case.number)
        self._refuse_mentions(copy.name, case.begin.index, case.end.index)
        if any(child != fold(copy.name) for child, _ in old.references(fold(copy.name))):
            raise self._cannot(case.end, f"other tables reference {copy.name}")
        keeps = _rowid(copy, case.rebuild.new)
        if keeps:
            self._copy_rowids(case, copy)
        block = self._recreated(case, guards, copy, keeps=keeps)
        if case.aside:
            self._refuse_mentions(case.aside, case.begin.index, case.end.index)
            self._remove(case.begin)
            self._replace(case.end, block)
            if case.drop:
                self._remove(case.drop)
        else:
            self._replace(case.begin, block)
            self._remove(case.end)

    def _recreated(self, case: _Case, guards: RebuildGuards, copy: Table, *, keeps: str) -> list[str]:
        name, new = q(case.rebuild.old.name), case.rebuild.new
        save, restore = guards.counter(new)
        indexes, triggers = lost_objects(case.rebuild, self._dropped)
        own = [index for index in copy.indexes if index.sql]
        into = ", ".join([keeps, *writable_columns(copy)] if keeps else writable_columns(copy))
        return [
            *guards.keys_are_copied(copy),
            *save,
            *guards.drop(apart={fold(copy.name)}),
            with_table_name(copy.sql, copy.name, case.rebuild.old.name),
            *(f"DROP INDEX {q(index.name)}" for index in own),
            *(with_table_name(index.sql or "", copy.name, case.rebuild.old.name) for index in own),
            *indexes,
            *self._hoisted(case, new),
            f"INSERT INTO {name} ({into}) SELECT {into} FROM {q(copy.name)}",
            f"DROP TABLE {q(copy.name)}",
            *restore,
            *(with_table_name(trigger.sql, copy.name, case.rebuild.old.name) for trigger in copy.triggers),
            *triggers,
        ]

    def _from_aside(self, case: _Case) -> None:
        """The old table was renamed: copy its rows instead, so that foreign keys do not follow the rename."""
        if not case.rebuild.fills or not case.aside:
            raise self._cannot(case.begin, "nothing is copied back")
        catalog = case.begin.before
        old = catalog.tables[fold(case.rebuild.old.name)]
        guards = RebuildGuards(old, catalog, case.number)
        if any(map(_reads_rowids, case.rebuild.fills)):
            raise self._cannot(
                case.rebuild.fills[0], f"it reads rowids, which a copy of {old.name} does not have"
            )
        names = ", ".join(q(column.name) for column in old.columns)
        save, restore = guards.counter(case.rebuild.new)
        copied = f"CREATE TABLE {q(case.aside)} AS SELECT {names} FROM {q(old.name)}"
        self._replace(case.begin, [copied, *save, *guards.drop()])
        for statement in self._replay.of("drop index", "drop trigger"):
            owner = statement.before.owners.get(statement.shape.name)
            if statement.index > case.begin.index and owner == fold(case.aside):
                self._remove(statement)
        indexes, triggers = lost_objects(case.rebuild, self._dropped)
        self._insert_after(case.end, [*indexes, *self._hoisted(case, case.rebuild.new)])
        self._insert_after(max(case.rebuild.fills, key=lambda fill: fill.index), [*restore, *triggers])

    def _from_hold(self, case: _Case) -> None:
        """The table was dropped and recreated: the rows come from a copy in the file or from a new one."""
        catalog = case.begin.before
        old = catalog.tables[fold(case.rebuild.old.name)]
        guards = RebuildGuards(old, catalog, case.number)
        save, restore = guards.counter(case.rebuild.new)
        indexes, triggers = lost_objects(case.rebuild, self._dropped)
        early = [*indexes, *self._hoisted(case, case.rebuild.new)]
        if case.rebuild.fills:
            self._replace(case.begin, [*save, *guards.drop()])
            self._insert_after(case.end, early)
            self._insert_after(max(case.rebuild.fills, key=lambda fill: fill.index), [*restore, *triggers])
            return
        if self._replay.after.ids[fold(case.rebuild.new.name)] in self._replay.filled:
            raise self._cannot(case.begin, f"the file fills {old.name} with other rows")
        kept = {fold(column.name) for column in case.rebuild.new.columns if not column.generated}
        into = [q(c.name) for c in old.columns if fold(c.name) in kept]
        values, held, back = into, into, into
        if rowid := _rowid(old, case.rebuild.new):
            values, held, back = [f"{rowid} AS {q(_ROWID)}", *into], [q(_ROWID), *into], [rowid, *into]
        name, hold = q(old.name), guards.hold
        copied = f"CREATE TABLE {hold} AS SELECT {', '.join(values)} FROM {name}"
        refill = f"INSERT INTO {name} ({', '.join(back)}) SELECT {', '.join(held)} FROM {hold}"
        self._replace(case.begin, [copied, *save, *guards.drop()])
        self._insert_after(case.end, [*early, refill, f"DROP TABLE {hold}", *restore, *triggers])

    # --- parts of the shapes ---

    @property
    def _dropped(self) -> set[str]:
        return {statement.shape.name for statement in self._replay.of("drop index", "drop trigger")}

    def _hoisted(self, case: _Case, new: Table) -> list[str]:
        """Move unique indexes before the rows: foreign keys may need one when the rows are inserted."""
        found = []
        for statement in self._replay.of("create index"):
            on = statement.after.owners.get(statement.shape.name)
            if statement.index > case.end.index and on == fold(new.name) and "UNIQUE" in statement.words[:2]:
                found.append(statement.sql)
                self._remove(statement)
        return found

    def _copy_rowids(self, case: _Case, copy: Table) -> None:
        """Make the file's copy keep the rowids of the old table, if its statement is simple."""
        old, fills = case.rebuild.old, case.rebuild.fills
        name = _rowid(old, copy)
        if not name or len(fills) != 1 or _reads_rowids(fills[0]):
            return
        tokens, words = fills[0].tokens, fills[0].words
        of = [fold(unquote(tokens[-1].text)), *words[-2:-1]]
        if of != [fold(old.name), "FROM"] or words.count("SELECT") != 1 or "DISTINCT" in words:
            return
        into, select = words.index("INTO"), words.index("SELECT")
        if tokens[into + 2].text == ".":
            return
        head, statement = tokens[into + 1], fills[0].source
        at = statement.start + statement.body
        begin = at + head.start + len(head.text)
        names = "" if tokens[into + 2].text == "(" else f" ({', '.join([name, *writable_columns(copy)])})"
        if names:
            self.edits.append(Edit(begin, begin, names))
        else:
            begin = at + tokens[into + 2].start + 1
            self.edits.append(Edit(begin, begin, f"{name}, "))
        begin = at + tokens[select].start + len("SELECT")
        self.edits.append(Edit(begin, begin, f" {name},"))

    def _refuse_mentions(self, table: str, first: int, last: int) -> None:
        """Raise PlanError if a statement in between uses a table that will no longer exist there."""
        for piece in self._pieces[first + 1 : last]:
            names = {fold(unquote(t.text)) for t in significant(piece.sql) if t.kind in ("word", "quoted")}
            if fold(table) in names:
                raise PlanError(f"line {piece.line}: it uses {table} during the rebuild")

    def _cannot(self, statement: ReplayedStatement, why: str) -> PlanError:
        return PlanError(f"line {statement.line}: {why}")

    def assert_budget(self, budget: int | None) -> None:
        """Let the file begin with the assertion that it is within its budget, if it rebuilds tables."""
        removed = {edit.start for edit in self.edits if edit.end > edit.start and not edit.text}
        first = next(piece for piece in self._pieces if _span(piece)[0] not in removed)
        if self._costs and budget is not None and not is_budget_statement(first.sql):
            start, _ = _span(first)
            text = statement_lines([budget_statement(self._costs, budget, self._rebuilt)])
            self.edits.append(Edit(start, start, f"{text}\n"))

    def settle_pragmas(self) -> None:
        """Remove what has no effect on D1, or hides broken links; defer foreign keys at the first edit."""
        blocks = [edit for edit in self.edits if "DROP TABLE" in edit.text]
        if not blocks:
            return
        first, deferred = min(blocks), False
        for statement in self._replay.of("pragma"):
            pragma = pragma_of(statement.tokens)
            start, _ = _span(statement.source)
            if pragma.name == "defer_foreign_keys" and pragma.is_on and start < first.start:
                deferred = True
            elif pragma.name in _USELESS and pragma.value is not None:
                self._remove(statement)
        if not deferred:
            place = self.edits.index(first)
            self.edits[place] = first._replace(text=f"{_DEFER};\n{first.text}")

    # --- edits ---

    def _replace(self, statement: ReplayedStatement, statements: Sequence[str]) -> None:
        start, end = _span(statement.source)
        self.edits.append(Edit(start, end, statement_lines(statements)))

    def _remove(self, statement: ReplayedStatement) -> None:
        start, end = _span(statement.source)
        text = self._replay.migration.text
        if (start == 0 or text[start - 1] == "\n") and text[end : end + 1] == "\n":
            end += 1  # the whole line
        if all(edit.start != start for edit in self.edits):
            self.edits.append(Edit(start, end, ""))

    def _insert_after(self, statement: ReplayedStatement, statements: Sequence[str]) -> None:
        if statements:
            _, end = _span(statement.source)
            missing = "" if statement.source.text.rstrip().endswith(";") else ";"
            self.edits.append(Edit(end, end, f"{missing}\n{statement_lines(statements)}"))


class _Case(NamedTuple):
    """A rebuild to rewrite.

    Attributes:
        rebuild: the rebuild.
        number: its number in the file.
        begin: the statement that drops the old table or renames it aside.
        end: the statement that gives the new table its name.
        drop: the statement that drops the old table, if any does.
        aside: the name that the old table is renamed to, if it is.
    """

    rebuild: Rebuild
    number: int
    begin: ReplayedStatement
    end: ReplayedStatement
    drop: ReplayedStatement | None
    aside: str | None


def _rowid(old: Table, new: Table) -> str:
    """Return the name of the rowid if the rebuild would lose it and can keep it, else ""."""
    name = rowid_of(old)
    keeps = name and name == rowid_of(new) and rowid_alias(new) is None
    return name if keeps and max(len(old.columns), len(new.columns)) < MAX_COLUMNS else ""


def _reads_rowids(statement: ReplayedStatement) -> bool:
    return any(fold(unquote(token.text)) in ROWIDS for token in statement.tokens)


def _span(statement: Statement) -> tuple[int, int]:
    """Return where a statement starts and ends in its file, with its `;`."""
    start = statement.start + statement.body
    text = statement.text[statement.body :]
    return start, start + (len(text) if text.endswith(";") else len(statement.sql))
