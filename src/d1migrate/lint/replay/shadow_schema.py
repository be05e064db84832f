"""A scratch database with the part of a schema that a file speaks of, and the schema as it changes.

A file gets a stage of its own, so that it costs the same in a database of ten tables as in one of a thousand:
SQLite reads the whole schema again for every ALTER TABLE. A table that turns out to be needed is built then.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from d1migrate.drivers.engine import LIMITED_DML
from d1migrate.drivers.scratch import Scratch
from d1migrate.lint.replay import probes
from d1migrate.lint.replay.model import ReplayedStatement
from d1migrate.migrate.history import TABLES
from d1migrate.schema import introspect
from d1migrate.schema.keys import is_parent_key
from d1migrate.schema.model import Table, Trigger, View
from d1migrate.schema.queries import is_autoincrement
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.statement import Shape, effects, shape_of
from d1migrate.sql.tokens import significant, without_strings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from d1migrate.drivers.scratch import Outcome
    from d1migrate.schema.catalog import Catalog
    from d1migrate.sql.split import Statement
    from d1migrate.sql.tokens import Token

SCHEMA_VERBS = frozenset(
    f"{verb} {kind}" for verb in ("create", "drop", "alter") for kind in ("table", "index", "view", "trigger")
) | {"create virtual table", "create", "drop", "alter", "pragma", "analyze", "reindex", "vacuum"}
"""Statements that are run; the others are only prepared."""

_FEW = 100
"""Views and triggers. ALTER TABLE stops at any that is broken, also one that has nothing to do with the
table; where there are more than this, only those that speak of the table are looked at."""

_LONG = ("INSERT ", "UPDATE ", "DELETE ", "SELECT ")  # by far the most, and seldom looked at closer

_MISSING = re.compile(
    r"no such (?:table|view|index|trigger): (?:main\.)?(.*?)(?: at offset \d+)?: SQLITE_ERROR"
)


_Object = Trigger
"""A row of sqlite_schema of any type: its name, its table, its SQL."""


@cache
def _names_in(sql: str) -> frozenset[str]:
    tokens = significant(sql)
    return frozenset(fold(unquote(token.text)) for token in tokens if token.kind in ("word", "quoted"))


class ShadowSchema:
    """Where one file runs.

    Attributes:
        catalog: the whole schema, as the statements so far left it.
        failed: whether a statement was refused, here or in an earlier file; what misses something then may
            only follow from it.
        not_built: objects of the schema that SQLite did not take, such as those that use a function of
            the application's own.
        touched: names of the tables and views that statements changed.
    """

    def __init__(self, catalog: Catalog, numbers: Iterator[int], *, failed: bool = False) -> None:
        self.scratch, self.catalog, self._numbers = Scratch(), catalog, numbers
        self.failed = failed
        self.not_built: dict[str, None] = {}
        self.touched: set[str] = set()
        self._built: set[str] = set()
        self._known: dict[tuple[str, str], _Object] = {}
        self._on: dict[tuple[str, str], dict[str, _Object]] = defaultdict(dict)  # (kind, table) → by name
        self._last_row = 0
        self._has_virtual = False

    # --- running ---

    def step(self, index: int, source: Statement) -> ReplayedStatement:
        """Run a statement, or prepare it where it is one that works on rows."""
        sql, before = source.sql, self.catalog
        tokens = None if sql[:7].upper() in _LONG else significant(sql)
        kind = Shape(sql[:6].lower()) if tokens is None else shape_of(tokens)
        changes_schema = kind.verb in SCHEMA_VERBS
        facts = self._ask(sql, tokens, kind) if tokens and changes_schema else {}
        if '"' in sql and kind.verb != "pragma" and '"' in without_strings(sql):
            facts["quoted"] = self.quoted(sql)
        outcome = self.run(sql, prepare_only=not changes_schema)
        if outcome.refusal is None and not changes_schema and self._need_misfits(outcome):
            outcome = self.run(sql, prepare_only=True)
        if outcome.refusal is None and not changes_schema:
            outcome, facts["acts"] = probes.acts(self, sql, outcome)
        refusal = self._refusal(outcome.refusal, changes_schema=changes_schema)
        if changes_schema and refusal is None and kind.verb != "pragma":
            self._follow(sql, kind)
            if kind.verb in ("create view", "create trigger") and '"' in sql:
                facts["quoted"] = probes.quoted_inside(self, kind, sql)
        touches = probes.touches(outcome)
        return ReplayedStatement(
            *(index, source, kind, touches, before, self.catalog, tokens), refusal=refusal, **facts
        )

    def run(self, sql: str, *, prepare_only: bool) -> Outcome:
        """Run SQL, building the tables that it turns out to need."""
        outcome = self.scratch.run(sql, prepare_only=prepare_only)
        while outcome.refusal and (match := _MISSING.search(outcome.refusal)):
            if not self.need(fold(unquote(match[1]))):
                break
            outcome = self.scratch.run(sql, prepare_only=prepare_only)
        return outcome

    def _ask(self, sql: str, tokens: Sequence[Token], kind: Shape) -> dict[str, Any]:
        """Build what the statement speaks of, and ask what is to be known before it runs."""
        self._need_all(tokens, kind)
        if probes.adds_column(tokens, kind):
            return {"on_rows": probes.said_of_rows(self, sql, tokens, kind)}
        return {"hidden": probes.hidden(self, sql, tokens, kind)}

    def quoted(self, sql: str) -> str | None:
        """Return the complaint about a string in double quotes, where there is one."""
        if self.run(sql, prepare_only=True).refusal:
            return None
        error = self.scratch.prepares_without_string_names(sql)
        return error if error and "string literal" in error else None

    def _refusal(self, text: str | None, *, changes_schema: bool) -> str | None:
        """Return what D1 would say; not what only follows from an earlier refusal, or cannot be known."""
        if text is None or text == LIMITED_DML:
            return None
        if "no such " in text and (self.failed or self.not_built):
            return None
        self.failed = self.failed or changes_schema
        return text

    # --- following what a statement did to the schema ---

    def _follow(self, sql: str, kind: Shape) -> None:
        """Read again what a statement changed, and only that."""
        creates = kind.verb.startswith("create ")
        self._has_virtual = self._has_virtual or kind.verb == "create virtual table"
        if kind.verb.startswith("drop "):
            found, removed = {}, self._dropped(kind)
            self._note_last_row()  # SQLite gives the numbers of dropped rows again
        else:
            found = self._read_objects(since=self._last_row if creates else 0)
            removed = set() if creates else self._known.keys() - found.keys()
        fresh = {key: item for key, item in found.items() if self._known.get(key) != item}
        touched = {fold(item.table) for item in fresh.values()}
        touched |= {fold(self._forget(key).table) for key in removed}
        for key, item in fresh.items():
            self._remember(key, item)
        if touched:
            told = effects(sql) if kind.verb == "alter table" else ()
            self._change(touched, {e.to: e.table for e in told if e.kind == "rename"})

    def _dropped(self, kind: Shape) -> set[tuple[str, str]]:
        """Return what a DROP took away: an object, and all that was on it."""
        what, name = kind.verb.removeprefix("drop "), kind.name
        keys = {(what, name)} & self._known.keys()
        if keys and what in ("table", "view"):
            keys |= {(each, on_it) for each in ("index", "trigger") for on_it in self._on[each, name]}
        return keys

    def _remember(self, key: tuple[str, str], item: _Object) -> None:
        if (was := self._known.get(key)) and fold(was.table) != fold(item.table):
            self._forget(key)
        self._known[key] = self._on[key[0], fold(item.table)][key[1]] = item

    def _forget(self, key: tuple[str, str]) -> _Object:
        item = self._known.pop(key)
        return self._on[key[0], fold(item.table)].pop(key[1])

    def _read_objects(self, *, since: int) -> dict[tuple[str, str], _Object]:
        rows = self.scratch.rows(
            "SELECT rowid, type, name, tbl_name, sql FROM sqlite_schema WHERE rowid > ?1", (since,)
        )
        shadows = set()
        if self._has_virtual:
            found = self.scratch.rows("SELECT name FROM pragma_table_list WHERE type = 'shadow'")
            shadows = {name for (name,) in found}
        self._last_row = max([since, *(row[0] for row in rows)])
        return {
            (kind, fold(name)): _Object(name, table, sql)
            for _, kind, name, table, sql in rows
            if sql is not None
            and not name.startswith("sqlite_")
            and table not in shadows
            and table not in TABLES
        }

    def _change(self, touched: set[str], renamed: Mapping[str, str]) -> None:
        """Put the tables and views of some names into the catalog as they are now."""
        tables: dict[str, Table | None] = {}
        ids: dict[str, int] = {}
        views: dict[str, View | None] = {}
        for name in touched:
            mine = tuple(self._on["trigger", name].values())
            indexes = {index.name: index.sql for index in self._on["index", name].values()}
            if own := self._known.get(("table", name)):
                was = self.catalog.tables.get(name)
                if was is not None and was.sql == own.sql:  # an index or a trigger came or went
                    tables[name] = self._with_indexes(was, indexes, mine)
                else:
                    tables[name] = self.read_table(own.name, own.sql, indexes, mine)
                old = self.catalog.ids.get(renamed.get(name, name))
                ids[name] = next(self._numbers) if old is None else old
            elif name in self.catalog.tables:
                tables[name] = None
            if view := self._known.get(("view", name)):
                views[name] = View(view.name, view.sql)
            elif name in self.catalog.views:
                views[name] = None
        on_views: dict[str, Trigger | None] = {
            name: None for name, t in self.catalog.view_triggers.items() if fold(t.table) in touched
        }
        for view_name in views:
            on_views |= self._on["trigger", view_name]
        self.touched |= touched
        self._built |= touched
        self.catalog = self.catalog.changed(tables, ids, views=views, view_triggers=on_views)

    def read_table(
        self, name: str, sql: str, index_sql: Mapping[str, str], triggers: tuple[Trigger, ...]
    ) -> Table:
        """Read a table of the scratch database."""
        columns, indexes, keys = (self.scratch.rows(query, (name,)) for query in introspect.ONE_TABLE)
        return introspect.table(name, sql, columns, indexes, keys, index_sql=index_sql, triggers=triggers)

    def _with_indexes(
        self, table: Table, index_sql: Mapping[str, str], triggers: tuple[Trigger, ...]
    ) -> Table:
        """Return a table with the indexes it has now; its columns are what they were."""
        if {index.name for index in table.indexes if index.sql} == index_sql.keys():
            return table._replace(triggers=triggers)
        kept = [index for index in table.indexes if not index.sql or index.name in index_sql]
        names = {index.name for index in kept}
        rows = [
            row
            for name in index_sql.keys() - names
            for row in self.scratch.rows(introspect.ONE_INDEX, (table.name, name))
        ]
        read = introspect.table(table.name, table.sql, (), rows, (), index_sql=index_sql, triggers=())
        indexes = sorted([*kept, *read.indexes], key=itemgetter(0))  # by name
        return table._replace(indexes=tuple(indexes), triggers=triggers)

    # --- building what is needed ---

    def need(self, name: str) -> bool:
        """Build a table, with its indexes and triggers, or a view; whether that was still to be done."""
        if name == "sqlite_sequence":
            return self._need_sequence()
        name = self.catalog.owners.get(name, name)
        table, view = self.catalog.tables.get(name), self.catalog.views.get(name)
        if name in self._built or (name not in TABLES and table is None and view is None):
            return False
        self._built.add(name)
        if name in TABLES:
            self.scratch.build(TABLES[name])
        if table is not None:
            self._build("table", table.name, table.name, table.sql)
            for index in table.indexes:
                if index.sql:
                    self._build("index", index.name, table.name, index.sql)
            for trigger in table.triggers:
                self._build("trigger", *trigger)
        if view is not None:
            self._build("view", view.name, view.name, view.sql)
            for trigger in self.catalog.view_triggers.values():
                if fold(trigger.table) == name:
                    self._build("trigger", *trigger)
        self._note_last_row()
        return True

    def _note_last_row(self) -> None:
        ((self._last_row,),) = self.scratch.rows("SELECT coalesce(max(rowid), 0) FROM sqlite_schema")

    def _need_misfits(self, outcome: Outcome) -> bool:
        """Build the tables with a foreign key to a changed one that does not fit it: SQLite then refuses."""
        changed = {fold(action.table) for action in outcome.actions if action.kind != "read"}
        misfits = [
            child
            for parent in changed & self.catalog.children.keys() & self.catalog.tables.keys()
            for child, key in self.catalog.references(parent)
            if child not in self._built and not is_parent_key(self.catalog.tables[parent], key)
        ]
        return bool([child for child in misfits if self.need(child)])

    def _need_sequence(self) -> bool:
        """Build a table with AUTOINCREMENT, so that SQLite has its table of counters."""
        counted = (name for name, table in self.catalog.tables.items() if is_autoincrement(table))
        return any(self.need(name) for name in counted)

    def _build(self, kind: str, name: str, table: str, sql: str) -> None:
        self._has_virtual = self._has_virtual or "VIRTUAL" in sql[:20].upper()
        if self.scratch.build(sql):
            self._remember((kind, fold(name)), _Object(name, table, sql))
        else:
            self.not_built[name] = None

    def _need_all(self, tokens: Sequence[Token], kind: Shape) -> None:
        """Build what a statement speaks of, and for ALTER TABLE all that SQLite will look at."""
        self.need_named(tokens)
        if kind.verb != "alter table":
            return
        for child in self.catalog.children.get(kind.name, ()):
            self.need(child)
        named = [(view.name, view.sql) for view in self.catalog.views.values()]
        named += [(trigger.name, trigger.sql) for trigger in self.catalog.triggers()]
        few = len(named) <= _FEW
        for name, sql in named:
            if few or self.mentions(sql, {kind.name, *self.touched}):
                self.need(fold(name))
                for other in _names_in(sql):
                    self.need(other)

    def need_named(self, tokens: Sequence[Token]) -> None:
        """Build what tokens may name."""
        for token in tokens:
            if token.kind in ("word", "quoted", "string"):
                self.need(fold(unquote(token.text)))

    @staticmethod
    def mentions(sql: str, names: Collection[str]) -> bool:
        """Whether SQL may speak of one of some folded names."""
        text = fold(sql)
        return any(name in text for name in names)
