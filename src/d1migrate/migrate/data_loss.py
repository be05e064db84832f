"""What a rollback deletes: rows of tables, or only values of a column; by its SQL, foreign keys and triggers.

It is read from the SQL and the schema before anything runs, and names too much rather than too little: an
empty table or column costs nothing, one that is missed costs data. What follows from a statement is in
`schema/cascade`; this module knows which table has which name while the rollback runs, and what it proves.
"""

from __future__ import annotations

from itertools import groupby

from d1migrate.migrate.other_tools import is_of_another_tool
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.named_tuple import NamedTuple
from d1migrate.schema.cascade import Cascade, Event
from d1migrate.schema.catalog import Catalog
from d1migrate.schema.model import Column, ForeignKey, Schema, Table, Trigger
from d1migrate.sql.batch import Query
from d1migrate.sql.create import parse_table, parse_trigger, parse_virtual_table
from d1migrate.sql.names import HELPER, fold, not_cloudflares
from d1migrate.sql.statement import Effect, alteration_of, effects, trigger_effects
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

    from d1migrate.sql.batch import Result
    from d1migrate.sql.definitions import TableDefinition

QUERIES = (
    Query(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        f" AND {not_cloudflares('name')}"
    ),
    Query(
        'SELECT t.name, k.id, k."table", k."from", k."to", k.on_delete, k.on_update'
        " FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k"
        f" WHERE t.type = 'table' AND {not_cloudflares('t.name')} ORDER BY t.name, k.id, k.seq"
    ),
    Query("SELECT sql FROM sqlite_schema WHERE type = 'trigger'"),
)


class PossibleLoss(NamedTuple):
    """The rows of a table, or the values of one column, that a step may delete.

    Attributes:
        table: the table's name before the run.
        column: the column; None for whole rows.
        name_then: the table's name when the step begins.
        column_then: the column's name when the step begins.
        written: whether an earlier step of the run puts rows into the table, or values into the column.
    """

    table: str
    column: str | None
    name_then: str
    column_then: str | None
    written: bool

    @property
    def name(self) -> str:
        """`table`, or `table.column`."""
        return self.table if self.column is None else f"{self.table}.{self.column}"


def loss_lines(rows: Mapping[str, int | None], values: Mapping[str, int | None]) -> list[str]:
    """Return what is deleted as text: `rows: teams 1, users 2`, and `values of users.email (3 rows)`.

    Args:
        rows: {table: rows}; None if they cannot be counted.
        values: {table.column: rows with a value}.
    """
    lines = []
    if rows:
        counts = [f"{table} {'uncounted' if n is None else n}" for table, n in rows.items()]
        lines.append(f"rows: {', '.join(counts)}")
    if values:
        lines.append(values_text(values))
    return lines


def values_text(values: Mapping[str, int | None]) -> str:
    """Return the second line of `loss_lines`."""
    counts = {
        name: "uncounted" if n is None else f"{n} row{'' if n == 1 else 's'}" for name, n in values.items()
    }
    return f"values of {', '.join(f'{name} ({count})' for name, count in counts.items())}"


_Loss = tuple[str, str | None]
"""A table, and a column or None; both folded."""


class LiveTables:
    """The tables, foreign keys and triggers of the database, as the answers to QUERIES give them.

    Attributes:
        tables: {folded name: name}.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        tables, keys, triggers = (result.rows for result in results)
        self.tables = {fold(name): name for name, _ in tables}
        self._catalog = Catalog.of(Schema(tuple(_tables(tables, keys))))
        self._columns: dict[str, dict[str, str]] = {}  # {table: {name before the run: name now}}, if renamed
        for (sql,) in triggers:
            self.add_trigger(sql)

    def sql(self, table: str) -> str:
        """Return the CREATE of a table by its folded name; "" if there is none."""
        found = self._catalog.tables.get(table)
        return found.sql if found else ""

    def stored(self, table: str) -> dict[str, str] | None:
        """Return {folded name: name} of the columns that are not generated; None for a virtual table."""
        definition = parse_table(self.sql(table))
        return _stored(definition) if definition else None

    def add_trigger(self, sql: str) -> None:
        """Take note of a CREATE TRIGGER; other statements are ignored."""
        if definition := parse_trigger(sql):
            trigger = Trigger(definition.name, definition.table, sql)
            table = self._catalog.tables.get(fold(trigger.table))
            if table:
                self._replace(table._replace(triggers=(*table.triggers, trigger)))
            else:
                self._catalog = self._catalog.changed({}, view_triggers={fold(trigger.name): trigger})

    def drop_trigger(self, name: str) -> None:
        """Take note of a DROP TRIGGER."""
        if name in self._catalog.view_triggers:
            self._catalog = self._catalog.changed({}, view_triggers={name: None})
        elif table := self._catalog.tables.get(self._catalog.owners.get(name, "")):
            kept = tuple(trigger for trigger in table.triggers if fold(trigger.name) != name)
            self._replace(table._replace(triggers=kept))

    def _replace(self, table: Table) -> None:
        self._catalog = self._catalog.changed({fold(table.name): table})

    def rename_column(self, table: str, column: str, to: str) -> None:
        """Take note that a column has another name from here on; all names are folded."""
        now = self._columns.setdefault(table, {name: name for name in self.stored(table) or {}})
        now |= {before: to for before, name in now.items() if name == column}

    def columns_now(self) -> dict[str, dict[str, str]]:
        """Return {table: {name before the run: present name}}, folded, of tables with a renamed column."""
        return {table: dict(columns) for table, columns in self._columns.items()}

    def column_now(self, table: str, column: str) -> str:
        """Return the present name, folded, of a column by its folded name before the run."""
        return self._columns.get(table, {}).get(column, column)

    def losing(self, effect: Effect, alive: Container[str]) -> set[_Loss]:
        """Return what an effect deletes: the rows of tables, and the values of columns.

        Of the tables, only those `alive` count; what is dropped by then passes nothing on.
        """
        cascade = Cascade(self._catalog, renamed=self._columns.keys())
        events = [event for event in cascade.events(effect) if self._counts(event, alive)]
        found: set[_Loss] = {(effect.table, None)} if self._clears(effect, ()) else set()
        if effect.kind == "drop column":
            found |= self._values(effect.table, effect.sets)
        found |= {(event.table, None) for event in events if event.kind in ("delete", "drop")}
        for step in cascade.consequences(events, stop=lambda step: not self._counts(step.event, alive)):
            if step.event.kind == "delete":
                found.add((step.event.table, None))
            if step.key and step.action in ("SET NULL", "SET DEFAULT"):
                found |= self._values(step.event.table, map(fold, step.key.columns))
            if step.effect and step.trigger and self._clears(step.effect, _body(step.trigger)):
                found.add((step.event.table, None))
        return {loss for loss in found if loss[0] in self.tables}

    def _values(self, table: str, columns: Iterable[str]) -> set[_Loss]:
        """Return the loss of columns, by their present names; of all rows, if the columns are unknown."""
        stored, lost = self.stored(table), set(columns)
        if stored is None:
            return {(table, None)}
        return {(table, column) for column in stored if self.column_now(table, column) in lost}

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


def _stored(definition: TableDefinition) -> dict[str, str]:
    return {fold(column.name): column.name for column in definition.columns if column.generated is None}


def possible_losses(
    steps: Iterable[Iterable[str]], live: LiveTables, table: MigrationsTable = USUAL_TABLE
) -> list[list[PossibleLoss]]:
    """Return, for each step of a rollback in order, what it may delete of the database as it is now.

    Args:
        steps: the SQL statements of each.
        live: the database before the first.
        table: the migrations table.
    """
    names, found = _Names(live.tables), []
    filled, changed = set[str](), set[str]()
    gone = set[_Loss]()  # columns that an earlier step lost
    for step in steps:
        statements = list(step)
        lost, dropped, effects_of = set[_Loss](), set[_Loss](), list[Effect]()
        names.begin_step()
        columns_then = live.columns_now()
        # `down` itself deletes the row of the migration; other tables may refer to it.
        for sql in (f"DELETE FROM {table.sql}", *statements):
            live.add_trigger(sql)
            for effect in effects(sql):
                if effect.kind == "drop trigger":
                    live.drop_trigger(effect.table)
                    continue
                before = names.before(effect.table)
                altered = alteration_of(significant(sql)) if effect.kind == "alter" else None
                if before is not None and altered and altered.action == "rename column":
                    live.rename_column(before, altered.column, altered.to)
                elif before is not None:
                    known = effect._replace(table=before)
                    losing = live.losing(known, names.now)
                    if effect.kind == "delete" and is_of_another_tool(before):
                        # A rollback removes its own records from the history, as of ours; no data is lost.
                        losing.discard((before, None))
                    (dropped if effect.kind == "drop column" else lost).update(losing)
                    effects_of.append(known)
                names.follow(effect)
        proved = _proved_complete(statements, live)
        whole = proved | _indexed_again(statements, live)
        left_out = _left_out(statements, proved, live) - gone
        lost = {loss for loss in lost if loss[0] not in whole} | dropped | left_out
        gone |= dropped | left_out
        found.append(_listed(lost, names, live, columns_then, filled, changed))
        names.keep(proved)
        filled |= {effect.table for effect in effects_of if effect.kind == "insert"}
        changed |= {effect.table for effect in effects_of if effect.kind in ("insert", "update")} | proved
    return found


def _listed(
    lost: Collection[_Loss],
    names: _Names,
    live: LiveTables,
    columns_then: Mapping[str, Mapping[str, str]],
    filled: Container[str],
    changed: Container[str],
) -> list[PossibleLoss]:
    """Return losses in order, without the columns of tables whose rows are lost.

    Args:
        lost: the losses of a step.
        names: the names of tables in it.
        live: the database before the run.
        columns_then: {table: {name before the run: name when the step began}} of renamed columns, folded.
        filled: tables that an earlier step puts rows into.
        changed: tables of which an earlier step may have changed values.
    """
    found = []
    for table, column in sorted(lost, key=lambda loss: (loss[0], loss[1] or "")):
        if column is not None and (table, None) in lost:
            continue
        own = None if column is None else (live.stored(table) or {})[column]
        written = table in (filled if column is None else changed)
        then = None if column is None else columns_then.get(table, {}).get(column, own)
        found.append(PossibleLoss(live.tables[table], own, names.at_begin(table), then, written))
    return found


def _indexed_again(statements: Sequence[str], live: LiveTables) -> set[str]:
    """Return the full-text tables, folded, that a step fills last from the table that has their text."""
    if not any("'rebuild'" in sql for sql in statements):
        return set()
    from d1migrate.schema.virtual import reindex_statement

    texts = list(map(fold, statements))
    found = set()
    for name, table in live.tables.items():
        definition, fill = parse_virtual_table(live.sql(name)), fold(reindex_statement(table))
        if definition and definition.content and fill in texts:
            later = statements[len(texts) - texts[::-1].index(fill) :]
            if not any(effect.table == name for sql in later for effect in effects(sql)):
                found.add(name)
    return found


def _proved_complete(statements: Sequence[str], live: LiveTables) -> set[str]:
    """Return the tables, folded, for which a step itself proves that they keep all rows.

    A guarded rebuild counts the rows of a table and aborts if there are fewer at the end.
    """
    if not any(HELPER in sql for sql in statements):
        return set()
    from d1migrate.schema.rebuild_checks import recount_statements

    texts = set(map(fold, statements))
    return {name for name, table in live.tables.items() if fold(recount_statements([table])[0]) in texts}


def _left_out(statements: Iterable[str], proved: Collection[str], live: LiveTables) -> set[_Loss]:
    """Return the columns that tables lack after a step that creates them again with all rows."""
    created = dict[str, set[str]]()
    for sql in statements if proved else ():
        if definition := parse_table(sql):
            created[fold(definition.name)] = set(_stored(definition))
            continue
        for effect in effects(sql):
            if effect.kind == "drop column" and effect.table in created:
                created[effect.table] -= effect.sets
            elif effect.kind in ("drop", "rename"):
                columns = created.pop(effect.table, None)
                if effect.kind == "rename" and columns is not None:
                    created[effect.to] = columns
    return {
        (table, column)
        for table in created.keys() & proved
        for column in live.stored(table) or {}
        if live.column_now(table, column) not in created[table]
    }


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

    def keep(self, tables: Iterable[str]) -> None:
        """Take note of tables that were dropped, and exist again under their names with all rows."""
        for table in tables:
            self._before[table] = self.now[table] = table

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
