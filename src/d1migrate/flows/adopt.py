"""Finding out which files a database already has, and recording those that are proved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from d1migrate import assertions
from d1migrate import history as h
from d1migrate.adoption import evidence
from d1migrate.adoption.facts import facts
from d1migrate.batch import Batch
from d1migrate.flows.read import read_history
from d1migrate.flows.repair import record
from d1migrate.recording import LOG_TABLE
from d1migrate.schema import introspect
from d1migrate.sql.names import fold
from d1migrate.status import compare, refuse_partial, refuse_renumbered

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from d1migrate.adoption.facts import Footprint, Key
    from d1migrate.adoption.model import Judgement
    from d1migrate.batch import Flow, Query
    from d1migrate.flows.steps import Sign
    from d1migrate.migration import Migration
    from d1migrate.schema.model import Schema


class Adoption(NamedTuple):
    """What a database has of the files, and what of it is to be recorded.

    Attributes:
        judgements: one a file, in order.
        strays: objects and columns that no file makes.
        history: what was recorded already.
        mark: what the schema looked like when it was judged.
    """

    judgements: tuple[Judgement, ...]
    strays: tuple[Key, ...]
    history: h.History
    mark: str

    @property
    def began(self) -> bool:
        """Whether the history has begun already."""
        return not self.history.strangers and LOG_TABLE not in self.history.missing

    @property
    def to_record(self) -> tuple[Judgement, ...]:
        """What is proved, or vouched for, and not recorded yet."""
        return tuple(j for j in self.judgements if j.state in ("applied", "assumed"))

    @property
    def is_beginning(self) -> bool:
        """Whether there is nothing of the files, but other objects: an `up` begins beside these.

        Without a word about it in the log, an `up` refuses: it may be the wrong database.
        """
        return bool(self.strays) and not (self.to_record or self.began)


def look(
    footprints: Sequence[Footprint], *, assume: Collection[int] = (), pending: Collection[int] = ()
) -> Flow[Adoption]:
    """Judge every file by what the database holds. Writes nothing.

    Args:
        footprints: what each file leaves behind, in order.
        assume: versions that the user knows to be applied.
        pending: versions that the user knows not to be.

    Raises:
        UsageError: as `evidence.decide`.
        HistoryError: the history cannot be read, or a file in it began and never ended, or was renumbered.
    """
    *schema, shape, log_shape, mark = yield Batch(
        (*introspect.QUERIES, h.SHAPE, h.LOG_SHAPE, assertions.SCHEMA_MARK), reads=True
    )
    history = h.History(missing=tuple(h.TABLES))
    if shape.rows or log_shape.rows:
        history = yield from read_history()
    migrations = [print_.migration for print_ in footprints]
    entries = compare(migrations, history)
    refuse_partial(entries)
    refuse_renumbered(entries)
    live = facts(_without_histories(introspect.read(schema)))
    found = evidence.judge(footprints, live, recorded=history.versions)
    decided = evidence.decide(found, assume=assume, pending=pending)
    return Adoption(decided, evidence.strays(footprints, live), history, mark.rows[0][0])


def _without_histories(schema: Schema) -> Schema:
    return schema._replace(tables=tuple(t for t in schema.tables if fold(t.name) not in h.OTHER_TOOLS))


def adopt(found: Adoption, sign: Sign) -> Flow[tuple[Migration, ...]]:
    """Record what `look` found, as one transaction; run nothing.

    Where no file is applied beside other objects, it is recorded that the history begins here.

    Returns:
        What was recorded; nothing where all of it was already.

    Raises:
        HistoryError: a file is undecided, or history or schema changed since `look`. Nothing was recorded.
    """
    evidence.refuse_undecided(found.judgements)
    todo, signature = found.to_record, sign()
    queries: list[Query] = []
    for judgement in todo:
        migration = judgement.migration
        detail = json.dumps({"adopted": judgement.because}, ensure_ascii=False)
        event = h.event_of("baseline", migration)._replace(detail=detail)
        queries.append(h.insert_row(migration.version, migration.name, judgement.at or signature.at))
        queries.append(h.record("done", event, signature))
    if found.is_beginning:
        queries.append(h.record("done", h.Event("adopt", 0, "an empty history"), signature))
    if queries:
        before = [assertions.assert_schema(found.mark)]
        yield from record(found.history, queries, signature, before=before)
    return tuple(judgement.migration for judgement in todo)
