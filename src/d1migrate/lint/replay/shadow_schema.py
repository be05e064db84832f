"""A scratch database with only the tables that a file uses, and the whole schema as the file changes it.

SQLite reads its whole schema again for every ALTER TABLE. So each file has a scratch database of its own, and
a table is built there only when a statement needs it: a file costs the same in a database of ten tables as in
one of a thousand. What is asked of the schema beyond running statements is in `probes`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from operator import itemgetter

from d1migrate.drivers.engine import LIMITED_DML
from d1migrate.drivers.scratch import ScratchEngine
from d1migrate.migrate.history import tables
from d1migrate.migrate.table import USUAL_TABLE, MigrationsTable
from d1migrate.schema import introspect
from d1migrate.schema.model import Table, Trigger, View
from d1migrate.schema.queries import is_autoincrement
from d1migrate.sql.names import fold, unquote
from d1migrate.sql.statement import Shape, effects
from d1migrate.sql.tokens import significant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from d1migrate.drivers.scratch import Outcome
    from d1migrate.schema.catalog import Catalog
    from d1migrate.sql.tokens import Token

SCHEMA_VERBS = frozenset(
    f"{verb} {kind}" for verb in ("create", "drop", "alter") for kind in ("table", "index", "view", "trigger")
) | {"create virtual table", "create", "drop", "alter", "pragma", "analyze", "reindex", "vacuum"}
"""Statements that are run; the others are only prepared."""

_FEW = 100
"""Views and triggers. ALTER TABLE fails if any of them is broken, even one that does not use the table. If a
schema has more than this, only those that mention the table are built."""

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
    """The schema that one file runs on.

    Args:
        catalog: the schema before it.
        failed: whether an earlier file was refused.
        table: the migrations table; it and the log exist, unless the schema has a table with such a name.

    Attributes:
        catalog: the whole schema, as the statements so far left it.
        failed: whether a statement was refused, here or in an earlier file; a later "no such …" may only be a
            consequence.
        not_built: objects of the schema that SQLite refused, such as those that use a function of the
            application.
        changed: names of the tables and views that statements changed.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        failed: bool = False,
        table: MigrationsTable = USUAL_TABLE,
    ) -> None:
        self._history = {name: sql for name, sql in tables(table).items() if name not in catalog.tables}
        self.scratch, self.catalog = ScratchEngine.take(), catalog
        self.failed = failed
        self.not_built: dict[str, None] = {}
        self.changed: set[str] = set()
        self._built: set[str] = set()
        self._known: dict[tuple[str, str], _Object] = {}
        self._on: dict[tuple[str, str], dict[str, _Object]] = defaultdict(dict)  # (kind, table) → by name
        self._last_row = 0
        self._has_virtual = False

    def close(self) -> None:
        """Give the engine back."""
        self.scratch.give_back()

    # --- running ---

    def run(self, sql: str, *, prepare_only: bool) -> Outcome:
        """Run SQL, building the tables that it turns out to need."""
        outcome = self.scratch.run(sql, prepare_only=prepare_only)
        while outcome.refusal and (match := _MISSING.search(outcome.refusal)):
            if not self.need(fold(unquote(match[1]))):
                break
            outcome = self.scratch.run(sql, prepare_only=prepare_only)
        return outcome

    def quoting_error(self, sql: str) -> str | None:
        """Return the engine's error about a string in double quotes, or None."""
        if self.run(sql, prepare_only=True).refusal:
            return None
        error = self.scratch.prepares_without_string_names(sql)
        return error if error and "string literal" in error else None

    def refusal_of(self, outcome: Outcome, *, changes_schema: bool) -> str | None:
        """Return D1's error for a statement; None if it may only be a consequence of an earlier one."""
        text = outcome.refusal
        if text is None or text == LIMITED_DML:  # D1 runs UPDATE … LIMIT, the embedded engine cannot
            return None
        if "no such " in text and (self.failed or self.not_built):
            return None
        self.failed = self.failed or changes_schema
        return text

    # --- following what a statement did to the schema ---

    def follow(self, sql: str, shape: Shape) -> None:
        """Read what a statement changed, and only that, into the catalog."""
        creates = shape.verb.startswith("create ")
        self._has_virtual = self._has_virtual or shape.verb == "create virtual table"
        if shape.verb.startswith("drop "):
            found, removed = {}, self._dropped(shape)
            self._note_last_row()  # SQLite reuses the rowids of dropped objects
        else:
            found = self._read_objects(since=self._last_row if creates else 0)
            removed = set() if creates else self._known.keys() - found.keys()
        fresh = {key: item for key, item in found.items() if self._known.get(key) != item}
        changed = {fold(item.table) for item in fresh.values()}
        changed |= {fold(self._forget(key).table) for key in removed}
        for key, item in fresh.items():
            self._remember(key, item)
        if changed:
            renames = (e for e in effects(sql) if e.kind == "rename") if shape.verb == "alter table" else ()
            self._change(changed, {each.to: each.table for each in renames})

    def _dropped(self, shape: Shape) -> set[tuple[str, str]]:
        """Return what a DROP removes: an object, and everything on it."""
        what, name = shape.verb.removeprefix("drop "), shape.name
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
            and table not in self._history
        }

    def _change(self, changed: set[str], renamed: Mapping[str, str]) -> None:
        """Update the tables and views with these names in the catalog."""
        tables: dict[str, Table | None] = {}
        views: dict[str, View | None] = {}
        for name in sorted(changed):  # the order of findings about one statement
            triggers = tuple(self._on["trigger", name].values())
            indexes = {index.name: index.sql for index in self._on["index", name].values()}
            if own := self._known.get(("table", name)):
                before = self.catalog.tables.get(name)
                if before is not None and before.sql == own.sql:  # only an index or a trigger changed
                    tables[name] = self._with_indexes(before, indexes, triggers)
                else:
                    tables[name] = self.read_table(own.name, own.sql, indexes, triggers)
            elif name in self.catalog.tables:
                tables[name] = None
            if view := self._known.get(("view", name)):
                views[name] = View(view.name, view.sql)
            elif name in self.catalog.views:
                views[name] = None
        on_views: dict[str, Trigger | None] = {
            name: None for name, t in self.catalog.view_triggers.items() if fold(t.table) in changed
        }
        for view_name in views:
            on_views |= self._on["trigger", view_name]
        self.changed |= changed
        self._built |= changed
        self.catalog = self.catalog.changed(tables, renamed=renamed, views=views, view_triggers=on_views)

    def read_table(
        self, name: str, sql: str, index_sql: Mapping[str, str], triggers: tuple[Trigger, ...]
    ) -> Table:
        """Read a table of the scratch database."""
        return introspect.one_table(self.scratch.rows, name, sql, index_sql=index_sql, triggers=triggers)

    def _with_indexes(
        self, table: Table, index_sql: Mapping[str, str], triggers: tuple[Trigger, ...]
    ) -> Table:
        """Return a table with its current indexes; its columns did not change."""
        if {index.name for index in table.indexes if index.sql} == index_sql.keys():
            return table._replace(triggers=triggers)
        kept = [index for index in table.indexes if not index.sql or index.name in index_sql]
        names = {index.name for index in kept}
        fresh = [
            introspect.one_index(self.scratch.rows, name, sql)
            for name, sql in index_sql.items()
            if name not in names
        ]
        indexes = sorted([*kept, *fresh], key=itemgetter(0))  # by name
        return table._replace(indexes=tuple(indexes), triggers=triggers)

    # --- building what is needed ---

    def need(self, name: str) -> bool:
        """Build a table with its indexes and triggers, or a view; return False if it was built before."""
        if name == "sqlite_sequence":
            return self._need_sequence()
        name = self.catalog.owners.get(name, name)
        table, view = self.catalog.tables.get(name), self.catalog.views.get(name)
        if name in self._built or (name not in self._history and table is None and view is None):
            return False
        self._built.add(name)
        if name in self._history:
            self.scratch.build(self._history[name])
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

    def _need_sequence(self) -> bool:
        """Build a table with AUTOINCREMENT, so that sqlite_sequence exists."""
        counted = (name for name, table in self.catalog.tables.items() if is_autoincrement(table))
        return any(self.need(name) for name in counted)

    def _build(self, kind: str, name: str, table: str, sql: str) -> None:
        self._has_virtual = self._has_virtual or "VIRTUAL" in sql[:20].upper()
        if self.scratch.build(sql):
            self._remember((kind, fold(name)), _Object(name, table, sql))
        else:
            self.not_built[name] = None

    def need_all(self, tokens: Sequence[Token], shape: Shape) -> None:
        """Build what a statement mentions, and for ALTER TABLE everything that SQLite checks."""
        self.need_named(tokens)
        if shape.verb != "alter table":
            return
        for child in self.catalog.children.get(shape.name, ()):
            self.need(child)
        named = [(view.name, view.sql) for view in self.catalog.views.values()]
        named += [(trigger.name, trigger.sql) for trigger in self.catalog.triggers()]
        few = len(named) <= _FEW
        for name, sql in named:
            if few or self.mentions(sql, {shape.name, *self.changed}):
                self.need(fold(name))
                for other in _names_in(sql):
                    self.need(other)

    def need_named(self, tokens: Sequence[Token]) -> None:
        """Build every object that the tokens may name."""
        texts = (token.text for token in tokens if token.kind in ("word", "quoted", "string"))
        for name in dict.fromkeys(fold(unquote(text)) for text in dict.fromkeys(texts)):
            self.need(name)

    @staticmethod
    def mentions(sql: str, names: Collection[str]) -> bool:
        """Whether SQL may mention one of these folded names."""
        text = fold(sql)
        return any(name in text for name in names)
