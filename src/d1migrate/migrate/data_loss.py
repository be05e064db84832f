"""Which tables a rollback deletes rows from: by its own words, by foreign keys, and by triggers.

It is read from the SQL and the schema before anything runs, and names too many tables rather than too few:
one that holds no row costs nothing, one that is missed costs data. What follows from a statement is in
`schema/cascade`; this module knows which table has which name while the rollback runs, and what it proves.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.schema.cascade import Cascade, Event
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.model import Column, ForeignKey, Schema, Table, Trigger
from d1migrate.sql.batch import Query
from d1migrate.sql.create import parse_table, parse_trigger, parse_virtual_table
from d1migrate.sql.names import HELPER, fold
from d1migrate.sql.statement import Effect, effects, trigger_effects

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from d1migrate.sql.batch import Result

QUERIES = (
    Query(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    ),
    Query(
        'SELECT t.name, k.id, k."table", k."from", k."to", k.on_delete, k.on_update'
        " FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k"
        " WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY t.name, k.id, k.seq"
    ),
    Query("SELECT sql FROM sqlite_schema WHERE type = 'trigger'"),
)


class TableAtRisk(NamedTuple):
    """A table that a step deletes rows from.

    Attributes:
        table: its name before the run.
        name_then: its name when the step begins.
        written: whether an earlier step of the run puts rows into it.
    """

    table: str
    name_then: str
    written: bool


class LiveTables:
    """The tables, foreign keys and triggers of the database, as the answers to QUERIES give them.

    Attributes:
        tables: {folded name: name}.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        tables, keys, triggers = (result.rows for result in results)
        self.tables = {fold(name): name for name, _ in tables}
        self._catalog = Catalog.of(Schema(tuple(_tables(tables, keys))))
        self._renamed: set[str] = set()
        for (sql,) in triggers:
            self.add_trigger(sql)

    def sql(self, table: str) -> str:
        """Return the CREATE of a table by its folded name; "" if there is none."""
        found = self._catalog.tables.get(table)
        return found.sql if found else ""

    def add_trigger(self, sql: str) -> None:
        """Take note of a CREATE TRIGGER; other statements are ignored."""
        if definition := parse_trigger(sql):
            trigger = Trigger(definition.name, definition.table, sql)
            table = self._catalog.tables.get(fold(trigger.table))
            if table:
                self._replace(table._replace(triggers=(*table.triggers, trigger)))
            else:
                self._catalog = self._catalog.changed({}, {}, view_triggers={fold(trigger.name): trigger})

    def drop_trigger(self, name: str) -> None:
        """Take note of a DROP TRIGGER."""
        if name in self._catalog.view_triggers:
            self._catalog = self._catalog.changed({}, {}, view_triggers={name: None})
        elif table := self._catalog.tables.get(self._catalog.owners.get(name, "")):
            kept = tuple(trigger for trigger in table.triggers if fold(trigger.name) != name)
            self._replace(table._replace(triggers=kept))

    def _replace(self, table: Table) -> None:
        self._catalog = self._catalog.changed({fold(table.name): table}, {})

    def rename_column(self, table: str) -> None:
        """Take note that a column has another name from here on."""
        self._renamed.add(table)

    def losing(self, effect: Effect, alive: Container[str]) -> set[str]:
        """Return the tables that lose rows, or the values of a column; names are folded.

        Of the tables, only those `alive` count; what is dropped by then passes nothing on.
        """
        cascade = Cascade(self._catalog, renamed=self._renamed)
        events = [event for event in cascade.events(effect) if self._counts(event, alive)]
        found = {effect.table} if effect.kind == "drop column" or self._clears(effect, ()) else set[str]()
        found |= {event.table for event in events if event.kind in ("delete", "drop")}
        for step in cascade.consequences(events, stop=lambda step: not self._counts(step.event, alive)):
            if step.event.kind == "delete" or step.action in ("SET NULL", "SET DEFAULT"):
                found.add(step.event.table)
            if step.effect and step.trigger and self._clears(step.effect, _body(step.trigger)):
                found.add(step.event.table)
        return found & self.tables.keys()

    def _counts(self, event: Event, alive: Container[str]) -> bool:
        return event.table not in self.tables or event.table in alive

    def _clears(self, effect: Effect, body: Collection[Effect]) -> bool:
        """Whether an INSERT is a command to a full-text table that deletes entries of the index.

        An index over another table is not at risk row by row: there, the text stays where it is.

        Args:
            effect: the INSERT.
            body: the effects of the trigger that it is in; an entry may be deleted to be written again.
        """
        if effect.command is None:
            return False
        table = parse_virtual_table(self.sql(effect.table))
        if table is None or not table.is_fts5:
            return False
        if effect.command in ("delete-all", ""):
            return True
        again = any(e.kind == "insert" and e.table == effect.table and e.command is None for e in body)
        return effect.command == "delete" and table.content == "" and not again


def _body(trigger: Trigger) -> list[Effect]:
    definition = parse_trigger(trigger.sql)
    return trigger_effects(definition) if definition else []


def _tables(tables: Iterable[Sequence[str]], keys: Iterable[Sequence[str]]) -> Iterator[Table]:
    """Yield the tables of the database with their foreign keys, from the rows of the first two queries."""
    found: dict[str, list[ForeignKey]] = {}
    for (child, _), rows in groupby(keys, lambda row: row[:2]):
        parts = list(rows)
        columns, to = tuple(row[3] for row in parts), tuple(row[4] for row in parts)
        parent, on_delete, on_update = parts[0][2], *parts[0][5:]
        found.setdefault(child, []).append(ForeignKey(columns, parent, to, on_delete, on_update))
    implied = {fold(key.table) for links in found.values() for key in links if None in key.to}
    for name, sql in tables:
        # Only these need their columns: a foreign key that names none refers to the primary key.
        own = _columns(sql) if fold(name) in implied else ()
        yield Table(name, sql or "", own, foreign_keys=tuple(found.get(name, ())))


def _columns(sql: str) -> tuple[Column, ...]:
    definition = parse_table(sql)
    key = definition.primary_key if definition else None
    places = {fold(term.column or ""): place for place, term in enumerate(key.terms if key else (), 1)}
    columns = definition.columns if definition else ()
    return tuple(Column(c.name, c.type, primary_key=places.get(fold(c.name), 0)) for c in columns)


def risks(
    steps: Iterable[Iterable[str]], live: LiveTables, table: MigrationsTable = USUAL_TABLE
) -> list[list[TableAtRisk]]:
    """Return, for each step of a rollback in order, the existing tables that it deletes rows from.

    Args:
        steps: the SQL statements of each.
        live: the database before the first.
        table: the migrations table.
    """
    names = _Names(live.tables)
    found, written = [], set[str]()
    for step in steps:
        statements = list(step)
        losing, wrote = set[str](), set[str]()
        names.begin_step()
        # `down` itself deletes the row of the migration; other tables may refer to it.
        for sql in (f"DELETE FROM {table.sql}", *statements):
            live.add_trigger(sql)
            for effect in effects(sql):
                if effect.kind == "drop trigger":
                    live.drop_trigger(effect.table)
                    continue
                before = names.before(effect.table)
                if before is not None and effect.kind == "alter" and "RENAME" in sql.upper():
                    live.rename_column(before)
                elif before is not None:
                    losing |= live.losing(effect._replace(table=before), names.now)
                    wrote |= {before} if effect.kind == "insert" else set()
                names.follow(effect)
        losing -= _proved_complete(statements, live)
        found.append([TableAtRisk(live.tables[t], names.at_begin(t), t in written) for t in sorted(losing)])
        written |= wrote
    return found


def _proved_complete(statements: Sequence[str], live: LiveTables) -> set[str]:
    """Return the tables, folded, for which a step itself proves that they keep all rows and columns.

    A guarded rebuild counts the rows of a table and aborts if there are fewer at the end. Then the table is
    at risk only if it is created again without one of its columns.
    """
    if not any(HELPER in sql for sql in statements):
        return set()
    from d1migrate.schema.rebuild_checks import recount_statements  # few rollbacks need it

    texts = set(map(fold, statements))
    proved = {name for name, table in live.tables.items() if fold(recount_statements([table])[0]) in texts}
    for created in filter(None, map(parse_table, statements)):
        was = parse_table(live.sql(fold(created.name)))
        if was and {fold(c.name) for c in was.columns} - {fold(c.name) for c in created.columns}:
            proved.discard(fold(created.name))
    dropped = {effect.table for sql in statements for effect in effects(sql) if effect.kind == "drop column"}
    return proved - dropped


class _Names:
    """Which table from before the run has which name, while the run drops, renames and creates tables.

    Attributes:
        now: {name before the run: name now} of the tables that still exist.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self.now = {table: table for table in tables}
        self._before: dict[str, str | None] = dict(self.now)
        self._at_begin: dict[str, str] = {}

    def begin_step(self) -> None:
        """Remember the names of this moment."""
        self._at_begin = {}

    def at_begin(self, before: str) -> str:
        """Return the name a table had when the step began."""
        return self._at_begin.get(before) or self.now[before]

    def before(self, name: str) -> str | None:
        """Return the table's name before the run; None if the run created it. A view keeps its name."""
        return self._before.get(name, name)

    def follow(self, effect: Effect) -> None:
        """Take note of what a statement does to names."""
        if effect.kind == "create" and self._before.get(effect.table) is None:
            self._before[effect.table] = None
        if effect.kind not in ("drop", "rename"):
            return
        before = self._before.get(effect.table)
        self._before[effect.table] = None
        if effect.kind == "rename":
            self._before[effect.to] = before
        if before is not None:
            self._at_begin.setdefault(before, self.now.pop(before))
            if effect.kind == "rename":
                self.now[before] = effect.to
