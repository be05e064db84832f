"""Run migrations on a scratch engine and tell what each statement did. Not core: it needs an engine."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from d1migrate.errors import SourceError
from d1migrate.lint.directives import Directive, directives
from d1migrate.lint.model import Dangling, Ran, Replay, WayBack
from d1migrate.recording import MIGRATIONS_TABLE
from d1migrate.replay.probes import broken, differences, unusable
from d1migrate.replay.stage import SCHEMA_VERBS, Stage
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.model import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from d1migrate.migration import Migration

_TELLING = ("SELECT", "REPLACE", "ROLLBACK", "LIKE", "GLOB", "'REBUILD'", '"')


def schema_of(migrations: Iterable[Migration]) -> Schema:
    """Return the schema that the migrations build, in order, on an empty database.

    Only statements that change the schema are run: rows make no difference to what they build, and a
    migration that checks its rows would stop on an empty table.

    Raises:
        SourceError: a statement is refused, by D1's rules or because of what the ones before it built.
    """
    catalog = Catalog()
    for replayed in replay(migrations, proofs=False):
        for ran in replayed.ran:
            if ran.shape.verb in SCHEMA_VERBS and ran.refusal is not None:
                raise SourceError(
                    f"{replayed.migration.file}:{ran.statement.line}: {ran.refusal}"
                    " (when replayed on an empty database)"
                )
        catalog = replayed.after
    return catalog.schema


def replay(
    migrations: Iterable[Migration],
    base: Schema | None = None,
    *,
    earlier: Sequence[Migration] = (),
    proofs: bool = True,
) -> Iterator[Replay]:
    """Yield every migration as it runs, in order, on a scratch engine.

    Statements that change the schema are run, those that read or change rows only prepared.

    Args:
        migrations: what to replay.
        base: the schema they begin with; an empty one without it.
        earlier: the files that made that schema, where they are known.
        proofs: whether to try the rollbacks, and what views and triggers are left broken.

    Raises:
        SourceError: a file cannot be parsed.
    """
    catalog, numbers = Catalog.of(base or Schema()), count(len((base or Schema()).tables))
    names_history = [migration.names_history for migration in earlier]
    previous = earlier[-1].version if earlier else None
    for migration in migrations:
        migration.check()
        stage = Stage(catalog, numbers)
        try:
            replayed = _File(migration, stage, proofs=proofs).replay(
                siblings_record=2 * sum(names_history) > len(names_history), previous=previous
            )
        finally:
            stage.scratch.close()
        yield replayed
        catalog = replayed.after
        names_history.append(migration.names_history)
        previous = migration.version


class _File:
    """One file on its way through a stage."""

    def __init__(self, migration: Migration, stage: Stage, *, proofs: bool) -> None:
        self._migration, self._stage, self._proofs = migration, stage, proofs
        self._filled: dict[int, tuple[int, int]] = {}
        self._replacing: dict[str, bool] = {}
        self._records = False

    def replay(self, *, siblings_record: bool, previous: int | None) -> Replay:
        before, kept, found = self._stage.catalog, list[Ran](), list[Directive]()
        comments = list[str]()
        index, last = 0, None
        for statement in self._migration.pieces():
            found += directives(index, statement)
            comments += [lead] if (lead := statement.text[: statement.body].strip()) else []
            if not statement.sql:
                continue
            ran = self._stage.step(index, statement)
            self._note(ran)
            if self._tells(ran):
                kept.append(ran)
            index, last = index + 1, statement
        after = self._stage.catalog
        self._use_created(kept)
        dangling = self._dangling(before, kept) if self._proofs and not self._stage.failed else ()
        return Replay(
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
            comments="\n".join(comments),
        )

    def _note(self, ran: Ran) -> None:
        """Take note of the tables it adds rows to."""
        into = [touch.table for touch in ran.touches if touch.kind == "insert"]
        if ran.verb == "create table" and ran.is_from_select:
            into.append(ran.shape.name)
        for table in into:
            if (number := ran.after.ids.get(table)) is not None:
                first, _ = self._filled.get(number, (ran.index, 0))
                self._filled[number] = (first, ran.index)
        self._records = self._records or MIGRATIONS_TABLE in into

    def _tells(self, ran: Ran) -> bool:
        """Whether a rule may have something to say of it: most files of any size are plain INSERTs."""
        if ran.verb != "insert" or ran.refusal:
            return True
        sql = ran.sql.upper()
        if any(word in sql for word in _TELLING):
            return True
        table = ran.target
        if table not in self._replacing:
            there = ran.before.tables.get(table)
            self._replacing[table] = there is not None and "REPLACE" in there.sql.upper()
        return self._replacing[table]

    def _dangling(self, before: Catalog, ran: Sequence[Ran]) -> Sequence[Dangling]:
        """Return the views and triggers that compiled before the file and no longer do."""
        gone = {r.shape.name for r in ran if r.verb in ("drop table", "drop view", "alter table")}
        found = broken(self._stage, gone) if gone else []
        if not found:
            return ()
        old = Stage(before, count())
        try:
            was = {(d.kind, d.name) for d in broken(old, gone)}
        finally:
            old.scratch.close()
        return [d for d in found if (d.kind, d.name) not in was]

    def _use_created(self, ran: Sequence[Ran]) -> None:
        """Compile the views and triggers that were created: SQLite looks into them when they are used."""
        for made in ran:
            if made.verb not in ("create view", "create trigger") or made.refusal is not None:
                continue
            error = unusable(self._stage, made.shape.name)
            if error and "no such " not in error:
                made.refusal = error

    def _way_back(self, before: Catalog) -> WayBack | None:
        rollback = self._migration.rollback
        if rollback is None or rollback.reason is not None or self._stage.failed:
            return None
        for index, statement in enumerate(rollback.statements()):
            ran = self._stage.step(index, statement)
            if ran.refusal is not None:
                return WayBack((ran.refusal, statement.line))
        return WayBack(differences=differences(self._stage, before))
