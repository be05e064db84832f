"""An unsafe rebuild in a file → the guarded one, as edits of its text. All else stays byte for byte.

Whose rows they are and how they are copied is the file's affair: its CREATE TABLE and INSERT … SELECT stay.
What changes is how the old table goes. Four shapes are known:

- new, copy, DROP old, RENAME new: the copy is the hold; the table is made under its final name from it.
- RENAME old aside, RENAME new into its place, DROP old: the same.
- RENAME old aside, CREATE, copy: what is aside becomes a copy, and the table itself goes, guarded.
- a copy, DROP, CREATE, copied back, or nothing copied at all: DROP is guarded; rows are held and put back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.drafting.rebuild_guards import Guarded, columns, lines, lost, renamed
from d1migrate.errors import PlanError
from d1migrate.schema.keys import rowid_alias
from d1migrate.schema.queries import rowid_of
from d1migrate.schema.rebuild import MAX_COLUMNS, q
from d1migrate.sql.names import HELPER, ROWIDS, fold, unquote
from d1migrate.sql.statement import pragma_of
from d1migrate.sql.tokens import significant

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
    """What stands between two places of a text, in characters, becomes another text."""

    start: int
    end: int
    text: str


def edits(replay: AnalyzedReplay, flagged: Collection[int]) -> list[Edit]:
    """Return what makes the rebuilds of a file keep every row.

    Args:
        replay: the file as it ran.
        flagged: the statements that are known to lose rows.

    Raises:
        PlanError: one of them is no rebuild, or one that cannot be rewritten; it says why.
    """
    pieces = [piece for piece in replay.migration.pieces() if piece.sql]
    file = _File(replay, pieces)
    found = replay.rebuilds
    known = set[int]()
    for number, rebuild in enumerate(found, 1):
        known |= file.rewrite(rebuild, number, flagged)
    for index in sorted(set(flagged) - known):
        raise PlanError(f"line {pieces[index].line}: no table is made anew here, so no row can be put back")
    file.settle_pragmas()
    return sorted(file.edits)


class _File:
    """One file, and what is to be changed in it."""

    def __init__(self, replay: AnalyzedReplay, pieces: Sequence[Statement]) -> None:
        self._replay, self._pieces = replay, pieces
        self.edits: list[Edit] = []

    def rewrite(self, rebuild: Rebuild, number: int, flagged: Collection[int]) -> set[int]:
        """Rewrite a rebuild of a table that is referred to; return the statements that take it away."""
        name, first = fold(rebuild.old.name), rebuild.statement
        aside = None if first.verb == "drop table" else first.after.name_of(first.before.ids[name])
        taken = self._drop_of(aside, first.index) if aside else first
        own = {ran.index for ran in (first, taken) if ran}
        if not own & set(flagged) and not any(True for _ in first.before.references(name)):
            return own
        giver = self._giver(rebuild)
        if giver.verb == "alter table":
            self._from_copy(_Case(rebuild, number, first, giver, taken, aside))
        elif aside:
            self._from_aside(_Case(rebuild, number, first, giver, taken, aside))
        else:
            self._from_hold(_Case(rebuild, number, first, giver, taken, aside))
        return own

    def _giver(self, rebuild: Rebuild) -> ReplayedStatement:
        """Return the statement that gives the new table its name."""
        name = fold(rebuild.new.name)
        number = self._replay.after.ids[name]
        return next(
            ran
            for ran in self._replay.of("create table", "alter table")
            if ran.after.ids.get(name) == number and ran.before.ids.get(name) != number
        )

    def _drop_of(self, table: str, after: int) -> ReplayedStatement | None:
        drops = self._replay.of("drop table")
        return next((ran for ran in drops if ran.index > after and ran.shape.name == fold(table)), None)

    # --- the shapes ---

    def _from_copy(self, case: _Case) -> None:
        """A new table was filled beside the old one: it is what the rows come from."""
        copy = case.giver.before.tables[case.giver.shape.name]
        at = case.giver if case.aside else case.first
        old = (case.first if case.aside else at).before
        # A reference of the new table to itself follows the old one when that is renamed.
        copy = old.tables.get(fold(copy.name), copy)
        guarded = Guarded(old.tables[fold(case.rebuild.old.name)], old, case.number)
        self._refuse_mentions(copy.name, case.first.index, case.giver.index)
        if any(child != fold(copy.name) for child, _ in old.references(fold(copy.name))):
            raise self._cannot(case.giver, f"other tables refer to {copy.name} already")
        keeps = _rowid(copy, case.rebuild.new)
        if keeps:
            self._take_rowids_along(case, copy)
        block = self._made_anew(case, guarded, copy, keeps=keeps)
        if case.aside:
            self._refuse_mentions(case.aside, case.first.index, case.giver.index)
            self._remove(case.first)
            self._replace(case.giver, block)
            if case.taken:
                self._remove(case.taken)
        else:
            self._replace(case.first, block)
            self._remove(case.giver)

    def _made_anew(self, case: _Case, guarded: Guarded, copy: Table, *, keeps: str) -> list[str]:
        name, new = q(case.rebuild.old.name), case.rebuild.new
        save, restore = guarded.counter(new)
        indexes, triggers = lost(case.rebuild, self._dropped)
        own = [index for index in copy.indexes if index.sql]
        into = ", ".join([keeps] * bool(keeps) + columns(copy))
        return [
            *guarded.keys_are_copied(copy),
            *save,
            *guarded.drop(apart={fold(copy.name)}),
            renamed(copy.sql, copy.name, case.rebuild.old.name),
            *(f"DROP INDEX {q(index.name)}" for index in own),
            *(renamed(index.sql or "", copy.name, case.rebuild.old.name) for index in own),
            *indexes,
            *self._hoisted(case, new),
            f"INSERT INTO {name} ({into}) SELECT {into} FROM {q(copy.name)}",
            f"DROP TABLE {q(copy.name)}",
            *restore,
            *(renamed(trigger.sql, copy.name, case.rebuild.old.name) for trigger in copy.triggers),
            *triggers,
        ]

    def _from_aside(self, case: _Case) -> None:
        """The old table was renamed: instead its rows are copied, and foreign keys do not follow."""
        if not case.rebuild.fills or not case.aside:
            raise self._cannot(case.first, "nothing is copied back")
        catalog = case.first.before
        old = catalog.tables[fold(case.rebuild.old.name)]
        guarded = Guarded(old, catalog, case.number)
        if any(map(_reads_rowids, case.rebuild.fills)):
            raise self._cannot(case.rebuild.fills[0], f"it reads rowids, which a copy of {old.name} has not")
        names = ", ".join(q(column.name) for column in old.columns)
        save, restore = guarded.counter(case.rebuild.new)
        copied = f"CREATE TABLE {q(case.aside)} AS SELECT {names} FROM {q(old.name)}"
        self._replace(case.first, [copied, *save, *guarded.drop()])
        for ran in self._replay.of("drop index", "drop trigger"):
            if ran.index > case.first.index and ran.before.owners.get(ran.shape.name) == fold(case.aside):
                self._remove(ran)
        indexes, triggers = lost(case.rebuild, self._dropped)
        self._insert_behind(case.giver, [*indexes, *self._hoisted(case, case.rebuild.new)])
        self._insert_behind(max(case.rebuild.fills, key=lambda fill: fill.index), [*restore, *triggers])

    def _from_hold(self, case: _Case) -> None:
        """The table was dropped and made again: rows come from the file's own copy, or are held here."""
        catalog = case.first.before
        old = catalog.tables[fold(case.rebuild.old.name)]
        guarded = Guarded(old, catalog, case.number)
        save, restore = guarded.counter(case.rebuild.new)
        indexes, triggers = lost(case.rebuild, self._dropped)
        early = [*indexes, *self._hoisted(case, case.rebuild.new)]
        if case.rebuild.fills:
            self._replace(case.first, [*save, *guarded.drop()])
            self._insert_behind(case.giver, early)
            self._insert_behind(max(case.rebuild.fills, key=lambda fill: fill.index), [*restore, *triggers])
            return
        if self._replay.after.ids[fold(case.rebuild.new.name)] in self._replay.filled:
            raise self._cannot(case.first, f"the file fills {old.name} with rows of its own")
        there = {fold(column.name) for column in case.rebuild.new.columns if not column.generated}
        into = [q(c.name) for c in old.columns if fold(c.name) in there]
        keeps = _rowid(old, case.rebuild.new)
        held = [f"{keeps} AS {q(_ROWID)}"] if keeps else []
        self._replace(
            case.first,
            [
                f"CREATE TABLE {guarded.hold} AS SELECT {', '.join([*held, *into])} FROM {q(old.name)}",
                *save,
                *guarded.drop(),
            ],
        )
        to, of = [keeps] if keeps else [], [q("_d1m_rowid")] if keeps else []
        refill = (
            f"INSERT INTO {q(old.name)} ({', '.join([*to, *into])})"
            f" SELECT {', '.join([*of, *into])} FROM {guarded.hold}"
        )
        self._insert_behind(case.giver, [*early, refill, f"DROP TABLE {guarded.hold}", *restore, *triggers])

    # --- parts of them ---

    @property
    def _dropped(self) -> set[str]:
        return {ran.shape.name for ran in self._replay.of("drop index", "drop trigger")}

    def _hoisted(self, case: _Case, new: Table) -> list[str]:
        """Take unique indexes from behind the rebuild: foreign keys may refer to one when the rows come."""
        found = []
        for ran in self._replay.of("create index"):
            on = ran.after.owners.get(ran.shape.name)
            if ran.index > case.giver.index and on == fold(new.name) and "UNIQUE" in ran.words[:2]:
                found.append(ran.sql)
                self._remove(ran)
        return found

    def _take_rowids_along(self, case: _Case, copy: Table) -> None:
        """Have the file's copy take the rowids of the old table along, where it is simple."""
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
        names = "" if tokens[into + 2].text == "(" else f" ({', '.join([name, *columns(copy)])})"
        if names:
            self.edits.append(Edit(begin, begin, names))
        else:
            begin = at + tokens[into + 2].start + 1
            self.edits.append(Edit(begin, begin, f"{name}, "))
        begin = at + tokens[select].start + len("SELECT")
        self.edits.append(Edit(begin, begin, f" {name},"))

    def _refuse_mentions(self, table: str, first: int, last: int) -> None:
        """Raise PlanError where a statement between two speaks of a table that is not there any more then."""
        for piece in self._pieces[first + 1 : last]:
            names = {fold(unquote(t.text)) for t in significant(piece.sql) if t.kind in ("word", "quoted")}
            if fold(table) in names:
                raise PlanError(f"line {piece.line}: it speaks of {table} amid the rebuild")

    def _cannot(self, ran: ReplayedStatement, why: str) -> PlanError:
        return PlanError(f"line {ran.line}: {why}")

    def settle_pragmas(self) -> None:
        """Take out what does nothing on D1, or hides broken links; defer foreign keys at the first edit."""
        blocks = [edit for edit in self.edits if "DROP TABLE" in edit.text]
        if not blocks:
            return
        first, deferred = min(blocks), False
        for ran in self._replay.of("pragma"):
            pragma = pragma_of(ran.tokens)
            start, _ = _span(ran.source)
            if pragma.name == "defer_foreign_keys" and pragma.is_on and start < first.start:
                deferred = True
            elif pragma.name in _USELESS and pragma.value is not None:
                self._remove(ran)
        if not deferred:
            place = self.edits.index(first)
            self.edits[place] = first._replace(text=f"{_DEFER};\n{first.text}")

    # --- edits ---

    def _replace(self, ran: ReplayedStatement, statements: Sequence[str]) -> None:
        start, end = _span(ran.source)
        self.edits.append(Edit(start, end, lines(statements)))

    def _remove(self, ran: ReplayedStatement) -> None:
        start, end = _span(ran.source)
        text = self._replay.migration.text
        alone = start == 0 or text[start - 1] == "\n"
        end += alone and text[end : end + 1] == "\n"
        if all(edit.start != start for edit in self.edits):
            self.edits.append(Edit(start, end, ""))

    def _insert_behind(self, ran: ReplayedStatement, statements: Sequence[str]) -> None:
        if statements:
            _, end = _span(ran.source)
            closed = "" if ran.source.text.rstrip().endswith(";") else ";"
            self.edits.append(Edit(end, end, f"{closed}\n{lines(statements)}"))


class _Case(NamedTuple):
    """A rebuild: what takes the old table from its name, gives the new one its own, and drops the old one."""

    rebuild: Rebuild
    number: int
    first: ReplayedStatement
    giver: ReplayedStatement
    taken: ReplayedStatement | None
    aside: str | None


def _rowid(old: Table, new: Table) -> str:
    """Return a name of the rowid where it would be lost: both have one, no column is it, and it fits in."""
    name = rowid_of(old)
    keeps = name and name == rowid_of(new) and rowid_alias(new) is None
    return name if keeps and max(len(old.columns), len(new.columns)) < MAX_COLUMNS else ""


def _reads_rowids(ran: ReplayedStatement) -> bool:
    return any(fold(unquote(token.text)) in ROWIDS for token in ran.tokens)


def _span(statement: Statement) -> tuple[int, int]:
    """Return where a statement stands in its file, with its `;`."""
    start = statement.start + statement.body
    text = statement.text[statement.body :]
    return start, start + (len(text) if text.endswith(";") else len(statement.sql))
