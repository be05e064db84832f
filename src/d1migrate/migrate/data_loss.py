"""Which tables a rollback takes rows from: by its own words, through foreign keys, and through triggers.

Read from the SQL and the schema before anything runs, and rather too many than too few: what it names and
holds no row costs nothing, what it misses costs data.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from d1migrate.migrate.history_guard import MIGRATIONS_TABLE
from d1migrate.schema.model import Table
from d1migrate.schema.queries import replaces_on_conflict
from d1migrate.sql.batch import Query
from d1migrate.sql.create import parse_trigger, parse_virtual_table
from d1migrate.sql.names import HELPER, fold
from d1migrate.sql.statement import Effect, Kind, effects, trigger_effects

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator, Sequence

    from d1migrate.sql.batch import Result
    from d1migrate.sql.definitions import TableDefinition, TriggerDefinition

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


_UNLINKS = ("SET NULL", "SET DEFAULT")


class _Link(NamedTuple):
    """A foreign key; names are folded. `to` is empty if it means the primary key."""

    child: str
    columns: frozenset[str]
    to: frozenset[str]
    on_delete: str
    on_update: str


class _Event(NamedTuple):
    """What happens to rows: `columns` change in an update, and `replaces` as in an Effect."""

    kind: Kind
    table: str
    columns: frozenset[str] = frozenset()
    replaces: bool = False


class TableAtRisk(NamedTuple):
    """A table a step takes rows from: its name before the run, when the step begins, and who wrote to it.

    `written` says that an earlier step of the run puts rows into it.
    """

    table: str
    name_then: str
    written: bool


class LiveTables:
    """The tables, foreign keys and triggers there are, as the answers to QUERIES give them."""

    def __init__(self, results: Sequence[Result]) -> None:
        tables, links, triggers = (result.rows for result in results)
        self.tables = {fold(name): name for name, _ in tables}
        self.sql = {fold(name): sql for name, sql in tables}
        self._replacing = {fold(name) for name, sql in tables if replaces_on_conflict(Table(name, sql or ""))}
        self._links: dict[str, list[_Link]] = {}  # by parent
        for (child, _), rows in groupby(links, lambda row: row[:2]):
            keys = list(rows)
            columns, to = (frozenset(fold(row[at]) for row in keys if row[at]) for at in (3, 4))
            parent, on_delete, on_update = keys[0][2], *keys[0][5:]
            self._links.setdefault(fold(parent), []).append(
                _Link(fold(child), columns, to, on_delete, on_update)
            )
        self._renamed: set[str] = set()
        self._triggers: dict[str, list[TriggerDefinition]] = {}
        for (sql,) in triggers:
            self.add_trigger(sql)

    def add_trigger(self, sql: str) -> None:
        """Take note of a CREATE TRIGGER; other statements are none."""
        if trigger := parse_trigger(sql):
            self._triggers.setdefault(fold(trigger.table), []).append(trigger)

    def drop_trigger(self, name: str) -> None:
        """Take note of a DROP TRIGGER."""
        for table, triggers in self._triggers.items():
            self._triggers[table] = [trigger for trigger in triggers if fold(trigger.name) != name]

    def rename_column(self, table: str) -> None:
        """Take note of a column with another name from here on."""
        self._renamed.add(table)

    def taken(self, effect: Effect, alive: Container[str]) -> set[str]:
        """Return the tables that lose rows, or what a column of them holds; names are folded.

        Of the tables, only those `alive` count; what is dropped by then passes nothing on.
        """
        taken = {effect.table} if self._clears(effect, ()) else set[str]()
        seen: set[_Event] = set()
        todo = self._events(effect)
        while todo:
            event = todo.pop()
            if event in seen or (event.table in self.tables and event.table not in alive):
                continue
            seen.add(event)
            deletes = event.kind in ("drop", "delete") or (
                event.kind in ("insert", "update") and event.table in self._replacing
            )
            if deletes or event.kind == "drop column":
                taken.add(event.table)
            acts = list(self._acts(event, deletes=deletes))
            taken |= {act.table for act, unlinks in acts if unlinks}
            todo += [act for act, _ in acts]
            for trigger in self._fired(event, deletes=deletes):
                body = trigger_effects(trigger)
                for inner in body:
                    todo += self._events(inner, replaces=event.replaces)
                    taken |= {inner.table} if self._clears(inner, body) else set()
        return taken & self.tables.keys()

    def _events(self, effect: Effect, *, replaces: bool = False) -> list[_Event]:
        """Return what happens to rows; a trigger's body `replaces` if the statement that fires it does."""
        replaces = replaces or effect.replaces
        kinds: list[Kind] = [effect.kind]
        if effect.kind == "insert":
            kinds += ["update"] if effect.sets else []  # ON CONFLICT DO UPDATE
            kinds += ["delete"] if replaces else []
        elif effect.kind == "update" and replaces:
            kinds.append("delete")
        columns = self._changed(effect.table, effect.sets)
        return [_Event(k, effect.table, columns if k == "update" else frozenset(), replaces) for k in kinds]

    def _changed(self, table: str, sets: Collection[str]) -> frozenset[str]:
        """Return the columns that change if some are set."""
        definition = self._definition(table) if sets else None
        if definition is None:
            return frozenset(sets)
        if table in self._renamed:
            return frozenset(fold(column.name) for column in definition.columns)
        from d1migrate.schema.queries import changed_columns  # few rollbacks update rows

        return frozenset(changed_columns(definition, sets))

    def _definition(self, table: str) -> TableDefinition | None:
        from d1migrate.sql.create import parse_table

        return parse_table(self.sql.get(table) or "")

    def _acts(self, event: _Event, *, deletes: bool) -> Iterator[tuple[_Event, bool]]:
        """Yield what foreign keys do to other tables, and whether a link is lost by it."""
        for link in self._links.get(event.table, ()):
            changes = event.kind == "update" and self._is_key(event, link)
            if deletes and link.on_delete == "CASCADE":
                yield _Event("delete", link.child), False
            unlinks = (deletes and link.on_delete in _UNLINKS) or (changes and link.on_update in _UNLINKS)
            if unlinks or (changes and link.on_update == "CASCADE"):
                yield _Event("update", link.child, self._changed(link.child, link.columns)), unlinks

    def _is_key(self, event: _Event, link: _Link) -> bool:
        """Whether a foreign key refers to a column that changes."""
        to = set(link.to)
        if not to and (definition := self._definition(event.table)) and (key := definition.primary_key):
            to = {fold(term.column or "") for term in key.terms}
        return not to or bool(to & event.columns)

    def _fired(self, event: _Event, *, deletes: bool) -> Iterator[TriggerDefinition]:
        for trigger in self._triggers.get(event.table, ()):  # DROP fires none of the table's own
            columns, fires_on = set(map(fold, trigger.columns)), trigger.event.lower()
            is_named = event.kind != "update" or not columns or columns & event.columns
            is_deleted = deletes and event.kind != "drop" and fires_on == "delete"
            if is_deleted or (fires_on == event.kind and is_named):
                yield trigger

    def _clears(self, effect: Effect, beside: Collection[Effect]) -> bool:
        """Whether an INSERT is a command to a full-text table that takes entries of the index.

        An index over another table is not at risk row by row: there, the text stays where it is.

        Args:
            effect: the INSERT.
            beside: what the trigger does that it is in; an entry may be deleted to be written again.
        """
        if effect.command is None:
            return False
        table = parse_virtual_table(self.sql.get(effect.table) or "")
        if table is None or not table.is_fts5:
            return False
        if effect.command in ("delete-all", ""):
            return True
        again = any(e.kind == "insert" and e.table == effect.table and e.command is None for e in beside)
        return effect.command == "delete" and table.content == "" and not again


def risks(steps: Iterable[Iterable[str]], ground: LiveTables) -> list[list[TableAtRisk]]:
    """Return, for each step of a rollback in order, the existing tables that it takes rows from.

    Args:
        steps: the SQL statements of each.
        ground: what the database has before the first.
    """
    names = _Names(ground.tables)
    found, written = [], set[str]()
    for step in steps:
        statements = list(step)
        taken, wrote = set[str](), set[str]()
        names.begin_step()
        # `down` itself takes the row of the migration; other tables may refer to it.
        for sql in (f"DELETE FROM {MIGRATIONS_TABLE}", *statements):
            ground.add_trigger(sql)
            for effect in effects(sql):
                if effect.kind == "drop trigger":
                    ground.drop_trigger(effect.table)
                    continue
                before = names.before(effect.table)
                if before is not None and effect.kind == "alter" and "RENAME" in sql.upper():
                    ground.rename_column(before)
                elif before is not None:
                    taken |= ground.taken(effect._replace(table=before), names.now)
                    wrote |= {before} if effect.kind == "insert" else set()
                names.follow(effect)
        taken -= _proved(statements, ground)
        found.append([TableAtRisk(ground.tables[t], names.at_begin(t), t in written) for t in sorted(taken)])
        written |= wrote
    return found


def _proved(statements: Sequence[str], ground: LiveTables) -> set[str]:
    """Return the tables, folded, of which a step itself proves that they keep all rows and columns.

    A guarded rebuild counts the rows of a table, and aborts if there are fewer in the end; then the table is
    only at risk where it is made anew without one of its columns.
    """
    if not any(HELPER in sql for sql in statements):
        return set()
    from d1migrate.schema.rebuild_checks import recount_statements  # few rollbacks need it
    from d1migrate.sql.create import parse_table

    said = set(map(fold, statements))
    proved = {name for name, told in ground.tables.items() if fold(recount_statements([told])[0]) in said}
    for made in filter(None, map(parse_table, statements)):
        was = parse_table(ground.sql.get(fold(made.name)) or "")
        if was and {fold(c.name) for c in was.columns} - {fold(c.name) for c in made.columns}:
            proved.discard(fold(made.name))
    dropped = {effect.table for sql in statements for effect in effects(sql) if effect.kind == "drop column"}
    return proved - dropped


class _Names:
    """Which table of the beginning goes by which name, while a run drops, renames and creates tables.

    `now` is {name before the run: name now} of the tables that are still there.
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
        """Return which table it was before the run; None for one the run made. A view keeps its name."""
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
