"""Which tables a rollback takes rows from: by its own words, through foreign keys, and through triggers.

Read from the SQL and the schema before anything runs, and rather too many than too few: what it names and
holds no row costs nothing, what it misses costs data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.batch import Query
from d1migrate.recording import MIGRATIONS_TABLE
from d1migrate.sql.effects import Effect, Trigger, effects, replaces_on_conflict, trigger_of
from d1migrate.sql.names import HELPER, fold

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from d1migrate.batch import Result

QUERIES = (
    Query(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    ),
    Query(
        'SELECT t.name, k."table", k.on_delete, k.on_update'
        " FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k"
        " WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    ),
    Query("SELECT sql FROM sqlite_schema WHERE type = 'trigger'"),
)
_ACTS = ("CASCADE", "SET NULL", "SET DEFAULT")


class Risk(NamedTuple):
    """A table a step takes rows from: its name before the run, when the step begins, and who wrote to it.

    `written` says that an earlier step of the run puts rows into it.
    """

    table: str
    name_then: str
    written: bool


class Ground:
    """The tables, foreign keys and triggers there are, as the answers to QUERIES give them."""

    def __init__(self, results: Sequence[Result]) -> None:
        tables, links, triggers = (result.rows for result in results)
        self.tables = {fold(name): name for name, _ in tables}
        self.sql = {fold(name): sql for name, sql in tables}
        self._replacing = {fold(name) for name, sql in tables if replaces_on_conflict(sql or "")}
        self._children: dict[tuple[str, str], set[str]] = {}  # by parent, and what happens to it
        for child, parent, on_delete, on_update in links:
            for kind, action in (("delete", on_delete), ("update", on_update)):
                if action in _ACTS:
                    self._children.setdefault((fold(parent), kind), set()).add(fold(child))
        self._triggers: dict[str, list[Trigger]] = {}
        for (sql,) in triggers:
            self.add_trigger(sql)

    def add_trigger(self, sql: str) -> None:
        """Take note of a CREATE TRIGGER; other statements are none."""
        if trigger := trigger_of(sql):
            self._triggers.setdefault(trigger.table, []).append(trigger)

    def drop_trigger(self, name: str) -> None:
        """Take note of a DROP TRIGGER."""
        for table, triggers in self._triggers.items():
            self._triggers[table] = [trigger for trigger in triggers if trigger.name != name]

    def taken(self, effect: Effect, alive: Container[str]) -> set[str]:
        """Return the tables that lose rows, or a column of them, when this is done; names are folded.

        Of the tables, only those `alive` count; what is dropped by then passes nothing on.
        """
        taken: set[str] = set()
        seen: set[tuple[str, str]] = set()
        todo = [(effect.kind, effect.table)]
        while todo:
            kind, table = todo.pop()
            if (kind, table) in seen or (table in self.tables and table not in alive):
                continue
            seen.add((kind, table))
            deletes = kind in ("drop", "delete") or (
                kind in ("insert", "update") and table in self._replacing
            )
            if deletes or kind == "drop column":
                taken.add(table)
            if deletes:
                todo += [("delete", child) for child in self._children.get((table, "delete"), ())]
            elif kind == "update":
                todo += [("update", child) for child in self._children.get((table, "update"), ())]
            for trigger in self._triggers.get(table, ()):  # DROP fires none of the table's own
                if trigger.event == kind or (deletes and kind != "drop" and trigger.event == "delete"):
                    todo += [(effect.kind, effect.table) for effect in trigger.effects]
        return taken & self.tables.keys()


def risks(steps: Iterable[Iterable[str]], ground: Ground) -> list[list[Risk]]:
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
                if before is not None:
                    taken |= ground.taken(effect._replace(table=before), names.now)
                    wrote |= {before} if effect.kind == "insert" else set()
                names.follow(effect)
        taken -= _proved(statements, ground)
        found.append([Risk(ground.tables[t], names.at_begin(t), t in written) for t in sorted(taken)])
        written |= wrote
    return found


def _proved(statements: Sequence[str], ground: Ground) -> set[str]:
    """Return the tables, folded, of which a step itself proves that they keep all rows and columns.

    A guarded rebuild counts the rows of a table, and aborts if there are fewer in the end; then the table is
    only at risk where it is made anew without one of its columns.
    """
    if not any(HELPER in sql for sql in statements):
        return set()
    from d1migrate.schema.proofs import recount_statements  # few rollbacks need it
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
