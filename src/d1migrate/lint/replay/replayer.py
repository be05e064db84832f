"""Run migrations on a scratch engine and tell what each statement did. Not core: it needs an engine."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from d1migrate.errors import LimitExceeded, SourceError
from d1migrate.lint.analysis import AnalyzedReplay
from d1migrate.lint.replay.insert_shortcut import Alike
from d1migrate.lint.replay.model import BrokenObject, ReplayedStatement, RollbackReplay
from d1migrate.lint.replay.probes import broken, differences, turned_to_strings
from d1migrate.lint.replay.shadow_schema import SCHEMA_VERBS, ShadowSchema
from d1migrate.migrate.directives import Directive, directives
from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.migrate.migration import Migration
from d1migrate.schema import digest
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.model import Schema
from d1migrate.schema.scope import Scope
from d1migrate.sql.names import fold
from d1migrate.sql.tokens import without_strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_REPEATABLE = frozenset(("analyze", "pragma", "reindex", "select"))
_TELLING = ("SELECT", "REPLACE", "ROLLBACK", "LIKE", "GLOB", '"')


_USED = ("create view", "create trigger", "create virtual table")


def schema_of(migrations: Iterable[Migration]) -> Schema:
    """Return the schema that the migrations build, in order, on an empty database.

    Only statements that change the schema are run: rows make no difference to what they build, and a
    migration that checks its rows would stop on an empty table.

    Raises:
        SourceError: a statement is refused, by D1's rules or because of what the ones before it built.
    """
    catalog = Catalog()
    for replayed in replay(migrations, proofs=False):
        for statement in replayed.statements:
            if statement.shape.verb in SCHEMA_VERBS and statement.refusal is not None:
                raise SourceError(
                    f"{replayed.migration.file}:{statement.line}: {statement.refusal}"
                    " (when replayed on an empty database)"
                )
        catalog = replayed.after
    return catalog.schema


def dangling(schema: Schema, before: Schema | None = None) -> list[BrokenObject]:
    """Return the views, triggers and virtual tables of a schema that fail when they are used.

    Args:
        schema: it.
        before: an earlier schema: a name in double quotes that it had, and this one has not, is missed too.
    """
    catalog = Catalog.of(schema)
    named = {fold(name) for name in (*catalog.views, *(trigger.name for trigger in catalog.triggers()))}
    named |= {name for name, table in catalog.tables.items() if table.is_virtual}
    if not named:
        return []
    stage = ShadowSchema(catalog, count())
    try:
        found = broken(stage, mention=(), named=named)
        return [*found, *turned_to_strings(stage, Scope.of(before), mention=[""])] if before else found
    finally:
        stage.scratch.close()


def schema_changes(migrations: Iterable[Migration]) -> dict[int, dict[str, str | None]]:
    """Return {version: what it changed, as `digest.changes` has it}, for the index of a Worker.

    Migrations behind one that cannot be replayed on an empty database are left out: what they would be
    compared with is not known.

    Raises:
        SourceError: a migration cannot be parsed.
    """
    found: dict[int, dict[str, str | None]] = {}
    before = Schema()
    for replayed in replay(migrations, proofs=False):
        if any(
            statement.shape.verb in SCHEMA_VERBS and statement.refusal is not None
            for statement in replayed.statements
        ):
            break
        after = replayed.after.schema
        found[replayed.migration.version] = digest.changes(before, after)
        before = after
    return found


def replay(
    migrations: Iterable[Migration], base: Schema | None = None, *, proofs: bool = True
) -> Iterator[AnalyzedReplay]:
    """Yield every migration as it ran, in order; arguments and errors as Replayer's."""
    replayer = Replayer(base)
    for migration in migrations:
        yield replayer.replay(migration, proofs=proofs)


class Replayer:
    """Runs migrations one after the other, each on a scratch engine of its own.

    Statements that change the schema are run, those that read or change rows only prepared.

    Args:
        base: the schema they begin with; an empty one without it.
        earlier: the files that made that schema, where they are known.

    Attributes:
        catalog: the schema, as the migrations so far left it.
    """

    def __init__(self, base: Schema | None = None, *, earlier: Sequence[Migration] = ()) -> None:
        base = base or Schema()
        self.catalog = Catalog.of(base)
        self._numbers = count(len(base.tables))
        self._names_history = [migration.names_history for migration in earlier]
        self._previous = earlier[-1].version if earlier else None
        self._is_incomplete = False
        self._meanings: dict[str, str] = {}

    def replay(self, migration: Migration, *, proofs: bool = True) -> AnalyzedReplay:
        """Run one.

        Args:
            migration: it.
            proofs: whether to try its rollback, and which views and triggers it leaves broken.

        Raises:
            SourceError: it cannot be parsed.
        """
        stage = ShadowSchema(self.catalog, self._numbers, failed=self._is_incomplete)
        siblings_record = 2 * sum(self._names_history) > len(self._names_history)
        try:
            replayed = _File(migration, stage, proofs=proofs).replay(
                siblings_record=siblings_record, previous=self._previous
            )
        finally:
            stage.scratch.close()
        if (
            not all(statement.shape.verb in _REPEATABLE for statement in replayed.statements)
            or replayed.filled
        ):
            replayed.repeats = self._earlier(migration)
        self.catalog = replayed.after
        self._is_incomplete = stage.failed
        self._names_history.append(migration.names_history)
        self._previous = migration.version
        return replayed

    def _earlier(self, migration: Migration) -> str:
        """Return the name of the file before it that means the same; "" if there is none."""
        meaning = migration.checksum
        first = self._meanings.setdefault(meaning, migration.name)
        only_records = meaning == Migration(1, "001_nothing", "").checksum
        return "" if first == migration.name or only_records else first

    def give_up_on(self, migration: Migration) -> None:
        """Go on without a migration that cannot be read; what misses something then is not refused."""
        self._is_incomplete = True
        self._previous = migration.version


class _File:
    """One file on its way through a stage."""

    def __init__(self, migration: Migration, stage: ShadowSchema, *, proofs: bool) -> None:
        self._migration, self._stage, self._proofs = migration, stage, proofs
        self._filled: dict[int, tuple[int, int]] = {}
        self._telling: dict[str, bool] = {}
        self._records = False
        self._alike, self._into = Alike(), list[int]()

    def replay(self, *, siblings_record: bool, previous: int | None) -> AnalyzedReplay:
        before, kept, found = self._stage.catalog, list[ReplayedStatement](), list[Directive]()
        index, last, header = 0, None, ""
        for source in self._migration.pieces():
            if source.body <= 1 and self._is_alike(index, source.sql):
                index, last = index + 1, source
                continue
            found += directives(index, source)
            header = header if index else header + source.text[: source.body]
            if not source.sql:
                continue
            statement = self._stage.step(index, source)
            self._note(statement)
            if self._tells(statement):
                kept.append(statement)
                self._alike.forget()
            else:
                self._alike.learn(source.sql)
            index, last = index + 1, source
        after = self._stage.catalog
        dangling = self._dangling(before, kept) if self._proofs and not self._stage.failed else ()
        return AnalyzedReplay(
            *(self._migration, before, after, kept),
            count=index,
            last=last,
            filled=self._filled,
            dangling=dangling,
            way_back=self._way_back(before) if self._proofs else None,
            directives=found,
            records_itself=self._records,
            siblings_record=siblings_record,
            previous=previous,
            not_built=tuple(self._stage.not_built),
            header=header,
            incomplete=self._stage.failed,
        )

    def _is_alike(self, index: int, sql: str) -> bool:
        """Whether all that is to be known of a statement is that it adds rows where the last one did."""
        if not self._alike.covers(sql):
            return False
        for number in self._into:
            self._filled[number] = (self._filled[number][0], index)
        return True

    def _note(self, statement: ReplayedStatement) -> None:
        """Take note of the tables it adds rows to."""
        into = [touch.table for touch in statement.touches if touch.kind == "insert"]
        if statement.verb == "create table" and statement.is_from_select:
            into.append(statement.shape.name)
        self._into = [number for table in into if (number := statement.after.ids.get(table)) is not None]
        for number in self._into:
            first, _ = self._filled.get(number, (statement.index, 0))
            self._filled[number] = (first, statement.index)
        self._records = self._records or MIGRATIONS_TABLE in into

    def _tells(self, statement: ReplayedStatement) -> bool:
        """Whether a rule may have something to say of it: most files of any size are plain INSERTs."""
        if statement.verb != "insert" or statement.refusal or statement.acts or statement.fires_deletes:
            return True
        sql = without_strings(statement.sql.upper())
        if any(word in sql for word in _TELLING):
            return True
        table = statement.target
        if table not in self._telling:
            there = statement.before.tables.get(table)
            words = there.sql.upper() if there else ""  # virtual tables take commands as INSERTs
            self._telling[table] = "REPLACE" in words or words.startswith("CREATE VIRTUAL")
        return self._telling[table]

    def _dangling(self, before: Catalog, statements: Sequence[ReplayedStatement]) -> list[BrokenObject]:
        """Return the objects that do not work, and were created here or worked before."""
        made = {r.shape.name for r in statements if r.verb in _USED and not r.refusal}
        gone = {r.shape.name for r in statements if r.verb in ("drop table", "drop view", "alter table")}
        found = broken(self._stage, mention=gone, named=made)
        earlier = [d for d in found if fold(d.name) not in made]
        if earlier:
            old = ShadowSchema(before, count())
            try:
                was = {(d.kind, d.name) for d in broken(old, mention=gone)}
            finally:
                old.scratch.close()
            found = [d for d in found if d not in earlier or (d.kind, d.name) not in was]
        lost = turned_to_strings(self._stage, Scope.of(before.schema), mention=gone) if gone else []
        return [*found, *lost]

    def _way_back(self, before: Catalog) -> RollbackReplay | None:
        rollback = self._migration.rollback
        if rollback is None or rollback.reason is not None or self._stage.failed:
            return None
        try:
            sources = list(rollback.statements())
        except LimitExceeded as error:
            return RollbackReplay((str(error), rollback.first_line))
        for index, source in enumerate(sources):
            statement = self._stage.step(index, source)
            if statement.refusal is not None:
                return RollbackReplay((statement.refusal, source.line))
        return RollbackReplay(differences=differences(self._stage, before))
