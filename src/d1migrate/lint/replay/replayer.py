"""Run migrations on a scratch engine and record what each statement does. Not core: it needs the engine."""

from __future__ import annotations

from d1migrate.errors import LimitExceeded, SourceError
from d1migrate.lint.analysis import AnalyzedReplay
from d1migrate.lint.platform import D1
from d1migrate.lint.replay.model import BrokenObject, ReplayedStatement, RollbackReplay
from d1migrate.lint.replay.plain_inserts import PlainInserts
from d1migrate.lint.replay.probes import broken, columns_read_as_strings, differences
from d1migrate.lint.replay.shadow_schema import SCHEMA_VERBS, ShadowSchema
from d1migrate.lint.replay.step import step
from d1migrate.migrate.directives import Directive, directives
from d1migrate.migrate.file_suggestion import choose_table
from d1migrate.migrate.migration import NOTHING, Migration
from d1migrate.migrate.table import USUAL_TABLE, VERSIONS, MigrationsTable
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.model import Schema
from d1migrate.schema.scope import Scope
from d1migrate.sql.names import fold
from d1migrate.sql.split import Series
from d1migrate.sql.tokens import without_strings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.lint.platform import Platform, Target
    from d1migrate.sql.split import Statement

_REPEATABLE = frozenset(("analyze", "pragma", "reindex", "select"))
_CONCERNING = ("SELECT", "REPLACE", "ROLLBACK", "LIKE", "GLOB", '"')

_CHECKED = ("create view", "create trigger", "create virtual table")


def schema_of(migrations: Iterable[Migration], table: MigrationsTable | None = None) -> Schema:
    """Return the schema that the migrations build, in order, on an empty database.

    Only statements that change the schema are run: rows do not affect the schema, and a migration that checks
    its rows would fail on an empty table. The migrations table is by default the one that the files suggest.

    Raises:
        SourceError: a statement is refused by D1, or does not fit the schema that the ones before it build.
    """
    catalog = Catalog()
    for replayed in replay(tuple(migrations), table=table, probe=False):
        for statement in replayed.statements:
            if statement.shape.verb in SCHEMA_VERBS and statement.refusal is not None:
                raise SourceError(
                    f"{replayed.migration.file}:{statement.line}: {statement.refusal}"
                    " (when replayed on an empty database)"
                )
        catalog = replayed.after
    return catalog.schema


def broken_objects(
    schema: Schema, table: MigrationsTable = USUAL_TABLE, *, before: Schema | None = None
) -> list[BrokenObject]:
    """Return the views, triggers and virtual tables of a schema that fail when they are used.

    Args:
        schema: the schema.
        table: the migrations table, which views may read.
        before: an earlier schema; what names a column of it in double quotes fails too if the column is gone.
    """
    catalog = Catalog.of(schema)
    named = {fold(name) for name in (*catalog.views, *(trigger.name for trigger in catalog.triggers()))}
    named |= {name for name, table in catalog.active.items() if table.is_virtual}
    if not named:
        return []
    shadow = ShadowSchema(catalog, table=table)
    try:
        found = broken(shadow, mention=(), named=named)
        return [*found, *columns_read_as_strings(shadow, Scope.of(before), mention=[""])] if before else found
    finally:
        shadow.close()


def schemas_after(migrations: Sequence[Migration], table: MigrationsTable | None = None) -> dict[str, Schema]:
    """Return {name: the schema after it}, for the index of a Worker.

    If a migration cannot be parsed, or replayed on an empty database, it and those after it are omitted:
    their schema is unknown. The migrations table is by default the one that the files suggest.
    """
    found: dict[str, Schema] = {}
    replayer = Replayer(table=table or choose_table(migrations).guess)
    for migration in migrations:
        try:
            replayed = replayer.replay(migration, probe=False)
        except SourceError:
            break
        if any(
            statement.shape.verb in SCHEMA_VERBS and statement.refusal is not None
            for statement in replayed.statements
        ):
            break
        found[migration.name] = replayed.after.schema
    return found


def replay(
    migrations: Sequence[Migration],
    base: Schema | None = None,
    *,
    table: MigrationsTable | None = None,
    probe: bool = True,
) -> Iterator[AnalyzedReplay]:
    """Yield every migration as it ran, in order.

    Arguments and errors are Replayer's; the migrations table is by default the one that the files suggest.
    """
    replayer = Replayer(base, table=table or choose_table(migrations).guess)
    for migration in migrations:
        yield replayer.replay(migration, probe=probe)


class Replayer:
    """Replays migrations in order, each on an empty scratch engine.

    Args:
        base: the schema before the first; empty by default.
        earlier: the files that built that schema, if they are known.
        table: the migrations table.
        platform: where the migrations are to run.
        target: what is known about the database.

    Attributes:
        catalog: the schema after the migrations so far.
    """

    def __init__(
        self,
        base: Schema | None = None,
        *,
        earlier: Sequence[Migration] = (),
        table: MigrationsTable = USUAL_TABLE,
        platform: Platform = D1,
        target: Target | None = None,
    ) -> None:
        self.catalog = Catalog.of(base or Schema())
        self._earlier_files = len(earlier)
        self._mentioning = sum(migration.mentions(VERSIONS) for migration in earlier)  # that name the history
        self._previous = earlier[-1].version if earlier else None
        self._is_incomplete = False
        self._table, self._platform, self._target = table, platform, target
        self._meanings: dict[str, str] = {}

    def replay(self, migration: Migration, *, probe: bool = True, roll_back: bool = True) -> AnalyzedReplay:
        """Replay the next migration.

        Args:
            migration: the migration.
            probe: whether to look for views and triggers that it breaks.
            roll_back: whether to run its rollback, too, if it probes.

        Raises:
            SourceError: it cannot be parsed.
        """
        shadow = ShadowSchema(self.catalog, failed=self._is_incomplete, table=self._table)
        siblings_record = self._table.shape == "versions" and 2 * self._mentioning > self._earlier_files
        try:
            replayed = _FileReplay(
                migration, shadow, self._table, self._platform, probe=probe, roll_back=probe and roll_back
            ).replay(siblings_record=siblings_record, previous=self._previous)
            replayed.target = self._target
        finally:
            shadow.close()
        if (
            not all(statement.shape.verb in _REPEATABLE for statement in replayed.statements)
            or replayed.filled
        ):
            replayed.repeats = self._earlier(migration)
        self.catalog = replayed.after
        self._is_incomplete = replayed.incomplete
        self._earlier_files += 1
        self._mentioning += migration.mentions(VERSIONS)
        self._previous = migration.version
        return replayed

    def _earlier(self, migration: Migration) -> str:
        """Return the name of an earlier file with the same checksum, or ""."""
        meaning = migration.checksum
        if meaning is None or meaning == NOTHING:
            return ""
        first = self._meanings.setdefault(meaning, migration.name)
        return "" if first == migration.name else first

    def give_up_on(self, migration: Migration) -> None:
        """Skip a migration that cannot be read; later statements that need its objects are not refused."""
        self._is_incomplete = True
        self._previous = migration.version


class _FileReplay:
    """One file on its shadow schema."""

    def __init__(
        self,
        migration: Migration,
        shadow: ShadowSchema,
        table: MigrationsTable,
        platform: Platform,
        *,
        probe: bool,
        roll_back: bool,
    ) -> None:
        self._migration, self._shadow, self._platform = migration, shadow, platform
        self._probe, self._roll_back = probe, roll_back
        self._versions = fold(table.name) if table.shape == "versions" else None
        self._filled: dict[int, tuple[int, int]] = {}
        self._concerning: dict[str, bool] = {}
        self._records = False
        self._plain = PlainInserts()
        self._kept, self._directives = list[ReplayedStatement](), list[Directive]()
        self._count, self._header = 0, ""
        self._last: Statement | Series | None = None

    def replay(self, *, siblings_record: bool, previous: int | None) -> AnalyzedReplay:
        before = self._shadow.catalog
        for section in self._migration.sections():
            if not isinstance(section, Series):
                self._add(section)
            elif not self._repeats_insert(next(section.statements()).sql, section):
                for source in section.statements():
                    self._add(source)
        after, incomplete, last = self._shadow.catalog, self._shadow.failed, self._last
        broken_here = self._broken(before, self._kept) if self._probe and not incomplete else ()
        return AnalyzedReplay(
            self._migration,
            before,
            after,
            self._kept,
            count=self._count,
            last=list(last.statements())[-1] if isinstance(last, Series) else last,
            filled=self._filled,
            broken=broken_here,
            rollback=self._rollback(before) if self._roll_back else None,
            directives=self._directives,
            records_itself=self._records,
            siblings_record=siblings_record,
            previous=previous,
            not_built=tuple(self._shadow.not_built),
            header=self._header,
            incomplete=incomplete,  # a refused rollback leaves nothing missing for the next file
            platform=self._platform,
        )

    def _add(self, source: Statement) -> None:
        """Replay the next statement, or read the text after the last one."""
        if source.body <= 1 and self._repeats_insert(source.sql, source):
            return
        self._directives += directives(self._count, source)
        if not self._count:
            self._header += source.text[: source.body]
        if not source.sql:
            return
        statement = step(self._shadow, self._count, source)
        into = self._note(statement)
        if self._may_concern_rules(statement):
            self._kept.append(statement)
            self._plain.clear()
        else:
            self._plain.add(source.sql, into)
        self._count, self._last = self._count + 1, source

    def _repeats_insert(self, sql: str, section: Statement | Series) -> bool:
        """Whether a section, by the SQL it begins with, only adds rows as other INSERTs did."""
        into = self._plain.find(sql)
        if into is None:
            return False
        self._count += section.length if isinstance(section, Series) else 1
        for number in into:
            self._filled[number] = (self._filled[number][0], self._count - 1)
        self._last = section
        return True

    def _note(self, statement: ReplayedStatement) -> list[int]:
        """Record the tables that a statement adds rows to, and return them."""
        into = [access.table for access in statement.accesses if access.kind == "insert"]
        if statement.verb == "create table" and statement.is_from_select:
            into.append(statement.shape.name)
        found = [number for table in into if (number := statement.after.ids.get(table)) is not None]
        for number in found:
            first, _ = self._filled.get(number, (statement.index, 0))
            self._filled[number] = (first, statement.index)
        self._records = self._records or self._versions in into
        return found

    def _may_concern_rules(self, statement: ReplayedStatement) -> bool:
        """Whether a rule may look at a statement: plain INSERTs, the bulk of a large file, are not kept."""
        if (
            statement.verb != "insert"
            or statement.refusal
            or statement.cascades
            or statement.deletes_by_triggers
        ):
            return True
        sql = without_strings(statement.sql.upper())
        if any(word in sql for word in _CONCERNING):
            return True
        table = statement.target
        if table not in self._concerning:
            owner = statement.before.tables.get(table)
            words = owner.sql.upper() if owner else ""  # an INSERT into a virtual table may be a command
            self._concerning[table] = "REPLACE" in words or words.startswith("CREATE VIRTUAL")
        return self._concerning[table]

    def _broken(self, before: Catalog, statements: Sequence[ReplayedStatement]) -> list[BrokenObject]:
        """Return the objects that no longer work, and were created here or worked before."""
        created = {r.shape.name for r in statements if r.verb in _CHECKED and not r.refusal}
        dropped = {r.shape.name for r in statements if r.verb in ("drop table", "drop view", "alter table")}
        found = broken(self._shadow, mention=dropped, named=created)
        earlier = [d for d in found if fold(d.name) not in created]
        if earlier:
            old = ShadowSchema(before)
            try:
                broken_before = {(d.kind, d.name) for d in broken(old, mention=dropped)}
            finally:
                old.close()
            found = [d for d in found if d not in earlier or (d.kind, d.name) not in broken_before]
        lost = columns_read_as_strings(self._shadow, Scope.within(before), mention=dropped) if dropped else []
        return [*found, *lost]

    def _rollback(self, before: Catalog) -> RollbackReplay | None:
        rollback = self._migration.rollback
        if rollback is None or rollback.reason is not None or self._shadow.failed:
            return None
        try:
            sources = list(rollback.statements())
        except LimitExceeded as error:
            return RollbackReplay((str(error), rollback.first_line))
        for index, source in enumerate(sources):
            statement = step(self._shadow, index, source)
            if statement.refusal is not None:
                return RollbackReplay((statement.refusal, source.line))
        return RollbackReplay(differences=differences(self._shadow, before))
