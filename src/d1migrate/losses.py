"""Which tables a rollback takes rows from: by its own words, through foreign keys, and through triggers.

Read from the SQL and the schema before anything runs, and rather too many than too few: what it names and
holds no row costs nothing, what it misses costs data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d1migrate.batch import Query
from d1migrate.sql.effects import Effect, effects, effects_of_trigger, replaces_on_conflict
from d1migrate.sql.names import fold

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from d1migrate.batch import Result

QUERIES = (
    Query(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
    ),
    Query(
        'SELECT t.name, k."table" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k'
        " WHERE t.type = 'table' AND t.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
        " AND k.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')"
    ),
    Query("SELECT tbl_name, sql FROM sqlite_schema WHERE type = 'trigger'"),
)


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
        self._replacing = {fold(name) for name, sql in tables if replaces_on_conflict(sql or "")}
        self._children: dict[str, set[str]] = {}
        for child, parent in links:
            self._children.setdefault(fold(parent), set()).add(fold(child))
        self._fired: dict[str, list[Effect]] = {}
        for table, sql in triggers:
            self._fired.setdefault(fold(table), []).extend(effects_of_trigger(sql))

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
                todo += [("delete", child) for child in self._children.get(table, ())]
            if kind in ("delete", "insert", "update"):  # DROP fires no trigger of the table itself
                todo += [(fired.kind, fired.table) for fired in self._fired.get(table, ())]
        return taken & self.tables.keys()


def risks(steps: Iterable[Iterable[str]], ground: Ground) -> list[list[Risk]]:
    """Return, for each step of a rollback in order, the existing tables that it takes rows from.

    Args:
        steps: the SQL statements of each.
        ground: what the database has before the first.
    """
    names = _Names(ground.tables)
    found, written = [], set[str]()
    for statements in steps:
        taken, wrote = set[str](), set[str]()
        names.begin_step()
        for sql in statements:
            for effect in effects(sql):
                before = names.before(effect.table)
                if before is not None:
                    taken |= ground.taken(effect._replace(table=before), names.now)
                    wrote |= {before} if effect.kind in ("insert", "update") else set()
                names.follow(effect)
        found.append([Risk(ground.tables[t], names.at_begin(t), t in written) for t in sorted(taken)])
        written |= wrote
    return found


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
        if effect.kind == "create":
            self._before.setdefault(effect.table, None)
        if effect.kind not in ("drop", "rename"):
            return
        before = self._before.pop(effect.table, None)
        if effect.kind == "rename":
            self._before[effect.to] = before
        if before is not None:
            self._at_begin.setdefault(before, self.now.pop(before))
            if effect.kind == "rename":
                self.now[before] = effect.to
